import type { GpuInfo, GpuReadings } from "../../model/sample.ts";
import { sanitize } from "../../model/text.ts";
import { DeviceCalls } from "./device-calls.ts";
import type { DeviceReading } from "./device.ts";
import { healthOf } from "./health.ts";
import { gpmSource } from "./gpm.ts";
import { Readings, SourceTable } from "./measured.ts";
import { memorySymbol, readMemory } from "./state.ts";
import { readHandle, readText, readU32, SIZES } from "./layouts.ts";
import type { NvmlLibrary } from "./library.ts";
import {
  decodeMigAttributes,
  MIG_ATTRIBUTES,
  profileFromAttributes,
  profileFromName,
} from "./mig-profile.ts";
import { DeviceProcessReader } from "./process-reader.ts";
import { DeviceLostError, NVML, resultText } from "./results.ts";

const UUID = "nvmlDeviceGetUUID";
const HANDLE = "nvmlDeviceGetMigDeviceHandleByIndex";

/** The profiling counters of one GPU instance: the only thing that measures what a MIG device does. */
export interface InstanceCounters {
  /**
   * What they have counted since the last time, by the names of the model: graphics activity as
   * `gpuUtil`. Undefined where there is nothing yet.
   * @param nowMs monotonic
   */
  read(nowMs: number): GpuReadings | undefined;
  /** Gives the driver its samples back. A later reading starts anew. Never throws. */
  close?(): void;
}

/** Opens the counters of a GPU instance, which are asked for with the handle of its card. */
export type OpenInstanceCounters = (
  card: DeviceCalls,
  gpuInstanceId: number,
) => InstanceCounters | undefined;

/** The card a MIG device is a part of. */
export interface MigCard {
  library: NvmlLibrary;
  handle: bigint;
  info: GpuInfo;
  openCounters?: OpenInstanceCounters | undefined;
}

/** Which MIG device stands in a place. All of it can change when the card is divided anew. */
export interface MigIdentity {
  /** Its place among those of the card. */
  place: number;
  handle: bigint;
  uuid: string;
  gpuInstanceId: number | undefined;
  computeInstanceId: number | undefined;
  cardHandle: bigint;
}

/**
 * Who stands in a place of a card: `nobody` also where we may not see who, `unclear` where it cannot
 * be told this time.
 */
export function readIdentity(card: MigCard, place: number): MigIdentity | "nobody" | "unclear" {
  const bytes = new Uint8Array(SIZES.handle);
  const found = new DeviceCalls(card.library, card.handle).call(HANDLE, [place, bytes]);
  if (isGone(found) || found === NVML.noPermission) return "nobody";
  if (found !== NVML.success) return "unclear";
  const handle = readHandle(bytes);
  const calls = new DeviceCalls(card.library, handle);
  const { result, uuid } = readUuid(calls);
  if (isGone(result)) return "nobody";
  if (uuid === undefined) return "unclear";
  return {
    place,
    handle,
    uuid,
    gpuInstanceId: calls.read("nvmlDeviceGetGpuInstanceId", new Uint8Array(SIZES.u32), readU32),
    computeInstanceId: calls.read(
      "nvmlDeviceGetComputeInstanceId",
      new Uint8Array(SIZES.u32),
      readU32,
    ),
    cardHandle: card.handle,
  };
}

/**
 * A MIG device: a part of a card that counts as a device of its own. It has memory, processes and
 * the counters of its GPU instance. Power, energy, temperature and clocks are the card's, and no
 * counter says whose they are: so they are not told. Nor is NVML's utilisation, which MIG lacks.
 */
export class MigDevice {
  readonly identity: MigIdentity;
  readonly isAlone: boolean;
  readonly #calls: DeviceCalls;
  readonly #counters: InstanceCounters | undefined;
  readonly #processes: DeviceProcessReader;
  readonly #sources = new SourceTable();
  #info: GpuInfo;

