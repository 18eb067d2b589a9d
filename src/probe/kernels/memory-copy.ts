import { type StreamDesign, streamKernel } from "./memory-stream.ts";
import { scatter } from "./scatter.ts";

export const copyDesign: StreamDesign = {
  name: "memory-copy",
  purpose: "one buffer copied to another: device memory read and written in sequence",
  shader: "memory-copy.wgsl",
  entryPoint: "copy",
  inputs: [1],
  output: 2,
  cost: { "memory-byte": 1 },
  expected: ({ seed }, word) => scatter((word + seed) | 0),
};

/** Half the bytes are read and half written. */
export const memoryCopyKernel = streamKernel(copyDesign);
