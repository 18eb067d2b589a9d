import type { GpuQuantity } from "../model/sample.ts";

/** How a quantity is shown to people: in which unit, and how its values are scaled to it. */
export interface Shown {
  unit: string;
  scale: number;
  digits: number;
  /** A share of the whole: its scale runs from 0 to 1. */
  isRatio: boolean;
}

const RATIO: Shown = { unit: "%", scale: 100, digits: 1, isRatio: true };
const GIBIBYTES = plain("GiB", 1 / 2 ** 30, 2);
const CLOCK = plain("MHz", 1, 0);
const TRAFFIC = plain("MB/s", 1e-6, 2);

const SHOWN: Partial<Record<GpuQuantity, Shown>> = {
  memUsedBytes: GIBIBYTES,
  powerWatts: plain("W", 1, 1),
  energyJoules: plain("kJ", 1e-3, 2),
  tempC: plain("C", 1, 0),
  smClockMHz: CLOCK,
  memClockMHz: CLOCK,
  clockEventReasons: plain("mask", 1, 0),
  pcieTxBytesPerSec: TRAFFIC,
  pcieRxBytesPerSec: TRAFFIC,
  nvlinkTxBytesPerSec: TRAFFIC,
  nvlinkRxBytesPerSec: TRAFFIC,
};

function plain(unit: string, scale: number, digits: number): Shown {
  return { unit, scale, digits, isRatio: false };
}

export function shownAs(quantity: GpuQuantity): Shown {
  return SHOWN[quantity] ?? RATIO;
}

/** `0.731` of a ratio as `73.1 %`; never 0 where it is a little more. */
export function quantityText(quantity: GpuQuantity, value: number): string {
  const { unit, scale, digits } = shownAs(quantity);
  const text = (value * scale).toFixed(digits);
  const least = 10 ** -digits;
  return value > 0 && Number(text) === 0 ? `<${least} ${unit}` : `${text} ${unit}`;
}

/** NVML's reasons why a clock is not higher, by bit. */
const CLOCK_REASONS: ReadonlyMap<number, string> = new Map([
  [0, "idle"],
  [1, "application clocks"],
  [2, "software power cap"],
  [3, "hardware slowdown"],
  [4, "sync boost"],
  [5, "software thermal"],
  [6, "hardware thermal"],
  [7, "power brake"],
  [8, "display clocks"],
]);

export function clockReasonText(bit: number): string {
  return CLOCK_REASONS.get(bit) ?? `bit ${bit}`;
}
