import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { blake2b } from "@noble/hashes/blake2.js";
import { blake3 } from "@noble/hashes/blake3.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { keccak_256, keccak_512 } from "@noble/hashes/sha3.js";
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { answers, folder, outputOf } from "./catalogue.ts";

const compiler = process.env["CXX"] ?? "c++";
const absent = !answers(compiler, "--version");
const suffix = absent ? ` (skipped: no C++ compiler \`${compiler}\`)` : "";

const published: [name: string, value: string][] = [
  ["sha256-abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
  ["keccak256-empty", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"],
  [
    "keccak512-empty",
    "0eab42de4c3ceb9235fc91acffe746b29c29a8c366b7c60e4e67c466f36a4304" +
      "c00fa9caf9d87976ba469bcbe06713b435f091ef2769fb160cdab33d3670680e",
  ],
  ["blake3-empty", "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"],
  ["blake2b-empty", "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"],
];

/** The header of the first Bitcoin block: fixed public data with a hash that everybody knows. */
const genesis =
  "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e" +
  "67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c";

/** The matrix step, written anew on whole numbers. */
function heavy(data: Uint8Array, matrix: number[][]): Uint8Array {
  const nibbles = [...data].flatMap((byte) => [byte >> 4, byte & 15]);
  const product = matrix.map(
    (row) => (row.reduce((sum, cell, i) => sum + cell * (nibbles[i] ?? 0), 0) >> 10) & 15,
  );
  return data.map((byte, i) => byte ^ (((product[2 * i] ?? 0) << 4) | (product[2 * i + 1] ?? 0)));
}

describe.skipIf(absent)(`the hash functions of the CUDA workloads, on the host${suffix}`, () => {
  let work = "";
  beforeAll(() => {
    work = mkdtempSync(join(tmpdir(), "assay-workloads-"));
    const source = join(folder, "cuda", "hostcheck.cpp");
    const strict = ["-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror"];
    outputOf(compiler, [...strict, "-o", join(work, "hostcheck"), source]);
  });
  afterAll(() => rmSync(work, { recursive: true, force: true }));

  const linesOf = (...headers: string[]): [name: string, value: string][] =>
    outputOf(join(work, "hostcheck"), headers)
      .trim()
      .split("\n")
      .map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)]);

  it.each(published)("%s is the published value", (name, value) => {
    expect(Object.fromEntries(linesOf())[name]).toBe(value);
  });

  it("SHA-256d of the first Bitcoin block's header is that block's hash", () => {
    const hash = Object.fromEntries(linesOf(genesis))["sha256d"] ?? "";
    expect(bytesToHex(hexToBytes(hash).toReversed())).toBe(
      "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
    );
  });

  it("each agrees with a second source on any header", () => {
    const matrix = linesOf().flatMap(([name, value]) =>
      name === "matrix" ? [[...hexToBytes(value)]] : [],
    );
    expect(matrix).toHaveLength(64);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 80, maxLength: 80 }), (header) => {
        const got = Object.fromEntries(linesOf(bytesToHex(header)));
        expect(got).toMatchObject({
          sha256d: bytesToHex(sha256(sha256(header))),
          keccak256: bytesToHex(keccak_256(header)),
          "keccak512-40": bytesToHex(keccak_512(header.slice(0, 40))),
          blake3: bytesToHex(blake3(header)),
          blake2b: bytesToHex(blake2b(header, { dkLen: 32 })),
          heavy: bytesToHex(heavy(header.slice(0, 32), matrix)),
        });
      }),
      { numRuns: 40 },
    );
  });

  it("a remainder by reciprocal is the remainder", () => {
    expect(Object.fromEntries(linesOf())["wrong-remainders"]).toBe("0");
  });

  it("works as much as the rhythm says, in whole periods or in random spells", () => {
    const lines = Object.fromEntries(linesOf());
    const rhythm = (name: string): number[] => (lines[name] ?? "").split(" ").map(Number);
    expect(rhythm("rhythm-full")).toEqual([1, 0]);
    // 2000 s: a hundred periods of 20 s, on and off in each.
    expect(rhythm("rhythm-duty30")).toEqual([0.3, 199]);
    const [share = 0, changes = 0] = rhythm("rhythm-random");
    expect(share).toBeGreaterThan(0.35);
    expect(share).toBeLessThan(0.45);
    expect(changes).toBeGreaterThan(400);
  });
});
