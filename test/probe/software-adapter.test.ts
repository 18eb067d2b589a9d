import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { softwareAdapter } from "../support/software-adapter.ts";

let cache: string;
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), "assay-swiftshader-"));
});
afterAll(() => rm(cache, { recursive: true, force: true }));

test("the software driver is unpacked once by any number that ask at the same time", async () => {
  const url = pathToFileURL(`${cache}/`);
  const adapters = await Promise.all([1, 2, 3].map(() => softwareAdapter(url)));
  const [first] = adapters;
  expect(adapters).toEqual([first, first, first]);
  expect(await readdir(cache)).toEqual([basename(first?.folder ?? "")]);
  const files = await readdir(first?.folder ?? "");
  expect(files).toContain("libvk_swiftshader.so");
  expect(files).toContain("libvulkan.so.1");
  expect(await softwareAdapter(url)).toEqual(first);
});
