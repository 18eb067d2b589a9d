import { setImmediate } from "node:timers/promises";
import Database from "better-sqlite3";
import { z } from "zod";
import { sanitize } from "../../model/text.ts";
import { malformedTrace, notATrace } from "./fault.ts";
import type { ReadTrace, TraceOptions } from "./kineto.ts";
import { type KernelTimeline, type TraceDescription, UNKNOWN_PID } from "./timeline.ts";

const KERNELS = "CUPTI_ACTIVITY_KIND_KERNEL";
const GRAPHS = "CUPTI_ACTIVITY_KIND_GRAPH_TRACE";
const STRINGS = "StringIds";
const MAX_NAME = 1024;
/** Rows between two looks at whether to go on. */
const TURN_ROWS = 50_000;
const MAX_GPUS = 256;

const size = z.number().min(0).nullish();
const row = z.object({
  start: z.number(),
  end: z.number(),
  gpu: z.int().min(0).nullish(),
  pid: z.int().min(0).nullish(),
  name: z.string().nullish(),
  gridX: size,
  gridY: size,
  gridZ: size,
  blockX: size,
  blockY: size,
  blockZ: size,
});
type Row = z.infer<typeof row>;

/**
 * Reads the kernels of an Nsight Systems report that was exported to SQLite. Tables and columns
 * come and go with its versions: what is not there is not told. Times are nanoseconds from the
 * beginning of the session, and a process is part of a number that holds the machine as well.
 * @throws AssayError `trace/format`, `trace/malformed`
 */
export async function readNsight(
  file: string,
  timeline: KernelTimeline,
  options: TraceOptions,
): Promise<ReadTrace> {
  let database: Database.Database | undefined;
  try {
    database = new Database(file, { readonly: true, fileMustExist: true });
    return await new NsightReading(file, database, timeline, options).read();
  } catch (error) {
    if (!(error instanceof Database.SqliteError)) throw error;
    throw malformedTrace(file, `SQLite cannot read it: ${sanitize(error.message)}`, error);
  } finally {
    database?.close();
  }
}

class NsightReading {
  readonly #file: string;
  readonly #database: Database.Database;
  readonly #timeline: KernelTimeline;
  readonly #options: TraceOptions;
  #unread = 0;

  constructor(
    file: string,
    database: Database.Database,
    timeline: KernelTimeline,
    options: TraceOptions,
  ) {
    this.#file = file;
    this.#database = database;
    this.#timeline = timeline;
    this.#options = options;
  }

  async read(): Promise<ReadTrace> {
    const [kernels, graphs] = [this.#columns(KERNELS), this.#columns(GRAPHS)];
    if (kernels.size === 0 && graphs.size === 0)
      throw notATrace(
        this.#file,
        "the database has no table of kernels",
        "export a report that was made with CUDA tracing: nsys profile --trace=cuda, nsys export --type sqlite",
      );
    await this.#take(KERNELS, kernels, undefined);
    await this.#take(GRAPHS, graphs, "cuGraphLaunch");
    const originMs = this.#originMs();
    const warnings = [
      ...(this.#unread > 0 ? [`${this.#unread} kernels could not be read`] : []),
      ...(originMs === undefined
        ? ["the report does not say when it was made: it is dated by the file's own time"]
        : []),
      ...(kernels.has("globalPid") || this.#options.pid !== undefined
        ? []
        : ["the report does not say whose its kernels are: their process is called 0 (see --pid)"]),
    ];
    const description: TraceDescription = {
      source: "nsight-systems",
      node: this.#node(),
      gpus: this.#gpus(),
      originMs,
      pid: this.#options.pid ?? UNKNOWN_PID,
    };
    return { description, warnings };
  }

  async #take(
    table: string,
    columns: ReadonlySet<string>,
    entry: string | undefined,
  ): Promise<void> {
    if (columns.size === 0) return;
    if (!columns.has("start") || !columns.has("end"))
      throw malformedTrace(this.#file, `${table} has no times`);
    let rows = 0;
    for (const each of this.#database.prepare(this.#query(table, columns)).iterate()) {
      rows += 1;
      if (rows % TURN_ROWS === 0) await setImmediate();
      if (this.#options.signal.aborted) return;
      const read = row.safeParse(each);
      if (read.success) this.#kernel(read.data, entry);
      else this.#unread += 1;
    }
  }

  #kernel(kernel: Row, entry: string | undefined): void {
    const { start, end, name } = kernel;
    const [gpu, pid] = [kernel.gpu ?? 0, kernel.pid ?? UNKNOWN_PID];
    const { gpu: onlyGpu, pid: onlyPid } = this.#options;
    if (onlyGpu !== undefined && gpu !== onlyGpu) return;
    if (onlyPid !== undefined && pid !== UNKNOWN_PID && pid !== onlyPid) return;
    if (end < start) {
      this.#unread += 1;
      return;
    }
    const of = (...all: (number | null | undefined)[]): number[] | undefined => {
      const told = all.filter((each) => typeof each === "number");
      return told.length === all.length ? told : undefined;
    };
    this.#timeline.add({
      gpu,
      pid,
      startMs: start / 1e6,
      durationMs: (end - start) / 1e6,
      name: name?.slice(0, MAX_NAME),
      entry,
      grid: of(kernel.gridX, kernel.gridY, kernel.gridZ),
      block: of(kernel.blockX, kernel.blockY, kernel.blockZ),
    });
  }

