import { keccak_256, keccakP } from "@noble/hashes/sha3.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ProbeDevice, runOnce } from "../../../src/probe/device.ts";
import { openDevice } from "../../../src/probe/device-process.ts";
import { ethashKernel, tableSizes } from "../../../src/probe/kernels/ethash.ts";
import {
  DATASET,
  digestJob,
  DIGESTS,
  type EthashTable,
  FOUND,
  readDigests,
  searchJob,
} from "../../../src/probe/kernels/ethash-jobs.ts";
import {
  datasetOf,
  epochSizes,
  hashimoto,
  lightCache,
  seedHash,
  sizesBelow,
} from "../../../src/probe/kernels/ethash-reference.ts";
import { bigEndianValue, readFound } from "../../../src/probe/kernels/found-list.ts";
import { keccakState } from "../../../src/probe/kernels/keccak-wasm.ts";
import { asBytes, asWords, randomBytes } from "../../../src/probe/kernels/kernel.ts";
import { type Build, buildOf, type Variant } from "../../../src/probe/kernels/variant.ts";
import { readShader } from "../../../src/probe/shaders.ts";
import { builtUrl } from "../../support/built.ts";
import { seeded } from "../../support/seeded.ts";
import { softwareAdapter, whyNoWebGpu } from "../../support/software-adapter.ts";

const why = await whyNoWebGpu();
const skipped = why === undefined ? "" : ` (skipped: ${why})`;

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const fromHex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));

/** go-ethereum's: a cache of 1024 bytes from a zero seed, a dataset of 32 KiB, nonce 0. */
const SMALL = {
  table: { cache: lightCache(16, seedHash(0)), pages: 256 },
  header: fromHex("c9149cc0386e689d789a1c2f3d5d169a61a6218ed30e74414dc736e442ef3d1f"),
  mix: "e4073cffaef931d37117cefd9afd27ea0f1cad6a981dd2605c4a1ac97c519800",
  result: "d3539235ee2e6f8db665c0a72169f55b7f6c605712330b778ec3944f0eb5a557",
};

/** Of epoch 0: ethereum/tests (ethash_tests.json, two versions of it) and block 2 of the chain. */
const EPOCH_0 = [
  [
    "60fd9f3354a63d0b93307d4f0a3196d7284c718d7335ee677caebe78fc0bd922",
    0x4242424242424242n,
    "45c73dd21eb93306b93b4e9c4dc1bbd7767f1d73307f7d216c1cff8605560689",
    "4cf6e056930a9b35b07efa86dcd57ee3f8cfc78a1db06624a78c60e35751d2b8",
  ],
  [
    "2a8de2adf89af77358250bf908bf04ba94a6e8c3ba87775564a41d269a05e4ce",
    0x4242424242424242n,
    "58f759ede17a706c93f13030328bcea40c1d1341fb26f2facd21ceb0dae57017",
    "dd47fd2d98db51078356852d7c4014e6a5d6c387c35f40e2875b74a256ed7906",
  ],
  [
    "100cbec5e5ef82991290d0d93d758f19082e71f234cf479192a8b94df6da6bfe",
    0x307692cf71b12f6dn,
    "e55d02c555a7969361cf74a9ec6211d8c14e4517930a00442f171bdb1698d175",
    "ab9b13423cface72cbec8424221651bc2e384ef0f7a560e038fc68c8d8684829",
  ],
] as const;

