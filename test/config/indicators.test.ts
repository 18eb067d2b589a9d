import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { indicatorUpdateSchema } from "../../src/classify/host/indicator-data.ts";
import { differences, updated } from "../../src/classify/host/indicator-update.ts";
import { hostEvidence } from "../../src/classify/host-evidence.ts";
import { loadShippedData } from "../../src/config/data.ts";
import { loadIndicators, readIndicatorFile } from "../../src/config/indicators.ts";
import { AssayError } from "../../src/model/errors.ts";
import { temporaryFolder } from "../support/temporary.ts";

const { indicators: shipped } = loadShippedData();
const site = (groups: object, more: object = {}) => ({ version: "site-1", groups, ...more });
const told = { date: "2026-11-20", source: "our own incident" };

function file(content: unknown, name = "site.json"): string {
  const path = join(temporaryFolder("indicators"), name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

function refusal(path: string): AssayError {
  try {
    loadIndicators(shipped, undefined, [path]);
  } catch (error) {
    if (error instanceof AssayError) return error;
  }
  throw new Error("was accepted");
}

describe("lists of one's own", () => {
  it("add to those that ship and take from them, and the evidence names both versions", () => {
    const path = file(
      site({
        minerNames: { ...told, values: ["ourminer"], remove: ["pearld"] },
        algorithms: { ...told, values: ["ourhash"] },
      }),
    );
    const lists = loadIndicators(shipped, undefined, [path]);
    const of = (argv: string[]) => hostEvidence([{ pid: 1, argv }], lists);
    const [found] = of(["ourminer", "--algo", "ourhash"]);
    expect(found).toMatchObject({ feature: "minerProcess", weights: { "mining-like": 5 } });
    expect(found?.text).toContain(`(indicators ${shipped.version}+site-1)`);
    expect(of(["pearld"])).toEqual([]);
    expect(hostEvidence([{ pid: 1, argv: ["ourminer"] }], shipped)).toEqual([]);
    expect(lists.groups.minerNames).toMatchObject({ date: "2026-11-20" });
    expect(lists.groups.minerNames.source).toContain("our own incident");
  });

  it("of the state directory come first by name, then those of the configuration", () => {
    const state = temporaryFolder("state");
    mkdirSync(join(state, "indicators"));
    const put = (name: string, version: string) =>
      writeFileSync(join(state, "indicators", name), JSON.stringify({ version }));
    put("b.json", "two");
    put("a.yaml", "one");
    put(".unfinished-1-c.json", "never");
    put("notes.txt", "never");
    const lists = loadIndicators(shipped, state, [file({ version: "three" })]);
    expect(lists.version).toBe(`${shipped.version}+one+two+three`);
    expect(loadIndicators(shipped, temporaryFolder("none"))).toEqual(shipped);
  });

  it("may set a weight or a limit within their bounds, and leave the others", () => {
    const lists = loadIndicators(shipped, undefined, [
      file(site({}, { weights: { minerProcess: 3 }, limits: { probingTargets: 4 } })),
    ]);
    expect(lists.weights).toEqual({ ...shipped.weights, minerProcess: 3 });
    expect(lists.limits).toEqual({ ...shipped.limits, probingTargets: 4 });
    expect(refusal(file(site({}, { weights: { minerProcess: 7 } }))).code).toBe(
      "indicators/invalid",
    );
  });

  it("are read as YAML, too", () => {
    const path = file(
      "version: y-1\ngroups:\n  units: {date: 2026-11-20, source: us, values: [our_miner]}\n",
      "site.yaml",
    );
    expect(loadIndicators(shipped, undefined, [path]).groups.units.values).toContain("our_miner");
  });

  it.each([
    ["a domain that is all domains", { poolDomains: { ...told, values: ["com"] } }],
    ["a name with a path", { minerNames: { ...told, values: ["/tmp/x"] } }],
    [
      "a name in capitals, which nothing would match",
      { minerNames: { ...told, values: ["XMRig"] } },
    ],
    ["an interpreter", { minerNames: { ...told, values: ["python"] } }],
    ["an editor", { sharedNames: { ...told, values: ["vim"] } }],
    ["an ordinary scheme", { stratumSchemes: { ...told, values: ["https"] } }],
    ["an option without dashes", { minerOptions: { ...told, values: ["algo"] } }],
    ["a word of one letter", { algorithms: { ...told, values: ["x"] } }],
    ["a port that is none", { poolPorts: { ...told, values: ["http"] } }],
    ["a date that is none", { units: { date: "soon", source: "x", values: ["abc"] } }],
    ["no source", { units: { date: "2026-11-20", values: ["abc"] } }],
    ["nothing at all", { units: { ...told } }],
    ["an unknown group", { miners: { ...told, values: ["abc"] } }],
    ["a known object's name", { constructor: { ...told, values: ["abc"] } }],
    ["all of a group taken away", { modules: { ...told, remove: ["pearl_gemm"] } }],
  ])("are refused where they would accuse everybody, or nobody: %s", (_, groups) => {
    const error = refusal(file(site(groups)));
    expect(error).toMatchObject({ code: "indicators/invalid", exitCode: 2 });
    expect(error.place).toContain("site.json");
    expect(error.hint).toContain("docs/evidence.md");
  });

  it("name line and column of a mistake", () => {
    const text =
      'version: a\ngroups:\n  units:\n    date: 2026-11-20\n    source: x\n    values:\n      - ok_unit\n      - "a/b"\n';
    expect(refusal(file(text, "s.yml")).place).toMatch(/s\.yml:8:9$/);
    expect(refusal(file("{ version: [", "s.yml")).place).toMatch(/s\.yml:\d+:\d+$/);
  });

  it("are refused when they are missing, no file, or far too long", () => {
    const folder = temporaryFolder("indicators");
    expect(refusal(join(folder, "none.json")).code).toBe("indicators/not-found");
    expect(refusal(folder).code).toBe("indicators/invalid");
    expect(refusal(file(" ".repeat(4 * 1024 ** 2 + 1))).message).toContain("too long");
    const aliases = `a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: &d [*c,*c]\ne: &e [*d,*d]\nf: [*e,*e]\n`;
    expect(refusal(file(aliases, "s.yml")).code).toBe("indicators/invalid");
  });
});

describe("the lists that ship", () => {
  it("are an update of themselves that changes nothing", () => {
    const groups = Object.fromEntries(Object.entries(shipped.groups));
    const update = indicatorUpdateSchema.parse({ ...shipped, groups });
    expect(differences(shipped, updated(shipped, update))).toEqual([]);
    expect(readIndicatorFile(file(shipped)).update.version).toBe(shipped.version);
  });

  it("have a date and a source for each group, and hold nothing twice", () => {
    for (const { date, source, values } of Object.values(shipped.groups)) {
      expect(date).toMatch(/^\d{4}-\d\d-\d\d$/);
      expect(source.length).toBeGreaterThan(10);
      expect(new Set(values).size).toBe(values.length);
    }
  });
});
