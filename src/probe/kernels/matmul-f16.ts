import type { Kernel } from "./kernel.ts";
import {
  FLOAT_TILES,
  type FloatDesign,
  floatTile,
  floatWorkload,
  verifyFloat,
} from "./matmul-float.ts";
import { fitting } from "./matmul-tiles.ts";
import { F16 } from "./product.ts";
import { buildOf } from "./variant.ts";

const FEATURE = "shader-f16";
const ELEMENT = "alias element = f32;";

/**
 * The f32 shader's text with elements of f16. Sums are kept in f16 for one tile's depth, where they
 * stay small, and added up in f32.
 */
export function halfOf(code: string): string {
  if (!code.includes(ELEMENT)) throw new RangeError(`the shader has no line "${ELEMENT}"`);
  const constants = buildOf(code, { ROUNDED: 1, BITS: 11 }).code;
  return `enable f16;\n${constants.replace(ELEMENT, "alias element = f16;")}`;
}

export const f16Matmul: FloatDesign = {
  name: "matmul-f16",
  elementBytes: 2,
  bits: 11,
  specialise: halfOf,
  summation: ({ DEPTH = 16 }) => ({ within: F16, depth: DEPTH }),
  sides: { gpu: 4096, software: 192, probe: 512 },
};

/** f16 matrix product without tensor cores: twice the numbers in every register and every byte. */
export const matmulF16Kernel: Kernel = {
  name: f16Matmul.name,
  family: "matmul",
  unit: "FLOP/s",
  purpose: "f16 matrix product without tensor cores, summed in f32 across tiles",
  shader: "matmul-f32.wgsl",
  cost: { "f16-flop": 1 },
  lacks: ({ features }) => (features.includes(FEATURE) ? undefined : `no ${FEATURE}`),
  variants: (adapter) =>
    fitting(adapter, FLOAT_TILES, (variant) => floatTile(variant, f16Matmul.elementBytes)),
  verify: (device, build, random) => verifyFloat(f16Matmul, device, build, random),
  workload: (context) => floatWorkload(f16Matmul, context),
};
