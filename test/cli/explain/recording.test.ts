import { describe, expect, it } from "vitest";
import { labelRecording } from "../../../src/cli/label-recording.ts";
import type { WindowResult } from "../../../src/pipeline/events.ts";
import { gpuLine, HEADER, plainFile, readAll, T0 } from "../../collect/recording/support/files.ts";
import { DEMO, DEMO_START_MS, explain, explained } from "./support.ts";

const demo = ["--recording", DEMO];

/** Where the demo's miner runs, and where both of its devices lie idle. */
const MINING = [...demo, "--gpu", "1", "--at", "+540s"];
const IDLE = [...demo, "--gpu", "0", "--at", "2026-01-05T09:17:03Z"];

/** Seconds of two processes of two users on one device, each with half of its use. */
function shared(seconds: number): object[] {
  const process = (pid: number, user: string): object => ({
    pid,
    user,
    comm: "python",
    smUtil: 0.5,
  });
  const list = [process(11, "alice"), process(12, "bob")];
  return Array.from({ length: seconds }, (_, second) => [
    gpuLine(second, 0, { gpuUtil: 1, powerWatts: 250, memUtil: 0.4 }),
    { kind: "processes", t: T0 + second, gpu: 0, list },
  ]).flat();
}

const idleSeconds = (from: number, to: number): object[] =>
  Array.from({ length: to - from }, (_, i) => gpuLine(from + i, 0, { gpuUtil: 0, powerWatts: 40 }));

describe("a mining window of a recording", () => {
  it("is told with who, what, how surely, and both signs spelt out", async () => {
    const explanation = await explained(...MINING);
    expect(explanation).toMatchObject({
      simulated: true,
      window: { from: "2026-01-05T09:09:00Z", to: "2026-01-05T09:09:10Z", lengthMs: 10_000 },
      gpu: { index: 1 },
      device: { label: "mining-like" },
    });
    const [subject] = explanation.subjects;
    expect(subject).toMatchObject({ of: "share", label: "mining-like", best: "mining-like" });
    expect(subject?.owner).toMatch(/^container:/);
    expect(subject?.short).toHaveLength(3);
    const [finding] = subject?.host ?? [];
    expect(finding).toMatchObject({ pid: 52_214, confirmed: true });
    expect(finding?.signs.map(({ kind, text }) => `${kind} ${text}`)).toEqual(
      expect.arrayContaining(["program name bzminer", "pool address scheme stratum+tcp://"]),
    );
    expect(subject?.sum?.host["mining-like"]).toBeGreaterThan(0);
    expect(subject?.caveats.map(({ code }) => code)).toEqual(
      expect.arrayContaining(["simulated", "never-calibrated"]),
    );
    expect(subject?.notProven.join(" ")).toContain("a person should look");
  });

  it("shows what was measured in the device's own units, by group, with its weights", async () => {
    const { subjects } = await explained(...MINING);
    const items = subjects[0]?.evidence.flatMap((group) => group.items) ?? [];
    const find = (feature: string) => items.find((item) => item.feature === feature);
    const { observations } = await readAll(DEMO);
    const watts = observations.flatMap((each) => {
      const isThere = each.kind === "gpu" && each.gpu === 1 && each.atMs > DEMO_START_MS + 540_000;
      return isThere && each.atMs < DEMO_START_MS + 550_000 ? (each.powerWatts ?? []) : [];
    });
    const mean = watts.reduce((sum, each) => sum + each, 0) / watts.length;
    expect(find("powerLevel")?.ownUnits).toMatch(/^\d+ W$/);
    expect(Math.abs(Number.parseFloat(find("powerLevel")?.ownUnits ?? "") - mean)).toBeLessThan(3);
    expect(find("memUsedShare")?.ownUnits).toMatch(/ GiB$/);
    expect(subjects[0]?.evidence.find(({ group }) => group === "power")?.items[0]).toBeDefined();
    expect(find("intActive")?.weights["mining-like"]).toBeGreaterThan(0);
  });

  it("comes to the same window by RFC 3339, by Unix seconds and from the start", async () => {
    const at = DEMO_START_MS / 1000 + 545.5;
    const times = ["+545s", String(at), "2026-01-05T10:09:05.5+01:00"];
    const found = await Promise.all(
      times.map(async (time) => explained(...demo, "--gpu", "1", "--at", time)),
    );
    expect(new Set(found.map(({ window }) => window.from))).toEqual(
      new Set(["2026-01-05T09:09:00Z"]),
    );
  });
});

