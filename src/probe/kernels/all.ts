import { aluDot8Kernel } from "./alu-dot8.ts";
import { aluF16Kernel } from "./alu-f16.ts";
import { aluF32Kernel } from "./alu-f32.ts";
import { aluInt32Kernel } from "./alu-int32.ts";
import { aluTensorKernel } from "./alu-tensor.ts";
import { blake3Kernel } from "./blake3.ts";
import { ethashKernel } from "./ethash.ts";
import { heavyhashKernel } from "./heavyhash.ts";
import { keccak256Kernel } from "./keccak256.ts";
import type { Kernel } from "./kernel.ts";
import { matmulDot8Kernel } from "./matmul-dot8.ts";
import { matmulF16Kernel } from "./matmul-f16.ts";
import { matmulF32Kernel } from "./matmul-f32.ts";
import { matmulTensorKernel } from "./matmul-tensor.ts";
import { memoryChaseKernel } from "./memory-chase.ts";
import { memoryCopyKernel } from "./memory-copy.ts";
import { memoryGatherKernel } from "./memory-gather.ts";
import { memorySharedKernel } from "./memory-shared.ts";
import { memoryTriadKernel } from "./memory-triad.ts";
import { sha256dKernel } from "./sha256d.ts";

/**
 * Every reference kernel, in the order in which they are run: the ceilings first, so that a run
 * that is cut short still says what the device can do at most.
 */
export const KERNELS: readonly Kernel[] = [
  aluInt32Kernel,
  aluF32Kernel,
  aluF16Kernel,
  aluDot8Kernel,
  aluTensorKernel,
  memoryCopyKernel,
  memoryTriadKernel,
  memoryGatherKernel,
  memoryChaseKernel,
  memorySharedKernel,
  sha256dKernel,
  keccak256Kernel,
  blake3Kernel,
  heavyhashKernel,
  ethashKernel,
  matmulF32Kernel,
  matmulF16Kernel,
  matmulDot8Kernel,
  matmulTensorKernel,
];
