import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type ProbeDevice, runOnce } from "../../src/probe/device.ts";
import { openDevice } from "../../src/probe/device-process.ts";
import { asWords, type Kernel } from "../../src/probe/kernels/kernel.ts";
import {
  digestJob,
  type NonceHash,
  readDigests,
  searchJob,
  withNonce,
} from "../../src/probe/kernels/nonce-search.ts";
import { readFound } from "../../src/probe/kernels/found-list.ts";
import { buildOf } from "../../src/probe/kernels/variant.ts";
import type { KernelJob } from "../../src/probe/protocol.ts";
import { readShader } from "../../src/probe/shaders.ts";
import { builtUrl } from "./built.ts";
import { seeded } from "./seeded.ts";
import { softwareAdapter } from "./software-adapter.ts";

const UNWRITTEN = 0xffff_ffff;
const EVERY_HASH = 2n ** 256n - 1n;

/** What a test has at hand while the device is open. */
export interface Bench {
  readonly device: ProbeDevice;
  readonly code: string;
  first(job: KernelJob, binding: number): Promise<Uint8Array>;
  found(job: KernelJob): Promise<{ count: number; listed: number[] }>;
}

export interface NonceHashSpec {
  hash: NonceHash;
  kernel: Kernel;
  /** Another implementation than the one that the kernel is verified with, where there is one. */
  reference: (message: Uint8Array) => Uint8Array;
  /** Name, text of the shader, text that makes it wrong. */
  defects: readonly (readonly [string, string, string])[];
  /** Tests of this hash alone, on the same device: each shader takes seconds to compile there. */
  more?: (bench: () => Bench) => void;
}

/** Compiling takes seconds where the GPU is a CPU and others use it, too. */
const PATIENCE_MS = 240_000;

/** Opens the software adapter for the tests of a file; `bench()` is valid inside them. */
function benchFor(kernel: Kernel, robustness = true): () => Bench {
  let bench: Bench | undefined;
  beforeAll(async () => {
    const { environment } = await softwareAdapter();
    const childUrl = builtUrl("probe/child.js");
    const device = await openDevice({ allowSoftware: true, environment, childUrl, robustness });
    const first = async (job: KernelJob, binding: number): Promise<Uint8Array> =>
      (await runOnce(device, job, [binding]))[0] ?? new Uint8Array();
    const found = async (job: KernelJob) => readFound(await first(job, 1));
    bench = { device, code: await readShader(kernel.shader), first, found };
  });
  afterAll(() => bench?.device.close());
  return () => {
    if (!bench) throw new Error("the device is not open yet");
    return bench;
  };
}

/** The WGSL with a defect; fails where the text to break is gone. */
export function broken(code: string, from: string, to: string): string {
  expect(code).toContain(from);
  return code.replaceAll(from, to);
}

/** The same job with `extraWords` more at the end of a buffer: what is beyond must stay as it is. */
function longer(job: KernelJob, binding: number, extraWords: number): KernelJob {
  const buffers = job.buffers.map((buffer) =>
    buffer.binding === binding
      ? { ...buffer, sizeBytes: buffer.sizeBytes + 4 * extraWords }
      : buffer,
  );
  return { ...job, buffers };
}

