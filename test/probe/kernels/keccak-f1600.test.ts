import { readFile } from "node:fs/promises";
import { keccakP } from "@noble/hashes/sha3.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runOnce, type ProbeDevice } from "../../../src/probe/device.ts";
import { openDevice } from "../../../src/probe/device-process.ts";
import { asBytes, asWords } from "../../../src/probe/kernels/kernel.ts";
import { SHADERS_URL } from "../../../src/probe/shaders.ts";
import { builtUrl } from "../../support/built.ts";
import { seeded } from "../../support/seeded.ts";
import { softwareAdapter, whyNoWebGpu } from "../../support/software-adapter.ts";

const why = await whyNoWebGpu();
const skipped = why === undefined ? "" : ` (skipped: ${why})`;

const PERMUTE = `
@group(0) @binding(0) var<storage, read_write> states: array<array<vec2u, 25>>;
@compute @workgroup_size(1)
fn permute(@builtin(workgroup_id) group: vec3u) {
  var state = states[group.x];
  keccak_f1600(&state);
  states[group.x] = state;
}
`;

describe.skipIf(why !== undefined)(`keccak-f1600.wgsl on the software adapter${skipped}`, () => {
  let device: ProbeDevice;
  let code: string;
  beforeAll(async () => {
    const { environment } = await softwareAdapter();
    const childUrl = builtUrl("probe/child.js");
    device = await openDevice({ allowSoftware: true, environment, childUrl });
    code = PERMUTE + (await readFile(new URL("lib/keccak-f1600.wgsl", SHADERS_URL), "utf8"));
  });
  afterAll(() => device?.close());

  test("permutes as @noble/hashes does: a zero state, a full one and random ones", async () => {
    const random = seeded(1);
    const states = Array.from({ length: 8 }, (_, i) =>
      Uint32Array.from({ length: 50 }, () =>
        i === 0 ? 0 : i === 1 ? 2 ** 32 - 1 : random() * 2 ** 32,
      ),
    );
    const data = asBytes(Uint32Array.from(states.flatMap((state) => [...state])));
    const [bytes = new Uint8Array()] = await runOnce(
      device,
      {
        label: "permute",
        code,
        entryPoint: "permute",
        workgroups: [states.length, 1, 1],
        buffers: [{ binding: 0, kind: "read-write", sizeBytes: data.byteLength, data }],
      },
      [0],
    );
    for (const state of states) keccakP(state);
    expect([...asWords(bytes)]).toEqual(states.flatMap((state) => [...state]));
    // The published first lane of a zero state after one permutation (Keccak team's vectors).
    expect(asWords(bytes)[1]).toBe(0xf1258f79);
    expect(asWords(bytes)[0]).toBe(0x40e1dde7);
  });
});
