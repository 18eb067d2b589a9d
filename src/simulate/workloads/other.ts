import { type Kernel, only, type Work } from "../kernel.ts";
import type { Program, Surroundings } from "../program.ts";
import { exponential } from "../random.ts";
import { GIB, type Plan } from "./plan.ts";

export const OTHER_PROGRAMS = [
  "solver",
  "stencil",
  "copy",
  "render",
  "sort",
  "simulation",
] as const;

export interface OtherSpec {
  program: (typeof OTHER_PROGRAMS)[number];
}

const LAUNCH = {
  seconds: 2e-3,
  grid: [4096, 1, 1],
  block: [256, 1, 1],
} as const satisfies Kernel["launch"];
const FILLED = { smShare: 0.97, launch: LAUNCH };

/** A unit is one unknown in double precision: read with its neighbours, and written. */
const SPMV: Kernel = {
  ...FILLED,
  name: "spmv_f64",
  work: { dram: 90, fp64: 54, int32: 12 },
  occupancy: 0.5,
  efficiency: 0.85,
};
const DENSE: Kernel = {
  ...FILLED,
  name: "lu_panel_f64",
  work: { dram: 4, fp64: 128, int32: 4 },
  occupancy: 0.25,
  efficiency: 0.85,
};
const STENCIL: Kernel = {
  ...FILLED,
  name: "stencil_27pt",
  work: { dram: 8, fp32: 54, int32: 6 },
  occupancy: 0.6,
  efficiency: 0.9,
};
const COPY: Kernel = {
  ...FILLED,
  name: "copy_linear",
  work: { dram: 2, int32: 0.1 },
  occupancy: 0.8,
  efficiency: 0.92,
};
const RAYS: Kernel = {
  ...FILLED,
  name: "trace_rays",
  work: { fp32: 900, int32: 220, dram: 12 },
  smShare: 0.9,
  occupancy: 0.35,
  efficiency: 0.6,
};
const DENOISE: Kernel = {
  ...FILLED,
  name: "denoise",
  work: { tensor16: 4000, dram: 40 },
  occupancy: 0.3,
  efficiency: 0.5,
};
const RADIX: Kernel = {
  ...FILLED,
  name: "radix_sort_onesweep",
  work: { dram: 8, int32: 24 },
  occupancy: 0.5,
  efficiency: 0.8,
};
const BODIES: Kernel = {
  ...FILLED,
  name: "forces_f32",
  work: { fp32: 20, int32: 3, dram: 1.4 },
  smShare: 0.8,
  occupancy: 0.4,
  efficiency: 0.7,
};

const MEMORY: Readonly<Record<OtherSpec["program"], number>> = {
  solver: 12 * GIB,
  stencil: 8 * GIB,
  copy: 4 * GIB,
  render: 6 * GIB,
  sort: 8 * GIB,
  simulation: 6 * GIB,
};

/** Work that is neither a model nor a search. */
export function otherPlan({ program }: OtherSpec): Plan {
  return {
    label: "other",
    variant: `other-${program}`,
    memoryBytes: MEMORY[program],
    start: () => (_rank, surroundings) => PROGRAMS[program](surroundings),
  };
}

const PROGRAMS: Readonly<Record<OtherSpec["program"], (surroundings: Surroundings) => Program>> = {
  solver,
  stencil: () => steps(only(STENCIL), 4e8, 0.001),
  copy: () => steps(only(COPY), 4e9, 0.0005),
  render,
  sort,
  simulation: () => steps(only(BODIES), 1e9, 0),
};

/** Iterations until the residual is small, then the next system is set up on the host. */
function* solver({ random }: Surroundings): Program {
  const iteration: Work = {
    parts: [
      { kernel: SPMV, units: 1 },
      { kernel: DENSE, units: 1 },
    ],
  };
  for (;;) {
    const iterations = 200 + Math.floor(200 * random());
    for (let i = 0; i < iterations; i += 1) yield { do: "run", work: iteration, units: 1e8 };
    yield { do: "wait", seconds: 0.2, rx: 2e9 };
  }
}

/** The same step again and again. */
function* steps(work: Work, units: number, pauseSeconds: number): Program {
  for (;;) {
    yield { do: "run", work, units };
    if (pauseSeconds > 0) yield { do: "wait", seconds: pauseSeconds };
  }
}

/** Frames: rays, a denoiser, and the scene of the next frame from the host. */
function* render({ random }: Surroundings): Program {
  const [rays, denoiser] = [only(RAYS), only(DENOISE)];
  for (;;) {
    yield { do: "run", work: rays, units: 3e10 * (0.6 + 0.8 * random()) };
    yield { do: "run", work: denoiser, units: 2e9 };
    yield { do: "wait", seconds: 0.1 + 0.2 * exponential(random), rx: 800e6 };
  }
}

/** Batches come over PCIe, are sorted in eight passes and go back. */
function* sort({ random }: Surroundings): Program {
  const pass = only(RADIX);
  for (;;) {
    yield { do: "wait", seconds: 0.08, rx: 10e9 };
    const keys = 2e8 * (0.8 + 0.4 * random());
    for (let digit = 0; digit < 8; digit += 1) yield { do: "run", work: pass, units: keys };
    yield { do: "wait", seconds: 0.08, tx: 10e9 };
  }
}
