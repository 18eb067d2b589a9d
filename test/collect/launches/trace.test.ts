import { mkdirSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { KernelNames } from "../../../src/collect/launches/names.ts";
import { type Traced, traceLaunches } from "../../../src/collect/launches/trace.ts";
import type { KernelLaunches, LaunchSample } from "../../../src/model/sample.ts";
import {
  BPFTRACE,
  canUnshare,
  compileBypassingRuntime,
  copyOfDriver,
  standIn,
  startProgram,
} from "../../support/launch-stand-in.ts";
import { pause } from "../../support/running.ts";
import { temporaryFolder } from "../../support/temporary.ts";

/* Real processes, real probes: skipped where there is no compiler, no bpftrace or no right to trace. */

interface Options {
  windowMs?: number;
  names?: KernelNames;
  signal?: AbortSignal;
  folder?: string;
}

async function traced(pids: readonly number[], options: Options = {}): Promise<Traced> {
  const { windowMs = 400, names = new KernelNames("/proc"), signal, folder } = options;
  const path = BPFTRACE ?? "";
  const base = { procRoot: "/proc", path, windowMs, names, nowMs: Date.now };
  return traceLaunches(pids, { ...base, signal, folder });
}

const countOf = (sample: LaunchSample | undefined): number =>
  (sample?.list ?? []).reduce((sum, { count = 0 }) => sum + count, 0);

/** Probes of one library are switched on and off within the same few microseconds, not the same one. */
const EDGE = 3;

const by = (sample: LaunchSample | undefined, entry: string): KernelLaunches | undefined =>
  sample?.list.find((each) => each.entry === entry);

describe.skipIf(BPFTRACE === undefined)("launches of a process", () => {
  it("are counted by entry point, with grid and block", async () => {
    const { pid } = await startProgram("driver", { libraries: { DRIVER: standIn().driver } });
    const before = Date.now();
    const { samples, libraries } = await traced([pid]);
    const [sample] = samples;
    expect([samples.length, libraries]).toEqual([1, 1]);
    const [plain, ex, graph] = ["cuLaunchKernel", "cuLaunchKernelEx", "cuGraphLaunch"].map((name) =>
      by(sample, name),
    );
    expect(plain).toMatchObject({ grid: [10, 20, 30], block: [40, 50, 60] });
    expect(ex).toMatchObject({ grid: [9, 8, 7], block: [6, 5, 4] });
    expect(graph).not.toHaveProperty("grid");
    const rounds = ex?.count ?? 0;
    expect(rounds).toBeGreaterThan(20);
    expect(Math.abs((plain?.count ?? 0) - 2 * rounds)).toBeLessThanOrEqual(EDGE);
    expect(Math.abs((graph?.count ?? 0) - rounds)).toBeLessThanOrEqual(EDGE);
    expect(sample?.windowSeconds).toBeGreaterThanOrEqual(0.4);
    // The window ended before bpftrace did, and after it was begun.
    expect(sample?.atMs).toBeGreaterThan(before + 400);
    expect(sample?.atMs).toBeLessThanOrEqual(Date.now());
    const rhythm = sample?.rhythm;
    expect(rhythm?.bucketSeconds).toBe(0.01);
    expect(rhythm?.counts.length).toBeGreaterThanOrEqual(40);
    expect(rhythm?.counts.reduce((sum, count) => sum + count, 0)).toBe(countOf(sample));
  });

  it("through the runtime are counted once, as the driver's, by the name of their function", async () => {
    const { driver, runtime } = standIn();
    const { pid } = await startProgram("runtime", {
      libraries: { DRIVER: driver, RUNTIME: runtime },
    });
    const { samples, libraries } = await traced([pid]);
    expect(libraries).toBe(2);
    expect(samples[0]?.list).toEqual([
      {
        name: "_Z9vectorAddPKfS0_Pfi",
        entry: "cuLaunchKernel",
        count: countOf(samples[0]),
        grid: [11, 12, 13],
        block: [14, 15, 16],
      },
    ]);
    expect(samples[0]?.rhythm?.counts.reduce((sum, count) => sum + count, 0)).toBe(
      countOf(samples[0]),
    );
  });

  it("of a runtime that goes past what the driver exports are counted there", async () => {
    const libraries = { DRIVER: standIn().driver, RUNTIME: compileBypassingRuntime() };
    const { pid } = await startProgram("runtime", { libraries });
    const { samples } = await traced([pid]);
    expect(countOf(samples[0])).toBeGreaterThan(20);
    expect(samples[0]?.list).toMatchObject([
      { entry: "cudaLaunchKernel", grid: [11, 12, 13], block: [14, 15, 16] },
    ]);
  });

  it("through OpenCL have groups where their size is given, else work-items", async () => {
    const { pid } = await startProgram("opencl", { libraries: { OPENCL: standIn().opencl } });
    const { samples } = await traced([pid]);
    const shapes = samples[0]?.list.map(({ grid, block }) => ({ grid, block }));
    expect(shapes).toHaveLength(2);
    expect(shapes).toContainEqual({ grid: [4, 5, 1], block: [256, 2, 1] });
    expect(shapes).toContainEqual({ grid: [1000, 1, 1], block: undefined });
  });

  it("of two processes are told apart, and those of a third are not seen", async () => {
    const libraries = { DRIVER: standIn().driver };
    const [fast, slow] = [
      await startProgram("plain", { libraries, pauseUs: 1000 }),
      await startProgram("plain", { libraries, pauseUs: 20_000 }),
    ];
    await startProgram("plain", { libraries });
    const { samples } = await traced([fast.pid, slow.pid], { windowMs: 800 });
    expect(samples.map(({ pid }) => pid)).toEqual([fast.pid, slow.pid]);
    const [many, few] = samples.map(countOf);
    expect(few).toBeGreaterThan(3);
    expect(many).toBeGreaterThan(3 * (few ?? 0));
  });

  it("have the names that were told in the window, and in one before", async () => {
    const names = new KernelNames("/proc");
    const libraries = { DRIVER: standIn().driver };
    const { pid } = await startProgram("named", { libraries, name: "search_loop" });
    const unknown = await startProgram("driver", { libraries });
    const { samples } = await traced([pid, unknown.pid], { names });
    const [named, nameless] = samples;
    expect(named?.list.map(({ name }) => name)).toEqual(["search_loop"]);
    expect(nameless?.list.every(({ name }) => name === undefined)).toBe(true);
    expect(names.nameOf(pid, String(0x1000 + "s".charCodeAt(0)))).toBe("search_loop");
    expect(names.nameOf(unknown.pid, String(0x1000 + "s".charCodeAt(0)))).toBeUndefined();
  });

  it("may have names that are hostile: they are data, and bounded", async () => {
    const name = `a"}; exit(); system("x") /*\n\u001b[31m\u00ff${"n".repeat(1000)}`;
    const { pid } = await startProgram("named", { libraries: { DRIVER: standIn().driver }, name });
    const { samples } = await traced([pid]);
    const told = samples[0]?.list[0]?.name ?? "";
    expect(told.startsWith('a"}; exit(); system("x") /*\n\u001b[31m')).toBe(true);
    expect(told.length).toBeLessThan(220);
  });

  it.each([
    ["quotes and braces", `a"b'c{}$(x)\`y\``],
    ["line feeds", 'x\nBEGIN { system("true"); }\n//'],
    ["colons and spaces", "uprobe:a b:c /1/ {}"],
    ["what looks deleted", "gone (deleted)"],
  ])("are seen in a library whose folder holds %s", async (_, folder) => {
    const driver = copyOfDriver(join(temporaryFolder("hostile"), folder, "libcuda.so.1"));
    const { pid } = await startProgram("plain", { libraries: { DRIVER: driver } });
    const { samples } = await traced([pid]);
    expect(countOf(samples[0])).toBeGreaterThan(20);
  });

  it("are seen in a library that was deleted, and in one that was replaced", async () => {
    const deleted = copyOfDriver(join(temporaryFolder("deleted"), "libcuda.so.1"));
    const gone = await startProgram("plain", { libraries: { DRIVER: deleted, HIDE: "1" } });
    const replaced = copyOfDriver(join(temporaryFolder("replaced"), "libcuda.so.1"));
    const stays = await startProgram("plain", { libraries: { DRIVER: replaced } });
    renameSync(copyOfDriver(`${replaced}.new`), replaced);
    const { samples, libraries } = await traced([gone.pid, stays.pid]);
    expect(libraries).toBe(2);
    expect(samples.map(countOf).every((count) => count > 20)).toBe(true);
  });

  it.skipIf(!canUnshare)("are seen in a mount namespace whose files the host has not", async () => {
    const [mount, copy] = [temporaryFolder("mount"), temporaryFolder("copy")];
    const source = copyOfDriver(join(copy, "libcuda.so.1"));
    const script = `mount -t tmpfs none ${mount} && cp ${source} ${mount}/ && exec "$0" "$@"`;
    const within = ["unshare", "-m", "--propagation", "private", "sh", "-c", script];
    const libraries = { DRIVER: join(mount, "libcuda.so.1") };
    const { pid } = await startProgram("plain", { libraries, within });
    expect(readdirSync(mount)).toEqual([]);
    const { samples } = await traced([pid]);
    expect(countOf(samples[0])).toBeGreaterThan(20);
  });

  it("are counted up to the end of a process that exits in the window", async () => {
    const libraries = { DRIVER: standIn().driver };
    const short = await startProgram("plain", { libraries });
    const long = await startProgram("plain", { libraries });
    const tracing = traced([short.pid, long.pid], { windowMs: 5000 });
    await pause(3500);
    short.child.kill("SIGKILL");
    const { samples } = await tracing;
    expect(samples).toHaveLength(2);
    expect(countOf(samples[0])).toBeGreaterThan(0);
    expect(countOf(samples[0])).toBeLessThan(countOf(samples[1]));
    // Most of its window was silent.
    expect(samples[0]?.rhythm?.counts.at(-1)).toBe(0);
  });

  it("are all counted, one by one, however fast they come", async () => {
    const libraries = { DRIVER: standIn().driver, WAIT: "1" };
    const rounds = 5000;
    const { pid, child } = await startProgram("plain", { libraries, rounds, pauseUs: 0 });
    const tracing = traced([pid], { windowMs: 9000 });
    // It has stopped itself, and goes on when the probes are there.
    await pause(5000);
    child.kill("SIGCONT");
    const { samples } = await tracing;
    expect(samples[0]?.list).toMatchObject([{ entry: "cuLaunchKernel", count: rounds }]);
    expect(samples[0]?.rhythm?.counts.reduce((sum, count) => sum + count, 0)).toBe(rounds);
  });

  it("without any pause fill no table: one kernel is one row", async () => {
    const libraries = { DRIVER: standIn().driver };
    const { pid } = await startProgram("plain", { libraries, pauseUs: 0 });
    const { samples } = await traced([pid], { windowMs: 1000 });
    expect(samples[0]?.list).toHaveLength(1);
    expect(countOf(samples[0])).toBeGreaterThan(0);
  });

  it("are none of a process without such a library, and none of one that is gone", async () => {
    const { samples, pids } = await traced([process.pid, 2 ** 22 + 1]);
    expect([samples, [...pids]]).toEqual([[], []]);
  });

  it("leave nothing behind, also where they are stopped in the middle", async () => {
    const folder = temporaryFolder("window");
    mkdirSync(folder, { recursive: true });
    const { pid } = await startProgram("plain", { libraries: { DRIVER: standIn().driver } });
    const stop = new AbortController();
    const tracing = traced([pid], { windowMs: 20_000, signal: stop.signal, folder });
    await pause(700);
    expect(readdirSync(folder)).toHaveLength(1);
    stop.abort();
    const { samples } = await tracing;
    expect(samples).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
  });
});