/** What holds for every search of nonces. */
export function describeNonceHash(spec: NonceHashSpec): void {
  const { hash, kernel, reference, defects } = spec;
  vi.setConfig({ testTimeout: PATIENCE_MS });
  const message = (seed: number): Uint8Array => {
    const random = seeded(seed);
    return Uint8Array.from({ length: hash.messageBytes }, () => Math.floor(random() * 256));
  };
  const digestOf = (of: Uint8Array, nonce: number): Uint8Array =>
    reference(withNonce(hash, of, nonce));

  describe("with every access checked", () => {
    const bench = benchFor(kernel);
    describeResults(kernel, bench);
    spec.more?.(bench);
    const found = (of: Uint8Array, firstNonce: number, count: number, target: bigint, room = 8) =>
      bench().found(
        searchJob(hash, bench().code, { message: of, firstNonce, count }, target, room),
      );

    test.each([1, 255, 256, 257, 600])(
      "writes every digest of %i nonces and nothing behind them",
      async (count) => {
        const of = message(count);
        const range = { message: of, firstNonce: 0x89ab_cdef + count, count };
        const bytes = await bench().first(longer(digestJob(hash, bench().code, range), 2, 64), 2);
        const expected = Array.from({ length: count }, (_, i) =>
          digestOf(of, range.firstNonce + i),
        );
        expect(readDigests(bytes.subarray(0, 32 * count))).toEqual(expected);
        expect(asWords(bytes.subarray(32 * count)).every((word) => word === UNWRITTEN)).toBe(true);
      },
    );

    test("gives the reference's digest for any message and nonce", async () => {
      const size = hash.messageBytes;
      const anyMessage = fc.uint8Array({ minLength: size, maxLength: size });
      const anyNonce = fc.integer({ min: 0, max: 2 ** 32 - 1 });
      await fc.assert(
        fc.asyncProperty(anyMessage, anyNonce, async (of, firstNonce) => {
          const job = digestJob(hash, bench().code, { message: of, firstNonce, count: 1 });
          const [digest] = readDigests(await bench().first(job, 2));
          expect(digest).toEqual(digestOf(of, firstNonce));
        }),
        { numRuns: 40 },
      );
    });

    test("wraps around after the last nonce", async () => {
      const of = message(1);
      const range = { message: of, firstNonce: 2 ** 32 - 1, count: 2 };
      const digests = readDigests(await bench().first(digestJob(hash, bench().code, range), 2));
      expect(digests).toEqual([digestOf(of, 2 ** 32 - 1), digestOf(of, 0)]);
      const listed = await found(of, 2 ** 32 - 1, 2, EVERY_HASH);
      expect(listed).toEqual({ count: 2, listed: [0, 2 ** 32 - 1] });
    });

    test("takes a hash that equals the target and none above it", async () => {
      const of = message(2);
      const value = hash.value(digestOf(of, 77));
      expect((await found(of, 77, 1, value)).listed).toEqual([77]);
      expect((await found(of, 77, 1, value - 1n)).listed).toEqual([]);
      expect((await found(of, 77, 1, value + 1n)).listed).toEqual([77]);
    });

    test("compares every word of a hash, each only where the ones above it are equal", async () => {
      const of = message(3);
      const value = hash.value(digestOf(of, 5));
      const listed: (number | undefined)[] = [];
      const right: (number | undefined)[] = [];
      for (let word = 0n; word < 8n; word++) {
        const unit = 1n << (32n * word);
        const digit = (value >> (32n * word)) & 0xffff_ffffn;
        // The words below would say the opposite: they must not matter.
        const above = (value / unit) * unit + unit;
        const under = (value / unit) * unit - 1n;
        const fits = [digit < 0xffff_ffffn ? above : value, digit > 0n ? under : value - 1n];
        for (const target of fits) listed.push((await found(of, 5, 1, target)).count);
        right.push(1, 0);
      }
      expect(listed).toEqual(right);
    });

    test("searches nothing in an empty range, and no nonce outside a range", async () => {
      const of = message(4);
      const value = hash.value(digestOf(of, 1000));
      expect(await found(of, 1000, 0, EVERY_HASH)).toEqual({ count: 0, listed: [] });
      const only = async (firstNonce: number) =>
        (await found(of, firstNonce, 300, value, 300)).listed.includes(1000);
      expect(await only(1000)).toBe(true);
      expect(await only(701)).toBe(true);
      expect(await only(700)).toBe(false);
      expect(await only(1001)).toBe(false);
    });

    test("counts matches beyond the list's capacity without writing them", async () => {
      const range = { message: message(5), firstNonce: 0, count: 300 };
      const job = longer(searchJob(hash, bench().code, range, EVERY_HASH, 5), 1, 3);
      const words = asWords(await bench().first(job, 1));
      expect(words[0]).toBe(300);
      expect(new Set(words.subarray(1, 6)).size).toBe(5);
      expect(words.subarray(1, 6).every((nonce) => nonce < 300)).toBe(true);
      expect([...words.subarray(6)]).toEqual([UNWRITTEN, UNWRITTEN, UNWRITTEN]);
    });

    test("numbers the rows of a grid one after the other", async () => {
      const job = digestJob(hash, bench().code, {
        message: message(6),
        firstNonce: 5,
        count: 1000,
      });
      const inRows = await bench().first({ ...job, workgroups: [2, 2, 1] }, 2);
      expect(Buffer.compare(inRows, await bench().first(job, 2))).toBe(0);
    });

    test.each(defects)("is told apart from a kernel with %s", async (_, from, to) => {
      const build = buildOf(broken(bench().code, from, to), {});
      await expect(kernel.verify(bench().device, build, seeded(3))).rejects.toMatchObject({
        code: "probe/wrong-result",
      });
    });
  });

  describe("without the device's checks", () => {
    describeResults(kernel, benchFor(kernel, false));
  });
}

function describeResults(kernel: Kernel, bench: () => Bench): void {
  test("every variant passes the kernel's own verification", async () => {
    const { device, code } = bench();
    const variants = kernel.variants(device.adapter);
    expect(variants.length).toBeGreaterThan(1);
    for (const variant of variants) await kernel.verify(device, buildOf(code, variant), seeded(7));
  });

  test("a workload's result passes its check, and not with a listed nonce changed", async () => {
    const { device, code } = bench();
    const { adapter } = device;
    const build = buildOf(code, {});
    const workload = kernel.workload({ build, scale: "software", adapter, random: seeded(8) });
    expect(workload.workPerDispatch).toBe(2 ** 14);
    const handle = await device.prepare(workload.job);
    await device.launch(handle, 1, 0);
    await workload.check((binding) => device.read(handle, binding));
    const tampered = async (binding: number): Promise<Uint8Array> => {
      const bytes = await device.read(handle, binding);
      bytes[4] = (bytes[4] ?? 0) ^ 1;
      return bytes;
    };
    await expect(workload.check(tampered)).rejects.toMatchObject({ code: "probe/wrong-result" });
    const nothing = async (): Promise<Uint8Array> => new Uint8Array(8);
    await expect(workload.check(nothing)).rejects.toMatchObject({ code: "probe/wrong-result" });
    await device.release(handle);
  });
}
