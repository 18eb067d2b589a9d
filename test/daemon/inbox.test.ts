import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { Claims } from "../../src/daemon/inbox-claims.ts";
import {
  inboxPath,
  leaveCalibrations,
  leaveClaim,
  MAX_FILE_BYTES,
} from "../../src/daemon/inbox-files.ts";
import { Inbox, type InboxSettings } from "../../src/daemon/inbox.ts";
import type { Calibration } from "../../src/model/calibration.ts";
import { AssayError } from "../../src/model/errors.ts";
import { opened, tempDir } from "../ledger/fixtures/make.ts";

const calibration = (over: Partial<Calibration> = {}): Calibration => ({
  gpuUuid: "GPU-1",
  adapter: "T4 (nvidia)",
  deviceMatch: "pid-and-memory",
  kernel: "sha256d",
  atMs: 1000,
  durationSeconds: 5,
  ratePerSecond: 1e9,
  unit: "hash/s",
  software: false,
  telemetry: { powerWatts: 60 },
  baseline: { powerWatts: 10 },
  ...over,
});

const LINGER_MS = 40_000;

const rig = async (over: Partial<InboxSettings> = {}) => {
  const stateDir = over.stateDir ?? tempDir();
  const said: string[] = [];
  const clock = { ms: 0 };
  const ledger = over.ledger ?? (await opened({ stateDir }));
  const note = (fields: object, text?: string): void =>
    void said.push(`${text ?? ""} ${JSON.stringify(fields)}`);
  const inbox = new Inbox({
    stateDir,
    ledger,
    log: { info: note, warn: note },
    nowMs: () => Date.now(),
    monotonicMs: () => clock.ms,
    lingerMs: LINGER_MS,
    ...over,
  });
  await inbox.open();
  const left = (): string[] => readdirSync(inboxPath(stateDir)).filter((name) => name !== "bad");
  const aside = (): string[] => {
    const bad = join(inboxPath(stateDir), "bad");
    return existsSync(bad) ? readdirSync(bad).filter((name) => !name.endsWith(".reason")) : [];
  };
  const put = (name: string, text: string): void =>
    writeFileSync(join(inboxPath(stateDir), name), text, { mode: 0o600 });
  return { stateDir, inbox, ledger, said, clock, left, aside, put };
};

describe("calibrations in the inbox", () => {
  test("go to the ledger, are deleted, and set the scales from then on", async () => {
    const { stateDir, inbox, ledger, left, aside } = await rig();
    expect(inbox.calibrations()).toEqual([]);
    const path = leaveCalibrations(stateDir, [calibration(), calibration({ kernel: "blake3" })]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(inboxPath(stateDir)).mode & 0o777).toBe(0o700);
    await inbox.poll();
    expect(await ledger.calibrations()).toHaveLength(2);
    expect(inbox.calibrations().map(({ kernel }) => kernel)).toEqual(["blake3", "sha256d"]);
    expect([left(), aside()]).toEqual([[], []]);
  });

  test("that were there before the daemon, and what the ledger had, are known after the start", async () => {
    const stateDir = tempDir();
    leaveCalibrations(stateDir, [calibration()]);
    const ledger = await opened({ stateDir });
    await ledger.append({ calibrations: [calibration({ kernel: "blake3" })] });
    const { inbox } = await rig({ stateDir, ledger });
    expect(inbox.calibrations().map(({ kernel }) => kernel)).toEqual(["blake3"]);
    await inbox.poll();
    expect(inbox.calibrations()).toHaveLength(2);
  });

  test("left twice, as after a crash between keeping and deleting, are kept once", async () => {
    const { stateDir, inbox } = await rig();
    for (let i = 0; i < 2; i++) leaveCalibrations(stateDir, [calibration()]);
    await inbox.poll();
    const reader = await opened({ stateDir, mode: "read" });
    expect(await reader.calibrationHistory({})).toHaveLength(1);
  });

  test("stay while the disk fails, are said once, tried again later and later, and then kept", async () => {
    const stateDir = tempDir();
    const real = await opened({ stateDir });
    let tries = 0;
    let isFull = true;
    const ledger = {
      calibrations: () => real.calibrations(),
      append: async (batch: Parameters<typeof real.append>[0]) => {
        tries++;
        if (isFull) throw new AssayError("ledger/full", "no space left");
        await real.append(batch);
      },
    };
    const { inbox, said, clock, left } = await rig({ stateDir, ledger });
    leaveCalibrations(stateDir, [calibration()]);
    for (const atMs of [0, 999, 1000, 2999, 3000]) {
      clock.ms = atMs;
      await inbox.poll();
    }
    expect(tries).toBe(3);
    expect(left()).toHaveLength(1);
    expect(said.filter((text) => text.includes("no space left"))).toHaveLength(1);
    isFull = false;
    clock.ms = 7000;
    await inbox.poll();
    expect(left()).toEqual([]);
    expect(inbox.calibrations()).toHaveLength(1);
  });
});

