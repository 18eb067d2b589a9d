import { parse } from "csv-parse/sync";
import { type GpuQuantity, type GpuReadings } from "../../model/sample.ts";
import { sanitize } from "../../model/text.ts";
import { mebibytes, powerLimit, QUANTITY_COLUMNS } from "./columns.ts";

/** One column as the header line names it: `power.draw [W]`. */
export interface HeaderColumn {
  name: string;
  unit: string | undefined;
}

export type Header = readonly HeaderColumn[];

/** One GPU as one row tells of it. */
export interface SmiRow {
  index: number;
  uuid: string;
  model: string;
  pciBusId: string | undefined;
  driverVersion: string | undefined;
  memoryTotalBytes: number | undefined;
  powerLimitWatts: number | undefined;
  migEnabled: boolean;
  readings: GpuReadings;
  /** Which column each reading came from. */
  columns: Partial<Record<GpuQuantity, string>>;
}

/** One row of the list of compute processes. `pid` is absent where the driver does not tell it. */
export interface AppRow {
  uuid: string;
  pid: number | undefined;
  memUsedBytes: number | undefined;
}

/** One MIG device below its GPU, as `nvidia-smi -L` lists it. `number` counts from 0 on each GPU. */
export interface ListedMig {
  number: number;
  profile: string;
  uuid: string;
}

export interface ListedGpu {
  index: number;
  model: string;
  uuid: string;
  migs: ListedMig[];
}

const NAME_AND_UNIT = /^([^[\]]+?)\s*(?:\[([^\]]*)\])?$/;
const NUMBER = /^-?\d{1,18}(?:\.\d{1,9})?$/;
const HEX = /^0x[0-9a-f]{1,16}$/i;
/** The numbers of GPUs and processes; nothing real comes near. */
const INTEGER = /^\d{1,10}$/;
const UUID = /^(?:GPU|MIG)-[\w./-]{1,120}$/;
/**
 * Every spelling of "not measured": `[N/A]`, `[Not Supported]`, `[GPU requires reset]`, … A bracket
 * never opens a value; the rest is what some drivers write without one.
 */
const MISSING =
  /^(?:\[.*|n\/a|not supported|not found|not available|unknown(?: error)?|err!.*|insufficient permissions|gpu is lost|-)?$/i;

const GPU_LINE = /^GPU (\d{1,4}): (.*) \(UUID: (GPU-[^)\s]+)\)\s*$/;
const MIG_LINE = /^\s+MIG (\S+)\s+Device\s+(\d{1,4}): \(UUID: (MIG-[^)\s]+)\)\s*$/;

/** The columns that a line names, or undefined if it is no header: `wanted` must all be there. */
export function parseHeader(line: string, wanted: readonly string[]): Header | undefined {
  const header = cellsOf(line)?.map((cell): HeaderColumn => {
    const [, name = "", unit] = NAME_AND_UNIT.exec(cell) ?? [];
    return { name, unit };
  });
  const names = new Set(header?.map(({ name }) => name));
  return wanted.every((name) => names.has(name)) ? header : undefined;
}

/** The GPU of one row; undefined if the line is no row of this header. Never throws. */
export function parseRow(line: string, header: Header): SmiRow | undefined {
  const cells = cellsByName(line, header);
  if (!cells) return undefined;
  const index = integer(cells.get("index"));
  const uuid = uuidOf(cells.get("uuid"));
  if (index === undefined || uuid === undefined) return undefined;
  return {
    index,
    uuid,
    model: text(cells.get("name")) ?? "unknown NVIDIA device",
    pciBusId: text(cells.get("pci.bus_id")),
    driverVersion: text(cells.get("driver_version")),
    memoryTotalBytes: scaled(cells.get("memory.total"), "MiB", mebibytes),
    powerLimitWatts: scaled(cells.get("enforced.power.limit"), "W", powerLimit),
    migEnabled: text(cells.get("mig.mode.current"))?.toLowerCase() === "enabled",
    ...readingsOf(cells),
  };
}

