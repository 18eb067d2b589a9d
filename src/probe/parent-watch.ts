import { Worker } from "node:worker_threads";

/**
 * Ends this process when its parent is gone: by the IPC channel, and by a thread that looks for
 * itself, since the main thread may hang inside a driver call.
 * @param parentPid as the parent itself told: it may have died before this process could look
 */
export function watchParent(parentPid: number): void {
  const watch = new Worker(new URL("./orphan-watch.js", import.meta.url), {
    workerData: { parentPid },
  });
  watch.unref();
  // Ctrl-C and a hung-up terminal reach the whole process group; when to end is the parent's decision.
  for (const signal of ["SIGINT", "SIGHUP"] as const) process.on(signal, () => undefined);
  process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
}
