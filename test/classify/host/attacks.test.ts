import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hostEvidence } from "../../../src/classify/host-evidence.ts";
import { loadShippedData } from "../../../src/config/data.ts";
import type { ProcessSighting } from "../../../src/model/sample.ts";

const { indicators } = loadShippedData();
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
const HOSTILE = [
  "\u001B[2J\u001B]0;x\u0007",
  "\u202Egpj.exe",
  "a\0b",
  "__proto__",
  "constructor",
  "toString",
  "-__proto__=1",
  "-R\u001B[31m",
  "stratum+tcp://\u001B[2Jpool:1",
  "://".repeat(200),
  "-".repeat(3000),
  "a".repeat(5000),
  "stratum+tcp://" + "a.".repeat(500),
  "\uD800",
  "-oRemoteForward \u202E1:h:2",
];

const word = fc.oneof(
  fc.constantFrom(...HOSTILE),
  fc.constantFrom(
    "ssh",
    "-R",
    "1:h:2",
    "xmrig",
    "--algo",
    "kawpow",
    "-o",
    "host:1",
    "-c",
    "python",
  ),
  fc.string({ unit: "binary", maxLength: 40 }),
);
const text = fc.option(fc.oneof(word, fc.string({ unit: "binary" })), { nil: undefined });
const hostile: fc.Arbitrary<ProcessSighting> = fc.record({
  pid: fc.nat(),
  ppid: fc.option(fc.nat(), { nil: undefined }),
  argv: fc.option(fc.array(word, { maxLength: 20 }), { nil: undefined }),
  exe: text,
  comm: text,
  cgroup: text,
  environ: fc.option(fc.dictionary(word, word), { nil: undefined }),
  mapped: fc.option(fc.array(word), { nil: undefined }),
  holdsDevice: fc.option(fc.boolean(), { nil: undefined }),
});

describe("what a process writes about itself", () => {
  it("never reaches the reader of the evidence unescaped or unbounded", () => {
    fc.assert(
      fc.property(fc.array(hostile, { maxLength: 6 }), (processes) => {
        for (const { text: said, value } of hostEvidence(processes, indicators)) {
          expect(said).not.toMatch(UNSEEN);
          expect(said.length).toBeLessThan(1200);
          expect(typeof value).toBe("number");
        }
      }),
    );
  });

  it("finds nothing by the names that every object knows", () => {
    for (const name of ["__proto__", "constructor", "hasOwnProperty", "toString", "valueOf"]) {
      const argv = [name, `-${name}`, `--${name}=${name}`, `${name}://${name}:1`];
      const process = {
        pid: 1,
        argv,
        exe: `/usr/bin/${name}`,
        comm: name,
        environ: { [name]: "" },
      };
      expect(hostEvidence([process], indicators)).toEqual([]);
    }
  });

  it.each([
    ["one argument of a megabyte", ["x".repeat(1 << 20)]],
    ["a megabyte of blanks", [" ".repeat(1 << 20)]],
    ["a megabyte of address separators", ["://".repeat(350_000)]],
    ["a megabyte of dots after a scheme", [`stratum+tcp://${"a.".repeat(1 << 19)}`]],
    ["half a million short options", Array.from({ length: 1 << 19 }, () => "-R")],
    ["a megabyte of options in one", [`-${"fN".repeat(1 << 19)}R`]],
    ["a megabyte of wallet's letters", ["-u", "4".repeat(1 << 20)]],
    ["a path of a megabyte", [`/${"a/".repeat(1 << 19)}`]],
  ])("is read to an end, and once: %s", (_, argv) => {
    const process = { pid: 1, argv: ["ssh", ...argv], exe: argv[0], comm: argv[0] };
    const found = hostEvidence([process, { ...process, exe: undefined, argv }], indicators);
    expect(found.every(({ text: said }) => said.length < 1200)).toBe(true);
  });

  it("does not grow the evidence with the number of processes", () => {
    const processes = Array.from({ length: 5000 }, (_, pid) => ({
      pid,
      exe: "/tmp/xmrig (deleted)",
      argv: ["[kworker/0:1]", "--donate-level", "1", "-R", "1:h:2", "host"],
    }));
    const found = hostEvidence(processes, indicators);
    expect(found.length).toBeLessThanOrEqual(40);
    expect(found.some(({ text: said }) => said.endsWith("(and 4992 more like it)"))).toBe(true);
  });
});

describe("several processes of one owner", () => {
  const argv = ["./a", "-o", "stratum+tcp://pool.invalid:1", "--algo", "kawpow"];
  const weights = (processes: ProcessSighting[]) =>
    hostEvidence(processes, indicators).map(({ feature, weights: own }) => [
      feature,
      own["mining-like"],
    ]);

  it("weigh once, however many show the same", () => {
    expect(weights([{ pid: 1, argv }])).toEqual([["minerProcess", 5]]);
    expect(weights([1, 2, 3].map((pid) => ({ pid, argv })))).toEqual([
      ["minerProcess", 5],
      ["minerProcess", undefined],
      ["minerProcess", undefined],
    ]);
  });

  it("do not count a shell that starts a miner, nor hint at it where the miner is seen", () => {
    const shell = { pid: 1, exe: "/usr/bin/bash", argv: ["bash", "-c", argv.join(" ")] };
    expect(weights([shell])).toEqual([["minerHint", undefined]]);
    expect(weights([shell, { pid: 2, ppid: 1, argv }])).toEqual([["minerProcess", 5]]);
    const lineage = [{ pid: 1 }];
    expect(weights([shell, { pid: 3, ppid: 2, argv, lineage }])).toEqual([["minerProcess", 5]]);
    expect(weights([shell, { pid: 2, ppid: 9, argv }])).toHaveLength(2);
  });

  it("are looked at anew when they call themselves otherwise, and by every set of lists", () => {
    expect(weights([{ pid: 1, argv: ["./a"] }])).toEqual([]);
    expect(weights([{ pid: 1, argv }])).toEqual([["minerProcess", 5]]);
    const process = { pid: 1, argv };
    expect(hostEvidence([process], { ...indicators, version: "x" })[0]?.text).toContain(
      "indicators x",
    );
    expect(hostEvidence([process], indicators)[0]?.text).not.toContain("indicators x");
    const reader = { pid: 1, exe: "/usr/bin/grep", argv };
    expect(weights([reader])).toEqual([]);
    expect(weights([{ ...reader, holdsDevice: true }])).toHaveLength(2);
  });

  it("survive a ring of parents", () => {
    const ring = [1, 2].map((pid) => ({ pid, ppid: 3 - pid, argv }));
    expect(weights(ring)).toHaveLength(2);
  });

  it("show one tunnel where autossh watches over an ssh", () => {
    const watcher = { pid: 1, argv: ["autossh", "-M", "0", "-R", "1:h:2", "host"] };
    const client = { pid: 2, ppid: 1, argv: ["ssh", "-R", "1:h:2", "host"] };
    expect(hostEvidence([watcher, client], indicators)).toMatchObject([{ value: 2 }]);
    expect(hostEvidence([watcher], indicators)).toMatchObject([{ value: 1 }]);
  });
});
