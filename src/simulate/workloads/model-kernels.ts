import type { Kernel, Work } from "../kernel.ts";

/*
 * Kernels of transformers. Counts are textbook ones: two operations a parameter and token forward,
 * four backward, two bytes a parameter in half precision.
 */

/** Bytes of parameters and activations a kernel of large matrices moves for each operation. */
const GEMM_BYTES_PER_FLOP = 1 / 600;
/** Norms, activations, residuals, dropout: bytes a parameter and token, beside the products. */
const POINTWISE_BYTES = 0.002;

export type Precision = "bf16" | "fp32";

/** The products of `flop` operations; a unit is one token of one parameter. */
export function gemm(name: string, flop: number, precision: Precision = "bf16"): Kernel {
  const pipe = precision === "bf16" ? "tensor16" : "fp32";
  return {
    name,
    // Addresses and the sums at the end are computed beside the products.
    work: { fp32: flop / 200, int32: flop / 400, dram: flop * GEMM_BYTES_PER_FLOP, [pipe]: flop },
    smShare: 0.98,
    occupancy: 0.2,
    efficiency: 0.75,
    launch: { seconds: 4e-4, grid: [132, 1, 1], block: [384, 1, 1] },
  };
}

export function pointwise(name: string, bytes: number): Kernel {
  return {
    name,
    work: { dram: bytes, fp32: bytes / 2, int32: bytes / 8 },
    smShare: 0.98,
    occupancy: 0.6,
    efficiency: 0.88,
    launch: { seconds: 6e-5, grid: [2048, 1, 1], block: [256, 1, 1] },
  };
}

/** Forward or backward pass; a unit is one token through one parameter. */
export function pass(direction: "forward" | "backward", precision: Precision): Work {
  const [flop, name] = direction === "forward" ? [2, "fwd"] : [4, "bwd"];
  const scale = precision === "bf16" ? 1 : 2;
  return {
    parts: [
      { kernel: gemm(`gemm_${name}`, flop, precision), units: 0.9 },
      { kernel: gemm(`flash_${name}`, flop, precision), units: 0.1 },
      { kernel: pointwise(`norm_${name}`, (POINTWISE_BYTES * flop * scale) / 2), units: 1 },
    ],
  };
}

/** Adam: reads and writes moments, master weights and gradients; a unit is one parameter. */
export const ADAM: Work = {
  parts: [
    {
      kernel: {
        name: "adam_multi_tensor",
        work: { dram: 30, fp32: 14, int32: 3 },
        smShare: 0.98,
        occupancy: 0.7,
        efficiency: 0.88,
        launch: { seconds: 2e-4, grid: [4096, 1, 1], block: [512, 1, 1] },
      },
      units: 1,
    },
  ],
};

/** A ring all-reduce: a unit is one byte of gradients of one rank. */
export function allReduce(ranks: number, overNvlink: boolean): Work {
  const bytes = (2 * (ranks - 1)) / ranks;
  const [rx, tx] = overNvlink
    ? (["nvlinkRx", "nvlinkTx"] as const)
    : (["pcieRx", "pcieTx"] as const);
  return {
    parts: [
      {
        kernel: {
          name: "ncclDevKernel_AllReduce_Sum",
          work: { [rx]: bytes, [tx]: bytes, dram: 2 * bytes, fp32: bytes / 2 },
          smShare: 0.2,
          occupancy: 0.3,
          efficiency: 0.8,
          launch: { seconds: 2e-3, grid: [24, 1, 1], block: [544, 1, 1] },
        },
        units: 1,
      },
    ],
  };
}