  /** Of names that are this program's own alone: what a file calls its columns is only compared. */
  #query(table: string, columns: ReadonlySet<string>): string {
    const plain = (name: string, as = name): string =>
      columns.has(name) ? `k.${name} AS ${as}` : `NULL AS ${as}`;
    const named = ["demangledName", "shortName", "mangledName"].find((each) => columns.has(each));
    const hasNames = named !== undefined && this.#columns(STRINGS).has("value");
    // The process stands above the 24 bits of the thread; 64 bits are more than a number holds.
    const pid = columns.has("globalPid") ? "k.globalPid / 16777216 % 16777216" : "NULL";
    const fields = [
      plain("start"),
      plain("end"),
      plain("deviceId", "gpu"),
      `${pid} AS pid`,
      hasNames ? "s.value AS name" : "NULL AS name",
      ...["gridX", "gridY", "gridZ", "blockX", "blockY", "blockZ"].map((each) => plain(each)),
    ];
    const join = hasNames ? `LEFT JOIN ${STRINGS} s ON s.id = k.${named}` : "";
    return `SELECT ${fields.join(", ")} FROM ${table} k ${join}`;
  }

  #columns(table: string): Set<string> {
    const listed = this.#database.prepare("SELECT name FROM pragma_table_info(?)").all(table);
    return new Set(
      z
        .array(z.object({ name: z.string() }))
        .parse(listed)
        .map(({ name }) => name),
    );
  }

  #originMs(): number | undefined {
    const table = "TARGET_INFO_SESSION_START_TIME";
    if (!this.#columns(table).has("utcEpochNs")) return undefined;
    const found = this.#database.prepare(`SELECT utcEpochNs / 1000000.0 AS ms FROM ${table}`).get();
    return z.object({ ms: z.number().positive() }).safeParse(found).data?.ms;
  }

  #node(): string {
    const table = "TARGET_INFO_SYSTEM_ENV";
    const columns = this.#columns(table);
    if (!columns.has("name") || !columns.has("value")) return "imported";
    const sql = `SELECT value FROM ${table} WHERE name = 'Hostname'`;
    const found = z
      .object({ value: z.string().min(1) })
      .safeParse(this.#database.prepare(sql).get());
    return found.success ? sanitize(found.data.value, 64) : "imported";
  }

  #gpus(): TraceDescription["gpus"] {
    const table = "TARGET_INFO_GPU";
    const columns = this.#columns(table);
    const id = ["cuDevice", "id"].find((each) => columns.has(each));
    if (id === undefined || !columns.has("name")) return new Map();
    const memory = columns.has("totalMemory") ? "totalMemory" : "NULL";
    const sql = `SELECT ${id} AS id, name, ${memory} AS memory FROM ${table} LIMIT ${MAX_GPUS}`;
    const schema = z.object({
      id: z.int().min(0),
      name: z.string(),
      memory: z.number().positive().nullable().catch(null),
    });
    return new Map(
      this.#database
        .prepare(sql)
        .all()
        .flatMap((each) => {
          const { data } = schema.safeParse(each);
          if (!data) return [];
          const memoryTotalBytes = data.memory ?? undefined;
          return [[data.id, { model: sanitize(data.name, 128), memoryTotalBytes }] as const];
        }),
    );
  }
}
