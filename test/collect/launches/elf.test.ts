import { execFileSync } from "node:child_process";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exportedFunctions, functionsAt, readElf } from "../../../src/collect/launches/elf.ts";
import { standIn } from "../../support/launch-stand-in.ts";
import { haveCompiler } from "../../support/nvml-stub.ts";
import { temporaryFolder } from "../../support/temporary.ts";

const WANTED = new Set(["cuLaunchKernel", "cuGraphLaunch", "cuLaunchKernel_ptsz"]);

async function exported(path: string): Promise<string[] | undefined> {
  const file = await open(path, "r");
  try {
    const elf = await readElf(file);
    return elf && [...(await exportedFunctions(file, elf, WANTED))].sort();
  } finally {
    await file.close();
  }
}

describe.skipIf(!haveCompiler())("an ELF file", () => {
  it("tells which of the wanted functions it exports", async () => {
    expect(await exported(standIn().driver)).toEqual(["cuGraphLaunch", "cuLaunchKernel"]);
    expect(await exported(standIn().program)).toEqual([]);
    // It calls the function, and has not got it.
    expect(await exported(standIn().runtime)).toEqual([]);
  });

  it("does so when it was stripped", async () => {
    const path = join(temporaryFolder("elf"), "stripped.so");
    copyFileSync(standIn().driver, path);
    execFileSync("strip", [path]);
    expect(await exported(path)).toEqual(["cuGraphLaunch", "cuLaunchKernel"]);
  });

  it("names the functions at offsets, as nm does", async () => {
    const { driver } = standIn();
    const [, address = ""] =
      /^([0-9a-f]+) T cuLaunchKernelEx$/m.exec(
        execFileSync("nm", [driver], { encoding: "utf8" }),
      ) ?? [];
    const file = await open(driver, "r");
    const elf = await readElf(file);
    if (!elf) throw new Error("no ELF");
    // Code of a library lies at its offset.
    const at = BigInt(`0x${address}`);
    expect([...(await functionsAt(file, elf, [at, at + 1n, 0n, 1n << 60n]))]).toEqual([
      [at, "cuLaunchKernelEx"],
    ]);
    await file.close();
  });

  it("that is damaged or hostile gives nothing wrong, and no failure but of reading", async () => {
    const whole = readFileSync(standIn().driver);
    const path = join(temporaryFolder("elf"), "hostile.so");
    const byte = fc.record({
      // Where the tables are told of, mostly.
      at: fc.oneof(
        fc.nat(63),
        fc.nat(whole.length - 1),
        fc.integer({ min: whole.length - 2000, max: whole.length - 1 }),
      ),
      value: fc.nat(255),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(byte, { maxLength: 30 }),
        fc.nat(whole.length),
        async (changes, length) => {
          const bytes = Buffer.from(whole);
          for (const { at, value } of changes) bytes[at] = value;
          writeFileSync(path, bytes.subarray(0, changes.length % 2 === 0 ? bytes.length : length));
          const found = await exported(path);
          for (const name of found ?? []) expect(WANTED.has(name)).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  });

  it.each([[""], ["\u007fELF"], ["#!/bin/sh\n"], ["x".repeat(5000)]])("is not %j", async (text) => {
    const path = join(temporaryFolder("elf"), "text");
    writeFileSync(path, text);
    expect(await exported(path)).toBeUndefined();
  });
});
