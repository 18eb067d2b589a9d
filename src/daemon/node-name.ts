import { hostname } from "node:os";
import type { Config } from "../config/schema.ts";

/** This node in ledger, reports and alerts. */
export function nodeName(config: Config): string {
  return config.node ?? hostname();
}
