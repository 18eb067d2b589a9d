import { z } from "zod";

/** What one window's maps held. Handles are text: they are names here, and not numbers to count with. */
export interface WindowMaps {
  /** Of the kernel's monotonic clock, in nanoseconds; absent where the window never opened or closed. */
  startNs?: number | undefined;
  endNs?: number | undefined;
  launches: readonly CountedLaunch[];
  rhythm: readonly { pid: number; isRuntime: boolean; bucket: number; count: number }[];
  nested: ReadonlyMap<number, number>;
  /** By `PID HANDLE`. */
  names: ReadonlyMap<string, string>;
  /** From one handle to another of the same kernel, or to the address of its function in the program. */
  aliases: ReadonlyMap<string, string>;
  stubs: ReadonlyMap<string, string>;
}

export interface CountedLaunch {
  pid: number;
  entry: number;
  handle: string;
  shape: readonly number[];
  count: number;
}

const count = z.number().min(0);
const counts = z.record(z.string(), count);
/** Addresses can be beyond what a number holds exactly: such a one finds nothing, and does no harm. */
const addresses = z.record(z.string(), z.number());
const line = z.object({
  type: z.literal("map"),
  data: z.object({
    "@start": count.optional().catch(undefined),
    "@end": count.optional().catch(undefined),
    "@launches": counts.optional().catch(undefined),
    "@rhythm": counts.optional().catch(undefined),
    "@nested": counts.optional().catch(undefined),
    "@name": z.record(z.string(), z.string()).optional().catch(undefined),
    "@alias": addresses.optional().catch(undefined),
    "@stub": addresses.optional().catch(undefined),
  }),
});

type Data = z.infer<typeof line>["data"];

/** Reads what `bpftrace -f json` printed. Lines that are no map of ours, or no JSON, are passed over. */
export function parseOutput(lines: readonly string[]): WindowMaps {
  const all: Data = Object.assign({}, ...lines.map(dataOf));
  return {
    startNs: all["@start"] || undefined,
    endNs: all["@end"] || undefined,
    launches: rows(all["@launches"], 9).flatMap(([key, amount]) => launchOf(key, amount)),
    rhythm: rows(all["@rhythm"], 3).map(([[pid, level, bucket], amount]) => ({
      pid: Number(pid),
      isRuntime: level === "1",
      bucket: Number(bucket),
      count: amount,
    })),
    nested: new Map(rows(all["@nested"], 1).map(([[pid], amount]) => [Number(pid), amount])),
    names: new Map(rows(all["@name"], 2).map(([key, name]) => [key.join(" "), name])),
    aliases: addressMap(all["@alias"]),
    stubs: addressMap(all["@stub"]),
  };
}

function dataOf(text: string): Data {
  if (!text.startsWith("{")) return {};
  try {
    return line.parse(JSON.parse(text)).data;
  } catch {
    return {};
  }
}

function launchOf(key: readonly string[], amount: number): CountedLaunch[] {
  const [pid, entry, handle = "", ...shape] = key;
  return [
    { pid: Number(pid), entry: Number(entry), handle, shape: shape.map(Number), count: amount },
  ];
}

function addressMap(data: Readonly<Record<string, number>> | undefined): Map<string, string> {
  return new Map(rows(data, 2).map(([[pid, from], to]) => [`${pid} ${from}`, `${pid} ${to}`]));
}

/** The entries whose keys have that many parts, all of them whole numbers. */
function rows<T>(data: Readonly<Record<string, T>> | undefined, parts: number): [string[], T][] {
  return Object.entries(data ?? {}).flatMap(([key, value]): [string[], T][] => {
    const fields = key.split(/,\s*/);
    const isOurs = fields.length === parts && fields.every((field) => /^-?\d+$/.test(field));
    return isOurs ? [[fields, value]] : [];
  });
}