describe("what does not belong into the inbox", () => {
  const sound = JSON.stringify({ kind: "calibrations", calibrations: [calibration()] });

  test.each([
    ["torn", "calibrations-1.json", sound.slice(0, 100)],
    ["empty", "calibrations-1.json", ""],
    ["of the wrong type", "calibrations-1.json", sound.replace("1000000000", '"many"')],
    ["of an unknown kind", "calibrations-1.json", '{"kind":"order","calibrations":[]}'],
    ["with more than it should have", "calibrations-1.json", sound.replace("{", '{"x":1,')],
    [
      "a claim under another name",
      "calibrations-1.json",
      '{"kind":"claim","pid":1,"startTicks":1,"gpuUuid":""}',
    ],
    ["calibrations under another name", "claim-1.json", sound],
    [
      "with a pid that is none",
      "claim-1.json",
      '{"kind":"claim","pid":-1,"startTicks":1,"gpuUuid":""}',
    ],
    ["too long", "calibrations-1.json", sound + " ".repeat(MAX_FILE_BYTES)],
    [
      "with a calibration that cannot be",
      "calibrations-1.json",
      JSON.stringify({ kind: "calibrations", calibrations: [calibration({ ratePerSecond: -5 })] }),
    ],
    ["of another name", "notes\u{1b}[31m.txt", "hello"],
  ])("%s, is put aside, said once, and what is sound is taken", async (_, name, text) => {
    const { stateDir, inbox, said, put, left, aside } = await rig();
    put(name, text);
    leaveCalibrations(stateDir, [calibration()]);
    await inbox.poll();
    await inbox.poll();
    expect(aside()).toEqual([name]);
    expect(left()).toEqual([]);
    expect(said.filter((line) => line.includes("was not taken"))).toHaveLength(1);
    expect(said.join()).not.toContain("\u{1b}");
    expect(inbox.calibrations()).toHaveLength(1);
    expect(inbox.agentPids().size).toBe(0);
  });

  test("a link to elsewhere, a pipe and a folder are not opened", async () => {
    const { stateDir, inbox, left, aside } = await rig();
    const folder = inboxPath(stateDir);
    const secret = join(stateDir, "secret.json");
    writeFileSync(secret, sound);
    symlinkSync(secret, join(folder, "calibrations-link.json"));
    execFileSync("mkfifo", [join(folder, "calibrations-pipe.json")]);
    mkdirSync(join(folder, "claim-folder.json"));
    await inbox.poll();
    expect(aside().sort()).toEqual([
      "calibrations-link.json",
      "calibrations-pipe.json",
      "claim-folder.json",
    ]);
    expect(left()).toEqual([]);
    expect(existsSync(secret)).toBe(true);
    expect(inbox.calibrations()).toEqual([]);
  });

  test("does not fill the disk: no more than 32 are kept, none stays", async () => {
    const { inbox, put, left, aside } = await rig();
    for (let i = 0; i < 50; i++) put(`calibrations-${i}.json`, "{");
    await inbox.poll();
    expect(aside()).toHaveLength(32);
    expect(left()).toEqual([]);
  });

  test("does not hold up the daemon: so many files a turn, the rest at the next", async () => {
    const { stateDir, inbox, left } = await rig();
    for (let i = 0; i < 70; i++) leaveCalibrations(stateDir, [calibration({ atMs: i })]);
    await inbox.poll();
    expect(left()).toHaveLength(6);
    await inbox.poll();
    expect(left()).toEqual([]);
  });

  test("an unfinished file is left alone, and removed at the start when it is old", async () => {
    const { stateDir, inbox, put, left } = await rig();
    const name = ".unfinished-calibrations-1.json";
    put(name, sound.slice(0, 10));
    await inbox.poll();
    await inbox.open();
    expect(left()).toEqual([name]);
    const path = join(inboxPath(stateDir), name);
    utimesSync(path, 1, 1);
    await inbox.open();
    expect(left()).toEqual([]);
  });

  test("a folder that others may write to is not read, said once, and read again when mended", async () => {
    const { stateDir, inbox, said } = await rig();
    leaveCalibrations(stateDir, [calibration()]);
    chmodSync(inboxPath(stateDir), 0o770);
    await inbox.poll();
    await inbox.poll();
    expect(inbox.calibrations()).toEqual([]);
    expect(said.filter((text) => text.includes("not read"))).toHaveLength(1);
    chmodSync(inboxPath(stateDir), 0o700);
    await inbox.poll();
    expect(inbox.calibrations()).toHaveLength(1);
  });

  test("a folder that is gone is no error that ends anything", async () => {
    const { stateDir, inbox, said } = await rig();
    renameSync(inboxPath(stateDir), join(stateDir, "elsewhere"));
    await inbox.poll();
    expect(said).toHaveLength(1);
    leaveCalibrations(stateDir, [calibration()]);
    await inbox.poll();
    expect(inbox.calibrations()).toHaveLength(1);
  });

  test("a file cut short after it was written is put aside", async () => {
    const { stateDir, inbox, aside } = await rig();
    truncateSync(leaveCalibrations(stateDir, [calibration()]), 20);
    await inbox.poll();
    expect(aside()).toHaveLength(1);
  });
});

