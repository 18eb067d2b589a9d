import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { childEnvironment } from "../../src/probe/child-environment.ts";

describe("the environment of a device process", () => {
  test.each([
    ["PATH", true],
    ["LD_LIBRARY_PATH", true],
    ["VK_DRIVER_FILES", true],
    ["__NV_PRIME_RENDER_OFFLOAD", true],
    ["NVIDIA_VISIBLE_DEVICES", true],
    ["MESA_VK_DEVICE_SELECT", true],
    ["XDG_CACHE_HOME", true],
    ["LC_ALL", true],
    ["NVIDIA_API_KEY", false],
    ["MESA_TOKEN", false],
    ["AWS_SECRET_ACCESS_KEY", false],
    ["NODE_OPTIONS", false],
    ["NODE_CHANNEL_FD", false],
    ["SLACK_WEBHOOK", false],
    ["MY_PATH", false],
    ["PATHS", false],
  ])("%s: passed on is %s", (name, isPassed) => {
    expect(name in childEnvironment({ [name]: "x" })).toBe(isPassed);
  });

  test("has what is added, as it is, over what was there", () => {
    const added = { VK_DRIVER_FILES: "new", ANYTHING: "1" };
    expect(
      childEnvironment({ VK_DRIVER_FILES: "old", HOME: "/h", USER: undefined }, added),
    ).toEqual({ HOME: "/h", ...added });
  });

  test("never has a name that speaks of a secret", () => {
    const name = fc
      .tuple(fc.constantFrom("VK_", "NVIDIA_", "XDG_", "", "MESA_"), fc.string())
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.dictionary(name, fc.string()), (environment) => {
        const names = Object.keys(childEnvironment(environment));
        expect(names.filter((each) => /key|token|secret|pass/i.test(each))).toEqual([]);
      }),
    );
  });
});
