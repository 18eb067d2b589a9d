import { createServer } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import Database from "better-sqlite3";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  fileOf,
  gpuLine,
  gzipFile,
  HEADER,
  plainFile,
  T0,
} from "../collect/recording/support/files.ts";
import { assay, type Finished, start, tempDir } from "./support/assay.ts";

/** A minute of two GPUs, second by second. */
const MINUTE: object[] = [HEADER];
for (let second = 0; second < 60; second++)
  MINUTE.push(
    gpuLine(second, 0, { gpuUtil: 1, powerWatts: 300 }),
    gpuLine(second, 1, { gpuUtil: 0, powerWatts: 60 }),
  );

const ANY_PORT = ["--listen", "127.0.0.1:0"];
const run = (file: string, ...more: string[]): string[] =>
  ["run", "--recording", file, "--speed", "max"].concat(ANY_PORT, more);
const file = (text: string, name: string): string => fileOf(text, name);

/** A state directory with a minute in it. */
async function ledgerOfAMinute(): Promise<string> {
  const dir = tempDir();
  const made = await assay(run(plainFile(MINUTE), "--state-dir", dir));
  if (made.code !== 0) throw new Error(made.stderr);
  return dir;
}

/** What is wrong with a run that should have gone well; empty when nothing is. */
function faults({ code, stderr }: Finished): string[] {
  const unsaid = !/^(internal )?error/m.test(stderr);
  return code === 0 && unsaid ? [] : [`exit code ${code}: ${stderr}`];
}

/** What is wrong with a refusal: it is exit code 2, one report with code and place or hint, no output. */
function refusalFaults({ code, stdout, stderr }: Finished, error: string, told: RegExp): string[] {
  const report = stderr.slice(stderr.search(/^error/m));
  const laws: Record<string, boolean> = {
    "exit code 2": code === 2,
    "nothing on stdout": stdout === "",
    "code and message": new RegExp(`^error ${error}: .`).test(report),
    "place or hint": /^ {2}(at|hint:) ./m.test(report),
    [`${told}`]: told.test(report),
    "no stack": !/^ +at .*\.[jt]s:\d+/m.test(stderr),
  };
  const broken = Object.keys(laws).filter((law) => !laws[law]);
  return broken.map((law) => `${law}: not so, but ${code}\n${stdout}${stderr}`);
}

interface Case {
  name: string;
  error: string;
  /** What place or hint must say. */
  told: RegExp;
  bad: () => string[];
  /** The same, mended. */
  good: () => string[];
}

const header = (over: object): object => ({ ...HEADER, ...over });
const classify = (path: string): string[] => ["classify", path];

const RECORDINGS: Case[] = [
  {
    name: "a recording that is not there",
    error: "recording/not-found",
    told: /at .*missing\.ndjson/,
    bad: () => classify(join(tempDir(), "missing.ndjson")),
    good: () => classify(plainFile(MINUTE)),
  },
  {
    name: "a directory for a recording",
    error: "recording/not-a-file",
    told: /hint: name one file/,
    bad: () => classify(tempDir()),
    good: () => classify(gzipFile(MINUTE)),
  },
  {
    name: "an empty file",
    error: "recording/empty",
    told: /at .*a\.ndjson/,
    bad: () => classify(fileOf("")),
    good: () => classify(plainFile([HEADER])),
  },
  {
    name: "a .gz that is not gzip",
    error: "recording/not-gzip",
    told: /at .*a\.ndjson\.gz/,
    bad: () => classify(fileOf("no gzip at all", "a.ndjson.gz")),
    good: () => classify(gzipFile(MINUTE)),
  },
  {
    name: "a damaged gzip stream",
    error: "recording/not-gzip",
    told: /at .*a\.ndjson\.gz/,
    bad: () => {
      const bytes = gzipSync(MINUTE.map((line) => `${JSON.stringify(line)}\n`).join(""));
      return classify(fileOf(Buffer.concat([bytes.fill(0x55, 200, 260)]), "a.ndjson.gz"));
    },
    good: () => classify(gzipFile(MINUTE)),
  },
  {
    name: "a recording of another major version",
    error: "recording/version",
    told: /at .*a\.ndjson:1/,
    bad: () => classify(plainFile([header({ version: 2 })])),
    good: () => classify(plainFile([header({ version: 1 })])),
  },
  {
    name: "a first line that is no header",
    error: "recording/no-header",
    told: /at .*a\.ndjson:1/,
    bad: () => classify(plainFile(MINUTE.slice(1))),
    good: () => classify(plainFile(MINUTE.slice(0, 2))),
  },
  {
    name: "a field of the wrong type",
    error: "recording/malformed",
    told: /at .*a\.ndjson:3/,
    bad: () => classify(plainFile([HEADER, gpuLine(0), gpuLine(1, 0, { powerWatts: "hot" })])),
    good: () => classify(plainFile([HEADER, gpuLine(0), gpuLine(1, 0, { powerWatts: 99 })])),
  },
  {
    name: "lines that go back in time",
    error: "recording/out-of-order",
    told: /at .*a\.ndjson:3/,
    bad: () => classify(plainFile([HEADER, gpuLine(60), gpuLine(0)])),
    good: () => classify(plainFile([HEADER, gpuLine(0), gpuLine(60)])),
  },
  {
    name: "two GPUs of one index",
    error: "recording/duplicate-gpu",
    told: /at .*a\.ndjson:1/,
    bad: () =>
      classify(
        plainFile([
          header({ gpus: [HEADER.gpus[0], { ...HEADER.gpus[1], index: 0 }] }),
          gpuLine(0),
        ]),
      ),
    good: () => classify(plainFile([HEADER, gpuLine(0)])),
  },
  {
    name: "a recording that is not there, for the daemon",
    error: "recording/not-found",
    told: /at .*missing\.ndjson/,
    bad: () => run(join(tempDir(), "missing.ndjson")),
    good: () => run(plainFile(MINUTE)),
  },
];

