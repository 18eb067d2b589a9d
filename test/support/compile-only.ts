import { create, globals } from "webgpu";

/** Compiles an entry point; resolves to the compiler's complaint, or undefined. */
export type Compile = (code: string, entryPoint: string) => Promise<string | undefined>;

/**
 * A WebGPU device that compiles and validates but runs nothing (Dawn's null backend). It claims
 * every feature, so shaders for hardware that is not here (f16, tensor cores) can at least be
 * proven to be valid for the library's own compiler.
 */
export async function compileOnly(): Promise<{ compile: Compile; close: () => void }> {
  Object.assign(globalThis, globals);
  // The library's object must live as long as its device: what `compile` uses holds both.
  const gpu = create(["backend=null", "enable-dawn-features=allow_unsafe_apis"]);
  const adapter = await gpu.requestAdapter();
  if (!adapter) throw new Error("the library has no null backend");
  const offered: ReadonlySet<string> = adapter.features;
  const wanted = ["shader-f16", "subgroups", "chromium-experimental-subgroup-matrix"];
  const device = await adapter.requestDevice({
    requiredFeatures: wanted.filter((name): name is GPUFeatureName => offered.has(name)),
  });
  const held = { gpu, device };
  const compile: Compile = async (code, entryPoint) => {
    held.device.pushErrorScope("validation");
    const module = held.device.createShaderModule({ code });
    const { messages } = await module.getCompilationInfo();
    const complaint = messages.find(({ type }) => type === "error")?.message;
    const failure = await held.device
      .createComputePipelineAsync({ layout: "auto", compute: { module, entryPoint } })
      .then(() => undefined)
      .catch((error: unknown) => String(error));
    await held.device.popErrorScope();
    return complaint ?? failure;
  };
  return { compile, close: () => device.destroy() };
}
