import type { Database } from "better-sqlite3";
import { z } from "zod";
import type { Cell } from "./tables.ts";
import { Tampered } from "./tampered.ts";

const NEWEST = "SELECT json FROM gpu_states WHERE uuid = ? ORDER BY sequence DESC LIMIT 1";

const absent = z.string().nullish();
const number = z.number().nullish();

/** As `gpus` keeps it; a ledger of before `gpu_states` left nulls in it. */
const state = z.object({
  node: z.string(),
  index: z.number(),
  model: z.string(),
  memoryTotalBytes: number,
  powerLimitWatts: number,
  pciBusId: absent,
  driverVersion: absent,
  parentUuid: absent,
  migProfile: absent,
  firstSeenMs: z.number(),
  simulated: z.boolean(),
});

const SAME = [
  "node",
  "index",
  "model",
  "memoryTotalBytes",
  "powerLimitWatts",
  "pciBusId",
  "driverVersion",
  "parentUuid",
  "migProfile",
  "firstSeenMs",
  "simulated",
] as const;

const GPUS = `
  SELECT id, uuid, node, idx AS "index", model, memory_total_bytes AS memoryTotalBytes,
    power_limit_watts AS powerLimitWatts, pci_bus_id AS pciBusId, driver_version AS driverVersion,
    parent_uuid AS parentUuid, mig_profile AS migProfile, first_seen_ms AS firstSeenMs, simulated
  FROM gpus ORDER BY id`;

/** Whatever stands there: this is what is to be found out. */
type GpuRow = { id: number; uuid: string } & Record<string, Cell>;

/**
 * `gpus` is the newest state of each device, kept beside its records: what it says must be what they
 * say. @throws Tampered
 */
export function checkGpus(db: Database): void {
  const newest = db.prepare<[string], string>(NEWEST).pluck();
  for (const gpu of db.prepare<[], GpuRow>(GPUS).all()) {
    const what = difference(gpu, newest.get(gpu.uuid));
    if (what !== undefined) throw new Tampered({ table: "gpus", row: gpu.id, what });
  }
}

function difference(gpu: GpuRow, json: string | undefined): string | undefined {
  if (json === undefined) return "no record describes it";
  const newest = state.parse(JSON.parse(json));
  const said = { ...newest, simulated: Number(newest.simulated) };
  const other = SAME.find((name) => (gpu[name] ?? null) !== (said[name] ?? null));
  return other && `its ${other} is not what its newest record in gpu_states says`;
}
