import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { readBase, requireSame, SHIPPED_MODEL, writeModel } from "../../../bench/fit/model-file.ts";
import { type EvidenceModel, evidenceModelSchema } from "../../../src/classify/evidence-model.ts";
import { AssayError } from "../../../src/model/errors.ts";
import { temporaryFolder } from "../../support/temporary.ts";
import { writeCampaign } from "./recordings.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const ALLOWED = ["--simulated", "--foreign-i-have-the-right"];

interface Run {
  code: number;
  out: string;
  err: string;
}

const fit = (...args: string[]): Promise<Run> =>
  new Promise((resolve) => {
    const command = ["--import", "tsx", "bench/fit/main.ts", ...args];
    const child = execFile(process.execPath, command, { cwd: ROOT }, (_, out, err) =>
      resolve({ code: child.exitCode ?? -1, out, err }),
    );
  });

const codeOf = (work: () => void): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof AssayError) return `${error.code}, exit ${error.exitCode}`;
    throw error;
  }
  return "no error";
};

describe("npm run fit", { timeout: 120_000 }, () => {
  const folder = temporaryFolder("fit-cli");
  const out = join(folder, "model.json");
  let first: Run;
  let model: EvidenceModel;

  beforeAll(async () => {
    await writeCampaign(folder);
    first = await fit(folder, "--out", out, ...ALLOWED);
    model = evidenceModelSchema.parse(JSON.parse(readFileSync(out, "utf8")));
  });

  it("writes a model that says where it comes from and that it never ships", () => {
    expect(first.code).toBe(0);
    expect(model.version).toMatch(/^fitted-[0-9a-f]{8}-simulated$/);
    expect(model.fitted?.simulated).toBe(true);
    expect(model.fitted?.recordings).toHaveLength(8);
    expect(model.fitted?.gpuSeconds).toBeGreaterThan(8 * 50);
    expect(model.origin).toContain("2 mining-like");
    expect(first.out).toContain("*** SIMULATED: this model is for tests and never ships ***");
    expect(readdirSync(folder).filter((name) => name.endsWith(".part"))).toEqual([]);
  });

  it("tells what families that were left out come to, as the file does", () => {
    const { accuracy, macroF1 } = model.fitted?.leaveOneFamilyOut ?? {};
    expect(first.out).toContain("each family by a fit without it");
    expect(first.out).toContain(`accuracy ${(100 * (accuracy ?? 0)).toFixed(1)} %`);
    expect(first.out).toContain(`macro-F1 ${(macroF1 ?? 0).toFixed(3)}`);
  });

  it("finds with --check that the file is what the recordings give, and that another is not", async () => {
    const same = await fit(folder, "--out", out, "--check", ...ALLOWED);
    expect(same.code).toBe(0);
    const other = { ...model, version: "fitted-00000000-simulated" };
    expect(() => requireSame(model, out)).not.toThrow();
    expect(codeOf(() => requireSame(other, out))).toBe("fit/differs, exit 1");
  });

  it("refuses to put a model in the place of the physics it began with, or a simulated one where it ships", () => {
    const before = readFileSync(SHIPPED_MODEL, "utf8");
    expect(codeOf(() => writeModel(model, SHIPPED_MODEL, SHIPPED_MODEL))).toBe("fit/out, exit 2");
    expect(codeOf(() => writeModel(model, SHIPPED_MODEL, out))).toBe("fit/out, exit 2");
    expect(readFileSync(SHIPPED_MODEL, "utf8")).toBe(before);
  });

  it("refuses to begin with a model that was fitted, or with none", () => {
    expect(codeOf(() => readBase(out))).toBe("fit/base, exit 2");
    expect(codeOf(() => readBase(join(folder, "none.json")))).toBe("fit/base, exit 2");
    expect(readBase(SHIPPED_MODEL).fitted).toBeUndefined();
  });

  it("says where the model cannot be written", () => {
    const nowhere = join(folder, "no", "such", "folder.json");
    expect(codeOf(() => writeModel(model, nowhere, SHIPPED_MODEL))).toBe("fit/out, exit 2");
  });

  it("makes nothing of an empty folder", async () => {
    const empty = temporaryFolder("fit-empty");
    const none = join(empty, "none.json");
    const { code, err } = await fit(empty, "--out", none, "--foreign-i-have-the-right");
    expect(err).toContain("error fit/no-recordings");
    expect(err).toContain("npm run campaign");
    expect(code).toBe(2);
    expect(existsSync(none)).toBe(false);
  });
});