  /**
   * @param isAlone whether it has its GPU instance for itself. Several share one set of counters,
   *   which then says nothing of any of them: counted for each, the same work would count twice.
   */
  constructor(card: MigCard, identity: MigIdentity, isAlone: boolean) {
    this.identity = identity;
    this.isAlone = isAlone;
    this.#calls = new DeviceCalls(card.library, identity.handle);
    this.#processes = new DeviceProcessReader(this.#calls, { listsOnly: true });
    const { gpuInstanceId } = identity;
    if (isAlone && gpuInstanceId !== undefined) {
      this.#counters = card.openCounters?.(
        new DeviceCalls(card.library, card.handle),
        gpuInstanceId,
      );
    }
    this.#info = describe(card, identity, this.#calls);
  }

  /** Who it is. Another object once something of it has changed. */
  get info(): GpuInfo {
    return this.#info;
  }

  /** @throws DeviceLostError when it is gone, or another one answers to its handle */
  read(atMs: number, nowMs: number, sinceMs: number, xids: readonly number[] = []): DeviceReading {
    this.#verify();
    const calls = this.#calls;
    calls.takeOutcome();
    const readings = new Readings();
    readings.add("memUsedBytes", readMemory(calls)?.usedBytes, memorySymbol(calls));
    const processes = this.#processes.read({ atMs, nowMs, sinceMs });
    const outcome = calls.takeOutcome();
    if (outcome.answered === 0 && outcome.lastFailure !== undefined) {
      throw new DeviceLostError(outcome.lastFailure);
    }
    const counted = this.#counters?.read(nowMs) ?? {};
    readings.addAll(counted, gpmSource);
    if (this.#sources.note(readings.sources, nowMs))
      this.#info = { ...this.#info, measuredWith: this.#sources.table };
    const more = xids.length > 0 ? [healthOf(atMs, this.info.index, xids)] : [];
    return { readings: readings.values, processes, more };
  }

  /** Gives back what the library holds for it. It can be read again afterwards. */
  release(): void {
    this.#counters?.close?.();
  }

  /** Handles are used again for other instances, so each reading asks first whose it is. */
  #verify(): void {
    const { result, uuid } = readUuid(this.#calls);
    if (isGone(result)) throw new DeviceLostError(`the MIG device is gone: ${resultText(result)}`);
    if (uuid !== undefined && uuid !== this.identity.uuid) {
      throw new DeviceLostError("another MIG device answers to its handle");
    }
  }
}

/** A handle of an instance that was destroyed is not found, or an invalid argument. */
function isGone(result: number): boolean {
  return result === NVML.notFound || result === NVML.invalidArgument;
}

function readUuid(calls: DeviceCalls): { result: number; uuid: string | undefined } {
  const bytes = new Uint8Array(SIZES.text);
  const result = calls.call(UUID, [bytes, bytes.length]);
  const text = result === NVML.success ? sanitize(readText(bytes)) : "";
  return { result, uuid: text === "" ? undefined : text };
}

function describe({ info: card }: MigCard, identity: MigIdentity, calls: DeviceCalls): GpuInfo {
  const name = calls.text("nvmlDeviceGetName");
  const attributes = calls.read(
    "nvmlDeviceGetAttributes_v2",
    new Uint8Array(MIG_ATTRIBUTES),
    decodeMigAttributes,
  );
  const memoryTotalBytes = readMemory(calls)?.totalBytes ?? attributes?.memoryBytes;
  const migProfile =
    (name === undefined ? undefined : profileFromName(name)) ??
    (attributes && profileFromAttributes(attributes, card.memoryTotalBytes));
  return {
    index: 100 * (card.index + 1) + identity.place,
    uuid: identity.uuid,
    model: sanitize(name ?? card.model),
    ...(memoryTotalBytes !== undefined && { memoryTotalBytes }),
    ...(card.pciBusId !== undefined && { pciBusId: card.pciBusId }),
    ...(card.driverVersion !== undefined && { driverVersion: card.driverVersion }),
    parentUuid: card.uuid,
    ...(migProfile !== undefined && { migProfile }),
  };
}
