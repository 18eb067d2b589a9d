import { defaultDevice, init, numpy } from "@jax-js/jax";

export const name = "jax-js";
export const packageName = "@jax-js/jax";

/** jax-js on WebGPU. An array is consumed by what uses it; `.ref` keeps it for the next time. */
export async function prepare({ a, b, side }) {
  const devices = await init("webgpu");
  if (!devices.includes("webgpu")) throw new Error("jax-js has no WebGPU device here");
  defaultDevice("webgpu");
  const left = numpy.array(a, { shape: [side, side] });
  const right = numpy.array(b, { shape: [side, side] });
  let last;
  return {
    async run(count) {
      const results = [];
      for (let i = 0; i < count; i++) results.push(numpy.matmul(left.ref, right.ref));
      for (const result of results) await result.blockUntilReady();
      last?.dispose();
      last = results.pop();
      for (const result of results) result.dispose();
    },
    read: async () => last.ref.data(),
    async dispose() {
      for (const array of [left, right, last]) array?.dispose();
    },
  };
}
