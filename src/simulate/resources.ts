/**
 * What work can take of a device. Tensor pipes count floating or integer operations of products
 * (a multiply-add is two), the other pipes too but for `int32`, which counts one a lane and cycle;
 * memory and links count bytes.
 */
export const RESOURCES = [
  "tensor16",
  "tensor8",
  "fp64",
  "fp32",
  "fp16",
  "int32",
  "dram",
  "pcieRx",
  "pcieTx",
  "nvlinkRx",
  "nvlinkTx",
] as const;

export type Resource = (typeof RESOURCES)[number];

/** The pipes of the multiprocessors: their rate follows the clock and the share that is filled. */
export const PIPES: ReadonlySet<Resource> = new Set([
  "tensor16",
  "tensor8",
  "fp64",
  "fp32",
  "fp16",
  "int32",
]);

export type PerResource = Record<Resource, number>;

export function none(): PerResource {
  return {
    tensor16: 0,
    tensor8: 0,
    fp64: 0,
    fp32: 0,
    fp16: 0,
    int32: 0,
    dram: 0,
    pcieRx: 0,
    pcieTx: 0,
    nvlinkRx: 0,
    nvlinkTx: 0,
  };
}

/** Adds `times` as much of each. Written out, since nothing else in a simulation runs as often. */
export function addTimes(to: PerResource, from: Readonly<PerResource>, times: number): void {
  to.tensor16 += from.tensor16 * times;
  to.tensor8 += from.tensor8 * times;
  to.fp64 += from.fp64 * times;
  to.fp32 += from.fp32 * times;
  to.fp16 += from.fp16 * times;
  to.int32 += from.int32 * times;
  to.dram += from.dram * times;
  to.pcieRx += from.pcieRx * times;
  to.pcieTx += from.pcieTx * times;
  to.nvlinkRx += from.nvlinkRx * times;
  to.nvlinkTx += from.nvlinkTx * times;
}
