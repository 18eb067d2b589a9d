import { type Logger, pino } from "pino";
import type { Config } from "../config/schema.ts";
import type { CommandIo } from "./io.ts";

/** The daemon's log: JSON lines on stderr, for the service manager. */
export function createLog(level: Config["log"]["level"], io: CommandIo): Logger {
  return pino({ level, base: { name: "gpu-assay" } }, { write: (line: string) => io.stderr(line) });
}
