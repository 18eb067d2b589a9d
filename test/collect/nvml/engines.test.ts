import { describe, expect, it } from "vitest";
import { gpuAt } from "./rig-counters.ts";
import { compiler, ready, suffix } from "./rig.ts";

const engines = { encoder: 40, decoder: 30, jpg: 20, ofa: 10 };
const ENCODER = "nvmlDeviceGetEncoderUtilization";

describe.skipIf(!compiler)(`use of the engines${suffix}`, () => {
  it("is read every time", async () => {
    const made = await ready(engines);
    const expected = { encUtil: 0.4, decUtil: 0.3, jpgUtil: 0.2, ofaUtil: 0.1 };
    expect(await gpuAt(made, [0, 100])).toMatchObject([expected, expected]);
  });

  it.each([
    [100, 1],
    [101, undefined],
    [0xffff_ffff, undefined],
  ])("of %s percent is %s", async (encoder, expected) => {
    const [line] = await gpuAt(await ready({ ...engines, encoder }), [0]);
    expect(line?.encUtil).toBe(expected);
    expect(line?.decUtil).toBe(0.3);
  });

  it("is not asked for again where there is no such engine", async () => {
    const { encoder: _, ...without } = engines;
    const made = await ready(without);
    const lines = await gpuAt(made, [0, 1000, 2000]);
    expect(lines[2]).not.toHaveProperty("encUtil");
    expect(lines[2]).toHaveProperty("decUtil", 0.3);
    expect([made.calls(ENCODER), made.calls("nvmlDeviceGetDecoderUtilization")]).toEqual([1, 3]);
  });

  it("is not measured where an old driver lacks the call", async () => {
    const made = await ready(engines, { without: ["nvmlDeviceGetJpgUtilization"] });
    const [line] = await gpuAt(made, [0]);
    expect(line).not.toHaveProperty("jpgUtil");
    expect(line).toHaveProperty("ofaUtil", 0.1);
  });
});