describe("the CPU's Ethash", () => {
  test("has the sizes of the published tables", () => {
    const bytes = [0, 1, 2].map(epochSizes).map((s) => [s.cacheItems * 64, s.pages * 128]);
    expect(bytes).toEqual([
      [16_776_896, 1_073_739_904],
      [16_907_456, 1_082_130_304],
      [17_039_296, 1_090_514_816],
    ]);
  });

  test("takes the largest primes below any bound", () => {
    expect(sizesBelow(64 * 12, 128 * 4)).toEqual({ cacheItems: 11, pages: 3 });
    expect(sizesBelow(64 * 11, 128 * 3)).toEqual({ cacheItems: 7, pages: 2 });
    expect(() => sizesBelow(64 * 2, 128 * 3)).toThrow(RangeError);
  });

  test("has the published seeds", () => {
    expect(hex(seedHash(0))).toBe("00".repeat(32));
    expect(hex(seedHash(1))).toBe(
      "290decd9548b62a8d60345a988386fc84ba6bc95484008f6362f93160ef3e563",
    );
    expect(hex(seedHash(2048))).toBe(
      "20a7678ca7b50829183baac2e1e3c43fa3c4bcbc171b11cf5a9f30bebd172920",
    );
  });

  test("gives the published small cache and hash", () => {
    const { cache, pages } = SMALL.table;
    expect([...cache.subarray(0, 4)]).toEqual([0x1c99e27c, 0xf47b1f95, 0x11bbc1c4, 0x07ee8798]);
    expect([...cache.subarray(253)]).toEqual([0xb221932e, 0x8e4fe8c1, 0x1c73072f]);
    const { mix, result } = hashimoto(SMALL.header, 0n, pages, datasetOf(cache));
    expect([hex(mix), hex(result)]).toEqual([SMALL.mix, SMALL.result]);
  });

  test("gives the published cache and hashes of epoch 0", () => {
    const { cacheItems, pages } = epochSizes(0);
    const cache = lightCache(cacheItems, seedHash(0));
    expect(hex(keccak_256(asBytes(cache)))).toBe(
      "35ded12eecf2ce2e8da2e15c06d463aae9b84cb2530a00b932e4bbc484cde353",
    );
    for (const [header, nonce, mix, result] of EPOCH_0) {
      const digest = hashimoto(fromHex(header), nonce, pages, datasetOf(cache));
      expect([hex(digest.mix), hex(digest.result)]).toEqual([mix, result]);
    }
  });

  test("permutes as @noble/hashes does", () => {
    const random = seeded(1);
    for (let i = 0; i < 20; i++) {
      const words = Uint32Array.from({ length: 50 }, () => random() * 2 ** 32);
      const state = keccakState();
      state.words.set(words);
      for (let times = 0; times < 3; times++) {
        keccakP(words);
        state.permute();
        expect([...state.words]).toEqual([...words]);
      }
    }
  });
});

describe("the size of a table", () => {
  const bytesFor = (scale: "gpu" | "probe" | "software", binding: number, buffer = binding) =>
    128 *
    tableSizes(scale, {
      limits: { maxStorageBufferBindingSize: binding, maxBufferSize: buffer },
    }).pages;

  test("is epoch 0's where the adapter can bind it, and the largest below where it cannot", () => {
    expect(bytesFor("gpu", 2 ** 31 - 4)).toBe(1_073_739_904);
    expect(bytesFor("gpu", 1_073_739_904)).toBe(1_073_739_904);
    expect(bytesFor("gpu", 1_073_739_904 - 4)).toBeLessThan(1_073_739_904);
    expect(bytesFor("gpu", 1_073_739_904 - 4)).toBeGreaterThan(1_073_700_000);
    expect(bytesFor("gpu", 2 ** 31, 2 ** 28)).toBeLessThan(2 ** 28);
    expect(128 * tableSizes("gpu", { limits: {} }).pages).toBeLessThan(2 ** 27);
  });

  test("exceeds every known L2 in a probe, within what can be bound", () => {
    expect(bytesFor("probe", 2 ** 31 - 4)).toBeGreaterThan(126 * 2 ** 20);
    expect(bytesFor("probe", 2 ** 31 - 4)).toBeLessThan(2 ** 28);
    expect(bytesFor("probe", 2 ** 26)).toBeLessThan(2 ** 26);
    expect(bytesFor("software", 2 ** 31)).toBeLessThan(2 ** 19);
  });
});