const SETTINGS: Case[] = [
  {
    name: "a typo in the configuration",
    error: "config/invalid",
    told: /at .*c\.yaml:2:3\n {2}hint: did you mean dwell\?|hint: did you mean interval\?/,
    bad: () => ["config", "check", file("collect:\n  intervall: 1s\n", "c.yaml")],
    good: () => ["config", "check", file("collect:\n  interval: 1s\n", "c.yaml")],
  },
  {
    name: "a typo in the configuration of a run",
    error: "config/invalid",
    told: /hint: did you mean windowLength\?/,
    bad: () => run(plainFile(MINUTE), "--config", file("windowLenght: 10s\n", "c.yaml")),
    good: () => run(plainFile(MINUTE), "--config", file("windowLength: 20s\n", "c.yaml")),
  },
  {
    name: "an address that is none",
    error: "cli/usage",
    told: /at --listen\n {2}hint: HOST:PORT/,
    bad: () => ["run", "--recording", plainFile(MINUTE), "--speed", "max", "--listen", "9836"],
    good: () => run(plainFile(MINUTE)),
  },
  {
    name: "a speed of 0",
    error: "cli/usage",
    told: /at --speed\n {2}hint: a factor above 0/,
    bad: () => ["run", "--recording", plainFile(MINUTE), ...ANY_PORT, "--speed", "0"],
    good: () => ["run", "--recording", plainFile(MINUTE), ...ANY_PORT, "--speed", "1e9"],
  },
  {
    name: "a state directory under a file",
    error: "ledger/read-only",
    told: /hint: make the directory writable/,
    bad: () => run(plainFile(MINUTE), "--state-dir", join(fileOf("x"), "state")),
    good: () => run(plainFile(MINUTE), "--state-dir", join(tempDir(), "state")),
  },
  {
    name: "a price list that is not there",
    error: "price/invalid",
    told: /at .*none\.yaml/,
    bad: () => run(plainFile(MINUTE), "--prices", join(tempDir(), "none.yaml")),
    good: () => run(plainFile(MINUTE), "--prices", file(PRICES, "p.yaml")),
  },
];

const PRICES = `currency: USD
gpus:
  - model: "Model*"
    perGpuHour: "2.00"
    from: 2020-01-01
`;

describe("bad input is refused before anything is done", () => {
  it.each([...RECORDINGS, ...SETTINGS])("$name", async ({ bad, good, error, told }) => {
    const [refused, done] = await Promise.all([assay(bad()), assay(good())]);
    expect(refusalFaults(refused, error, told)).toEqual([]);
    expect(faults(done)).toEqual([]);
  });
});

