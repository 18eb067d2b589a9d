import type {
  GpuInfo,
  GpuQuantity,
  GpuSample,
  ProcessSample,
  ProcessSighting,
} from "../../model/sample.ts";
import type { AppList } from "./apps.ts";
import type { ListedGpu, ListedMig, SmiRow } from "./parse.ts";
import { definedOnly } from "../defined-only.ts";

/** MIG devices are numbered after their GPU: GPU 1's first is 200. */
const MIG_STRIDE = 100;

/**
 * The devices of the node, from what `nvidia-smi -L` lists and what the rows tell of them. A GPU that
 * is split into MIG devices is not one itself, or its time would count twice. Of a MIG device
 * nvidia-smi tells its processes and nothing else: its samples are empty, for nothing was measured.
 */
export class SmiDevices {
  #listed: readonly ListedGpu[];
  readonly #rows = new Map<string, SmiRow>();
  /** Once a quantity was read from a column it is said to be, or one that fails would change the node. */
  readonly #columns = new Map<string, Partial<Record<GpuQuantity, string>>>();

  constructor(listed: readonly ListedGpu[]) {
    this.#listed = listed;
  }

  get uuids(): ReadonlySet<string> {
    return new Set(this.#listed.map(({ uuid }) => uuid));
  }

  /** Takes a newer list; an empty one is none. */
  relist(listed: readonly ListedGpu[]): void {
    if (listed.length > 0) this.#listed = listed;
  }

  /** Notes what rows tell of their GPUs. @returns whether the list may no longer be right */
  note(rows: readonly SmiRow[]): boolean {
    let stale = false;
    for (const row of rows) {
      const listed = this.#listed.find(({ uuid }) => uuid === row.uuid);
      const was = this.#rows.get(row.uuid);
      stale ||= !listed || (was !== undefined && was.migEnabled !== row.migEnabled);
      this.#rows.set(row.uuid, row);
      this.#columns.set(row.uuid, { ...row.columns, ...this.#columns.get(row.uuid) });
    }
    return stale;
  }

  /** Whether any GPU can be split anew at any time. */
  get hasMig(): boolean {
    return [...this.#rows.values()].some(({ migEnabled }) => migEnabled);
  }

  gpus(): GpuInfo[] {
    return this.#listed.flatMap((gpu) =>
      gpu.migs.length === 0 ? [this.#gpuInfo(gpu)] : gpu.migs.map((mig) => this.#migInfo(gpu, mig)),
    );
  }

  samples(rows: readonly SmiRow[], atMs: number): GpuSample[] {
    return rows.flatMap((row): GpuSample[] => {
      const gpu = this.#listed.find(({ uuid }) => uuid === row.uuid);
      if (!gpu) return [];
      if (gpu.migs.length === 0) return [{ kind: "gpu", atMs, gpu: gpu.index, ...row.readings }];
      return gpu.migs.map((mig) => ({ kind: "gpu", atMs, gpu: migIndex(gpu, mig) }));
    });
  }

  /** Who is on each device. One whose list may lack somebody gets none: that is not "nobody". */
  processes({ rows, tainted }: AppList, atMs: number): ProcessSample[] {
    const listFor = (gpu: number, uuid: string): ProcessSample[] => {
      if (tainted.has(uuid)) return [];
      return [{ kind: "processes", atMs, gpu, list: sightingsOf(rows, uuid) }];
    };
    return this.#listed.flatMap((gpu) => {
      if (gpu.migs.length === 0) return listFor(gpu.index, gpu.uuid);
      // A process that is only said to be on the GPU may be on any of its MIG devices.
      const isVague = tainted.has(gpu.uuid) || rows.some(({ uuid }) => uuid === gpu.uuid);
      return isVague ? [] : gpu.migs.flatMap((mig) => listFor(migIndex(gpu, mig), mig.uuid));
    });
  }

  #gpuInfo({ index, model, uuid }: ListedGpu): GpuInfo {
    const row = this.#rows.get(uuid);
    const columns = Object.entries(this.#columns.get(uuid) ?? {});
    return definedOnly({
      index,
      uuid,
      model,
      memoryTotalBytes: row?.memoryTotalBytes,
      powerLimitWatts: row?.powerLimitWatts,
      pciBusId: row?.pciBusId,
      driverVersion: row?.driverVersion,
      measuredWith: Object.fromEntries(
        columns.map(([quantity, column]) => [quantity, `nvidia-smi ${column}`]),
      ),
    });
  }

  #migInfo(gpu: ListedGpu, mig: ListedMig): GpuInfo {
    const row = this.#rows.get(gpu.uuid);
    return definedOnly({
      index: migIndex(gpu, mig),
      uuid: mig.uuid,
      model: `${gpu.model} MIG ${mig.profile}`,
      pciBusId: row?.pciBusId,
      driverVersion: row?.driverVersion,
      parentUuid: gpu.uuid,
      migProfile: mig.profile,
      measuredWith: {},
    });
  }
}

function migIndex(gpu: ListedGpu, mig: ListedMig): number {
  return MIG_STRIDE * (gpu.index + 1) + mig.number;
}

function sightingsOf(rows: AppList["rows"], uuid: string): ProcessSighting[] {
  const byPid = new Map<number, ProcessSighting>();
  for (const { pid, memUsedBytes, ...row } of rows) {
    if (row.uuid !== uuid || pid === undefined) continue;
    byPid.set(pid, memUsedBytes === undefined ? { pid } : { pid, memUsedBytes });
  }
  return [...byPid.values()];
}
