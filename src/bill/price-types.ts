import type { Window } from "../model/window.ts";

/** From `fromMs` until `toMs` (half-open, UTC); Infinity where no end was given. */
export interface DatedPrice extends Window {
  nanos: bigint;
  /** Line of the price list this price stands on. */
  line: number;
}

export interface GpuPrice extends DatedPrice {
  /** A device's model name, `*` standing for any characters. */
  pattern: string;
}

/** Prices in billionths of the currency: a GPU-hour, and a kWh. */
export interface PriceList {
  /** Where the list was read from, for messages. */
  name: string;
  /** As it was read: an issued report keeps it. Absent for a list that was never a text. */
  text?: string | undefined;
  currency: string;
  gpus: readonly GpuPrice[];
  energy: readonly DatedPrice[];
  /** What a GPU-hour costs where no pattern fits. */
  defaultPrice?: { nanos: bigint; line: number } | undefined;
}
