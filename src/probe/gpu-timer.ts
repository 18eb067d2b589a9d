const STAMPS = 2;
const BYTES = STAMPS * 8;

/** Times one compute pass by the device's own clock. One launch at a time. */
export class GpuTimer {
  readonly writes: GPUComputePassTimestampWrites;
  readonly #querySet: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #readable: GPUBuffer;

  constructor(device: GPUDevice) {
    this.#querySet = device.createQuerySet({ type: "timestamp", count: STAMPS });
    this.#resolved = device.createBuffer({
      size: BYTES,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
    this.#readable = device.createBuffer({
      size: BYTES,
      usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
    });
    this.writes = {
      querySet: this.#querySet,
      beginningOfPassWriteIndex: 0,
      endOfPassWriteIndex: 1,
    };
  }

  /** Call after the pass, before the encoder is finished. */
  resolve(encoder: GPUCommandEncoder): void {
    encoder.resolveQuerySet(this.#querySet, 0, STAMPS, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#readable, 0, BYTES);
  }

  /** Seconds of the finished pass; undefined where the stamps say nothing. */
  async seconds(): Promise<number | undefined> {
    await this.#readable.mapAsync(GPUMapMode.READ);
    const stamps = new BigUint64Array(this.#readable.getMappedRange());
    const seconds = elapsedSeconds(stamps[0], stamps[1]);
    this.#readable.unmap();
    return seconds;
  }
}

/**
 * Seconds between two stamps in nanoseconds. Undefined unless the second is later: some drivers
 * reset their counter between passes, and such a difference is no duration at all.
 */
export function elapsedSeconds(
  beginNs: bigint | undefined,
  endNs: bigint | undefined,
): number | undefined {
  if (beginNs === undefined || endNs === undefined || endNs <= beginNs) return undefined;
  return Number(endNs - beginNs) / 1e9;
}
