import type { GpuQuantity } from "../../model/sample.ts";
import { MIB, within } from "../units.ts";

/** Older names of a column, newest first, for drivers that do not know the name asked for. */
export const OLDER_NAMES: Readonly<Record<string, string>> = {
  // Renamed in driver 535.
  "clocks_event_reasons.active": "clocks_throttle_reasons.active",
};

/** Who a row speaks of: without these there is no source. */
const IDENTITY_COLUMNS = ["index", "uuid", "name"] as const;

/** What is asked for beside the quantities; a driver may lack any of them. */
const STATIC_COLUMNS = [
  "pci.bus_id",
  "driver_version",
  "memory.total",
  "enforced.power.limit",
  "mig.mode.current",
] as const;

export interface QuantityColumn {
  quantity: GpuQuantity;
  /** Column names that mean it, best first. */
  names: readonly string[];
  /** The unit the header must give: with another one the figure would be wrong by its scale. */
  unit: string | undefined;
  /** From the cell's number to the quantity's unit; undefined where it cannot be true. */
  convert(value: number): number | undefined;
}

const MAX_WATTS = 100_000;
const MAX_MHZ = 100_000;
const MAX_MIB = 1e9;
const MIN_CELSIUS = -60;
const MAX_CELSIUS = 250;

const percent = within(0, 100, 0.01);
const watts = within(0, MAX_WATTS, 1);
const megahertz = within(0, MAX_MHZ, 1);
export const mebibytes = within(0, MAX_MIB, MIB);

/** Power at the moment comes before `power.draw`, which is a 1-second average on newer cards. */
export const QUANTITY_COLUMNS: readonly QuantityColumn[] = [
  ratio("gpuUtil", "utilization.gpu"),
  ratio("memUtil", "utilization.memory"),
  ratio("encUtil", "utilization.encoder"),
  ratio("decUtil", "utilization.decoder"),
  ratio("jpgUtil", "utilization.jpeg"),
  ratio("ofaUtil", "utilization.ofa"),
  { quantity: "memUsedBytes", names: ["memory.used"], unit: "MiB", convert: mebibytes },
  {
    quantity: "powerWatts",
    names: ["power.draw.instant", "power.draw"],
    unit: "W",
    convert: watts,
  },
  {
    quantity: "tempC",
    names: ["temperature.gpu"],
    unit: undefined,
    convert: within(MIN_CELSIUS, MAX_CELSIUS, 1),
  },
  { quantity: "smClockMHz", names: ["clocks.current.sm"], unit: "MHz", convert: megahertz },
  { quantity: "memClockMHz", names: ["clocks.current.memory"], unit: "MHz", convert: megahertz },
  {
    quantity: "clockEventReasons",
    names: ["clocks_event_reasons.active", "clocks_throttle_reasons.active"],
    unit: undefined,
    convert: (mask) => (Number.isSafeInteger(mask) && mask >= 0 ? mask : undefined),
  },
];

function ratio(quantity: GpuQuantity, name: string): QuantityColumn {
  return { quantity, names: [name], unit: "%", convert: percent };
}

/** The power limit that holds, in watts. */
export const powerLimit = watts;

/** What is asked for at first; what the driver refuses is left out. */
export function initialColumns(): string[] {
  const older = new Set(Object.values(OLDER_NAMES));
  const quantities = QUANTITY_COLUMNS.flatMap(({ names }) => names);
  return [...IDENTITY_COLUMNS, ...STATIC_COLUMNS, ...quantities.filter((name) => !older.has(name))];
}

/**
 * The columns to ask for once the driver has refused `refused`: its older name instead, or none.
 * Undefined where nothing is left to try.
 */
export function withoutColumn(columns: readonly string[], refused: string): string[] | undefined {
  const isIdentity = IDENTITY_COLUMNS.some((name) => name === refused);
  if (isIdentity || !columns.includes(refused)) return undefined;
  const older = OLDER_NAMES[refused];
  return columns.flatMap((name) => (name === refused ? (older ? [older] : []) : [name]));
}
