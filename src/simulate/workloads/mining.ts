import { type Kernel, only, type Work } from "../kernel.ts";
import type { Program, Surroundings } from "../program.ts";
import { GIB, type Plan } from "./plan.ts";

export const ALGORITHMS = ["compute", "memory-hard", "random-math", "matmul"] as const;

export interface MiningSpec {
  algorithm: (typeof ALGORITHMS)[number];
  /** Bytes of the table that is read at random. */
  table: number;
  /** Seconds until random math gets another program. */
  change: number;
}

/** One launch searches this long, and the next follows at once. */
const SEARCH_SECONDS = 0.25;
/** A table is made by hashing: so many lanes' operations for each of its bytes. */
const TABLE_OPS_PER_BYTE = 40;
const COMPILE_SECONDS = 0.4;
const OWN_BYTES = 0.35 * GIB;

/*
 * A unit is one hash. Counts are of the order that published algorithms have: SHA-256d some
 * thousands of integer operations and no memory; Ethash 64 reads of 128 bytes; ProgPoW the same
 * reads with arithmetic on top; a matrix proof of work one small product of integers.
 */
const COMPUTE: Kernel = {
  name: "search",
  work: { int32: 6400, dram: 0.5 },
  smShare: 1,
  occupancy: 0.5,
  efficiency: 0.96,
  launch: { seconds: SEARCH_SECONDS, grid: [65536, 1, 1], block: [256, 1, 1] },
};
const MEMORY_HARD: Kernel = {
  name: "search",
  work: { dram: 8192, int32: 9000 },
  smShare: 1,
  occupancy: 0.45,
  efficiency: 0.9,
  launch: { seconds: SEARCH_SECONDS, grid: [8192, 1, 1], block: [128, 1, 1] },
};
const MATMUL: Kernel = {
  name: "gemm_int8",
  work: { tensor8: 2 * 256 ** 3, dram: 2 * 256 * 256, int32: 256 * 256 },
  smShare: 0.99,
  occupancy: 0.18,
  efficiency: 0.8,
  launch: { seconds: 2e-3, grid: [1024, 1, 1], block: [256, 1, 1] },
};

/** A search for proof of work: nothing comes in, nothing goes out, and no one is waited for. */
export function miningPlan(spec: MiningSpec): Plan {
  const { algorithm, table } = spec;
  const hasTable = algorithm === "memory-hard" || algorithm === "random-math";
  return {
    label: "mining-like",
    variant: `mining-${algorithm}`,
    memoryBytes: OWN_BYTES + (hasTable ? table : 0),
    start: () => (_rank, surroundings) => programOf(spec, surroundings),
  };
}

function programOf(spec: MiningSpec, surroundings: Surroundings): Program {
  switch (spec.algorithm) {
    case "compute":
      return forever(COMPUTE);
    case "matmul":
      return forever(MATMUL);
    case "memory-hard":
      return withTable(spec.table, forever(MEMORY_HARD));
    case "random-math":
      return withTable(spec.table, randomMath(spec, surroundings));
  }
}

function* forever(kernel: Kernel): Program {
  const work = only(kernel);
  for (;;) yield { do: "run", work, units: 1e9 };
}

function* withTable(bytes: number, search: Program): Program {
  const build = only({
    ...COMPUTE,
    name: "generate_table",
    work: { int32: TABLE_OPS_PER_BYTE, dram: 2 },
  });
  yield { do: "run", work: build, units: bytes };
  yield* search;
}

/** Every period another program: the same reads, other arithmetic, and a pause to compile it. */
function* randomMath({ change }: MiningSpec, { random, now }: Surroundings): Program {
  for (let period = 1; ; period += 1) {
    const kernel: Kernel = {
      ...MEMORY_HARD,
      name: `progpow_search_${period}`,
      work: {
        dram: 8192,
        int32: 22_000 * (0.85 + 0.3 * random()),
        fp32: 30_000 * (0.85 + 0.3 * random()),
      },
      efficiency: 0.86,
    };
    yield* until(only(kernel), (Math.floor(now() / change) + 1) * change, now);
    yield { do: "wait", seconds: COMPILE_SECONDS };
  }
}

/** Short launches until a moment has come. */
function* until(work: Work, second: number, now: () => number): Program {
  while (now() < second) yield { do: "run", work, units: 5e5 };
}
