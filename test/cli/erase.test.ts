import { describe, expect, it } from "vitest";
import { openLedger } from "../../src/ledger/client.ts";
import { builtUrl } from "../support/built.ts";
import { assay as program, tempDir } from "../e2e/support/assay.ts";
import { batchOf, tracesOf } from "../ledger/privacy/records-of.ts";

const NAME = "alicezx";
const workerUrl = builtUrl("ledger/worker.js");

async function filled(): Promise<string> {
  const stateDir = tempDir();
  const ledger = await openLedger({ stateDir, mode: "write", workerUrl });
  await ledger.append({ ...batchOf(NAME), outbox: [] });
  await ledger.close();
  return stateDir;
}

async function assay(
  ...args: string[]
): Promise<{ code: number | null; out: string; err: string }> {
  const { code, stdout: out, stderr: err } = await program(args);
  return { code, out, err };
}

describe("assay erase", { timeout: 120_000 }, () => {
  it("says first what it would change, then changes it, and a second time that there is nothing", async () => {
    const dir = await filled();
    const place = ["--state-dir", dir];
    const dry = await assay("erase", "--owner", `user:${NAME}`, "--dry-run", ...place);
    expect(dry).toMatchObject({ code: 0, err: "" });
    expect(dry.out).toMatch(
      /^would change \d+ rows: 3 of owners, 2 of owner_states, 1 of processes/,
    );
    expect(tracesOf(dir, NAME)).not.toEqual({});
    const done = await assay(
      "erase",
      "--owner",
      `user:${NAME}`,
      "--reason",
      `${NAME} left`,
      ...place,
    );
    expect(done).toMatchObject({ code: 0, err: "" });
    expect(done.out).toMatch(/^erased; on record as erasure-/);
    expect(tracesOf(dir, NAME)).toEqual({});
    const again = await assay("erase", "--owner", `user:${NAME}`, ...place);
    expect(again).toMatchObject({ code: 2, out: "" });
    expect(again.err).toContain("act/invalid: the ledger holds nothing of that owner");
  });

  it("takes command lines up to a time, and leaves names", async () => {
    const dir = await filled();
    const place = ["--state-dir", dir];
    const done = await assay("erase", "--commands", "--before", "2026-01-01", ...place);
    expect(done).toMatchObject({ code: 0, err: "" });
    expect(tracesOf(dir, "--name")).toEqual({});
    expect(tracesOf(dir, "su alicezx")).toEqual({});
    expect(tracesOf(dir, `user:${NAME}`)).not.toEqual({});
    const again = await assay("erase", "--commands", "--before", "2026-01-01", ...place);
    expect(again.err).toContain("nothing in the ledger is as old as that");
  });

  it.each([
    [["erase"], "say what to erase"],
    [["erase", "--owner", "user:a", "--commands"], "one of them"],
    [["erase", "--commands"], "need --before"],
    [["erase", "--commands", "--before", "soon"], "is no time"],
    [["erase", "--owner", "idle"], "no owner"],
    [["privacy", "whois", "alice"], "is no pseudonym"],
  ])("%j is bad input", async (args, said) => {
    const more = args.includes("idle") ? ["--state-dir", await filled()] : [];
    const { code, err, out } = await assay(...args, ...more);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(said);
  });
});
