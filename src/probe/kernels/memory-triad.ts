import { floatBits, type StreamDesign, streamKernel } from "./memory-stream.ts";
import { scatter } from "./scatter.ts";

/** One multiply-add to three numbers of four bytes. */
const FLOP_PER_BYTE = 2 / 12;

export const triadDesign: StreamDesign = {
  name: "memory-triad",
  purpose: "a = b + factor * c over long vectors: the ceiling of device memory in sequence",
  shader: "memory-triad.wgsl",
  entryPoint: "triad",
  inputs: [2, 3],
  output: 1,
  cost: { "memory-byte": 1, "f32-flop": FLOP_PER_BYTE },
  measures: "memory-byte",
  expected: ({ seed, factor }, word) => {
    const bits = scatter((word + seed) | 0);
    return floatBits((bits & 0xfffff) + factor * (bits >>> 12));
  },
};

/** Two thirds of the bytes are read and one third written. */
export const memoryTriadKernel = streamKernel(triadDesign);