describe.skipIf(why !== undefined)(`ethash on the software adapter${skipped}`, () => {
  let device: ProbeDevice;
  let code: string;
  let build: Build;
  let variant: Variant;
  const sizes = sizesBelow(4096, 2 ** 15);
  const table: EthashTable = {
    cache: lightCache(sizes.cacheItems, randomBytes(seeded(2), 32)),
    pages: sizes.pages,
  };
  const header = randomBytes(seeded(3), 32);

  const open = async (robustness: boolean): Promise<ProbeDevice> => {
    const { environment } = await softwareAdapter();
    const childUrl = builtUrl("probe/child.js");
    return await openDevice({ allowSoftware: true, environment, childUrl, robustness });
  };
  beforeAll(async () => {
    device = await open(true);
    code = await readShader(ethashKernel.shader);
    [variant] = ethashKernel.variants(device.adapter);
    build = buildOf(code, variant);
  });
  afterAll(() => device?.close());

  const expected = ({ cache, pages }: EthashTable, firstNonce: bigint, count: number) => {
    const item = datasetOf(cache);
    return Array.from({ length: count }, (_, i) =>
      hashimoto(header, BigInt.asUintN(64, firstNonce + BigInt(i)), pages, item),
    );
  };
  const digests = async (of: EthashTable, firstNonce: bigint, count: number, on = device) => {
    const job = digestJob(build, of, { header, firstNonce, count });
    const [bytes = new Uint8Array()] = await runOnce(on, job, [DIGESTS]);
    return readDigests(bytes);
  };
  const search = async (target: bigint, capacity: number, count = 40) => {
    const job = searchJob(build, table, { header, firstNonce: 0n, count }, target, capacity);
    const [bytes = new Uint8Array()] = await runOnce(device, job, [FOUND]);
    return { bytes, ...readFound(bytes) };
  };

  test("gives the published small hash", async () => {
    const job = digestJob(build, SMALL.table, { header: SMALL.header, firstNonce: 0n, count: 1 });
    const [bytes = new Uint8Array()] = await runOnce(device, job, [DIGESTS]);
    expect(readDigests(bytes).map(({ mix, result }) => [hex(mix), hex(result)])).toEqual([
      [SMALL.mix, SMALL.result],
    ]);
  });

  test("gives the CPU's digests for any number of nonces", async () => {
    for (const count of [1, 15, 16, 17, 33]) {
      expect(await digests(table, 7n, count)).toEqual(expected(table, 7n, count));
    }
  });

  test("carries into the nonce's high word, and wraps around after the last", async () => {
    for (const firstNonce of [2n ** 32n - 2n, 2n ** 64n - 2n]) {
      expect(await digests(table, firstNonce, 4)).toEqual(expected(table, firstNonce, 4));
    }
  });

  test("works with a cache of one item and a table of one page", async () => {
    const least = { cache: lightCache(1, seedHash(1)), pages: 1 };
    expect(await digests(least, 0n, 3)).toEqual(expected(least, 0n, 3));
  });

  test("fills the table item by item as the CPU does, in one step or in many uneven ones", async () => {
    const items = Array.from({ length: 2 * table.pages }, (_, i) => i);
    const whole = asBytes(Uint32Array.from(items.flatMap((i) => [...datasetOf(table.cache)(i)])));
    for (const itemsPerStep of [undefined, 100, 37]) {
      const job = digestJob(
        build,
        { ...table, itemsPerStep },
        { header, firstNonce: 0n, count: 1 },
      );
      const buffers = job.buffers.map((buffer) =>
        buffer.binding === DATASET
          ? { ...buffer, sizeBytes: buffer.sizeBytes + 4096, fill: 0xff }
          : buffer,
      );
      const [bytes = new Uint8Array()] = await runOnce(device, { ...job, buffers }, [DATASET]);
      expect(Buffer.compare(bytes.subarray(0, whole.length), whole)).toBe(0);
      expect(bytes.subarray(whole.length).every((byte) => byte === 0xff)).toBe(true);
    }
  });

  test("overwrites every poisoned digest and nothing behind them", async () => {
    const job = digestJob(build, table, { header, firstNonce: 0n, count: 19 });
    const buffers = job.buffers.map((buffer) =>
      buffer.binding === DIGESTS ? { ...buffer, sizeBytes: buffer.sizeBytes + 4096 } : buffer,
    );
    const [bytes = new Uint8Array()] = await runOnce(device, { ...job, buffers }, [DIGESTS]);
    expect(readDigests(bytes.subarray(0, 19 * 64))).toEqual(expected(table, 0n, 19));
    expect(bytes.subarray(19 * 64).every((byte) => byte === 0xff)).toBe(true);
  });

  test("numbers the rows of a grid one after the other", async () => {
    const job = digestJob(build, table, { header, firstNonce: 0n, count: 60 });
    const [bytes = new Uint8Array()] = await runOnce(device, { ...job, workgroups: [3, 2, 1] }, [
      DIGESTS,
    ]);
    expect(readDigests(bytes)).toEqual(expected(table, 0n, 60));
  });

  test("takes a result that equals the target and none above it", async () => {
    const least = expected(table, 0n, 40)
      .map(({ result }, index) => ({ index, value: bigEndianValue(result) }))
      .reduce((a, b) => (a.value < b.value ? a : b));
    expect(await search(least.value, 4)).toMatchObject({ count: 1, listed: [least.index] });
    expect(await search(least.value - 1n, 4)).toMatchObject({ count: 0, listed: [] });
    expect(await search(2n ** 256n - 1n, 4, 0)).toMatchObject({ count: 0, listed: [] });
  });

  test("counts matches beyond the list's capacity without writing them", async () => {
    const everything = 2n ** 256n - 1n;
    const job = searchJob(build, table, { header, firstNonce: 0n, count: 40 }, everything, 5);
    const buffers = job.buffers.map((buffer) =>
      buffer.binding === FOUND ? { ...buffer, sizeBytes: 4 * (1 + 8) } : buffer,
    );
    const [bytes = new Uint8Array()] = await runOnce(device, { ...job, buffers }, [FOUND]);
    const words = asWords(bytes);
    expect(words[0]).toBe(40);
    expect([...words.subarray(1, 6)].every((index) => index < 40)).toBe(true);
    expect([...words.subarray(6)]).toEqual([0xffffffff, 0xffffffff, 0xffffffff]);
  });

  test("gives the same without the device's checks", async () => {
    const unchecked = await open(false);
    try {
      expect(await digests(table, 3n, 33, unchecked)).toEqual(expected(table, 3n, 33));
    } finally {
      await unchecked.close();
    }
  });

  test("gives the CPU's digests in every shape that it can have", async () => {
    const shapes = [true, false].flatMap((software) => [
      ...ethashKernel.variants({ ...device.adapter, software }),
    ]);
    expect(shapes.length).toBe(6);
    for (const shape of shapes) {
      const job = digestJob(buildOf(code, shape), table, { header, firstNonce: 1n, count: 131 });
      const [bytes = new Uint8Array()] = await runOnce(device, job, [DIGESTS]);
      expect([shape, readDigests(bytes)]).toEqual([shape, expected(table, 1n, 131)]);
    }
  }, 120_000);

  test("runs its workload, whose check finds every result right, and a changed one wrong", async () => {
    const { adapter } = device;
    const work = ethashKernel.workload({ build, scale: "software", adapter, random: seeded(6) });
    const handle = await device.prepare(work.job);
    await device.launch(handle, 2, 0);
    await work.check((binding, range) => device.read(handle, binding, range));
    const flipped = (wrong: number) =>
      work.check(async (binding, range) => {
        const bytes = await device.read(handle, binding, range);
        return binding === wrong ? bytes.map((byte, i) => (i > 3 ? byte ^ 1 : byte)) : bytes;
      });
    await expect(flipped(DATASET)).rejects.toMatchObject({ code: "probe/wrong-result" });
    await expect(flipped(FOUND)).rejects.toMatchObject({ code: "probe/wrong-result" });
    await device.release(handle);
  });

  test("passes its own verification", async () => {
    await expect(ethashKernel.verify(device, build, seeded(4))).resolves.toBeUndefined();
  });

  test.each([
    ["one parent too few", "row < PARENTS; row += 16", "row < PARENTS - 16; row += 16"],
    ["one access too few", "quad < ACCESSES / 4", "quad < ACCESSES / 4 - 1"],
    ["a missing last item", "index >= 2 * PAGES", "index >= 2 * PAGES - 1"],
    ["pages of half the size", "* LANES + lane]);", "* 4 + lane]);"],
    ["a nonce without its high word", "a.y + select", "select"],
    ["a comparison that leaves out equality", "  return true;\n", "  return false;\n"],
    ["a list that ends early", "slot < params.capacity", "slot + 1 < params.capacity"],
  ])("is told apart from a kernel with %s", async (_, from, to) => {
    expect(code.includes(from)).toBe(true);
    const defective = buildOf(code.replace(from, to), variant);
    await expect(ethashKernel.verify(device, defective, seeded(5))).rejects.toMatchObject({
      code: "probe/wrong-result",
    });
  });
});
