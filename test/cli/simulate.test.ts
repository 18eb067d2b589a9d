import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { fileOf, readAll, temporaryFolder } from "../collect/recording/support/files.ts";

const EXAMPLES = fileURLToPath(new URL("../../data/simulate/", import.meta.url));
const SPEC = "node: {length: 20s}\ngpus: [{model: t4}]\nworkloads: [{kind: mining}]\n";

async function assay(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ["", ""];
  const code = await runProgram(["node", "assay", ...args], {
    stdout: (text) => (out += text),
    stderr: (text) => (err += text),
    env: {},
    signal: new AbortController().signal,
    nowMs: () => 0,
  });
  return { code, out, err };
}

describe("assay simulate", () => {
  it("writes a recording that is read without a warning, and says that it is simulated", async () => {
    const spec = fileOf(SPEC, "spec.yaml");
    const out = join(temporaryFolder(), "out.ndjson");
    expect(await assay("simulate", spec, "--out", out)).toEqual({
      code: 0,
      out: "",
      err: `SIMULATED: 26 lines, 1 GPU, 20 s written to ${out}\n`,
    });
    const { observations, reader } = await readAll(out);
    expect(reader.warnings).toEqual([]);
    expect(observations[0]).toMatchObject({ simulated: true, source: "simulated" });
    expect(statSync(out).mode & 0o777).toBe(0o600);
  });

  it("packs the same lines where the name ends in .gz", async () => {
    const spec = fileOf(SPEC, "spec.yaml");
    const [plain, packed] = [
      join(temporaryFolder(), "a.ndjson"),
      join(temporaryFolder(), "a.ndjson.gz"),
    ];
    for (const out of [plain, packed]) await assay("simulate", spec, "--out", out);
    expect(gunzipSync(readFileSync(packed))).toEqual(readFileSync(plain));
  });

  it("goes by the seed of the command line before that of the specification", async () => {
    const spec = fileOf(SPEC, "spec.yaml");
    const folder = temporaryFolder();
    const made = async (name: string, ...more: string[]): Promise<string> => {
      await assay("simulate", spec, "--out", join(folder, name), ...more);
      return readFileSync(join(folder, name), "utf8");
    };
    const [one, same, other] = [
      await made("a"),
      await made("b", "--seed", "1"),
      await made("c", "--seed", "2"),
    ];
    expect(same).toBe(one);
    expect(other).not.toBe(one);
  });

  it("overwrites nothing unless it is told to, and never its own specification", async () => {
    const spec = fileOf(SPEC, "spec.yaml");
    const out = join(temporaryFolder(), "out.ndjson");
    writeFileSync(out, "mine");
    const refused = await assay("simulate", spec, "--out", out);
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.err).toContain("recording/exists");
    expect(readFileSync(out, "utf8")).toBe("mine");
    expect(await assay("simulate", spec, "--out", out, "--force")).toMatchObject({ code: 0 });
    expect((await assay("simulate", spec, "--out", spec, "--force")).err).toContain("cli/usage");
    expect(readFileSync(spec, "utf8")).toBe(SPEC);
  });

  it.each([
    [["nowhere.yaml", "--out", "x"], "simulate/not-found"],
    [["SPEC", "--out", "x", "--seed", "-1"], "cli/usage"],
    [["SPEC", "--out", "x", "--seed", "4294967296"], "cli/usage"],
    [["SPEC", "--out", ""], "cli/usage"],
    [["SPEC"], "--out"],
  ])("refuses %j", async (args, said) => {
    const spec = fileOf(SPEC, "spec.yaml");
    const { code, err } = await assay(
      "simulate",
      ...args.map((arg) => (arg === "SPEC" ? spec : arg)),
    );
    expect(code).toBe(2);
    expect(err).toContain(said);
  });
});

describe("the help of assay simulate", () => {
  it("has examples that work as they stand", async () => {
    const { out } = await assay("simulate", "--help");
    const examples = out.split("\n").filter((line) => line.startsWith("  assay "));
    expect(examples.length).toBeGreaterThan(1);
    const [folder, spec] = [temporaryFolder(), fileOf(SPEC, "spec.yaml")];
    for (const example of examples) {
      const [, ...words] = example.trim().split(" ");
      const args = words.map((word) => {
        if (word.endsWith(".yaml")) return spec;
        return word.includes(".ndjson") ? join(folder, word) : word;
      });
      expect(args).not.toContain("|");
      expect({ example, ...(await assay(...args)) }).toMatchObject({ code: 0 });
    }
  });
});

describe("the example", () => {
  const examples = readdirSync(EXAMPLES).filter((name) => name.endsWith(".yaml"));

  it("is there in every kind that the documentation names", () => {
    const text = readFileSync(new URL("../../docs/simulator.md", import.meta.url), "utf8");
    expect(examples.length).toBeGreaterThanOrEqual(4);
    for (const name of examples) expect(text).toContain(name);
  });

  it.each(examples)("%s is simulated, read without a warning, and labelled", async (name) => {
    const out = join(temporaryFolder(), `${basename(name, ".yaml")}.ndjson`);
    expect(await assay("simulate", join(EXAMPLES, name), "--out", out)).toMatchObject({ code: 0 });
    const { reader } = await readAll(out);
    expect(reader.warnings).toEqual([]);
    const { code, out: labels, err } = await assay("classify", out, "--json");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(labels.split("\n").length).toBeGreaterThan(100);
  });
});
