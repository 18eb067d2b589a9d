import type { AdapterDescription, KernelJob } from "../protocol.ts";
import type { Kernel } from "./kernel.ts";
import {
  FLOAT_TILES,
  type FloatDesign,
  floatInputs,
  floatJob,
  floatTile,
  floatWorkload,
  verifyFloat,
} from "./matmul-float.ts";
import { fitting, type Tile, variantFor } from "./matmul-tiles.ts";
import { F32, type FloatProduct, type Sides } from "./product.ts";
import type { Build, Variant } from "./variant.ts";

export const f32Matmul: FloatDesign = {
  name: "matmul-f32",
  elementBytes: 4,
  bits: 24,
  specialise: (code) => code,
  summation: () => ({ within: F32 }),
  // 4096: 1,024 tiles of 128 x 128 in three buffers of 64 MiB.
  sides: { gpu: 4096, software: 192, probe: 512 },
};

const tileOf = (variant: Variant): Tile => floatTile(variant, f32Matmul.elementBytes);

/** Matrices of the host, as the job of one launch. @throws RangeError where C has no elements */
export function multiplyJob(build: Build, product: FloatProduct): KernelJob {
  return floatJob(f32Matmul, build, product, floatInputs(product));
}

/** The tile shape to begin with for a product of these sides on this adapter. */
export function f32VariantFor(adapter: AdapterDescription, sides: Sides): Variant {
  return variantFor(sides, fitting(adapter, FLOAT_TILES, tileOf), tileOf);
}

/** f32 matrix product from shared memory: floating-point multiply-adds, as in a dense layer. */
export const matmulF32Kernel: Kernel = {
  name: f32Matmul.name,
  family: "matmul",
  unit: "FLOP/s",
  purpose: "f32 matrix product: multiply-adds fed from shared memory, as in a dense layer",
  shader: "matmul-f32.wgsl",
  cost: { "f32-flop": 1 },
  lacks: () => undefined,
  variants: (adapter) => fitting(adapter, FLOAT_TILES, tileOf),
  verify: (device, build, random) => verifyFloat(f32Matmul, device, build, random),
  workload: (context) => floatWorkload(f32Matmul, context),
};
