import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ProbeDevice, runOnce } from "../../../src/probe/device.ts";
import { openDevice } from "../../../src/probe/device-process.ts";
import { digestValue } from "../../../src/probe/kernels/block-header.ts";
import { readFound } from "../../../src/probe/kernels/found-list.ts";
import {
  digestJob,
  heavyhashKernel,
  readDigests,
  searchJob,
} from "../../../src/probe/kernels/heavyhash.ts";
import {
  heavyHash,
  heavyStep,
  type Matrix,
  matrixOf,
  rankOf,
} from "../../../src/probe/kernels/heavyhash-reference.ts";
import { asWords, randomBytes } from "../../../src/probe/kernels/kernel.ts";
import { type Build, buildOf } from "../../../src/probe/kernels/variant.ts";
import { readShader } from "../../../src/probe/shaders.ts";
import { builtUrl } from "../../support/built.ts";
import { HEAVY_HASH, HEAVY_MATRIX, HEAVY_RESULT } from "../../support/heavyhash-vector.ts";
import { seeded } from "../../support/seeded.ts";
import { softwareAdapter, whyNoWebGpu } from "../../support/software-adapter.ts";

const why = await whyNoWebGpu();
const skipped = why === undefined ? "" : ` (skipped: ${why})`;

const FOUND = 1;
const DIGESTS = 2;
const fromHex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));

describe("the CPU's heavy hash", () => {
  test("gives the published result", () => {
    const result = heavyStep(HEAVY_MATRIX, fromHex(HEAVY_HASH));
    expect(Buffer.from(result).toString("hex")).toBe(HEAVY_RESULT);
  });

  test("generates the published matrix of 32 times 42", () => {
    const digits = (row: readonly number[] | undefined) => row?.map((v) => v.toString(16)).join("");
    const matrix = matrixOf(new Uint8Array(32).fill(42));
    expect(digits(matrix[0])).toBe(
      "4545454545454545f3f3f3f3f3f3f3f32a2a2a2a2a2a2a2ae122ea4c4caaaaaa",
    );
    expect(digits(matrix[63])).toBe(
      "a5bec1c7c8a56a0756bbdc0d06b0e421c71a7f53ef1312a4b82b2554f5a3172e",
    );
  });

  test("tells full rank from less", () => {
    expect(rankOf(HEAVY_MATRIX)).toBe(64);
    expect(rankOf(HEAVY_MATRIX.with(5, HEAVY_MATRIX[9] ?? []))).toBe(63);
    expect(rankOf(HEAVY_MATRIX.map(() => Array.from({ length: 64 }, () => 0)))).toBe(0);
    const sum = HEAVY_MATRIX[0]?.map((v, i) => v + (HEAVY_MATRIX[1]?.[i] ?? 0)) ?? [];
    expect(rankOf(HEAVY_MATRIX.with(2, sum))).toBe(63);
  });

  test("is never given a matrix of less than full rank", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (seed) => {
        fc.pre(seed.some((byte) => byte !== 0));
        expect(rankOf(matrixOf(seed))).toBe(64);
      }),
      { numRuns: 10 },
    );
  });
});

describe("what an adapter lacks for heavyhash", () => {
  const adapter = (languageFeatures: string[]) =>
    heavyhashKernel.lacks({ languageFeatures } as never);

  test("is the packed dot product, or nothing", () => {
    expect(adapter(["packed_4x8_integer_dot_product"])).toBeUndefined();
    expect(adapter(["pointer_composite_access"])).toContain("packed_4x8_integer_dot_product");
  });
});

