import { describe, expect, test } from "vitest";
import { AssayError } from "../../src/model/errors.ts";
import type { GpuInfo, GpuReadings } from "../../src/model/sample.ts";
import { type DeviceMatch, matchDevice } from "../../src/probe/device-match.ts";
import type { AdapterDescription, KernelJob } from "../../src/probe/protocol.ts";
import { WatchedMemory } from "../support/watched-memory.ts";
import { adapterDescription } from "../support/adapter.ts";

const MIB = 1024 ** 2;
const adapter = (over: Partial<AdapterDescription> = {}) =>
  adapterDescription({
    vendor: "nvidia",
    architecture: "ampere",
    device: "NVIDIA A100-SXM4-40GB",
    description: "NVIDIA: 570.10",
    ...over,
  });

const A100 = "NVIDIA A100-SXM4-40GB";
const gpu = (index: number, over: Partial<GpuInfo> = {}): GpuInfo => ({
  index,
  uuid: `GPU-${index}`,
  model: A100,
  ...over,
});
const TWINS = [gpu(0), gpu(1)];
const PID = 4711;

interface World {
  gpus?: readonly GpuInfo[];
  description?: AdapterDescription;
  /** Where the device really is; its memory shows there. */
  on?: readonly number[];
  /** What else each GPU uses at a time, in bytes; undefined where memory is not measured. */
  otherBytes?: (index: number, seconds: number) => number | undefined;
  /** How old what is read is. */
  lagSeconds?: number;
  intervalMs?: number;
  pids?: (uuid: string, seconds: number) => readonly number[] | undefined;
  refusesAbove?: number;
}

/** A node with a clock of its own, on which memory shows when it was filled. */
function node(world: World) {
  let seconds = 100;
  const memory = new WatchedMemory();
  const history: { atSeconds: number; usedBytes: number }[] = [];
  const taken: number[] = [];
  let handles = 0;
  const device = memory.watch({
    adapter: world.description ?? adapter(),
    pid: PID,
    prepare: async (job: KernelJob) => {
      const [{ sizeBytes } = { sizeBytes: 0 }] = job.buffers;
      if (sizeBytes > (world.refusesAbove ?? Number.POSITIVE_INFINITY))
        throw new AssayError("probe/refused", "allocate: out of memory");
      taken.push(sizeBytes);
      return handles++;
    },
    launch: async () => ({ wallSeconds: 0.001 }),
    release: async () => undefined,
  });
  const usedBytes = (): number => {
    history.push({ atSeconds: seconds, usedBytes: memory.usedBytes });
    const shown = history.filter(({ atSeconds }) => atSeconds <= seconds - (world.lagSeconds ?? 0));
    return shown.at(-1)?.usedBytes ?? 0;
  };
  const read = async (uuid: string): Promise<GpuReadings> => {
    const index = (world.gpus ?? TWINS).findIndex((each) => each.uuid === uuid);
    const other = (world.otherBytes ?? (() => 500 * MIB))(index, seconds);
    if (other === undefined) return {};
    const own = (world.on ?? [1]).includes(index) ? usedBytes() : 0;
    return { memUsedBytes: other + own };
  };
  const { pids, intervalMs } = world;
  const telemetry = {
    gpus: world.gpus ?? TWINS,
    intervalMs,
    read,
    ...(pids && { pids: async (uuid: string) => pids(uuid, seconds) }),
  };
  const clock = {
    monotonicSeconds: () => seconds,
    sleep: async (wait: number) => {
      history.push({ atSeconds: seconds, usedBytes: memory.usedBytes });
      seconds += wait;
    },
  };
  const match = (): Promise<DeviceMatch> => matchDevice(device, telemetry, clock);
  return { match, memory, taken, elapsed: () => seconds - 100 };
}

const match = (world: World): Promise<DeviceMatch> => node(world).match();

const onSecond = (uuid: string): number[] => (uuid === "GPU-1" ? [1, PID] : [2]);