/** One compute process; undefined if the line is no row of this header. Never throws. */
export function parseAppRow(line: string, header: Header): AppRow | undefined {
  const cells = cellsByName(line, header);
  const uuid = uuidOf(cells?.get("gpu_uuid"));
  if (!cells || uuid === undefined) return undefined;
  const memory = cells.get("used_gpu_memory") ?? cells.get("used_memory");
  return {
    uuid,
    pid: integer(cells.get("pid")),
    memUsedBytes: scaled(memory, "MiB", mebibytes),
  };
}

/** What `nvidia-smi -L` lists; lines of any other form are passed over. */
export function parseList(lines: readonly string[]): ListedGpu[] {
  const gpus: ListedGpu[] = [];
  for (const line of lines) {
    const [, index, model = "", uuid] = GPU_LINE.exec(line) ?? [];
    if (index !== undefined && uuid !== undefined) {
      gpus.push({ index: Number(index), model: sanitize(model), uuid: sanitize(uuid), migs: [] });
      continue;
    }
    const [, profile = "", number, migUuid] = MIG_LINE.exec(line) ?? [];
    if (number === undefined || migUuid === undefined) continue;
    const mig = { number: Number(number), profile: sanitize(profile), uuid: sanitize(migUuid) };
    gpus.at(-1)?.migs.push(mig);
  }
  return gpus;
}

export function isListLine(line: string): boolean {
  return GPU_LINE.test(line) || MIG_LINE.test(line);
}

/** The number of a cell, decimal or `0x…`; undefined for anything else, such as `[N/A]`. */
export function parseNumber(cell: string): number | undefined {
  if (HEX.test(cell)) {
    const value = Number(cell);
    return Number.isSafeInteger(value) ? value : undefined;
  }
  return NUMBER.test(cell) ? Number(cell) : undefined;
}

export function isMissing(cell: string): boolean {
  return MISSING.test(cell);
}

interface Cell extends HeaderColumn {
  value: string;
}

function readingsOf(cells: ReadonlyMap<string, Cell>): Pick<SmiRow, "readings" | "columns"> {
  const readings: GpuReadings = {};
  const columns: Partial<Record<GpuQuantity, string>> = {};
  for (const { quantity, names, unit, convert } of QUANTITY_COLUMNS) {
    for (const name of names) {
      const value = scaled(cells.get(name), unit, convert);
      if (value === undefined) continue;
      readings[quantity] = value;
      columns[quantity] = name;
      break;
    }
  }
  return { readings, columns };
}

function scaled(
  cell: Cell | undefined,
  unit: string | undefined,
  convert: (value: number) => number | undefined,
): number | undefined {
  if (!cell || (cell.unit !== undefined && cell.unit !== unit)) return undefined;
  const value = parseNumber(cell.value);
  return value === undefined ? undefined : convert(value);
}

function integer(cell: Cell | undefined): number | undefined {
  return cell && INTEGER.test(cell.value) ? Number(cell.value) : undefined;
}

function uuidOf(cell: Cell | undefined): string | undefined {
  return cell && UUID.test(cell.value) ? cell.value : undefined;
}

function text(cell: Cell | undefined): string | undefined {
  return cell && !isMissing(cell.value) ? sanitize(cell.value) : undefined;
}

/** A row with more or fewer cells than the header is a message, or was cut off: it says nothing. */
function cellsByName(line: string, header: Header): Map<string, Cell> | undefined {
  const cells = cellsOf(line);
  if (cells?.length !== header.length) return undefined;
  return new Map(header.map((column, i) => [column.name, { ...column, value: cells[i] ?? "" }]));
}

function cellsOf(line: string): string[] | undefined {
  try {
    const [cells] = parse(line, { trim: true, relax_quotes: true });
    return cells;
  } catch {
    return undefined;
  }
}
