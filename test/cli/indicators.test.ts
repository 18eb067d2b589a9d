import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { temporaryFolder } from "../support/temporary.ts";

async function assay(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  let [stdout, stderr] = ["", ""];
  const code = await runProgram(["node", "assay", "indicators", ...args], {
    stdout: (text) => void (stdout += text),
    stderr: (text) => void (stderr += text),
    env: { XDG_STATE_HOME: "/nonexistent", STATE_DIRECTORY: "/nonexistent" },
    signal: new AbortController().signal,
    nowMs: () => Date.parse("2026-12-01"),
  });
  return { code, stdout, stderr };
}

const LIST = {
  version: "site-1",
  groups: {
    minerNames: {
      date: "2026-11-30",
      source: "our own incident",
      values: ["ourminer"],
      remove: ["pearld"],
    },
  },
};

function listFile(content: unknown = LIST, name = "site.json"): string {
  const path = join(temporaryFolder("lists"), name);
  writeFileSync(path, JSON.stringify(content));
  return path;
}

describe("assay indicators list", () => {
  it("shows every group with count, date, age and source", async () => {
    const { code, stdout } = await assay("list");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^indicators 2026-11-21$/m);
    expect(stdout).toMatch(/^minerNames +26 {2}2026-11-21 {2}10 days old/m);
    expect(stdout).toMatch(/^ +source: names, options and addresses/m);
    const json = JSON.parse((await assay("list", "--json")).stdout);
    expect(json.groups.minerNames.values).toContain("xmrig");
  });
});

describe("assay indicators check", () => {
  it.each([
    [["xmrig", "--donate-level", "1"], /a miner: independent signs/],
    [["./a", "--algo", "kawpow"], /not counted: one sign that also occurs by chance/],
    [["timeout", "1", "xmrig", "--nicehash"], /not counted: signs in a command that it starts/],
    [["grep", "xmrig", "stratum+tcp://h:1"], /its arguments are what it looks at/],
    [["python", "train.py"], /nothing of it is listed/],
    [["ssh", "-R", "1:h:2", "x"], /tunnel +process 1 \(ssh\) opens a reverse tunnel: -R 1:h:2/],
  ])("says of %j why it counts or does not", async (argv, expected) => {
    const { code, stdout } = await assay("check", "--", ...argv);
    expect({ code }).toEqual({ code: 0 });
    expect(stdout).toMatch(expected);
  });

  it("knows that who holds a GPU is no reader", async () => {
    const argv = ["--", "grep", "--nicehash", "stratum+tcp://h:1"];
    expect((await assay("check", "--holds-gpu", ...argv)).stdout).toContain("a miner:");
    expect((await assay("check", "--exe", "/tmp/grep", ...argv)).stdout).toContain("a miner:");
  });

  it("says what a recording matches, owner by owner", async () => {
    const { code, stdout } = await assay("check", "--recording", "data/demo-simulated.ndjson.gz");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^container:52efc481a557\n {2}minerProcess +process 52214 .*adds \+5/m);
    expect(stdout).toMatch(/tunnel +process 52180/);
    expect(stdout).not.toContain("user:");
  });

  it("finds the connections of a recording", async () => {
    const path = join(temporaryFolder("recording"), "r.ndjson");
    const socket = {
      pid: 9,
      protocol: "tcp",
      localAddress: "10.0.0.2",
      localPort: 1,
      remoteAddress: "198.51.100.7",
      remotePort: 9000,
      state: "ESTABLISHED",
      remoteName: "eu.herominers.com",
    };
    const gpus = [{ index: 0, uuid: "GPU-0", model: "m" }];
    const lines = [
      { kind: "recording", version: 1, node: "n", source: "s", intervalSeconds: 1, gpus },
      ...[1000, 1040, 1080].flatMap((t) => [
        { kind: "processes", t, gpu: 0, list: [{ pid: 9, startTime: 900, user: "eve" }] },
        { kind: "sockets", t, list: [socket] },
      ]),
    ];
    writeFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    const { stdout } = await assay("check", "--recording", path);
    expect(stdout).toMatch(/^user:eve\n {2}poolConnection +process 9 .*herominers\.com.*adds \+4/m);
    expect(stdout).toContain("scans of connections: 3");
  });

  it("wants one of a command line and a recording", async () => {
    for (const args of [["check"], ["check", "--recording", "x", "--", "y"]]) {
      const { code, stderr } = await assay(...args);
      expect(code).toBe(2);
      expect(stderr).toMatch(/^error cli\/usage/);
    }
  });
});

