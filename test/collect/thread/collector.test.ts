import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { Collector } from "../../../src/collect/contract.ts";
import {
  createNvmlCollector,
  type NvmlCollectorSettings,
} from "../../../src/collect/nvml/collector.ts";
import { stuckThreads } from "../../../src/collect/thread/collector.ts";
import { AssayError } from "../../../src/model/errors.ts";
import type { Notice } from "../../../src/collect/thread/protocol.ts";
import { builtUrl } from "../../support/built.ts";
import {
  compileNvmlStub,
  haveCompiler,
  type NvmlScript,
  scriptNvmlStub,
} from "../../support/nvml-stub.ts";

const AT = 1_800_000_000_000;
const compiler = haveCompiler();
const suffix = compiler ? "" : " (skipped: no C compiler `cc`)";
const workerUrl = builtUrl("collect/thread/worker.js");

const opened: { collector: Collector; library: string }[] = [];
afterEach(async () => {
  for (const { collector, library } of opened.splice(0)) {
    await collector.close();
    rmSync(dirname(library), { recursive: true, force: true });
  }
});

const rig = async (script: NvmlScript = {}, settings: Partial<NvmlCollectorSettings> = {}) => {
  const library = compileNvmlStub({ script });
  const notices: Notice[] = [];
  const collector = createNvmlCollector(
    { node: "n1", intervalMs: 1000, library, procRoot: "/proc", workerUrl, ...settings },
    { monotonicMs: () => performance.now(), onNotice: (notice) => notices.push(notice) },
  );
  opened.push({ collector, library });
  expect(await collector.open()).toMatchObject({ status: "ready" });
  return { collector, library, notices };
};

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("a source on a thread of its own", () => {
  const missing = { node: "n1", intervalMs: 1000, procRoot: "/proc", workerUrl };
  const deps = { monotonicMs: () => 0 };

  it("is absent where its library is, again and again, and holds no thread meanwhile", async () => {
    const collector = createNvmlCollector({ ...missing, library: "libnone.so.1" }, deps);
    for (let attempt = 0; attempt < 3; attempt += 1)
      expect(await collector.open()).toMatchObject({ status: "absent" });
    await expect(collector.collect(AT)).rejects.toThrow(/not open/);
  });

  it("fails as the source fails: with code, place and hint", async () => {
    const collector = createNvmlCollector({ ...missing, library: "libc.so.6" }, deps);
    const failure = await collector.open().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(AssayError);
    expect(failure).toMatchObject({ code: "nvml/library", place: "libc.so.6" });
    await collector.close();
  });

  it("can be closed without open, and twice", async () => {
    const collector = createNvmlCollector(missing, deps);
    await collector.close();
    await expect(collector.close()).resolves.toBeUndefined();
  });

  it("says so where its thread cannot be started", async () => {
    const nowhere = builtUrl("collect/thread/no-such-worker.js");
    const collector = createNvmlCollector({ ...missing, workerUrl: nowhere }, deps);
    await expect(collector.open()).rejects.toMatchObject({ code: "collect/thread" });
  });
});

describe.skipIf(!compiler)(`reading devices on a thread${suffix}`, () => {
  it("gives what the devices say, with the names of the processes", async () => {
    const { collector } = await rig(
      { util: 40, compute: `${process.pid}:100` },
      { pids: "trusted" },
    );
    const seen = await collector.collect(AT);
    expect(seen.map(({ kind }) => kind)).toEqual(expect.arrayContaining(["node", "gpu"]));
    expect(seen.find(({ kind }) => kind === "gpu")).toMatchObject({ atMs: AT, gpuUtil: 0.4 });
    expect(seen.find(({ kind }) => kind === "processes")).toMatchObject({
      list: [{ pid: process.pid, memUsedBytes: 100, exe: process.execPath }],
    });
  });

  it("breaks as the driver breaks, and reads again once it was closed and opened", async () => {
    const { collector, library } = await rig();
    scriptNvmlStub(library, { "error.nvmlDeviceGetUtilizationRates": 1 });
    await expect(collector.collect(AT)).rejects.toMatchObject({ code: "nvml/library" });
    await collector.close();
    scriptNvmlStub(library, { util: 7 });
    await collector.open();
    expect(await collector.collect(AT + 1000)).toContainEqual(
      expect.objectContaining({ kind: "gpu", gpuUtil: 0.07 }),
    );
  });

  it("leaves the event loop free while a call takes long", async () => {
    const { collector } = await rig({ "delayMs.nvmlDeviceGetUtilizationRates": 300 });
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 5);
    await collector.collect(AT);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(5);
  });

  it("does not hold up closing when a call does not return, and counts the thread left behind", async () => {
    const { collector, library } = await rig({}, { closeTimeoutMs: 20 });
    scriptNvmlStub(library, { "delayMs.nvmlDeviceGetUtilizationRates": 700 });
    let ended = false;
    const reading = collector.collect(AT).then(() => (ended = true));
    await wait(100);
    await collector.close();
    expect(ended).toBe(false);
    expect(stuckThreads()).toBe(1);
    await reading;
    await expect.poll(stuckThreads).toBe(0);
  });

  it.each([
    ["auto", { pids: "auto" as const }, 1],
    ["trusted", { pids: "trusted" as const }, 0],
  ])(
    "says once that pids mean nothing here, where /proc is not the host's and pids are %s",
    async (_name, settings, expected) => {
      const procRoot = dirname(compileNvmlStub());
      const { collector, notices } = await rig({ compute: "77:1" }, { procRoot, ...settings });
      for (let tick = 0; tick < 3; tick += 1) await collector.collect(AT + tick * 1000);
      expect(notices).toHaveLength(expected);
      if (expected) expect(notices[0]?.hint).toMatch(/hostPID/);
      rmSync(procRoot, { recursive: true });
    },
  );
});

describe.skipIf(!compiler)(`a driver that never returns${suffix}`, () => {
  /** What the program says and how it ends when it is asked to after so many seconds. */
  const ended = (symbol: string, command: string, seconds: number): string => {
    const library = compileNvmlStub({ script: { [`delayMs.${symbol}`]: 60_000 } });
    const config = `${library}.yaml`;
    const text = `collect: {pids: trusted, nvml: {library: ${library}}}\nserve: {listen: "127.0.0.1:0"}\n`;
    writeFileSync(config, text);
    const program = `"$0" "$1" ${command} --config "$2" --state-dir "$2.state" 2> /dev/null`;
    const script = `${program} & sleep ${seconds}; kill -TERM $!; wait $!; echo "ended with $?"`;
    const args = ["-c", script, process.execPath, builtUrl("main.js").pathname, config];
    return execFileSync("sh", args, { encoding: "utf8", timeout: 28_000 });
  };

  it.each([
    ["while a device is read", "nvmlDeviceGetUtilizationRates"],
    ["while it is opened", "nvmlInit_v2"],
  ])("does not keep the daemon from ending when it is asked to, %s", (_when, symbol) => {
    expect(ended(symbol, "run", 4)).toMatch(/ended with 0/);
  });

  it("does not keep the doctor from ending by itself", () => {
    // It ends before anybody asks: what the shell waits for has then ended with 0.
    const said = ended("nvmlInit_v2", "doctor", 16);
    expect(said).toMatch(
      /FAILING {2}GPU telemetry \(NVIDIA\): (does not answer within|a call into it has not returned for) 5 s/,
    );
    expect(said).toMatch(/ended with 0/);
  });
});