describe("every window of the demonstration", () => {
  it("has parts that give the very probability it carries", async () => {
    const results: WindowResult[] = [];
    await labelRecording(DEMO, new AbortController().signal, (result) => results.push(result));
    const argued = results.filter(({ evidence }) => evidence.some((e) => e.family === "telemetry"));
    const some = argued.filter((_, i) => i % 12 === 0);
    expect(some.length).toBeGreaterThan(5);
    for (const { gpu, window, label, confidence, slices } of some) {
      const at = String(window.fromMs / 1000);
      const { subjects, device } = await explained(...demo, "--gpu", String(gpu.index), "--at", at);
      expect({ at, ...device }).toMatchObject({ at, label, confidence });
      expect(subjects.length).toBeGreaterThanOrEqual(1);
      expect(slices.length).toBeGreaterThanOrEqual(1);
      const whole = subjects.find(({ evidence }) => evidence.length > 0)?.sum?.whole;
      expect({ at, agrees: whole?.agrees }).toEqual({ at, agrees: true });
    }
  });
});

describe("an idle window", () => {
  it("is measured and not argued: there is no sum, and the label says why", async () => {
    const { subjects } = await explained(...IDLE);
    const [subject] = subjects;
    expect(subject).toMatchObject({ owner: "idle", label: "idle", evidence: [], notMeasured: [] });
    expect(subject?.sum).toBeUndefined();
    expect(subject?.rule.decided.code).toBe("activity");
    const { stdout } = await explain(...IDLE);
    expect(stdout).not.toContain("THE SUM");
    expect(stdout).toMatch(/IN SHORT\n.* rested for 10\.0 s/s);
  });
});

describe("a window that several owners shared", () => {
  it("is explained for each of them, and for the device as a whole", async () => {
    const file = plainFile([HEADER, ...shared(40)]);
    const { subjects, shares } = await explained("--recording", file, "--gpu", "0", "--at", "+15s");
    expect(shares.map(({ owner }) => owner).sort()).toEqual(["user:alice", "user:bob"]);
    expect(
      subjects
        .filter(({ of }) => of === "share")
        .map(({ owner }) => owner)
        .sort(),
    ).toEqual(["user:alice", "user:bob"]);
    for (const { rule } of subjects)
      if (rule.decided.code === "sharedDevice") expect(rule.wouldSettle[0]).toContain("alone");
  });

  it("is explained for one alone where he is named", async () => {
    const file = plainFile([HEADER, ...shared(40)]);
    const args = ["--recording", file, "--gpu", "0", "--at", "+15s", "--owner", "user:bob"];
    const { subjects } = await explained(...args);
    expect(subjects.map(({ owner }) => owner)).toEqual(["user:bob"]);
  });
});

describe("a window of little measured", () => {
  it("is unknown, says why, and what would settle it", async () => {
    const lines = Array.from({ length: 40 }, (_, i) =>
      gpuLine(i, 0, { powerWatts: 200, gpuUtil: 1 }),
    );
    const file = plainFile([HEADER, ...lines]);
    const { subjects } = await explained("--recording", file, "--gpu", "0", "--at", "+15s");
    const [subject] = subjects;
    expect(subject).toMatchObject({ label: "unknown", owner: "unattributed" });
    expect(subject?.rule.checks.filter(({ met }) => !met).length).toBeGreaterThan(0);
    expect(subject?.rule.wouldSettle.join("\n")).toMatch(/profiling counters/);
    const missing = subject?.notMeasured.find(({ feature }) => feature === "tensorActive");
    expect(missing?.needs).toContain("profiling counters");
    expect(
      Math.max(-(missing?.couldMove?.least ?? 0), missing?.couldMove?.most ?? 0),
    ).toBeGreaterThan(0);
  });
});

