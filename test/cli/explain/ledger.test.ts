import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { explainScene } from "../../../src/cli/explain/explain-scene.ts";
import { type LedgerPlace, sceneOfLedger } from "../../../src/cli/explain/from-ledger.ts";
import { type Explanation, explanationSchema } from "../../../src/cli/explain/schema.ts";
import { Assay, assay } from "../../e2e/support/assay.ts";
import { failureOf } from "../../collect/recording/support/files.ts";
import { opened } from "../../ledger/fixtures/make.ts";
import { gpu, slice } from "../../support/slices.ts";
import { DEMO, explained } from "./support.ts";

const MINING_AT = "2026-01-05T09:09:03Z";

let stateDir: string;

beforeAll(async () => {
  stateDir = mkdtempSync(join(tmpdir(), "assay-explain-"));
  const args = ["run", "--recording", DEMO, "--speed", "max", "--listen", "127.0.0.1:0"];
  const { code, stderr } = await new Assay([...args, "--state-dir", stateDir], {}).ended;
  if (code !== 0) throw new Error(stderr);
});
afterAll(() => rmSync(stateDir, { recursive: true, force: true }));

async function told(...args: string[]): Promise<Explanation> {
  const { code, stdout, stderr } = await assay([
    "explain",
    "--state-dir",
    stateDir,
    ...args,
    "--json",
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return explanationSchema.parse(JSON.parse(stdout));
}

describe("a window of a ledger", () => {
  it("is explained as the recording it was made from is, as far as its slices keep it", async () => {
    const ledger = await told("--gpu", "1", "--at", MINING_AT);
    const recording = await explained("--recording", DEMO, "--gpu", "1", "--at", MINING_AT);
    expect(ledger.source.kind).toBe("ledger");
    expect(ledger.device).toBeUndefined();
    expect(ledger.shares).toEqual(recording.shares);
    const [own, anew] = [ledger.subjects[0], recording.subjects[0]];
    expect(own?.short).toEqual(anew?.short);
    expect(own?.host).toEqual(anew?.host);
    expect(own?.sum?.for).toEqual(anew?.sum?.for);
    expect(own?.neighbours).toEqual(anew?.neighbours);
    expect(own?.rule).toEqual(anew?.rule);
    const power = (subject = own) =>
      subject?.evidence
        .flatMap(({ items }) => items)
        .find(({ feature }) => feature === "powerLevel")?.ownUnits;
    expect(power()).toBe(power(anew));
    expect(power()).toMatch(/ W$/);
  });

  it("is found by the device's uuid, for one owner, and says how to ask again", async () => {
    const { gpu: device, shares } = await told("--gpu", "1", "--at", MINING_AT);
    const [owner = ""] = shares.map((share) => share.owner);
    const one = await told("--gpu", device.uuid, "--at", MINING_AT, "--owner", owner);
    expect(one.subjects.map((subject) => subject.owner)).toEqual([owner]);
    expect(one.check.commands[0]).toContain(`--owner ${owner}`);
  });

  it.each([
    ["an unknown GPU", ["--gpu", "9", "--at", MINING_AT], "explain/gpu", /0 GPU-.*1 GPU-/],
    ["no GPU of two", ["--at", MINING_AT], "explain/gpu", /0 GPU-.*1 GPU-/],
    ["a time behind the end", ["--gpu", "1", "--at", "now"], "explain/no-window", /09:20:00Z/],
    ["a time from a start", ["--gpu", "1", "--at", "+5s"], "explain/time", /-10m/],
    [
      "an owner who was not there",
      ["--gpu", "1", "--at", MINING_AT, "--owner", "user:eve"],
      "explain/owner",
      /those who had: container:/,
    ],
  ])("is refused with code, place and hint: %s", async (_, args, error, hint) => {
    const { code, stdout, stderr } = await assay(["explain", "--state-dir", stateDir, ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(new RegExp(`^error ${error}: `));
    expect(stderr).toMatch(hint);
  });
});

describe("a ledger with a hole", () => {
  const at = (atMs: number): LedgerPlace => ({
    stateDir: "/state",
    at: { kind: "instant", atMs },
    gpu: "GPU-a",
    nowMs: 0,
    windowMs: 10_000,
  });
  const written = async () => {
    const ledger = await opened();
    const reason = "the collector was stopped";
    await ledger.append({
      gpus: [gpu("GPU-a")],
      slices: [0, 10_000, 900_000].map((fromMs) =>
        slice("GPU-a", fromMs, fromMs + 10_000, "user:alice", "training-like"),
      ),
      gaps: [{ node: "node-a", source: "device", reason, fromMs: 20_000, toMs: 900_000 }],
    });
    return ledger;
  };

  it("names the gap's reason and the windows to both sides of it", async () => {
    const ledger = await written();
    const error = await failureOf(sceneOfLedger(ledger, at(400_000)));
    expect(error.code).toBe("explain/no-window");
    expect(error.message).toContain("the collector was stopped");
    expect(error.hint).toContain("before is 1970-01-01T00:00:10Z to 1970-01-01T00:00:20Z");
    expect(error.hint).toContain("after is 1970-01-01T00:15:00Z to 1970-01-01T00:15:10Z");
  });

  it("shows what was not measured in the ribbon, and explains a slice without evidence", async () => {
    const explanation = explainScene(await sceneOfLedger(await written(), at(15_000)), undefined);
    const [subject] = explanation.subjects;
    expect(subject).toMatchObject({ label: "training-like", evidence: [] });
    expect(
      subject?.neighbours.map(({ offset, label, absent }) => [offset, label ?? absent]),
    ).toEqual(
      expect.arrayContaining([
        [-2, "not-measured"],
        [-1, "training-like"],
        [0, "training-like"],
        [1, "not-measured"],
      ]),
    );
  });
});
