import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  createLaunchCollector,
  type LaunchCollector,
  type LaunchCollectorSettings,
} from "../../../src/collect/launches/collector.ts";
import { findHolders } from "../../../src/collect/launches/holders.ts";
import type { Observation } from "../../../src/model/observation.ts";
import { BPFTRACE, standIn, startProgram } from "../../support/launch-stand-in.ts";
import { pause } from "../../support/running.ts";
import { temporaryFolder } from "../../support/temporary.ts";

const BASE: LaunchCollectorSettings = {
  mode: "interval",
  windowMs: 200,
  intervalMs: 60_000,
  labelWindowMs: 1000,
  procRoot: "/proc",
  pids: "trusted",
  searchPath: process.env["PATH"] ?? "",
};

function collector(
  settings: Partial<LaunchCollectorSettings>,
  holders: () => readonly number[],
): { collector: LaunchCollector; now: { ms: number } } {
  const now = { ms: 0 };
  const made = createLaunchCollector(
    { ...BASE, ...settings },
    { nowMs: Date.now, monotonicMs: () => now.ms, holders: async () => holders() },
  );
  onTestFinished(async () => made.close());
  return { collector: made, now };
}

/** Ticks until something was seen; undefined where nothing is within that time. */
async function seenBy(
  of: LaunchCollector,
  ms = 15_000,
  atMs = 1000,
): Promise<readonly Observation[] | undefined> {
  for (let waited = 0; waited < ms; waited += 100) {
    const seen = await of.collect(atMs);
    if (seen.length > 0) return seen;
    await pause(100);
  }
  return undefined;
}

/** A program that does with the arguments of bpftrace what the script says. */
function fakeBpftrace(script: string): string {
  const path = join(temporaryFolder("bpftrace"), "bpftrace");
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

describe("a machine where launches cannot be traced", () => {
  it("is told once, with what to do", async () => {
    const path = join(temporaryFolder("none"), "bpftrace");
    const opened = await collector({ path }, () => []).collector.open();
    expect(opened).toMatchObject({ status: "absent", reason: `${path} cannot be run` });
    expect(opened).toHaveProperty("hint", expect.stringContaining("bpftrace package"));
  });

  it.skipIf(process.getuid?.() !== 0)("is one whose bpftrace fails at a trial", async () => {
    const path = fakeBpftrace("echo 'ERROR: kernel too old' >&2; exit 1");
    expect(await collector({ path }, () => []).collector.open()).toMatchObject({
      status: "absent",
      reason: "bpftrace does not work here: ERROR: kernel too old",
    });
  });

  it.skipIf(process.getuid?.() !== 0)("is one whose processes have other numbers", async () => {
    const path = fakeBpftrace("exit 0");
    const settings = { path, pids: "auto" as const, procRoot: temporaryFolder("proc") };
    const opened = await collector(settings, () => []).collector.open();
    expect(opened).toMatchObject({ status: "absent", reason: expect.stringContaining("numbered") });
  });
});

describe("holders of a GPU", () => {
  it("are those with its device file open: nobody in a tree without one", async () => {
    expect(await findHolders(temporaryFolder("proc"), () => 0)).toEqual([]);
    expect(await findHolders("/no/such/folder", () => 0)).toEqual([]);
    const clock = { ms: 0 };
    // A slow tree: it gives way to others between any two processes.
    const found = await findHolders("/proc", () => (clock.ms += 10));
    expect(found).not.toContain(process.pid);
  });
});

describe.skipIf(BPFTRACE === undefined)("the collector of launches", () => {
  const program = async () => startProgram("plain", { libraries: { DRIVER: standIn().driver } });

  it("traces beside the ticks, and again when its time has come", async () => {
    const { pid } = await program();
    const { collector: made, now } = collector({}, () => [pid]);
    expect(await made.open()).toMatchObject({
      status: "ready",
      detail: expect.stringMatching(/^bpftrace/),
    });
    // The first tick begins a window, and does not wait for it.
    expect(await made.collect(1000)).toEqual([]);
    expect(await seenBy(made)).toMatchObject([{ kind: "launches", pid }]);
    now.ms = 59_999;
    expect(await seenBy(made, 3000)).toBeUndefined();
    now.ms = 60_000;
    expect(await seenBy(made)).toMatchObject([{ kind: "launches", pid }]);
  });

  it("looks on doubt only where that is asked for", async () => {
    const { pid } = await program();
    const { collector: made } = collector({ mode: "on-doubt" }, () => [pid]);
    await made.open();
    expect(await seenBy(made, 3000)).toBeUndefined();
    made.doubted();
    expect(await seenBy(made)).toMatchObject([{ kind: "launches", pid }]);
    expect(await seenBy(made, 500)).toBeUndefined();
  });

  it("kills the window that runs when it is closed, and can be opened again", async () => {
    const { pid } = await program();
    const { collector: made, now } = collector({ windowMs: 30_000 }, () => [pid]);
    await made.open();
    await made.collect(1000);
    await pause(500);
    const before = performance.now();
    await made.close();
    await made.close();
    expect(performance.now() - before).toBeLessThan(5000);
    now.ms = 120_000;
    expect(await made.open()).toMatchObject({ status: "ready" });
    expect(await made.collect(2000)).toEqual([]);
  });

  it("breaks where bpftrace does, and says with what", async () => {
    const { pid } = await program();
    const works = 'case "$1" in -f) echo "ERROR: out of luck" >&2; exit 1;; esac; exit 0';
    const { collector: made } = collector({ path: fakeBpftrace(works) }, () => [pid]);
    await made.open();
    await expect(seenBy(made)).rejects.toThrow("bpftrace: ERROR: out of luck");
    expect(await made.collect(1000)).toEqual([]);
  });

  it("begins early in a window that is labelled, so that the trace is of use to it", async () => {
    const { pid } = await program();
    const { collector: made } = collector({ labelWindowMs: 10_000 }, () => [pid]);
    await made.open();
    const late = 16_801;
    expect(await seenBy(made, 3000, late)).toBeUndefined();
    expect(await made.collect(16_800)).toEqual([]);
    expect(await seenBy(made, 15_000, late)).toMatchObject([{ pid }]);
  });

  it("lets more processes than fit into one window take turns", async () => {
    const { pid } = await program();
    const asked: number[] = Array.from({ length: 16 }, (_, i) => i - 16);
    const { collector: made, now } = collector({}, () => [...asked, pid]);
    await made.open();
    // The first turn is of sixteen that are gone.
    await made.collect(1000);
    expect(await seenBy(made, 1000)).toBeUndefined();
    now.ms = 60_000;
    expect(await seenBy(made)).toMatchObject([{ pid }]);
  });
});
