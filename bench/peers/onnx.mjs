import * as ort from "onnxruntime-web/webgpu";
import { matMulModel } from "./onnx-model.mjs";

export const name = "onnxruntime-web";
export const packageName = "onnxruntime-web";

/** ONNX Runtime with its WebGPU provider: inputs and output stay on the device. */
export async function prepare({ a, b, side }) {
  copySharedMemoryWrites();
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  const session = await ort.InferenceSession.create(matMulModel(side), {
    executionProviders: ["webgpu"],
    preferredOutputLocation: "gpu-buffer",
  });
  const device = await ort.env.webgpu.device;
  const upload = (values) => {
    const { STORAGE, COPY_DST, COPY_SRC } = GPUBufferUsage;
    const usage = STORAGE | COPY_DST | COPY_SRC;
    const buffer = device.createBuffer({ size: values.byteLength, usage });
    device.queue.writeBuffer(buffer, 0, values);
    const options = { dataType: "float32", dims: [side, side] };
    return { buffer, tensor: ort.Tensor.fromGpuBuffer(buffer, options) };
  };
  const [left, right] = [upload(a), upload(b)];
  let last;
  return {
    async run(count) {
      for (let i = 0; i < count; i++) {
        last?.dispose();
        ({ C: last } = await session.run({ A: left.tensor, B: right.tensor }));
      }
      await device.queue.onSubmittedWorkDone();
    },
    read: async () => last.getData(),
    async dispose() {
      last?.dispose();
      left.buffer.destroy();
      right.buffer.destroy();
      await session.release();
    },
  };
}

/** The library writes from its WebAssembly memory, which is shared; dawn-node takes no such view. */
function copySharedMemoryWrites() {
  const prototype = globalThis.GPUQueue.prototype;
  if (prototype.writeBuffer.copies) return;
  const original = prototype.writeBuffer;
  prototype.writeBuffer = function writeBuffer(buffer, offset, data, ...rest) {
    return original.call(this, buffer, offset, unshared(data), ...rest);
  };
  prototype.writeBuffer.copies = true;
}

function unshared(data) {
  const isView = ArrayBuffer.isView(data);
  if (!((isView ? data.buffer : data) instanceof SharedArrayBuffer)) return data;
  return isView ? new data.constructor(data) : new Uint8Array(new Uint8Array(data));
}
