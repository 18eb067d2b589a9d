import { describe, expect, it } from "vitest";
import {
  BenchReport,
  reportJson,
  reportOf,
  rooflineOfReport,
} from "../../../src/cli/bench/report.ts";
import { kernelList, reportText } from "../../../src/cli/bench/text.ts";
import { adapterName } from "../../../src/probe/device-process.ts";
import type { BenchRun } from "../../../src/cli/bench/run.ts";
import { ADAPTER, ceilingKernel, failed, hashKernel, measured, runOf } from "./support.ts";

const INT = ceilingKernel("alu-int32", "int32-op");
const GATHER = ceilingKernel("memory-gather", "gather-byte");
const HASH = hashKernel("sha256d", { "int32-op": 5000 });
const DAG = hashKernel("ethash", { "int32-op": 1000, "gather-byte": 8192 });
const KNOWN = [HASH, DAG, GATHER, INT];
const SOFTWARE = { adapter: { ...ADAPTER, software: true } };

const report = (outcomes: BenchRun["outcomes"], over: Partial<BenchRun> = {}) =>
  reportOf(runOf(outcomes, over), "9.9.9", 1_700_000_000_000);
const textOf = (...of: Parameters<typeof report>) => reportText(report(...of), KNOWN);

const ALL = [
  measured(HASH, 1e9),
  measured(DAG, 1e7),
  { kind: "lacking", kernel: GATHER, reason: "the adapter has too little memory" } as const,
  measured(INT, 1e13),
];

describe("the report of a benchmark", () => {
  it("has each kernel in order, with its place below the ceilings of this very run", () => {
    const { ceilings, kernels } = report(ALL);
    expect(ceilings).toEqual([{ resource: "int32-op", perSecond: 1e13, kernel: "alu-int32" }]);
    expect(kernels.map(({ kernel, outcome }) => [kernel, outcome])).toEqual([
      ["sha256d", "measured"],
      ["ethash", "measured"],
      ["memory-gather", "lacking"],
      ["alu-int32", "measured"],
    ]);
    expect(kernels[0]).toMatchObject({
      bound: { fraction: 0.5, resource: "int32-op", missing: [] },
    });
    expect(kernels[1]).toMatchObject({ bound: { missing: ["gather-byte"] } });
  });

  it("is JSON that its schema accepts, whatever became of the kernels", () => {
    const outcomes = [
      ...ALL.slice(0, 3),
      failed(INT, "a \u202e digest differs"),
      { kind: "skipped", kernel: HASH, reason: "it was stopped" } as const,
    ];
    const evil = { ...ADAPTER, device: "a1\u001b[31m" };
    const json = reportJson(report(outcomes, { adapter: evil, stopped: true }));
    const parsed = BenchReport.parse(JSON.parse(json));
    expect(parsed).toMatchObject({ stopped: true, version: "9.9.9", software: false });
    expect(parsed.kernels[3]).toMatchObject({
      error: { code: "probe/wrong-result", hint: "look at the driver" },
    });
    for (const char of ["\u001b", "\u202e"]) expect(json).not.toContain(char);
    expect(rooflineOfReport(parsed)).toMatchObject({ kernels: [{}, {}], ceilings: [] });
  });

  it("says what of its data sheet's peaks was reached, where the model has one", () => {
    const limits = [{ model: "acme-*", boardPowerWatts: 1, f32FlopPerSec: 8e12 }];
    const product = ceilingKernel("matmul-f32", "f32-flop");
    const of = (over: Partial<BenchRun>) =>
      reportOf(runOf([measured(product, 6e12), measured(HASH, 1e9)], over), "9.9.9", 0, limits);
    expect(of({}).kernels).toMatchObject([{ shareOfDataSheet: 0.75 }, {}]);
    expect(of({}).kernels[1]).toMatchObject({ shareOfDataSheet: undefined });
    expect(reportText(of({}), KNOWN)).toContain("data sheet's peaks  matmul-f32 75.0 %\n");
    // A CPU that plays GPU has no data sheet, whatever it calls itself.
    expect(reportText(of(SOFTWARE), KNOWN)).not.toContain("data sheet");
  });

  it("calls a device by its own name, or by what else is known of it", () => {
    expect(adapterName(ADAPTER)).toBe("acme-a1 (acme)");
    expect(adapterName({ ...ADAPTER, device: "" })).toBe("driver 1.2 (acme)");
    expect(
      adapterName({ ...ADAPTER, device: "", description: "", architecture: "", vendor: "" }),
    ).toBe("unnamed adapter (unknown vendor)");
  });
});

