import { counterDifference } from "../../../model/energy.ts";
import type { GpuQuantity } from "../../../model/sample.ts";
import { BucketSeries } from "./buckets.ts";
import type { QuantitySummary } from "./types.ts";

/** About one for two pixels of a figure. */
const BUCKETS = 512;
/** Bits of a mask that is a safe integer. */
const MASK_BITS = 53;

/** One quantity of one device, as it comes in. */
export class QuantityTrack {
  readonly #quantity: GpuQuantity;
  readonly #series: BucketSeries | undefined;
  #count = 0;
  #sum = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;
  #first = 0;
  #last = 0;
  #grownBy = 0;
  readonly #bits: number[] = [];

  /** @param bucketMs the first width of a series' buckets; undefined where none is wanted */
  constructor(quantity: GpuQuantity, bucketMs: number | undefined) {
    this.#quantity = quantity;
    this.#series = bucketMs === undefined ? undefined : new BucketSeries(BUCKETS, bucketMs);
  }

  add(atMs: number, value: number, holeMs: number): void {
    if (this.#count === 0) this.#first = value;
    else if (this.#quantity === "energyJoules")
      this.#grownBy += (counterDifference(this.#last, value) ?? 0) / 1000;
    if (this.#quantity === "clockEventReasons") this.#addBits(value);
    this.#count += 1;
    this.#sum += value;
    this.#min = Math.min(this.#min, value);
    this.#max = Math.max(this.#max, value);
    this.#last = value;
    this.#series?.add(atMs, value, holeMs);
  }

  summary(): QuantitySummary {
    const bits = this.#bits.flatMap((count, bit) => (count > 0 ? [{ bit, count }] : []));
    return {
      quantity: this.#quantity,
      count: this.#count,
      min: this.#min,
      mean: this.#sum / this.#count,
      max: this.#max,
      first: this.#first,
      last: this.#last,
      ...(this.#quantity === "energyJoules" && { grownBy: this.#grownBy }),
      ...(this.#quantity === "clockEventReasons" && { bits }),
      ...(this.#series && { points: this.#series.points() }),
    };
  }

  #addBits(mask: number): void {
    for (let bit = 0, rest = mask; rest > 0 && bit < MASK_BITS; bit += 1) {
      if (rest % 2 === 1) this.#bits[bit] = (this.#bits[bit] ?? 0) + 1;
      rest = Math.floor(rest / 2);
    }
  }
}
