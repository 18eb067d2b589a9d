import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { afterAll, describe, expect, test } from "vitest";
import { AssayError, type ErrorCode } from "../../src/model/errors.ts";
import type { GpuInfo } from "../../src/model/sample.ts";
import type { BindingFacts } from "../../src/probe/binding.ts";
import type { ProbeDevice } from "../../src/probe/device.ts";
import { openDeviceOn, openerOn, readBindingFacts } from "../../src/probe/device-on.ts";
import { type DeviceOptions, openDevice } from "../../src/probe/device-process.ts";
import { namespaceAbility } from "../../src/probe/private-devices.ts";
import { createProbeSupervisor } from "../../src/probe/supervisor.ts";
import { builtUrl } from "../support/built.ts";
import { endsWithin, isRunning } from "../support/running.ts";
import { softwareAdapter, whyNoWebGpu } from "../support/software-adapter.ts";
import { WatchedMemory } from "../support/watched-memory.ts";

const gpu = (index: number): GpuInfo => ({
  index,
  uuid: `GPU-${index}`,
  model: "NVIDIA T4",
  pciBusId: `0000:0${index}:00.0`,
});
const GPUS = [gpu(0), gpu(1)];
const A_GPU = gpu(1);
const T4 = { vendorId: 0x10de, deviceId: 0x1eb8 };
const nodes = [0, 1].map((i) => ({ pciAddress: `0000:0${i}:00.0`, nodes: [`nvidia${i}`], ...T4 }));
const BOUND: BindingFacts = { nodes, ability: { mode: "root" } };
const UNBOUND: BindingFacts = { nodes, ability: { reason: "not permitted here" } };

/** A node whose driver opens what it can see, and else GPU 0; `broken` ways end as they say. */
function fakeNode(broken: (way: "namespace" | "environment" | "plain") => ErrorCode | undefined) {
  const memory = [new WatchedMemory(), new WatchedMemory()];
  const ways: string[] = [];
  const state = { closed: 0 };
  const open = async (bound: Pick<DeviceOptions, "environment" | "wrapper">) => {
    const isPlain = Object.keys(bound.environment ?? {}).length === 0;
    const way = bound.wrapper?.length ? "namespace" : isPlain ? "plain" : "environment";
    ways.push(way);
    const code = broken(way);
    if (code) throw new AssayError(code, `${way} does not work`);
    const index = bound.wrapper?.includes("nvidia1") ? 1 : 0;
    const device = {
      adapter: { vendor: "nvidia", description: "T4", device: "", software: false, limits: {} },
      pid: 7,
      prepare: async () => ways.length * 100 + handles++,
      launch: async () => ({ wallSeconds: 0 }),
      release: async () => undefined,
      close: async () => void state.closed++,
    };
    return memory[index]?.watch(device) as unknown as ProbeDevice;
  };
  let handles = 0;
  const telemetry = {
    gpus: GPUS,
    read: async (uuid: string) => ({ memUsedBytes: memory[Number(uuid.at(-1))]?.usedBytes }),
  };
  const match = { limitSeconds: 0 };
  return { options: { open, telemetry, match }, ways, state };
}
const works = (): undefined => undefined;

describe("a device on a GPU", () => {
  test("is confirmed, and how it was bound is told", async () => {
    const { options, ways, state } = fakeNode(works);
    const { match, binding } = await openDeviceOn(A_GPU, { ...options, facts: BOUND });
    expect(match).toEqual({ gpuUuid: "GPU-1", deviceMatch: "memory-seen" });
    expect(binding.kind).toBe("namespace");
    expect(ways).toEqual(["namespace"]);
    expect(state.closed).toBe(0);
  });

  test("is refused where the process opened another GPU, which is closed again", async () => {
    const { options, state } = fakeNode(works);
    await expect(openDeviceOn(A_GPU, { ...options, facts: UNBOUND })).rejects.toMatchObject({
      code: "probe/no-match",
      message:
        "GPU 1 (NVIDIA T4) cannot be reached: the device process opened GPU 0 (NVIDIA T4) (not permitted here)",
      hint: expect.stringContaining("mount namespaces"),
    });
    expect(state.closed).toBe(1);
    const { match } = await openDeviceOn(gpu(0), { ...options, facts: UNBOUND });
    expect(match.gpuUuid).toBe("GPU-0");
  });

  test("is tried without what a driver does not stand, but not believed without looking", async () => {
    const { options, ways } = fakeNode((way) =>
      way === "plain" ? undefined : "probe/unavailable",
    );
    await expect(openDeviceOn(A_GPU, { ...options, facts: BOUND })).rejects.toMatchObject({
      code: "probe/no-match",
    });
    expect(ways).toEqual(["namespace", "environment", "plain"]);
  });

  test("is not tried in other ways after what they cannot mend", async () => {
    const { options, ways } = fakeNode(() => "probe/software");
    await expect(openDeviceOn(A_GPU, { ...options, facts: BOUND })).rejects.toMatchObject({
      code: "probe/software",
    });
    expect(ways).toEqual(["namespace"]);
  });

  test("is unavailable where it is so in every way", async () => {
    const { options } = fakeNode(() => "probe/unavailable");
    await expect(openDeviceOn(A_GPU, { ...options, facts: BOUND })).rejects.toMatchObject({
      code: "probe/unavailable",
      message: "plain does not work",
    });
  });

  test("is no match for a GPU that no collector knows", async () => {
    const { options } = fakeNode(works);
    const open = openerOn({ ...options, facts: BOUND });
    const asked = open({
      gpuUuid: "GPU-9",
      started: () => undefined,
      signal: new AbortController().signal,
    });
    await expect(asked).rejects.toMatchObject({ code: "probe/no-match" });
  });
});

