import { type ProbeDevice, runOnce } from "../device.ts";
import type { BufferSpec, KernelJob } from "../protocol.ts";
import { inRows, withCanary, withoutCanary } from "./canary.ts";
import {
  asBytes,
  asWords,
  gridOf,
  type Kernel,
  POISON,
  type Random,
  randomInt,
  type Scale,
  uniformBlock,
  wrongResult,
} from "./kernel.ts";
import { lacksStorage, tableBytes } from "./limits.ts";
import type { Build } from "./variant.ts";

const NAME = "memory-chase";
const PARAMS = 0;
const TABLE = 1;
const CHASERS = 2;

/** As the shader. */
const STRIDE_WORDS = 64;
const STRIDE_BYTES = 4 * STRIDE_WORDS;
const LINK_WORKGROUP = 64;
const CHASER_BYTES = 8;

/** Of a full period: one more than a multiple of four. Far from 0 and 1, so slots scatter. */
const MULTIPLIER = 1_664_525;

/**
 * The table's size, and hops of a dispatch. A `probe` must be short and take little memory from
 * others: its 16 MiB fit the cache of a large device, and their latency is that of the cache.
 */
const SIZES: Record<Scale, { tableBytes: number; hops: number }> = {
  gpu: { tableBytes: 2 ** 30, hops: 4096 },
  software: { tableBytes: 2 ** 20, hops: 8192 },
  probe: { tableBytes: 2 ** 24, hops: 256 },
};
/** Below this a device's cache would be measured and not its memory. */
const LEAST_BYTES = 2 ** 27;

/** The order of the slots: slot -> slot * multiplier + increment modulo `slots`. */
export interface Ring {
  /** A power of two. */
  slots: number;
  /** One more than a multiple of four. */
  multiplier: number;
  /** Odd. */
  increment: number;
}

/** Each chaser begins at a slot of its own. */
export function chaseJob(
  { code }: Build,
  ring: Ring,
  starts: readonly number[],
  hops: number,
): KernelJob {
  const chasers = Uint32Array.from(starts.flatMap((slot) => [slot, 0]));
  return {
    label: NAME,
    code,
    entryPoint: "chase",
    workgroups: gridOf(starts.length),
    buffers: [
      params(ring, starts.length, hops),
      { binding: TABLE, kind: "read-write", sizeBytes: STRIDE_BYTES * ring.slots },
      {
        binding: CHASERS,
        kind: "read-write",
        sizeBytes: Math.max(CHASER_BYTES, chasers.byteLength),
        data: asBytes(chasers),
        fill: POISON,
      },
    ],
    setup: [
      {
        code,
        entryPoint: "link",
        workgroups: gridOf(Math.ceil(ring.slots / LINK_WORKGROUP)),
        bindings: [PARAMS, TABLE],
      },
    ],
  };
}

/** Where `hops` hops from `start` lead, by squaring the hop as often as their number has bits. */
export function slotAfter(ring: Ring, start: number, hops: number): number {
  let slot = start;
  let { multiplier, increment } = ring;
  for (let left = hops; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) slot = Math.imul(slot, multiplier) + increment;
    increment = (Math.imul(increment, multiplier) + increment) | 0;
    multiplier = Math.imul(multiplier, multiplier);
  }
  return (slot & (ring.slots - 1)) >>> 0;
}

/** One dependent load after the other; a hop takes one over the rate. */
export const memoryChaseKernel: Kernel = {
  name: NAME,
  family: "memory",
  unit: "hop/s",
  purpose: "a pointer chase through a large table: one over its rate is the latency of a load",
  shader: "memory-chase.wgsl",
  // Bound by latency: what a hop takes of any throughput is next to nothing.
  cost: {},
  lacks: (adapter) => lacksStorage(adapter, LEAST_BYTES),
  variants: () => [{}],
  verify,

  workload({ build, scale, adapter, random }) {
    const { hops, tableBytes: wanted } = SIZES[scale];
    const slots = tableBytes(adapter, wanted) / STRIDE_BYTES;
    const increment = 2 * randomInt(random, 2 ** 31) + 1;
    const ring = { slots, multiplier: MULTIPLIER, increment };
    const start = randomInt(random, slots);
    return {
      job: chaseJob(build, ring, [start], hops),
      workPerDispatch: hops,
      check: async (read) => {
        const [slot = Number.NaN, done = 0] = asWords(await read(CHASERS));
        if (done === 0) throw wrongResult(NAME, "the chaser has not moved");
        compare(ring, start, done, slot);
      },
    };
  },
};

async function verify(device: ProbeDevice, build: Build, random: Random): Promise<void> {
  const cases = [
    { slots: 1, chasers: 1, hops: 1 },
    { slots: 2, chasers: 0, hops: 1 },
    { slots: 4, chasers: 1, hops: 0 },
    { slots: 64, chasers: 3, hops: 64 },
    { slots: 1024, chasers: 5, hops: 1 + randomInt(random, 2000) },
  ];
  for (const { slots, chasers, hops } of cases) {
    const multiplier = 4 * randomInt(random, 2 ** 30) + 1;
    const ring = { slots, multiplier, increment: 2 * randomInt(random, 2 ** 31) + 1 };
    const starts = Array.from({ length: chasers }, () => randomInt(random, slots));
    await verifyRing(device, inRows(chaseJob(build, ring, starts, hops), 2), ring, starts, hops);
  }
}

async function verifyRing(
  device: ProbeDevice,
  job: KernelJob,
  ring: Ring,
  starts: readonly number[],
  hops: number,
): Promise<void> {
  const [table = new Uint8Array(), chasers = new Uint8Array()] = await runOnce(
    device,
    withCanary(job, [TABLE, CHASERS]),
    [TABLE, CHASERS],
  );
  const words = asWords(withoutCanary(NAME, table, STRIDE_BYTES * ring.slots));
  for (const [i, word] of words.entries()) {
    const slot = i / STRIDE_WORDS;
    const expected = Number.isInteger(slot) ? slotAfter(ring, slot, 1) : POISON * 0x0101_0101;
    if (word !== expected) throw wrongResult(NAME, `word ${i} of ${ring.slots} slots is ${word}`);
  }
  const ends = asWords(withoutCanary(NAME, chasers, CHASER_BYTES * starts.length));
  for (const [i, start] of starts.entries()) {
    const [slot = Number.NaN, done] = ends.subarray(2 * i);
    if (done !== hops) throw wrongResult(NAME, `chaser ${i} made ${done} hops, not ${hops}`);
    compare(ring, start, hops, slot);
  }
}

function compare(ring: Ring, start: number, hops: number, slot: number): void {
  const expected = slotAfter(ring, start, hops);
  if (slot !== expected)
    throw wrongResult(NAME, `${hops} hops from slot ${start} led to ${slot}, not ${expected}`);
}

function params({ slots, multiplier, increment }: Ring, count: number, hops: number): BufferSpec {
  const block = Uint32Array.of(count, hops, slots - 1, multiplier, increment, 0, 0, 0);
  return uniformBlock(PARAMS, block);
}
