import { describe, expect, test } from "vitest";
import { choose } from "../../src/cli/calibrate/options.ts";
import { KERNELS } from "../../src/probe/kernels/all.ts";

const DEFAULTS = { seconds: "5", wait: "1m" };
const ONE = { index: 0, uuid: "GPU-a", model: "T4" };
const TWO = { index: 1, uuid: "GPU-b", model: "T4\u{1b}" };

describe("what to calibrate", () => {
  test("is every kernel, with a minute of patience", () => {
    expect(choose(DEFAULTS, [])).toEqual({
      kernels: KERNELS,
      seconds: 5,
      waitSeconds: 60,
      gpuUuid: undefined,
      allowSoftware: false,
    });
  });

  test("is the one GPU there is; with several, or with software, whichever is opened", () => {
    expect(choose(DEFAULTS, [ONE]).gpuUuid).toBe("GPU-a");
    expect(choose(DEFAULTS, [ONE, TWO]).gpuUuid).toBeUndefined();
    expect(choose({ ...DEFAULTS, allowSoftware: true }, [ONE]).gpuUuid).toBeUndefined();
  });

  test.each(["1", "GPU-b"])("is the GPU %s that was named", (gpu) => {
    expect(choose({ ...DEFAULTS, gpu }, [ONE, TWO]).gpuUuid).toBe("GPU-b");
  });

  test("is the kernels that were named, in our order", () => {
    const { kernels } = choose({ ...DEFAULTS, kernels: "matmul-f32, sha256d" }, []);
    expect(kernels.map(({ name }) => name)).toEqual(["sha256d", "matmul-f32"]);
  });

  test.each([
    [{ wait: "0" }, { waitSeconds: 0 }],
    [{ wait: "90s" }, { waitSeconds: 90 }],
    [{ seconds: "0.1" }, { seconds: 0.1 }],
    [{ seconds: "600" }, { seconds: 600 }],
  ])("takes %j", (given, expected) => {
    expect(choose({ ...DEFAULTS, ...given }, [])).toMatchObject(expected);
  });

  test.each([
    [{ seconds: "0" }, "cli/usage"],
    [{ seconds: "601" }, "cli/usage"],
    [{ seconds: "soon" }, "cli/usage"],
    [{ wait: "soon" }, "cli/usage"],
    [{ wait: "5" }, "cli/usage"],
    [{ kernels: "sha256d,nonsense" }, "cli/usage"],
    [{ kernels: "" }, "cli/usage"],
    [{ gpu: "7" }, "collect/no-gpu"],
  ])("refuses %j", (given, code) => {
    expect(() => choose({ ...DEFAULTS, ...given }, [ONE])).toThrow(
      expect.objectContaining({ code }),
    );
  });
});
