import { createHash } from "node:crypto";
import Database from "better-sqlite3";
import { join } from "node:path";
import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { opened } from "../ledger/fixtures/make.ts";
import { at, ledgerWith, PRICES, window } from "./acts/rig.ts";

const slices = [window(0, { label: "mining-like" }), window(1), window(2)];
const WINDOW = ["--from", at(0), "--to", at(30_000)];
const issuedId = (stderr: string): string => /issued as (R-\w+)/.exec(stderr)?.[1] ?? "";

describe("an issued report", () => {
  it("is on record with its prices, and the same again in each format", async () => {
    const { assay, stateDir, prices } = await ledgerWith({ slices });
    const options = [...WINDOW, "--prices", prices, "--format"];
    const issued = await assay("report", ...options, "json", "--issue", "--note", "March");
    const id = issuedId(issued.stderr);
    expect(id).toMatch(/^R-[0-9A-HJKMNP-TV-Z]{8}$/);
    const ledger = await opened({ stateDir, mode: "read" });
    const [act] = await ledger.acts({ kind: "report", id });
    if (act?.kind !== "report") throw new Error("not on record");
    expect(act).toMatchObject({ document: issued.stdout, prices: PRICES, reason: "March" });
    expect(act.documentDigest).toBe(createHash("sha256").update(issued.stdout).digest("hex"));
    expect(act.chainSequence).toBeGreaterThan(0);
    expect(act.chainHash).toMatch(/^[0-9a-f]{64}$/);
    for (const format of ["json", "csv"]) {
      const again = await assay("report", "--again", id, "--format", format);
      const made = await assay("report", ...options, format);
      expect(again.stdout).toBe(made.stdout);
    }
    const focus = await assay("report", "--again", id, "--format", "focus-csv");
    expect(focus.stderr).toMatch(/^error report\/format/);
    expect((await assay("report", "--issued")).stdout).toMatch(new RegExp(`^${id} .*: March`));
    const [brief] = await ledger.acts({ kind: "report", brief: true });
    expect(brief).toMatchObject({ id, document: "", documentDigest: act.documentDigest });
  });

  it("differs by what was corrected since, to the unit, and says by which act", async () => {
    const { assay, prices } = await ledgerWith({ slices });
    const issued = await assay("report", ...WINDOW, "--prices", prices, "--issue");
    const id = issuedId(issued.stderr);
    const same = await assay("report", "--difference", id);
    expect(same.stdout).toContain("the same to the last millisecond");
    const correct = ["correct", "--from", at(0), "--to", at(10_000), "--label", "other"];
    const corrected = await assay(...correct, "--reason", "a checksum");
    const act = /on record as (C-\w+)/.exec(corrected.stderr)?.[1];
    const json = JSON.parse((await assay("report", "--difference", id, "--format", "json")).stdout);
    expect(json.totals).toEqual({ gpuMs: 0, energyMj: 0, cost: "0.000000000" });
    expect(json.lines).toEqual([
      expect.objectContaining({ label: "mining-like", gpuMs: -10_000, cost: "-0.010000000" }),
      expect.objectContaining({ label: "other", gpuMs: 10_000, cost: "0.010000000" }),
    ]);
    expect(json.acts).toEqual([expect.objectContaining({ kind: "correction", id: act })]);
    // What was issued stays what it was.
    expect((await assay("report", "--again", id)).stdout).toContain("mining-like");
  });

  it("differs by a fixed price, and is replaced once", async () => {
    const { assay, prices, stateDir } = await ledgerWith({ slices });
    const first = issuedId(
      (await assay("report", ...WINDOW, "--prices", prices, "--issue")).stderr,
    );
    const fixed = join(stateDir, "fixed.yaml");
    writeFileSync(fixed, PRICES.replace("3.60", "7.20"));
    const difference = await assay("report", "--difference", first, "--prices", fixed);
    expect(difference.stdout).toContain("another price list");
    expect(difference.stdout).toMatch(/TOTAL +0 +0 +\+0\.03/);
    const replace = ["report", "--replace", first, "--issue"];
    const second = issuedId((await assay(...replace, "--prices", fixed)).stderr);
    expect(second).not.toBe("");
    const twice = await assay(...replace);
    expect(twice.code).toBe(2);
    expect(twice.stderr).toContain(`the report ${first} is replaced already`);
    const list = (await assay("report", "--issued")).stdout;
    expect(list).toContain(`replaced by ${second}`);
    expect(list).toContain(`in place of ${first}`);
  });

  it("that was changed on disk is not shown again", async () => {
    const { assay, stateDir } = await ledgerWith({ slices });
    const id = issuedId((await assay("report", ...WINDOW, "--issue")).stderr);
    const db = new Database(join(stateDir, "ledger.sqlite"));
    db.exec("DROP TRIGGER acts_no_update");
    db.exec(`UPDATE acts SET json = json_set(json, '$.document', '{}') WHERE kind = 'report'`);
    db.close();
    const again = await assay("report", "--again", id);
    expect(again).toMatchObject({ code: 1, stdout: "" });
    expect(again.stderr).toMatch(/^error ledger\/tampered/);
  });

  it.each([
    ["--again", "R-00000000", "report/not-found"],
    ["--difference", "R-\u001b[31m<b>", "report/not-found"],
    ["--again", "", "report/not-found"],
    ["--note", "x", "cli/usage"],
    ["--replace", "R-00000000", "cli/usage"],
  ])("%s %s is refused", async (option, value, code) => {
    const { assay } = await ledgerWith({ slices });
    const ran = await assay("report", option, value);
    expect(ran).toMatchObject({ code: 2, stdout: "" });
    expect(ran.stderr).toMatch(new RegExp(`^error ${code}`));
    expect(ran.stderr).not.toContain("\u001b");
  });

  it("is not asked for in two ways at once, nor with a window of its own", async () => {
    const { assay } = await ledgerWith({ slices });
    const two = await assay("report", "--again", "R-1", "--issue");
    expect(two.stderr).toMatch(/^error cli\/usage: --issue and --again are two things/);
    const own = await assay("report", "--again", "R-1", "--from", at(0));
    expect(own.stderr).toMatch(/^error cli\/usage: the window is that of the issued report/);
  });
});
