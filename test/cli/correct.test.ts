import { describe, expect, it } from "vitest";
import { actorText } from "../../src/cli/acts/actor.ts";
import { gpu, opened } from "../ledger/fixtures/make.ts";
import { at, ledgerWith, window } from "./acts/rig.ts";

const bob = { owner: { kind: "user", id: "bob" } } as const;
const REASON = ["--reason", "she showed us her run"];
const fromTo = (from: number, to: number): string[] => ["--from", at(from), "--to", at(to)];

const three = { slices: [window(0), window(1), window(2, { label: "mining-like" })] };

describe("assay correct", () => {
  it("puts who, when, why and what on record, and shows it first", async () => {
    const { assay, stateDir } = await ledgerWith(three);
    const ran = await assay("correct", ...fromTo(0, 30_000), "--label", "other", ...REASON);
    expect(ran.code).toBe(0);
    expect(ran.stdout).toMatch(/user:alice +training-like +2 +20 s +other/);
    expect(ran.stdout).toMatch(/user:alice +mining-like +1 +10 s +other/);
    const ledger = await opened({ stateDir, mode: "read" });
    const [act] = await ledger.acts({ kind: "correction" });
    expect(act).toMatchObject({
      kind: "correction",
      atMs: 3_600_000,
      gpuUuid: "GPU-a",
      fromMs: 0,
      toMs: 30_000,
      label: "other",
      reason: "she showed us her run",
    });
    expect(act?.id).toMatch(/^C-[0-9A-HJKMNP-TV-Z]{8}$/);
    expect(act?.by).not.toBe("");
    expect(ran.stderr).toContain(`on record as ${act?.id}, by `);
  });

  it("changes nothing where it is only tried", async () => {
    const { assay, stateDir } = await ledgerWith(three);
    const ran = await assay(
      "correct",
      ...fromTo(0, 30_000),
      "--label",
      "other",
      ...REASON,
      "--dry-run",
    );
    expect(ran).toMatchObject({ code: 0, stderr: "nothing was changed\n" });
    expect(ran.stdout).toContain("Reason: she showed us her run");
    const ledger = await opened({ stateDir, mode: "read" });
    expect(await ledger.acts({})).toEqual([]);
  });

  it("counts only slices wholly inside, of the named owner", async () => {
    const { assay } = await ledgerWith({ slices: [...three.slices, window(3, bob)] });
    const ran = await assay(
      "correct",
      ...fromTo(5_000, 40_000),
      "--label",
      "other",
      "--owner",
      "user:alice",
      ...REASON,
      "--json",
      "--dry-run",
    );
    const plan = JSON.parse(ran.stdout);
    expect(plan.parts).toEqual([
      { ownerKey: "user:alice", label: "training-like", slices: 1, timeMs: 10_000 },
      { ownerKey: "user:alice", label: "mining-like", slices: 1, timeMs: 10_000 },
    ]);
    expect(plan.across).toBe(1);
  });

  it("gives time to somebody else", async () => {
    const { assay } = await ledgerWith(three);
    const ran = await assay(
      "correct",
      ...fromTo(0, 10_000),
      "--new-owner",
      "user:bob",
      ...REASON,
      "--json",
    );
    expect(JSON.parse(ran.stdout).act).toMatchObject({ newOwnerKey: "user:bob" });
  });

  it.each([
    ["an empty window", ["--from", at(0), "--to", at(0)], "report/window"],
    ["a window that ends before it begins", fromTo(10_000, 0), "report/window"],
    ["no end", ["--from", at(0)], "report/window"],
    ["a window in which no slice lies wholly", fromTo(1, 9_999), "act/invalid"],
    ["a window before the ledger", fromTo(-20_000, 0), "act/invalid"],
    ["an owner who had nothing", [...fromTo(0, 30_000), "--owner", "user:bob"], "act/invalid"],
    ["an owner of no kind", [...fromTo(0, 30_000), "--owner", "alice"], "explain/owner"],
    ["a GPU that is not there", [...fromTo(0, 30_000), "--gpu", "7"], "explain/gpu"],
    ["a dispute that is not there", [...fromTo(0, 30_000), "--dispute", "D-1"], "act/not-found"],
  ])("refuses %s and keeps nothing", async (_, options, code) => {
    const { assay, stateDir } = await ledgerWith(three);
    const ran = await assay("correct", ...options, "--label", "other", ...REASON);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toMatch(new RegExp(`^error ${code}:`));
    const ledger = await opened({ stateDir, mode: "read" });
    expect(await ledger.acts({})).toEqual([]);
  });

  it.each([
    ["no change at all", [], "cli/usage"],
    ["what the ledger says already", ["--label", "training-like"], "act/invalid"],
    ["a label that is none", ["--label", "mining"], "cli/usage"],
    ["a new owner of no kind", ["--new-owner", "bob"], "explain/owner"],
    ["a new owner with a line feed", ["--new-owner", "user:b\nob"], "act/invalid"],
    ["a new owner of 10 KB", ["--new-owner", `user:${"b".repeat(10_240)}`], "act/invalid"],
    ["a new owner that was not observed", ["--new-owner", "unobserved"], "act/invalid"],
    ["a new owner without a name", ["--new-owner", "user:"], "act/invalid"],
    ["a new owner who held it, without one", ["--new-owner", "idle:user:"], "act/invalid"],
    ["a new owner as an erasure names them", ["--new-owner", "user:erased-3"], "act/invalid"],
    ["a unit of such an owner", ["--new-owner", "unit:erased-3-2/train"], "act/invalid"],
    ["a reason of blanks", ["--label", "other", "--reason", " "], "act/invalid"],
    ["a reason of 10 KB", ["--label", "other", "--reason", "a".repeat(10_240)], "act/invalid"],
  ])("refuses %s", async (_, options, code) => {
    const { assay } = await ledgerWith(three);
    const ran = await assay("correct", ...fromTo(0, 20_000), ...REASON, ...options);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toMatch(new RegExp(`^error ${code}:`));
  });

  it("asks which GPU where there are several", async () => {
    const second = gpu("GPU-b", { index: 1 });
    const slices = [window(0), window(0, { gpuUuid: "GPU-b" })];
    const { assay } = await ledgerWith({ gpus: [gpu(), second], slices });
    const options = [...fromTo(0, 10_000), "--label", "other", ...REASON];
    const ran = await assay("correct", ...options);
    expect(ran.stderr).toMatch(/^error explain\/gpu: The ledger knows 2 GPUs.*\n.*\n.*0 GPU-a/);
    expect((await assay("correct", ...options, "--gpu", "1")).code).toBe(0);
  });

  it("finds an owner whose name was hostile, and prints nothing that acts", async () => {
    const id = `<b>\u001b[31m\n${"x".repeat(10_240)}`;
    const { assay } = await ledgerWith({ slices: [window(0, { owner: { kind: "user", id } })] });
    const options = [...fromTo(0, 10_000), "--label", "other", ...REASON];
    const ran = await assay("correct", ...options, "--owner", `user:${id}`);
    expect(ran).toMatchObject({ code: 0 });
    expect(ran.stdout).not.toContain("\u001b");
    expect(ran.stdout.length).toBeLessThan(4000);
  });

  it("corrects the same slices again: the newest counts", async () => {
    const { assay } = await ledgerWith(three);
    const options = [...fromTo(0, 10_000), ...REASON];
    expect((await assay("correct", ...options, "--label", "other")).code).toBe(0);
    const again = await assay("correct", ...options, "--label", "mining-like");
    expect(again.code).toBe(0);
    expect(again.stdout).toMatch(/Corrected before, by C-/);
  });
});

describe("who acts", () => {
  it.each([
    [{ user: "alice", isRoot: false }, "alice"],
    [{ user: "root", login: "alice", sudoUser: "bob", isRoot: true }, "root (logged in as alice)"],
    [{ user: "root", login: "root", isRoot: true }, "root"],
    [{ user: "root", sudoUser: "alice", isRoot: true }, "root (by sudo of alice)"],
    // Anybody can set the variable.
    [{ user: "mallory", sudoUser: "root", isRoot: false }, "mallory"],
  ])("%j is %s", (facts, text) => {
    expect(actorText(facts)).toBe(text);
  });

  it("is bounded and escaped", () => {
    const text = actorText({ user: `a\n${"b".repeat(5000)}`, isRoot: false });
    expect(text.length).toBeLessThan(300);
    expect(text).not.toContain("\n");
  });
});