describe("a GPU is confirmed", () => {
  test("by memory that comes and goes there, and the process on it", async () => {
    expect(await match({ pids: onSecond })).toEqual({
      gpuUuid: "GPU-1",
      deviceMatch: "pid-and-memory",
    });
  });

  test("by memory alone where no processes can be seen", async () => {
    const seen = { gpuUuid: "GPU-1", deviceMatch: "memory-seen" };
    expect(await match({})).toEqual(seen);
    expect(await match({ pids: () => undefined })).toEqual(seen);
  });

  test("by two sizes that differ, both of them given back", async () => {
    const { match: run, memory, taken } = node({});
    await run();
    const large = taken.filter((sizeBytes) => sizeBytes > MIB);
    expect(large.map((sizeBytes) => sizeBytes / MIB)).toEqual([192, 320]);
    expect(memory.usedBytes).toBe(0);
  });

  test("at once where each reading is new", async () => {
    const { match: run, elapsed } = node({ pids: onSecond });
    await run();
    expect(elapsed()).toBe(0);
  });

  test("where readings are half a minute old", async () => {
    expect(await match({ lagSeconds: 30, intervalMs: 30_000 })).toMatchObject({
      gpuUuid: "GPU-1",
    });
  });

  test("where the driver's own memory shows only after the first reading", async () => {
    const otherBytes = (_: number, seconds: number): number => (seconds < 112 ? 100 : 500) * MIB;
    const late = { lagSeconds: 30, intervalMs: 30_000, otherBytes };
    expect(await match(late)).toMatchObject({ gpuUuid: "GPU-1" });
  });

  test("at the first try while another GPU shows as much for a moment", async () => {
    let reads = 0;
    const otherBytes = (index: number): number => (index === 0 && ++reads === 3 ? 692 : 500) * MIB;
    const there = node({ otherBytes });
    expect(await there.match()).toMatchObject({ gpuUuid: "GPU-1" });
    expect(there.taken.filter((sizeBytes) => sizeBytes > MIB)).toHaveLength(2);
  });

  test("where the process shows later than its memory", async () => {
    const late = (uuid: string, seconds: number) => (seconds > 105 ? onSecond(uuid) : []);
    expect(await match({ pids: late })).toMatchObject({ deviceMatch: "pid-and-memory" });
  });

  test("where the process shows on the other GPU too, without memory there", async () => {
    expect(await match({ pids: () => [PID] })).toEqual({
      gpuUuid: "GPU-1",
      deviceMatch: "pid-and-memory",
    });
  });

  test("while a neighbour on the other GPU takes as much, but does not give it back", async () => {
    let calls = 0;
    const otherBytes = (index: number): number => (index === 0 && ++calls > 2 ? 692 : 500) * MIB;
    expect(await match({ otherBytes })).toMatchObject({ gpuUuid: "GPU-1" });
  });

  test("as a part of a divided card, whose whole shows the same memory", async () => {
    const part = gpu(1, { uuid: "MIG-1", parentUuid: "GPU-0", migProfile: "1g.5gb" });
    expect(await match({ gpus: [gpu(0), part], on: [0, 1] })).toMatchObject({ gpuUuid: "MIG-1" });
  });

  test("with less memory where little is free, but never with too little to be told", async () => {
    const full = (usedMib: number) =>
      node({
        gpus: [gpu(0, { memoryTotalBytes: 1000 * MIB }), gpu(1)],
        otherBytes: () => usedMib * MIB,
      });
    const some = full(600);
    await some.match();
    expect(Math.max(...some.taken)).toBe(100 * MIB);
    const none = full(990);
    await none.match();
    expect(Math.max(...none.taken)).toBe(40 * MIB);
  });

  test("with no larger buffer than the adapter takes", async () => {
    const limits = { maxStorageBufferBindingSize: 128 * MIB, maxBufferSize: 256 * MIB };
    const small = node({ description: adapter({ limits }) });
    await small.match();
    expect(Math.max(...small.taken)).toBe(128 * MIB);
  });
});

describe("a software adapter", () => {
  test("is no GPU of the node, even where there is only one, and nothing is taken", async () => {
    const software = node({ gpus: [gpu(0)], description: adapter({ software: true }) });
    expect(await software.match()).toEqual({ gpuUuid: "software", deviceMatch: "software" });
    expect(software.taken).toEqual([]);
  });
});