describe("assay indicators update", () => {
  it("shows the difference and keeps the file, which counts from then on", async () => {
    const state = temporaryFolder("state");
    const { code, stdout, stderr } = await assay("update", listFile(), "--state-dir", state);
    expect(code).toBe(0);
    expect(stdout).toBe(
      "indicators 2026-11-21 become 2026-11-21+site-1\nminerNames: 26 become 26\n  + ourminer\n  - pearld\n",
    );
    expect(stderr).toContain(join(state, "indicators", "site.json"));
    expect(readdirSync(join(state, "indicators"))).toEqual(["site.json"]);
    const check = ["check", "--state-dir", state, "--", "ourminer", "--nicehash"];
    expect((await assay(...check)).stdout).toContain("a miner:");
    const again = await assay("update", listFile(), "--state-dir", state);
    expect(again.stdout).toContain("nothing changes");
  });

  it("takes a directory, and writes to another on request", async () => {
    const from = temporaryFolder("lists");
    writeFileSync(join(from, "a.json"), JSON.stringify(LIST));
    writeFileSync(join(from, "b.yaml"), "version: site-2\n");
    writeFileSync(join(from, "README"), "not a list");
    const to = join(temporaryFolder("to"), "deep");
    expect((await assay("update", from, "--to", to)).code).toBe(0);
    expect(readdirSync(to).sort()).toEqual(["a.json", "b.yaml"]);
    expect(readFileSync(join(to, "a.json"), "utf8")).toBe(JSON.stringify(LIST));
  });

  it("shows only, on request", async () => {
    const state = temporaryFolder("state");
    const { code, stdout } = await assay("update", listFile(), "--dry-run", "--state-dir", state);
    expect(code).toBe(0);
    expect(stdout).toContain("+ ourminer");
    expect(existsSync(join(state, "indicators"))).toBe(false);
  });

  it("changes nothing where one of several files is bad, and says where", async () => {
    const from = temporaryFolder("lists");
    writeFileSync(join(from, "a.json"), JSON.stringify(LIST));
    writeFileSync(
      join(from, "b.json"),
      '{"version": "x",\n "groups": {"poolDomains": {"date": "2026-11-30", "source": "s", "values": ["com"]}}}',
    );
    const state = temporaryFolder("state");
    const { code, stdout, stderr } = await assay("update", from, "--state-dir", state);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(
      /^error indicators\/invalid: .*a domain with at least one dot.*\n {2}at .*b\.json:2:\d+\n {2}hint: ./,
    );
    expect(readdirSync(state)).toEqual([]);
  });

  it("leaves nothing behind where it cannot write", async () => {
    const blocked = join(temporaryFolder("state"), "file");
    writeFileSync(blocked, "");
    const { code, stderr } = await assay("update", listFile(), "--to", blocked);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error indicators\/cannot-write/);
    // A directory in place of the file: the rename fails after the file was written beside it.
    const to = temporaryFolder("to");
    mkdirSync(join(to, "site.json"));
    expect((await assay("update", listFile(), "--to", to)).code).toBe(2);
    expect(readdirSync(to)).toEqual(["site.json"]);
  });

  it("refuses what is not there, and a directory without lists", async () => {
    for (const path of ["/nonexistent/x.json", temporaryFolder("empty")])
      expect((await assay("update", path)).stderr).toMatch(/^error indicators\/not-found/);
  });
});
