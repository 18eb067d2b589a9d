import { test } from "vitest";
import { openDevice } from "../../../src/probe/device-process.ts";
import { matmulF32Kernel } from "../../../src/probe/kernels/matmul-f32.ts";
import { buildOf } from "../../../src/probe/kernels/variant.ts";
import { readShader } from "../../../src/probe/shaders.ts";
import { builtUrl } from "../../support/built.ts";
import { seeded } from "../../support/seeded.ts";
import { softwareAdapter } from "../../support/software-adapter.ts";
import { compileOnly } from "../../support/compile-only.ts";
import { halfOf } from "../../../src/probe/kernels/matmul-f16.ts";
test("x", async () => {
  const { environment } = await softwareAdapter();
  const device = await openDevice({ allowSoftware: true, environment, childUrl: builtUrl("probe/child.js") });
  console.log(JSON.stringify(device.adapter));
  const code = await readShader("matmul-f32.wgsl");
  const { compile } = await compileOnly();
  for (const e of ["multiply", "multiply_ragged", "fill_a", "fill_b"]) console.log(e, await compile(halfOf(code), e), await compile(code, e));
  for (const v of matmulF32Kernel.variants(device.adapter)) {
    const t = performance.now();
    await matmulF32Kernel.verify(device, buildOf(code, v), seeded(1)).catch((e) => console.log(e.message));
    console.log(JSON.stringify(v), performance.now() - t);
  }
  await device.close();
}, 300000);