describe("a GPU is not confirmed", () => {
  test.each<[string, World, RegExp]>([
    ["where no collector knows one", { gpus: [] }, /no collector knows/],
    [
      "where the adapter is of another vendor, though there is one GPU only",
      {
        gpus: [gpu(0)],
        on: [0],
        description: adapter({ vendor: "intel", device: "UHD", description: "Mesa" }),
      },
      /no collector knows a GPU that UHD \(intel\) could be/,
    ],
    [
      "by being the only one of its name: memory must show",
      { gpus: [gpu(0)], on: [] },
      /192 MiB of memory, taken on purpose .* showed on no GPU: GPU 0 \(NVIDIA A100.*\) \+0 MiB/,
    ],
    [
      "by its process alone",
      { on: [], pids: onSecond },
      /showed on no GPU: GPU 0 .* \+0 MiB, GPU 1/,
    ],
    ["where memory is not measured", { otherBytes: () => undefined }, /no collector measures/],
    [
      "where memory is not measured on the GPU that it is",
      { otherBytes: (index) => (index === 1 ? undefined : 500 * MIB) },
      /showed on no GPU: GPU 0 .* \+0 MiB, GPU 1 .* not measured/,
    ],
    [
      "where memory shows on two, which are not parts of one",
      { on: [0, 1] },
      /showed on several GPUs, GPU 0 .* and GPU 1/,
    ],
    [
      "where the process is on another than its memory",
      { on: [0], pids: onSecond },
      /disagree: .* process 4711 took appeared on GPU 0 .*, the process on GPU 1/,
    ],
    [
      "where processes can be seen and it is on none",
      { pids: () => [2] },
      /appeared on GPU 1 .*, the process on no GPU/,
    ],
    [
      "where the device has no room",
      { refusesAbove: 64 * MIB },
      /refused the memory that it would be recognised by: allocate: out of memory/,
    ],
    [
      "where memory showed on a GPU of another vendor",
      { gpus: [gpu(0), gpu(1, { uuid: "drm-1", model: "AMD Instinct MI300X" })] },
      /took memory of GPU 1 \(AMD Instinct MI300X\), which is of another vendor/,
    ],
  ])("%s", async (_, world, message) => {
    const there = node(world);
    const failed = there.match();
    await expect(failed).rejects.toMatchObject({
      code: "probe/no-match",
      message: expect.stringMatching(message),
      hint: expect.stringContaining("nothing was measured"),
    });
    expect(there.memory.usedBytes).toBe(0);
    expect(there.elapsed()).toBeLessThanOrEqual(60);
  });

  test("by memory that does not go away again", async () => {
    let peakBytes = 0;
    const memory = new WatchedMemory();
    const device = memory.watch({
      adapter: adapter(),
      pid: PID,
      prepare: async () => 0,
      launch: async () => ({ wallSeconds: 0 }),
      release: async () => undefined,
    });
    let seconds = 0;
    const failed = matchDevice(
      device,
      {
        gpus: [gpu(0)],
        read: async () => {
          peakBytes = Math.max(peakBytes, memory.usedBytes);
          return { memUsedBytes: peakBytes };
        },
      },
      { monotonicSeconds: () => seconds, sleep: async (wait) => void (seconds += wait) },
    );
    await expect(failed).rejects.toMatchObject({ code: "probe/no-match" });
  });

  test("by a name that is made to look like another on a terminal", async () => {
    const hostile = gpu(0, { model: "NVIDIA \u001b[2J" });
    await expect(match({ gpus: [hostile], on: [] })).rejects.toMatchObject({
      message: expect.stringContaining("GPU 0 (NVIDIA \\u{1b}[2J)"),
    });
  });

  test("and what breaks is told as what it is", async () => {
    const crash = new AssayError("probe/crashed", "the device process ended with SIGSEGV");
    const device = {
      adapter: adapter(),
      pid: PID,
      prepare: () => Promise.reject(crash),
      launch: () => Promise.reject(crash),
      release: () => Promise.reject(crash),
    };
    await expect(matchDevice(device, { gpus: TWINS, read: async () => ({}) })).rejects.toBe(crash);
  });
});