const why = await whyNoWebGpu();
const isRoot = process.getuid?.() === 0;
const ability = await namespaceAbility(isRoot);

describe.skipIf(why !== undefined)(
  `the software adapter taken for a GPU${why === undefined ? "" : ` (skipped: ${why})`}`,
  () => {
    const bystander = spawn("sleep", ["120"]);
    afterAll(() => void bystander.kill());

    /** Memory in use of a GPU is here what a process has in memory; the second GPU is the child's. */
    async function taken(facts: BindingFacts) {
      const { environment } = await softwareAdapter();
      const pids: number[] = [];
      const open = async (bound: Pick<DeviceOptions, "environment" | "wrapper" | "started">) => {
        const device = await openDevice({
          ...bound,
          allowSoftware: true,
          childUrl: builtUrl("probe/child.js"),
          // The loader's filters would leave nothing: the adapter is no NVIDIA device.
          environment,
        });
        const adapter = {
          ...device.adapter,
          software: false,
          vendor: "",
          description: "",
          device: "",
        };
        return new Proxy(device, {
          get: (target, name) => {
            if (name === "adapter") return adapter;
            const value: unknown = Reflect.get(target, name, target);
            return typeof value === "function" ? value.bind(target) : value;
          },
        });
      };
      /** Large mappings alone: the interpreter's own memory comes and goes as it likes. */
      const residentBytes = async (pid: number): Promise<number> => {
        const maps = await readFile(`/proc/${pid}/smaps`, "utf8").catch(() => "");
        const sizes = [...maps.matchAll(/^Size:\s+(\d+) kB[^]*?^Rss:\s+(\d+) kB/gm)];
        const large = sizes.filter(([, sizeKb]) => Number(sizeKb) >= 32 * 1024);
        return large.reduce((sum, [, , residentKb]) => sum + Number(residentKb) * 1024, 0);
      };
      const telemetry = {
        gpus: GPUS,
        read: async (uuid: string) => ({
          memUsedBytes: await residentBytes(
            uuid === "GPU-1" ? (pids.at(-1) ?? 0) : (bystander.pid ?? 0),
          ),
        }),
        pids: async (uuid: string) => (uuid === "GPU-1" ? pids : []),
      };
      const match = { largestBytes: 96 * 1024 ** 2, limitSeconds: 5 };
      return { open, telemetry, facts, match, pids, started: (pid: number) => void pids.push(pid) };
    }

    test("is known by memory that is really there and really given back, and by its pid", async () => {
      const options = await taken(ability.mode ? { nodes, ability } : UNBOUND);
      const { device, match } = await openDeviceOn(A_GPU, options);
      expect(match).toEqual({ gpuUuid: "GPU-1", deviceMatch: "pid-and-memory" });
      expect(options.pids).toEqual([device.pid]);
      await device.close();
      expect(await isRunning(device.pid)).toBe(false);
    });

    test("is not what was asked for under another name, and no process is left", async () => {
      const options = await taken(UNBOUND);
      await expect(openDeviceOn(gpu(0), options)).rejects.toMatchObject({
        code: "probe/no-match",
        message: expect.stringContaining("opened GPU 1"),
      });
      for (const pid of options.pids) expect(await isRunning(pid)).toBe(false);
    });

    test("ends at once when the supervisor closes in the middle of confirming it", async () => {
      const { started: _, match, ...options } = await taken(UNBOUND);
      const never = { ...options.telemetry, read: async () => ({ memUsedBytes: 1 }) };
      const facts = await readBindingFacts(isRoot);
      const supervisor = createProbeSupervisor({
        open: openerOn({
          ...options,
          facts,
          telemetry: never,
          match: { ...match, limitSeconds: 60 },
        }),
        monotonicMs: () => performance.now(),
        random: Math.random,
      });
      const asked = supervisor.acquire("GPU-1");
      for (let i = 0; i < 100 && supervisor.pids().size === 0; i++)
        await new Promise((resolve) => setTimeout(resolve, 20));
      await new Promise((resolve) => setTimeout(resolve, 700));
      const [pid = 0] = supervisor.pids();
      expect(await isRunning(pid)).toBe(true);
      const startMs = performance.now();
      await supervisor.close();
      expect(performance.now() - startMs).toBeLessThan(3000);
      expect(await asked).toBeUndefined();
      expect(await endsWithin(pid, 1000)).toBe(true);
    });
  },
);
