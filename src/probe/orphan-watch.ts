/**
 * Worker thread of the device child: ends the process when its parent is gone. The main thread
 * learns that from the IPC channel, but not while it hangs inside a driver call.
 */
import { workerData } from "node:worker_threads";
import { z } from "zod";

const CHECK_MS = 1000;

const { parentPid } = z.object({ parentPid: z.number().int() }).parse(workerData);

function check(): void {
  if (process.ppid !== parentPid) process.kill(process.pid, "SIGKILL");
}

check();
setInterval(check, CHECK_MS);
