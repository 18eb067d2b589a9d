import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-webgpu";

export const name = "tfjs";
export const packageName = "@tensorflow/tfjs-backend-webgpu";

/** TensorFlow.js with its WebGPU backend. `navigator.gpu` must be there before this is imported. */
export async function prepare({ a, b, side }) {
  // Every operation is submitted at once: what is waited for below must have been sent.
  tf.env().set("WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE", 1);
  if (!(await tf.setBackend("webgpu"))) throw new Error("tfjs has no WebGPU backend here");
  const { queue } = tf.backend();
  const left = tf.tensor2d(a, [side, side]);
  const right = tf.tensor2d(b, [side, side]);
  let last;
  return {
    async run(count) {
      for (let i = 0; i < count; i++) {
        last?.dispose();
        last = tf.matMul(left, right);
      }
      await queue.onSubmittedWorkDone();
    },
    read: async () => last.data(),
    dispose: async () => tf.dispose([left, right, last]),
  };
}
