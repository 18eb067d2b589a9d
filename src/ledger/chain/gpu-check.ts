import type { Database } from "better-sqlite3";
import { z } from "zod";
import type { Cell } from "./tables.ts";
import { Tampered } from "./tampered.ts";

const STATES = "SELECT json FROM gpu_states WHERE uuid = ? ORDER BY sequence";

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
  const select = db.prepare<[string], string>(STATES).pluck();
  for (const gpu of db.prepare<[], GpuRow>(GPUS).all()) {
    const states = select.all(gpu.uuid).map((text) => state.parse(JSON.parse(text)));
    const what = difference(gpu, states);
    if (what !== undefined) throw new Tampered({ table: "gpus", row: gpu.id, what });
  }
}

function difference(gpu: GpuRow, states: readonly z.infer<typeof state>[]): string | undefined {
  const newest = states.at(-1);
  if (!newest) return "no record describes it";
  const other = SAME.find((name) => (gpu[name] ?? null) !== (newest[name] ?? null));
  if (other !== undefined) return `its ${other} is not what its newest record in gpu_states says`;
  if (gpu["firstSeenMs"] !== Math.min(...states.map(({ firstSeenMs }) => firstSeenMs)))
    return "its first time is not the earliest of its records in gpu_states";
  if (gpu["simulated"] !== Number(states.some(({ simulated }) => simulated)))
    return "whether it is simulated is not what its records in gpu_states say";
  return undefined;
}
