/**
 * Loaded into the program under measurement (`node --import`): every second it collects garbage and
 * writes down what is still alive on the main thread. Resident memory alone cannot tell a leak from
 * memory that V8 keeps for later.
 */
import { appendFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { isMainThread } from "node:worker_threads";

const file = process.env["ASSAY_BENCH_HEAP"];
if (isMainThread && file !== undefined) {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  setInterval(() => {
    if (typeof collect === "function") collect();
    appendFileSync(file, `${process.memoryUsage().heapUsed / 1e6}\n`);
  }, 1000).unref();
}
