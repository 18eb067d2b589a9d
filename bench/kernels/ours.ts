import { agentVersion } from "../../src/config/data.ts";
import type { GpuRunner } from "../../src/probe/gpu-runner.ts";
import { matmulF32Kernel, multiplyJob } from "../../src/probe/kernels/matmul-f32.ts";
import { buildOf, type Variant } from "../../src/probe/kernels/variant.ts";
import { readShader } from "../../src/probe/shaders.ts";
import type { Contender, Prepared, SquareProduct } from "./contender.ts";

const C = 3;
/** Launches of each shape before the best is taken; the first one compiles. */
const TRIES = 3;

/**
 * This project's f32 product, in the process and on the adapter that the peers use. The tile shape
 * is chosen for each size by running every shape a few times, outside what is timed.
 * @param onChoice is told the chosen shape
 */
export function ourMatmul(
  runner: GpuRunner,
  onChoice: (side: number, variant: Variant) => void,
): Contender {
  return {
    name: "gpu-assay",
    version: agentVersion(),
    async prepare(product) {
      const { handle, variant } = await fastest(runner, product);
      onChoice(product.side, variant);
      return prepared(runner, handle);
    },
  };
}

function prepared(runner: GpuRunner, handle: number): Prepared {
  return {
    run: async (count) => void (await runner.launch(handle, count, 0)),
    read: async () => new Float32Array((await runner.read(handle, C)).buffer),
    dispose: async () => runner.release(handle),
  };
}

async function fastest(
  runner: GpuRunner,
  { side, a, b }: SquareProduct,
): Promise<{ handle: number; variant: Variant }> {
  const code = await readShader(matmulF32Kernel.shader);
  const product = { m: side, n: side, k: side, a, b };
  let best: { handle: number; variant: Variant; seconds: number } | undefined;
  for (const variant of matmulF32Kernel.variants(runner.adapter)) {
    const handle = await runner.prepare(multiplyJob(buildOf(code, variant), product));
    let seconds = Number.POSITIVE_INFINITY;
    for (let i = 0; i < TRIES; i++)
      seconds = Math.min(seconds, (await runner.launch(handle, 1, 0)).wallSeconds);
    if (best && best.seconds <= seconds) {
      runner.release(handle);
      continue;
    }
    if (best) runner.release(best.handle);
    best = { handle, variant, seconds };
  }
  if (!best) throw new Error("the kernel has no shape for this adapter");
  return best;
}
