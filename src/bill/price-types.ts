import type { Window } from "../model/window.ts";
import type { AllocationPolicy } from "./allocation-policy.ts";

/** From `fromMs` until `toMs` (half-open, UTC); Infinity where no end was given. */
export interface DatedPrice extends Window {
  /** Billionths of the unit the price is in. */
  nanos: bigint;
  /** Line of the price list this price stands on. */
  line: number;
}

/** A price of money, in its own currency. */
export interface MoneyPrice extends DatedPrice {
  currency: string;
}

/** Which devices a price is for, beside their model; a pool by its name, the others by pattern. */
export interface PriceScope {
  kind: "gpu" | "node" | "pool";
  pattern: string;
}

export interface GpuPrice extends MoneyPrice {
  /** A device's model name, `*` standing for any characters. */
  pattern: string;
  scope?: PriceScope | undefined;
  /** What a GPU-hour costs without the contract; absent where the list says nothing of it. */
  listNanos?: bigint | undefined;
  /** Only of a commitment. */
  commitment?: Commitment | undefined;
}

export interface Commitment {
  name: string;
  /** The part of what was paid in advance that a GPU-hour bears. */
  amortisedNanos: bigint;
  /** How many devices were paid for in advance; absent where nothing was. */
  devices?: number | undefined;
}

/** Minutes after the local midnight: `from` is included, `to` is not; `from` > `to` passes midnight. */
export interface LocalHours {
  fromMinute: number;
  toMinute: number;
}

/** A price that holds at some hours of some days of a place. */
export interface Tariff extends DatedPrice {
  hours?: LocalHours | undefined;
  /** ISO weekdays, Monday is 1: those on which the hours begin. */
  days?: ReadonlySet<number> | undefined;
  /** IANA name. */
  zone: string;
}

export interface EnergyPrice extends Tariff, MoneyPrice {}

/** One unit of `of` is `nanos` billionths of `in`. */
export interface CurrencyRate extends DatedPrice {
  of: string;
  in: string;
}

/** What is charged beside the devices' time and energy. */
export interface Overhead extends MoneyPrice {
  name: string;
  /** `pue`: `nanos` is the facility's energy over the devices', at least 1. */
  kind: "perGpuHour" | "pue";
}

/** Devices by the patterns of their node and of their model; a list that is absent fits all. */
export interface Pool {
  name: string;
  nodes?: readonly string[] | undefined;
  gpus?: readonly string[] | undefined;
  line: number;
}

/** Prices in billionths of a currency: a GPU-hour, and a kWh. */
export interface PriceList {
  /** Where the list was read from, for messages. */
  name: string;
  /** What reports are made in. */
  currency: string;
  pools: readonly Pool[];
  gpus: readonly GpuPrice[];
  commitments: readonly GpuPrice[];
  energy: readonly EnergyPrice[];
  /** Grams of CO2 equivalent a kWh, in billionths. */
  carbon: readonly Tariff[];
  rates: readonly CurrencyRate[];
  overhead: readonly Overhead[];
  /** Absent where the list has no such section. */
  allocation?: AllocationPolicy | undefined;
  /** What a GPU-hour costs where no pattern fits. */
  defaultPrice?: { nanos: bigint; currency: string; line: number } | undefined;
}

/** What of a device prices are chosen by. */
export interface PricedDevice {
  model: string;
  node: string;
  uuid: string;
}
