import { describe, expect, it } from "vitest";
import { opened } from "../ledger/fixtures/make.ts";
import { at, ledgerWith, window } from "./acts/rig.ts";

const bob = { owner: { kind: "user", id: "bob" } } as const;
const slices = [window(0, { label: "mining-like" }), window(1), window(2, bob)];
const WINDOW = ["--from", at(0), "--to", at(20_000)];
const OPEN = ["dispute", "open", "--owner", "user:alice", ...WINDOW, "--reason", "a checksum"];

describe("assay dispute", () => {
  it("is opened, listed, decided with a correction in one transaction, and shown", async () => {
    const { assay, stateDir } = await ledgerWith({ slices });
    const id = (await assay(...OPEN)).stdout.trim();
    expect(id).toMatch(/^D-[0-9A-HJKMNP-TV-Z]{8}$/);
    expect((await assay("dispute", "list")).stdout).toContain(`${id}  open  user:alice`);
    const decide = ["dispute", "decide", id, "--outcome", "upheld", "--reason", "she showed it"];
    const tried = await assay(...decide, "--label", "other", "--dry-run");
    expect(tried).toMatchObject({ code: 0, stderr: "nothing was changed\n" });
    // As somebody may have typed it.
    const typed = ["dispute", "decide", id.toLowerCase(), ...decide.slice(3)];
    expect((await assay(...typed, "--label", "other")).code).toBe(0);

    const ledger = await opened({ stateDir, mode: "read" });
    const acts = await ledger.acts({});
    expect(acts.map(({ kind }) => kind)).toEqual(["dispute", "dispute", "correction"]);
    expect(acts[1]).toMatchObject({ id, state: "upheld", reason: "she showed it" });
    expect(acts[2]).toMatchObject({
      dispute: id,
      ownerKey: "user:alice",
      label: "other",
      gpuUuid: "GPU-a",
      fromMs: 0,
      toMs: 20_000,
    });
    const shown = (await assay("dispute", "show", id)).stdout;
    expect(shown).toContain("open, by");
    expect(shown).toContain("upheld, by");
    expect(shown).toMatch(/corrected by C-/);
    expect(shown).toContain("busy");
  });

  it("is decided once, by whoever is first", async () => {
    const { assay, stateDir } = await ledgerWith({ slices });
    const id = (await assay(...OPEN)).stdout.trim();
    const decide = (outcome: string) =>
      assay("dispute", "decide", id, "--outcome", outcome, "--reason", "seen");
    expect((await decide("rejected")).code).toBe(0);
    const second = await decide("upheld");
    expect(second.code).toBe(2);
    expect(second.stderr).toMatch(/^error act\/invalid: the dispute D-\w+ is rejected already/);
    // Two at once: the ledger itself lets one through.
    const ledger = await opened({ stateDir });
    const [, decided] = await ledger.acts({ kind: "dispute", id });
    if (decided?.kind !== "dispute") throw new Error("not decided");
    const { sequence: _, ...act } = decided;
    await expect(ledger.append({ acts: [{ ...act, state: "upheld" }] })).rejects.toThrow(
      /is rejected already/,
    );
    // What comes again because its answer was lost is no second decision.
    await ledger.append({ acts: [act] });
    expect(await ledger.acts({ kind: "dispute", id })).toHaveLength(2);
  });

  it.each([
    ["somebody else's window", ["--owner", "user:bob"], "act/invalid"],
    ["an owner of no kind", ["--owner", "al\nice"], "explain/owner"],
    ["an owner of 10 KB", ["--owner", `user:${"<b>".repeat(3_000)}`], "act/invalid"],
    ["an empty window", ["--from", at(5), "--to", at(5)], "report/window"],
    ["a reversed window", ["--from", at(9), "--to", at(5)], "report/window"],
    ["a report that was not issued", ["--report", "R-00000000"], "report/not-found"],
    ["a GPU that is not there", ["--gpu", "9"], "explain/gpu"],
    ["no reason", ["--reason", ""], "act/invalid"],
  ])("cannot be opened for %s", async (_, options, code) => {
    const { assay, stateDir } = await ledgerWith({ slices });
    const ran = await assay(...OPEN, ...options);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toMatch(new RegExp(`^error ${code}:`));
    expect(ran.stderr).not.toContain("al\nice");
    const ledger = await opened({ stateDir, mode: "read" });
    expect(await ledger.acts({})).toEqual([]);
  });

  it("names the nearest where the id is unknown, and refuses no outcome", async () => {
    const { assay } = await ledgerWith({ slices });
    const id = (await assay(...OPEN)).stdout.trim();
    const unknown = await assay("dispute", "show", `${id}0`);
    expect(unknown.stderr).toMatch(/^error act\/not-found/);
    expect(unknown.stderr).toContain(`the nearest are ${id}`);
    const decide = ["dispute", "decide", id, "--reason", "r", "--outcome"];
    expect((await assay(...decide, "maybe")).stderr).toMatch(/^error cli\/usage/);
    const corrected = await assay(...decide, "rejected", "--label", "other");
    expect(corrected.stderr).toMatch(/^error cli\/usage: a dispute that is rejected corrects/);
  });
});