describe("bad input on the way to a report", () => {
  it("is refused, and the ledger can be reported all the same", async () => {
    const dir = await ledgerOfAMinute();
    const other = file(PRICES.replace("Model*", "Other*"), "p.yaml");
    const report = (...more: string[]): string[] => ["report", "--state-dir", dir, ...more];
    const cases: [string[], string, RegExp][] = [
      [report("--prices", other), "price/missing", /hint: add under gpus:\n +- model: "Model A"/],
      [report("--from", "now", "--to", "-1h"), "report/window", /hint: the ledger reaches/],
      [report("--from", "2001-02-30"), "report/window", /hint: give an ISO 8601/],
      [report("--group-by", "colour"), "report/group", /hint: one or more of owner/],
      [report("--format", "pdf"), "cli/usage", /hint: one of table, json, csv/],
      [["report", "--state-dir", tempDir()], "ledger/missing", /hint: start the daemon/],
    ];
    const refused = await Promise.all(cases.map(async ([args]) => assay(args)));
    for (const [i, [, error, told]] of cases.entries())
      expect(refused.slice(i, i + 1).flatMap((each) => refusalFaults(each, error, told))).toEqual(
        [],
      );
    expect(
      faults(await assay(report("--prices", file(PRICES, "p.yaml"), "--from", "2001-02-28"))),
    ).toEqual([]);
  });

  it("is refused where the ledger is a newer version's, and left as it is", async () => {
    const dir = await ledgerOfAMinute();
    const setVersion = (version: number): number => {
      const db = new Database(join(dir, "ledger.sqlite"));
      const before = Number(db.pragma("user_version", { simple: true }));
      db.pragma(`user_version = ${version}`);
      db.close();
      return before;
    };
    const own = setVersion(999);
    expect(
      refusalFaults(
        await assay(["report", "--state-dir", dir]),
        "ledger/newer",
        /at .*ledger\.sqlite/,
      ),
    ).toEqual([]);
    const again = await assay(run(plainFile(MINUTE), "--state-dir", dir));
    expect(refusalFaults(again, "ledger/newer", /at .*ledger\.sqlite/)).toEqual([]);
    expect(setVersion(own)).toBe(999);
    expect(faults(await assay(["report", "--state-dir", dir]))).toEqual([]);
  });
});

describe("what another process holds", () => {
  it("is not taken: a port", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const bound = server.address();
    const port = typeof bound === "object" ? bound?.port : undefined;
    const args = ["run", "--recording", plainFile(MINUTE), "--speed", "max", "--listen"];
    const refused = await assay([...args, `127.0.0.1:${port}`]);
    expect(
      refusalFaults(refused, "listen/in-use", /at 127\.0\.0\.1:\d+\n {2}hint: choose another port/),
    ).toEqual([]);
    await new Promise((resolve) => server.close(resolve));
    expect(faults(await assay([...args, `127.0.0.1:${port}`]))).toEqual([]);
  });

  it("is not taken: a ledger; a report may be made beside it", async () => {
    const dir = tempDir();
    const recording = plainFile(MINUTE);
    const args = ["run", "--recording", recording, "--state-dir", dir, ...ANY_PORT, "--speed"];
    // Slow enough that it still runs when the second one looks, also on a busy machine.
    const first = start([...args, "3"]);
    await first.says("stdout", /gpu1/);
    expect(
      refusalFaults(await assay([...args, "max"]), "ledger/busy", /hint: stop the other daemon/),
    ).toEqual([]);
    expect(faults(await assay(["report", "--state-dir", dir]))).toEqual([]);
    first.kill("SIGTERM");
    expect(faults(await first.ended)).toEqual([]);
    expect(faults(await assay([...args, "max"]))).toEqual([]);
  });
});

describe("a wrong command line", () => {
  it.each([
    [["run", "--nope"], /^error: unknown option '--nope'/m],
    [["frobnicate"], /^error: unknown command 'frobnicate'/m],
    [["classify"], /^error: missing required argument 'file'/m],
    [["run", "extra"], /^error: too many arguments for 'run'/m],
  ])("%j exits with 2, says what is wrong and where help is", async (args, told) => {
    const { code, stdout, stderr } = await assay(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(told);
    expect(stderr).toContain("--help");
  });

  it("does not make help an error", async () => {
    for (const args of [["--help"], ["run", "--help"], ["help", "report"], ["--version"]]) {
      const { code, stdout, stderr } = await assay(args);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).not.toBe("");
    }
  });
});

describe("input that is put up with", () => {
  const warned = async (path: string): Promise<string> => {
    const { code, stdout, stderr } = await assay(["classify", path, "--json"]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stdout.trimEnd().split("\n").length).toBeGreaterThanOrEqual(12);
    return stderr;
  };

  it("is counted on stderr: a torn last line", async () => {
    const text = MINUTE.map((line) => `${JSON.stringify(line)}\n`).join("");
    expect(await warned(fileOf(text))).toBe("");
    const torn = `${text}{"kind":"gpu","t":${T0 + 60},"gpu":0,"gpuU`;
    expect(await warned(fileOf(torn))).toMatch(/^warning .*: truncated \(last line\), 1 times?, /);
  });

  it("is counted on stderr: unknown fields and kinds", async () => {
    const extra = [gpuLine(60, 0, { mood: 1 }), gpuLine(61, 0, { mood: 2 })];
    const kinds = [{ kind: "weather", t: T0 + 62 }];
    const stderr = await warned(plainFile([...MINUTE, ...extra, ...kinds]));
    expect(stderr).toMatch(/mood.*, 2 times, first at .*:122/);
    expect(stderr).toMatch(/weather.*, 1 times?, first at .*:124/);
  });
});
