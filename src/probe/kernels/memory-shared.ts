import { type ProbeDevice, runOnce } from "../device.ts";
import type { AdapterDescription, KernelJob } from "../protocol.ts";
import { inRows, withCanary, withoutCanary } from "./canary.ts";
import {
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
import { lacksWorkgroup, limitOf, storageBytes, workgroupVariants } from "./limits.ts";
import { scatter } from "./scatter.ts";
import type { Build } from "./variant.ts";

const NAME = "memory-shared";
const PARAMS = 0;
const RESULTS = 1;

/** As the shader: eight vectors read and one written in a turn; two halves of a vector each. */
const DISTANCES = [1, 2, 4, 8, 16, 32, 21, 42];
const VECTOR_BYTES = 16;
const VECTOR_WORDS = 4;
const BYTES_PER_TURN = (DISTANCES.length + 1) * VECTOR_BYTES;
const SHARED_BYTES_PER_INVOCATION = 2 * VECTOR_BYTES;
const OPERATIONS_PER_TURN = 54;

/** Powers of two; every distance is below the smallest. */
const WORKGROUP_SIZES = [256, 128, 64];

const SIZES: Record<Scale, { count: number; turns: number }> = {
  gpu: { count: 2 ** 22, turns: 128 },
  software: { count: 2 ** 13, turns: 16 },
  probe: { count: 2 ** 18, turns: 64 },
};
const CHECKED_GROUPS = 4;

export interface SharedRun {
  /** Invocations that write a result. */
  count: number;
  turns: number;
  seed: number;
}

export function sharedJob({ code, variant }: Build, run: SharedRun): KernelJob {
  const { WORKGROUP = Number.NaN } = variant;
  const block = Uint32Array.of(run.count, run.turns, run.seed, 0);
  return {
    label: NAME,
    code,
    entryPoint: "share",
    workgroups: gridOf(Math.ceil(run.count / WORKGROUP)),
    buffers: [
      uniformBlock(PARAMS, block),
      {
        binding: RESULTS,
        kind: "read-write",
        sizeBytes: VECTOR_BYTES * Math.max(1, run.count),
        fill: POISON,
      },
    ],
  };
}

/** One component of every invocation of a workgroup after all turns, by the CPU. */
export function sharedValues(
  { turns, seed }: Pick<SharedRun, "turns" | "seed">,
  workgroup: number,
  group: number,
  component: number,
): Uint32Array {
  const keys = Uint32Array.from({ length: workgroup }, (_, local) =>
    scatter((VECTOR_WORDS * (group * workgroup + local) + component + seed) | 0),
  );
  let values = keys;
  for (let turn = 0; turn < turns; turn++) {
    const before = values;
    values = Uint32Array.from(keys, (key, local) => {
      const at = local ^ (turn % workgroup);
      let sum = 0;
      for (const distance of DISTANCES) sum = (sum + (before[at ^ distance] ?? 0)) | 0;
      return ((sum << 7) | (sum >>> 25)) + key;
    });
  }
  return values;
}

/** Workgroup memory without bank conflicts: the ceiling of what feeds tiled matrix products. */
export const memorySharedKernel: Kernel = {
  name: NAME,
  family: "memory",
  unit: "B/s",
  purpose:
    "workgroup memory read and written without bank conflicts: the ceiling of tiled products",
  shader: "memory-shared.wgsl",
  cost: { "shared-byte": 1, "int32-op": OPERATIONS_PER_TURN / BYTES_PER_TURN },
  measures: "shared-byte",
  lacks: (adapter) =>
    lacksWorkgroup(adapter, WORKGROUP_SIZES) ?? lacksShared(adapter, Math.min(...WORKGROUP_SIZES)),
  variants: (adapter) => {
    const sizes = WORKGROUP_SIZES.filter((size) => lacksShared(adapter, size) === undefined);
    return workgroupVariants(adapter, sizes.length > 0 ? sizes : WORKGROUP_SIZES, [{}]);
  },
  verify,

  workload({ build, scale, adapter, random }) {
    const { WORKGROUP = 1 } = build.variant;
    const { count: wanted, turns } = SIZES[scale];
    const groups = Math.floor(Math.min(wanted, storageBytes(adapter) / VECTOR_BYTES) / WORKGROUP);
    const run = { count: groups * WORKGROUP, turns, seed: randomInt(random, 2 ** 32) };
    return {
      job: sharedJob(build, run),
      workPerDispatch: run.count * turns * BYTES_PER_TURN,
      check: async (read) => {
        const sizeBytes = VECTOR_BYTES * WORKGROUP;
        for (let i = 0; i < CHECKED_GROUPS; i++) {
          const group = i === 0 ? groups - 1 : randomInt(random, groups);
          const range = { offsetBytes: group * sizeBytes, sizeBytes };
          compareGroup(run, WORKGROUP, group, asWords(await read(RESULTS, range)));
        }
      },
    };
  },
};

async function verify(device: ProbeDevice, build: Build, random: Random): Promise<void> {
  const { WORKGROUP = 1 } = build.variant;
  const cases = [
    { count: 0, turns: 2 },
    { count: 1, turns: 0 },
    { count: WORKGROUP - 1, turns: 3 },
    { count: 3 * WORKGROUP + 1, turns: 2 },
    { count: 1 + randomInt(random, 4 * WORKGROUP), turns: 1 + randomInt(random, 9) },
  ];
  for (const size of cases) {
    const run = { ...size, seed: randomInt(random, 2 ** 32) };
    const job = withCanary(inRows(sharedJob(build, run), 2), [RESULTS]);
    const [bytes = new Uint8Array()] = await runOnce(device, job, [RESULTS]);
    const words = asWords(withoutCanary(NAME, bytes, VECTOR_BYTES * run.count));
    const perGroup = VECTOR_WORDS * WORKGROUP;
    for (let group = 0; group * WORKGROUP < run.count; group++)
      compareGroup(run, WORKGROUP, group, words.subarray(group * perGroup, (group + 1) * perGroup));
  }
}

/** `words` may end before the workgroup does, where the run does. */
function compareGroup(run: SharedRun, workgroup: number, group: number, words: Uint32Array): void {
  for (let component = 0; component < VECTOR_WORDS; component++) {
    const values = sharedValues(run, workgroup, group, component);
    for (let local = 0; VECTOR_WORDS * local < words.length; local++) {
      const word = words[VECTOR_WORDS * local + component];
      if (word !== values[local])
        throw wrongResult(
          NAME,
          `invocation ${local} of workgroup ${group} ended at ${word}, not ${values[local]}`,
        );
    }
  }
}

function lacksShared(adapter: AdapterDescription, workgroup: number): string | undefined {
  const needed = SHARED_BYTES_PER_INVOCATION * workgroup;
  const most = limitOf(adapter, "maxComputeWorkgroupStorageSize");
  return most < needed
    ? `a workgroup has at most ${most} bytes of memory, and ${needed} are needed`
    : undefined;
}
