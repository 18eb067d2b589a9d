import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Compile, compileOnly } from "../support/compile-only.ts";

describe("the compiler without a device", () => {
  let compile: Compile;
  let close: () => void;
  beforeAll(async () => {
    ({ compile, close } = await compileOnly());
  });
  afterAll(() => close());

  const half = (text: string): string =>
    `enable f16;
     @group(0) @binding(0) var<storage, read_write> out: array<f16>;
     @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) { ${text} }`;

  test("accepts a shader for hardware that is not here", async () => {
    expect(await compile(half("out[id.x] = 1.0h;"), "main")).toBeUndefined();
  });

  test("refuses a wrong one, and an entry point that is not there", async () => {
    expect(await compile(half("out[id.x] = 1u;"), "main")).toContain("cannot");
    expect(await compile(half("out[id.x] = 1.0h;"), "other")).toContain("other");
  });
});
