import type { GpuQuantity } from "../../model/sample.ts";
import { counterStep, type CounterKind, type CounterPoint } from "./counter-rate.ts";
import type { DeviceCalls } from "./device-calls.ts";
import {
  ALL_LINKS,
  readMeasuredU32,
  SIZES,
  type FieldReading,
  type FieldRequest,
} from "./layouts.ts";
import type { Readings } from "./measured.ts";

/*
 * nvmlDeviceGetPcieThroughput is never called: it counts for 20 ms inside the call, once for each
 * direction and device, which would hold up the reading of a full node for a third of a second.
 */

interface Counter {
  id: number;
  quantity: GpuQuantity;
  name: string;
  link: "pcie" | "nvlink";
  bytesPerCount: number;
  /** Not asked for where this field answers. */
  insteadOf?: number;
}

const COUNTERS: readonly Counter[] = [
  {
    id: 197,
    quantity: "pcieTxBytesPerSec",
    name: "PCIe byte counter",
    link: "pcie",
    bytesPerCount: 1,
  },
  {
    id: 198,
    quantity: "pcieRxBytesPerSec",
    name: "PCIe byte counter",
    link: "pcie",
    bytesPerCount: 1,
  },
  {
    id: 138,
    quantity: "nvlinkTxBytesPerSec",
    name: "NVLink data counter",
    link: "nvlink",
    bytesPerCount: 1024,
  },
  {
    id: 139,
    quantity: "nvlinkRxBytesPerSec",
    name: "NVLink data counter",
    link: "nvlink",
    bytesPerCount: 1024,
  },
  {
    id: 202,
    quantity: "nvlinkTxBytesPerSec",
    name: "NVLink 5 byte counter",
    link: "nvlink",
    bytesPerCount: 1,
    insteadOf: 138,
  },
  {
    id: 204,
    quantity: "nvlinkRxBytesPerSec",
    name: "NVLink 5 byte counter",
    link: "nvlink",
    bytesPerCount: 1,
    insteadOf: 139,
  },
];

/** A lane's line rate one way by PCIe generation, in bytes a second: its payload is always less. */
const PCIE_LANE_BYTES_PER_SEC = [0, 3.125e8, 6.25e8, 1e9, 2e9, 4e9, 8e9, 16e9];
/** Of a link nobody has told us about: sixteen lanes of the fastest generation. */
const PCIE_MAX_BYTES_PER_SEC = 16 * 16e9;
/** More than all links of a GPU carry one way in any NVLink so far. */
const NVLINK_MAX_BYTES_PER_SEC = 2e12;

/** Rates over PCIe and NVLink, as differences of the driver's cumulative counters. */
export class TrafficReader {
  readonly #calls: DeviceCalls;
  readonly #points = new Map<number, CounterPoint>();
  readonly #answered = new Set<number>();
  #pcieBytesPerSec: number | undefined;

  constructor(calls: DeviceCalls) {
    this.#calls = calls;
  }

  /** The fields it wants to be asked for. */
  requests(): FieldRequest[] {
    return COUNTERS.filter(
      ({ insteadOf }) => insteadOf === undefined || !this.#answered.has(insteadOf),
    ).map(({ id, link }) => ({ id, scopeId: link === "nvlink" ? ALL_LINKS : 0 }));
  }

  /**
   * @param fields what answered of {@link requests}
   * @param nowMs monotonic
   * @param maxSpanMs how far back a rate may look
   */
  read(
    fields: ReadonlyMap<number, FieldReading>,
    nowMs: number,
    maxSpanMs: number,
    readings: Readings,
  ): void {
    for (const counter of COUNTERS) {
      const field = fields.get(counter.id);
      if (!field || field.count === undefined) continue;
      this.#answered.add(counter.id);
      const { count, narrow, timestampUs } = field;
      const now: CounterPoint = { count, narrow, timestampUs, nowMs };
      const before = this.#points.get(counter.id);
      const { bytesPerSec, base } = counterStep(before, now, this.#kind(counter), maxSpanMs);
      this.#points.set(counter.id, base);
      readings.add(counter.quantity, bytesPerSec, `${counter.name} (field ${counter.id})`);
    }
  }

  /** After a gap nothing is compared with what was before it. */
  forget(): void {
    this.#points.clear();
  }

  #kind({ link, bytesPerCount }: Counter): CounterKind {
    if (link === "nvlink") {
      return { bytesPerCount, maxBytesPerSec: NVLINK_MAX_BYTES_PER_SEC, mayWrapAt32: false };
    }
    // The header says of these alone that they wrap, but not where.
    return { bytesPerCount, maxBytesPerSec: this.#pcieMax(), mayWrapAt32: true };
  }

  /** What the slot and the card can do together; asked for until it is answered or refused. */
  #pcieMax(): number {
    if (this.#pcieBytesPerSec !== undefined) return this.#pcieBytesPerSec;
    const generation = this.#u32("nvmlDeviceGetMaxPcieLinkGeneration");
    const lanes = this.#u32("nvmlDeviceGetMaxPcieLinkWidth");
    const lane = PCIE_LANE_BYTES_PER_SEC[generation ?? 0];
    if (!lane || !lanes || lanes > 32) return PCIE_MAX_BYTES_PER_SEC;
    this.#pcieBytesPerSec = lane * lanes;
    return this.#pcieBytesPerSec;
  }

  #u32(symbol: "nvmlDeviceGetMaxPcieLinkGeneration" | "nvmlDeviceGetMaxPcieLinkWidth") {
    return this.#calls.read(symbol, new Uint8Array(SIZES.u32), readMeasuredU32);
  }
}