describe("a benchmark in words", () => {
  it("has a line for each rate, with its spread, its bound and its share", () => {
    const text = textOf(ALL);
    expect(text).toMatch(/^kernel +rate +spread +bound by +of it +variant$/m);
    expect(text).toMatch(/^sha256d +1\.00 Ghash\/s +0\.4 % +int32 +50\.0 % +TILE=64$/m);
    expect(text).toMatch(/^ethash +10\.0 Mhash\/s +0\.4 % +int32 gather\? +0\.1 % +TILE=64$/m);
    expect(text).toMatch(/^alu-int32 +10\.0 TFLOP\/s +0\.4 % +int32 \(its ceiling\) +100\.0 %/m);
    expect(text).not.toMatch(/SOFTWARE| $/m);
  });

  it("says what was not measured, why, and which kernel would show a ceiling", () => {
    const text = textOf([...ALL, failed(hashKernel("blake3", {}), "a digest differs")]);
    expect(text).toMatch(/^memory-gather: not run, the adapter has too little memory$/m);
    expect(text).toMatch(/^blake3: FAILED probe\/wrong-result: a digest differs$/m);
    expect(text).toMatch(/^gather\?: its ceiling was not measured; memory-gather measures it$/m);
    expect(text).not.toMatch(/^int32\?/m);
  });

  it("says on what, with which driver, how it was timed and how long it took", () => {
    expect(textOf(ALL)).toMatch(
      /adapter +acme-a1 \(acme\)\ndriver +driver 1\.2\ntimed +by the device's timestamps\ntook +12\.0 s, 4\.5 s of it on the device\n$/,
    );
    const wall = measured(HASH, 1, { summary: { ratePerSecond: 1, timing: "wall" } });
    expect(textOf([wall])).toMatch(/^timed +by the host's clock, which adds/m);
    expect(textOf([wall, measured(INT, 1)])).toMatch(
      /^timed +some by the device's .*some by the host's/m,
    );
    // Too few launches for a spread: that is not a spread of 0.
    expect(textOf([wall])).toMatch(/^sha256d +1\.00 hash\/s +- /m);
  });

  it("says SOFTWARE on every line of a CPU that plays GPU", () => {
    const outcomes = [...ALL, failed(DAG, "wrong")];
    const [table = "", others = ""] = textOf(outcomes, SOFTWARE).split("\n\n");
    for (const line of [...table.split("\n"), ...others.split("\n")])
      expect(line).toMatch(/SOFTWARE/);
    expect(textOf(outcomes, SOFTWARE)).toMatch(/^adapter .*SOFTWARE: a CPU plays GPU here/m);
  });

  it("says that it was stopped, and that a kernel is above its ceiling", () => {
    const stopped = textOf([{ kind: "skipped", kernel: HASH, reason: "it was stopped" }], {
      stopped: true,
    });
    expect(stopped).toMatch(/^nothing was measured\n\nsha256d: not measured, it was stopped$/m);
    expect(stopped).toMatch(/^stopped before the end/m);
    expect(textOf([measured(HASH, 3e9), measured(INT, 1e13)])).toMatch(/150\.0 % \(above\)/);
  });

  it("lists the kernels with what each is", () => {
    expect(kernelList(KNOWN)).toMatch(/^alu-int32 +alu +FLOP\/s +int32 +f32 matrix product/m);
    expect(kernelList(KNOWN)).toMatch(/^sha256d +hash +hash\/s +- +SHA-256d/m);
  });
});
