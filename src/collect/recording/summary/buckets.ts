/** What one stretch of a series came to. */
export interface SeriesPoint {
  fromMs: number;
  toMs: number;
  count: number;
  min: number;
  mean: number;
  max: number;
  /** Between this point and the one before nobody measured: no line may join them. */
  afterHole: boolean;
}

/**
 * A series of any length in fixed memory: buckets of equal width, which doubles whenever the span
 * outgrows them. Between half of them and all of them are in use, so a picture of the whole keeps
 * its detail, and the extremes in it are true.
 */
export class BucketSeries {
  readonly #capacity: number;
  #startMs: number | undefined;
  #widthMs: number;
  #lastMs = Number.NEGATIVE_INFINITY;
  readonly #counts: Uint32Array;
  readonly #sums: Float64Array;
  readonly #mins: Float64Array;
  readonly #maxs: Float64Array;
  readonly #afterHole: Uint8Array;

  /**
   * @param capacity how many buckets; even
   * @param widthMs how wide each is at first
   */
  constructor(capacity: number, widthMs: number) {
    this.#capacity = capacity;
    this.#widthMs = widthMs;
    this.#counts = new Uint32Array(capacity);
    this.#sums = new Float64Array(capacity);
    this.#mins = new Float64Array(capacity);
    this.#maxs = new Float64Array(capacity);
    this.#afterHole = new Uint8Array(capacity);
  }

  /** @param holeMs a longer time without a value is a hole */
  add(atMs: number, value: number, holeMs: number): void {
    this.#startMs ??= atMs;
    // Times go back only where a device changed its index: its first bucket takes what is older.
    const sinceMs = Math.max(0, atMs - this.#startMs);
    while (sinceMs >= this.#capacity * this.#widthMs) this.#coarsen();
    const i = Math.floor(sinceMs / this.#widthMs);
    const count = this.#counts[i] ?? 0;
    if (count === 0) {
      this.#mins[i] = value;
      this.#maxs[i] = value;
      if (atMs - this.#lastMs > holeMs) this.#afterHole[i] = 1;
    } else {
      this.#mins[i] = Math.min(this.#mins[i] ?? value, value);
      this.#maxs[i] = Math.max(this.#maxs[i] ?? value, value);
    }
    this.#counts[i] = count + 1;
    this.#sums[i] = (this.#sums[i] ?? 0) + value;
    this.#lastMs = Math.max(this.#lastMs, atMs);
  }

  /** The buckets that hold something, oldest first. */
  points(): SeriesPoint[] {
    const startMs = this.#startMs ?? 0;
    const points: SeriesPoint[] = [];
    for (const [i, count] of this.#counts.entries()) {
      if (count === 0) continue;
      points.push({
        fromMs: startMs + i * this.#widthMs,
        toMs: startMs + (i + 1) * this.#widthMs,
        count,
        min: this.#mins[i] ?? 0,
        mean: (this.#sums[i] ?? 0) / count,
        max: this.#maxs[i] ?? 0,
        afterHole: points.length > 0 && this.#afterHole[i] === 1,
      });
    }
    return points;
  }

  /** Joins each pair of buckets. */
  #coarsen(): void {
    for (let i = 0; i < this.#capacity; i += 1) {
      const [a, b] = [2 * i, 2 * i + 1];
      const [countA, countB] = [this.#counts[a] ?? 0, this.#counts[b] ?? 0];
      const first = countA > 0 ? a : b;
      const last = countB > 0 ? b : a;
      this.#afterHole[i] = this.#afterHole[first] ?? 0;
      this.#mins[i] = Math.min(this.#mins[first] ?? 0, this.#mins[last] ?? 0);
      this.#maxs[i] = Math.max(this.#maxs[first] ?? 0, this.#maxs[last] ?? 0);
      this.#sums[i] = (this.#sums[a] ?? 0) + (this.#sums[b] ?? 0);
      this.#counts[i] = countA + countB;
    }
    this.#widthMs *= 2;
  }
}