describe.skipIf(why !== undefined)(`heavyhash on the software adapter${skipped}`, () => {
  let device: ProbeDevice;
  let code: string;
  let build: Build;
  const header = { hash: randomBytes(seeded(1), 32), time: 1_700_000_000_123n };
  const matrix = matrixOf(header.hash);

  const open = async (robustness: boolean): Promise<ProbeDevice> => {
    const { environment } = await softwareAdapter();
    const childUrl = builtUrl("probe/child.js");
    return await openDevice({ allowSoftware: true, environment, childUrl, robustness });
  };
  beforeAll(async () => {
    device = await open(true);
    code = await readShader(heavyhashKernel.shader);
    build = buildOf(code, { WORKGROUP: 64 });
  });
  afterAll(() => device?.close());

  const expected = (firstNonce: bigint, count: number, of: Matrix = matrix) =>
    Array.from({ length: count }, (_, i) =>
      heavyHash(of, header, BigInt.asUintN(64, firstNonce + BigInt(i))),
    );
  const digests = async (firstNonce: bigint, count: number, of: Matrix = matrix, on = device) => {
    const job = digestJob(build, of, { ...header, firstNonce, count });
    const [bytes = new Uint8Array()] = await runOnce(on, job, [DIGESTS]);
    return readDigests(bytes);
  };
  const search = async (target: bigint, capacity: number, count = 300) => {
    const range = { ...header, firstNonce: 0n, count };
    const job = searchJob(build, matrix, range, target, capacity);
    const [bytes = new Uint8Array()] = await runOnce(device, job, [FOUND]);
    return readFound(bytes);
  };

  test("gives the CPU's digests for any number of nonces", async () => {
    for (const count of [1, 63, 64, 65, 200]) {
      expect(await digests(7n, count)).toEqual(expected(7n, count));
    }
  });

  test("carries into the nonce's high word, and wraps around after the last", async () => {
    for (const firstNonce of [2n ** 32n - 2n, 2n ** 64n - 2n]) {
      expect(await digests(firstNonce, 4)).toEqual(expected(firstNonce, 4));
    }
  });

  test("multiplies by the published matrix, by the largest elements and by single ones", async () => {
    const all = (value: (row: number, column: number) => number): Matrix =>
      Array.from({ length: 64 }, (_, row) =>
        Array.from({ length: 64 }, (_1, column) => value(row, column)),
      );
    const matrices = [
      HEAVY_MATRIX,
      all(() => 15),
      all((row, column) => (column === row ? 15 : 0)),
      all((row, column) => (row + column) % 16),
    ];
    for (const of of matrices) expect(await digests(0n, 20, of)).toEqual(expected(0n, 20, of));
  });

  test("overwrites every poisoned digest and nothing behind them", async () => {
    const job = digestJob(build, matrix, { ...header, firstNonce: 0n, count: 70 });
    const buffers = job.buffers.map((buffer) =>
      buffer.binding === DIGESTS ? { ...buffer, sizeBytes: buffer.sizeBytes + 4096 } : buffer,
    );
    const [bytes = new Uint8Array()] = await runOnce(device, { ...job, buffers }, [DIGESTS]);
    expect(readDigests(bytes.subarray(0, 70 * 32))).toEqual(expected(0n, 70));
    expect(bytes.subarray(70 * 32).every((byte) => byte === 0xff)).toBe(true);
  });

  test("numbers the rows of a grid one after the other", async () => {
    const job = digestJob(build, matrix, { ...header, firstNonce: 0n, count: 300 });
    const grid = { ...job, workgroups: [2, 3, 1] as [number, number, number] };
    const [bytes = new Uint8Array()] = await runOnce(device, grid, [DIGESTS]);
    expect(readDigests(bytes)).toEqual(expected(0n, 300));
  });

  test("takes a hash that equals the target and none above it", async () => {
    const least = expected(0n, 300)
      .map((digest, index) => ({ index, value: digestValue(digest) }))
      .reduce((a, b) => (a.value < b.value ? a : b));
    expect(await search(least.value, 4)).toEqual({ count: 1, listed: [least.index] });
    expect(await search(least.value - 1n, 4)).toEqual({ count: 0, listed: [] });
    expect(await search(2n ** 256n - 1n, 4, 0)).toEqual({ count: 0, listed: [] });
    expect(await search(2n ** 256n - 1n, 0)).toMatchObject({ count: 300 });
  });

  test("counts matches beyond the list's capacity without writing them", async () => {
    const range = { ...header, firstNonce: 0n, count: 300 };
    const job = searchJob(build, matrix, range, 2n ** 256n - 1n, 5);
    const buffers = job.buffers.map((buffer) =>
      buffer.binding === FOUND ? { ...buffer, sizeBytes: 4 * (1 + 8) } : buffer,
    );
    const [bytes = new Uint8Array()] = await runOnce(device, { ...job, buffers }, [FOUND]);
    const words = asWords(bytes);
    expect(words[0]).toBe(300);
    expect([...words.subarray(1, 6)].every((index) => index < 300)).toBe(true);
    expect([...words.subarray(6)]).toEqual([0xffffffff, 0xffffffff, 0xffffffff]);
  });

  test("gives the same without the device's checks", async () => {
    const unchecked = await open(false);
    try {
      expect(await digests(3n, 70, matrix, unchecked)).toEqual(expected(3n, 70));
    } finally {
      await unchecked.close();
    }
  });

  test("gives the CPU's digests in every shape that it can have", async () => {
    for (const shape of heavyhashKernel.variants(device.adapter)) {
      const range = { ...header, firstNonce: 1n, count: 300 };
      const job = digestJob(buildOf(code, shape), matrix, range);
      const [bytes = new Uint8Array()] = await runOnce(device, job, [DIGESTS]);
      expect([shape, readDigests(bytes)]).toEqual([shape, expected(1n, 300)]);
    }
  });

  test("runs its workload, whose check finds every result right, and a changed one wrong", async () => {
    const { adapter } = device;
    const work = heavyhashKernel.workload({ build, scale: "software", adapter, random: seeded(6) });
    const handle = await device.prepare(work.job);
    await device.launch(handle, 2, 0);
    await work.check((binding) => device.read(handle, binding));
    const flipped = work.check(async (binding) =>
      (await device.read(handle, binding)).map((byte, i) => (i > 3 ? byte ^ 1 : byte)),
    );
    await expect(flipped).rejects.toMatchObject({ code: "probe/wrong-result" });
    await device.release(handle);
  });

  test("passes its own verification", async () => {
    await expect(heavyhashKernel.verify(device, build, seeded(4))).resolves.toBeUndefined();
  });

  test.each([
    ["one row too few", "i < 8; i++) {\n    let at", "i < 7; i++) {\n    let at"],
    ["a column that is left out", "+\n    dot4U8Packed(row.z", "+\n    dot4U8Packed(row.y"],
    ["the nibbles of a byte changed about", "(i ^ 1) * 4", "i * 4"],
    ["a nonce without its high word", "a.y + select", "select"],
    ["a comparison that leaves out equality", "  return true;\n", "  return false;\n"],
    ["a range that ends one early", "index < params.nonce_count", "index + 1 < params.nonce_count"],
  ])("is told apart from a kernel with %s", async (_, from, to) => {
    expect(code.includes(from)).toBe(true);
    const defective = buildOf(code.replace(from, to), { WORKGROUP: 64 });
    await expect(heavyhashKernel.verify(device, defective, seeded(5))).rejects.toMatchObject({
      code: "probe/wrong-result",
    });
  });
});
