import { runOnce } from "../../src/probe/device.ts";
import { asWords, type Kernel, POISON, wrongResult } from "../../src/probe/kernels/kernel.ts";
import type { KernelJob } from "../../src/probe/protocol.ts";

/** A shader that any driver compiles in no time: what calibration does with kernels needs no more. */
export const DOUBLING = `
const WORKGROUP = 64u;
@group(0) @binding(0) var<storage, read_write> doubled: array<u32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < arrayLength(&doubled)) { doubled[id.x] = 2u * id.x; }
}
`;

const WORDS = 1000;

function job(code: string): KernelJob {
  return {
    label: "doubling",
    code,
    entryPoint: "main",
    workgroups: [Math.ceil(WORDS / 64), 1, 1],
    buffers: [{ binding: 0, kind: "read-write", sizeBytes: 4 * WORDS, fill: POISON }],
  };
}

function check(name: string, bytes: Uint8Array | undefined): void {
  const wrong = asWords(bytes ?? new Uint8Array(4)).findIndex((word, i) => word !== 2 * i);
  if (wrong >= 0) throw wrongResult(name, `word ${wrong} is not ${2 * wrong}`);
}

export function doublingKernel(over: Partial<Kernel> = {}): Kernel {
  const name = over.name ?? "doubling";
  return {
    name,
    family: "alu",
    unit: "op/s",
    purpose: "tests",
    shader: `${name}.wgsl`,
    cost: { "int32-op": 1 },
    measures: "int32-op",
    lacks: () => undefined,
    variants: () => [{ WORKGROUP: 64 }],
    verify: async (device, { code }) => check(name, (await runOnce(device, job(code), [0]))[0]),
    workload: ({ build: { code } }) => ({
      job: job(code),
      workPerDispatch: WORDS,
      check: async (read) => check(name, await read(0)),
    }),
    ...over,
  };
}