describe("a time without a window", () => {
  const gap = (): string => plainFile([HEADER, ...idleSeconds(0, 20), ...idleSeconds(400, 420)]);

  it.each([
    ["in a gap", "+200s", /gap/, /before is .*; the nearest after is /],
    ["behind the end", "+9999s", /behind the end/, /before is /],
    ["before the beginning", "1000", /before the beginning/, /after is /],
  ])("is refused with the nearest windows: %s", async (_, at, why, near) => {
    const { code, stdout, stderr } = await explain("--recording", gap(), "--at", at);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^error explain\/no-window: /);
    expect(stderr).toMatch(why);
    expect(stderr).toMatch(near);
  });

  it("is not one that was measured in part: it says how much was not", async () => {
    const { code, stdout } = await explain(...demo, "--gpu", "0", "--at", "+395s");
    expect(code).toBe(0);
    expect(stdout).toMatch(/\d\.\d s of the window \(\d+ %\) were not measured/);
  });
});

describe("what cannot be explained", () => {
  it.each([
    ["no time", [...demo, "--gpu", "0"], "explain/time", /--at/],
    ["an unreadable time", [...demo, "--gpu", "0", "--at", "soon"], "explain/time", /RFC|such as/],
    ["milliseconds", [...demo, "--gpu", "0", "--at", "1767604140000"], "explain/time", /seconds/],
    ["a day that is none", [...demo, "--at", "2026-02-30T00:00:00Z"], "explain/time", /such as/],
    ["an age in a recording", [...demo, "--gpu", "0", "--at", "-10m"], "explain/time", /start/],
    ["an unknown GPU", [...demo, "--gpu", "7", "--at", "+5s"], "explain/gpu", /0 \(GPU-.*1 \(GPU-/],
    ["no GPU of two", [...demo, "--at", "+5s"], "explain/gpu", /0 \(GPU-.*1 \(GPU-/],
    [
      "an owner who was not there",
      [...MINING, "--owner", "user:eve"],
      "explain/owner",
      /container:/,
    ],
    ["no owner at all", [...MINING, "--owner", "eve"], "explain/owner", /user:alice/],
    ["no source", ["--at", "+5s"], "cli/usage", /--recording FILE/],
    ["two sources", [...MINING, "--state-dir", "/x"], "cli/usage", /leave out/],
    ["no width", [...MINING, "--width", "9"], "cli/usage", /from 60/],
    ["no file", ["--recording", "/none", "--at", "+5s"], "recording/not-found", /none/],
  ])("is refused with code, place and hint: %s", async (_, args, error, told) => {
    const { code, stdout, stderr } = await explain(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(new RegExp(`^error ${error}: .`));
    expect(stderr).toMatch(/^ {2}(at|hint:) ./m);
    expect(stderr).toMatch(told);
  });
});

describe("the page", () => {
  it.each([60, 80, 140])("keeps to %s columns, but for what nothing can break", async (width) => {
    const { stdout } = await explain(...MINING, "--width", String(width));
    const long = stdout.split("\n").filter((line) => line.length > width);
    expect(long.filter((line) => !line.includes(DEMO))).toEqual([]);
    // Nothing is cut off: what does not fit a cell goes on below.
    expect(stdout).not.toContain("…");
    // oxlint-disable-next-line no-control-regex
    expect(stdout).not.toMatch(/\u001b/);
  });

  it("has the short version before the tables", async () => {
    const { stdout } = await explain(...MINING);
    const places = ["SIMULATED", "IN SHORT", "WHAT DECIDED", "SIGNS ON PROCESSES", "THE SUM"].map(
      (title) => stdout.indexOf(title),
    );
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(places.every((place) => place >= 0)).toBe(true);
  });
});
