import { MAX_PROBE_PASSES, type PassTiming } from "./protocol.ts";

const BYTES_PER_PASS = 16;
const NS_PER_SECOND = 1e9;

/** Times the compute passes of one submission by the device's own clock. One submission at a time. */
export class GpuTimer {
  readonly #querySet: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #readable: GPUBuffer;
  #passes = 0;

  constructor(device: GPUDevice) {
    const size = MAX_PROBE_PASSES * BYTES_PER_PASS;
    this.#querySet = device.createQuerySet({ type: "timestamp", count: 2 * MAX_PROBE_PASSES });
    this.#resolved = device.createBuffer({
      size,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
    this.#readable = device.createBuffer({
      size,
      usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
    });
  }

  /** What the pass of this number, from 0, is begun with. */
  writes(pass: number): GPUComputePassTimestampWrites {
    return {
      querySet: this.#querySet,
      beginningOfPassWriteIndex: 2 * pass,
      endOfPassWriteIndex: 2 * pass + 1,
    };
  }

  /** Call after the last of `passes` passes, before the encoder is finished. */
  resolve(encoder: GPUCommandEncoder, passes: number): void {
    this.#passes = passes;
    const bytes = passes * BYTES_PER_PASS;
    encoder.resolveQuerySet(this.#querySet, 0, 2 * passes, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#readable, 0, bytes);
  }

  /** Waits for the submission's end: begin and end of each pass in turn, in nanoseconds. */
  async stamps(): Promise<BigUint64Array> {
    const bytes = this.#passes * BYTES_PER_PASS;
    await this.#readable.mapAsync(GPUMapMode.READ, 0, bytes);
    const stamps = new BigUint64Array(this.#readable.getMappedRange(0, bytes)).slice();
    this.#readable.unmap();
    return stamps;
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
  return Number(endNs - beginNs) / NS_PER_SECOND;
}

/** The device's clock and the host's are two: how far the one may be ahead. */
const CLOCK_SLACK = 1.05;
const CLOCK_SLACK_SECONDS = 1e-3;

/**
 * Begin and end of each pass in seconds from the first one's begin. A pass is undefined where its
 * stamps cannot be true: it ends before it begins, begins before the pass before it has ended (each
 * waits for the one before), or lies further away than the host waited for all of them.
 */
export function passTimings(
  stamps: BigUint64Array,
  wallSeconds: number,
): (PassTiming | undefined)[] {
  const limitSeconds = wallSeconds * CLOCK_SLACK + CLOCK_SLACK_SECONDS;
  const timings: (PassTiming | undefined)[] = [];
  let originNs: bigint | undefined;
  let lastNs = 0n;
  for (let i = 0; i + 1 < stamps.length; i += 2) {
    const [beginNs = 0n, endNs = 0n] = stamps.subarray(i, i + 2);
    const origin = originNs ?? beginNs;
    const isInOrder = endNs > beginNs && beginNs >= lastNs;
    const endSeconds = Number(endNs - origin) / NS_PER_SECOND;
    if (!isInOrder || endSeconds > limitSeconds) {
      timings.push(undefined);
      continue;
    }
    [originNs, lastNs] = [origin, endNs];
    timings.push({ beginSeconds: Number(beginNs - origin) / NS_PER_SECOND, endSeconds });
  }
  return timings;
}