describe("a claim on a process", () => {
  const sleeper = (): number => {
    const child = spawn("sleep", ["60"]);
    onTestFinished(() => void child.kill("SIGKILL"));
    return child.pid ?? -1;
  };

  test("that lives makes it the agent's own until it is taken back, and a while longer", async () => {
    const { stateDir, inbox, clock, left, said } = await rig();
    const pid = sleeper();
    const withdraw = leaveClaim(stateDir, pid, "GPU-1");
    await inbox.poll();
    await inbox.poll();
    expect([...inbox.agentPids()]).toEqual([pid]);
    expect(left()).toHaveLength(1);
    expect(said.filter((text) => text.includes("agent's own"))).toHaveLength(1);
    expect(inbox.isCalibrating()).toBe(true);
    withdraw?.();
    expect(left()).toEqual([]);
    for (const [atMs, known] of [
      [1000, [pid]],
      [1000 + LINGER_MS, [pid]],
      [1001 + LINGER_MS, []],
    ] as const) {
      clock.ms = atMs;
      await inbox.poll();
      expect([...inbox.agentPids()]).toEqual(known);
      expect(inbox.isCalibrating()).toBe(false);
    }
  });

  test("is gone with the process, however that ended", async () => {
    const { stateDir, inbox, left } = await rig();
    const child = spawn("sleep", ["60"]);
    leaveClaim(stateDir, child.pid ?? -1, "GPU-1");
    await inbox.poll();
    expect(left()).toHaveLength(1);
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.kill("SIGKILL");
    await ended;
    await inbox.poll();
    expect(left()).toEqual([]);
    expect(inbox.isCalibrating()).toBe(false);
    // Its last windows are still to be labelled.
    expect([...inbox.agentPids()]).toEqual([child.pid]);
  });

  test("that began at another time than it says is nobody's", async () => {
    const { inbox, put, left } = await rig();
    const claim = { kind: "claim", pid: process.pid, startTicks: 12, gpuUuid: "GPU-1" };
    put("claim-1.json", JSON.stringify(claim));
    await inbox.poll();
    expect(inbox.agentPids().size).toBe(0);
    expect(left()).toEqual([]);
  });

  test("on a process that is gone already is not made", () => {
    const stateDir = tempDir();
    expect(leaveClaim(stateDir, 2 ** 22 + 1, "GPU-1")).toBeUndefined();
    expect(existsSync(inboxPath(stateDir))).toBe(false);
  });

  test("does not follow its pid to another process", () => {
    let begun: number | undefined = 5;
    const claims = new Claims({ startTicks: () => begun, monotonicMs: () => 0, lingerMs: 1000 });
    const claim = { kind: "claim", pid: 7, startTicks: 5, gpuUuid: "GPU-1" } as const;
    expect(claims.note([{ path: "a", claim }])).toEqual([]);
    expect([...claims.pids()]).toEqual([7]);
    begun = 6;
    expect(claims.note([{ path: "a", claim }])).toEqual(["a"]);
    expect(claims.pids().size).toBe(0);
  });
});
