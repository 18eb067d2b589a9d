import { describe, expect, it } from "vitest";
import { DEFAULT_CONFIG_TEXT } from "../../src/config/defaults.ts";
import { loadConfig, parseConfig } from "../../src/config/load.ts";
import { AssayError } from "../../src/model/errors.ts";

const refusal = (text: string): AssayError => {
  try {
    parseConfig(text, "c.yaml");
  } catch (error) {
    if (error instanceof AssayError) return error;
  }
  throw new Error("was accepted");
};

describe("the configuration", () => {
  it("is complete without a file, and the printed default says the same", () => {
    expect(parseConfig(DEFAULT_CONFIG_TEXT, "default")).toEqual(loadConfig(undefined));
    expect(parseConfig("", "empty")).toEqual(loadConfig(undefined));
  });

  it("accepts every setting that the printed default shows commented out", () => {
    const all = DEFAULT_CONFIG_TEXT.replace(/^# (?=node:)/gm, "")
      .replace(/^( *)# (?=(library|maxSize|file):)/gm, "$1")
      .replaceAll(/(budgets|webhooks|rules|teams): \[\]/g, "$1:")
      .replace(/^ {2}# (?=- | {2})/gm, "    ");
    const config = parseConfig(all, "all");
    expect(config.alert.webhooks).toHaveLength(1);
    expect(config.alert.budgets).toMatchObject([{ owner: "user:alice", limit: "250" }]);
    expect(config.ledger.maxSize).toBe("20GB");
    expect(config.owners.rules).toHaveLength(1);
    expect(config.owners.teams).toHaveLength(1);
  });

  it("leaves the GPUs alone until it is told otherwise, and takes probes up to both bounds", () => {
    expect(parseConfig("", "empty").probe).toEqual({ mode: "off", interval: "1m", budget: 0.001 });
    for (const probe of [
      "{mode: on-doubt, interval: 1s, budget: 0}",
      "{interval: 1d, budget: 0.01}",
    ])
      expect(() => parseConfig(`probe: ${probe}\n`, "c.yaml")).not.toThrow();
  });

  it("names place and nearest key of a typo, at the top and deep down", () => {
    const top = refusal("windowLenght: 10s\n");
    expect(top).toMatchObject({
      code: "config/invalid",
      place: "c.yaml:1:15",
      hint: "did you mean windowLength?",
    });
    const deep = refusal("alert:\n  mining:\n    dwel: 2m\n");
    expect(deep).toMatchObject({
      message: "unknown setting alert.mining.dwel",
      hint: "did you mean dwell?",
    });
    expect(deep.place).toMatch(/^c\.yaml:3:/);
    expect(refusal("zebra: 1\n").hint).toContain("config print");
  });

  it.each([
    ["windowLength: 10\n", "windowLength"],
    ["windowLength: 10 parsecs\n", "windowLength"],
    ["windowLength: 999ms\n", "windowLength"],
    ["probe: {mode: always}\n", "probe.mode"],
    ["probe: {interval: 999ms}\n", "probe.interval"],
    ["probe: {interval: 2d}\n", "probe.interval"],
    ["probe: {budget: 0.011}\n", "probe.budget"],
    ["probe: {budget: -0.001}\n", "probe.budget"],
    ["collect: {interval: 0ms}\n", "collect.interval"],
    ["collect: {interval: 19ms}\n", "collect.interval"],
    ["collect: {interval: 2m}\n", "collect.interval"],
    ["collect: {fast: {interval: 1ms}}\n", "collect.fast.interval"],
    ["collect: {fast: {hold: 0s}}\n", "collect.fast.hold"],
    ["collect: {interval: 2s}\nwindowLength: 1s\n", "collect.interval"],
    ["alert: {mining: {minConfidence: 1.5}}\n", "alert.mining.minConfidence"],
    ["alert: {webhooks: [{name: a, url: 'ftp://x', secretEnv: A}]}\n", "alert.webhooks.0.url"],
    ["alert: {webhooks: [{name: a, url: 'https://x'}]}\n", "alert.webhooks.0"],
    ["alert: {budgets: [{owner: 'user:a', limit: cheap}]}\n", "alert.budgets.0.limit"],
    [
      "alert: {budgets: [{owner: 'user:a', limit: 1}, {owner: 'user:a', limit: 2}]}\n",
      "alert.budgets",
    ],
  ])("refuses %j, naming the setting", (text, name) => {
    expect(refusal(text).message).toContain(`${name}:`);
  });

  it.each(["20ms", "1s", "1m"])("takes an interval of %s", (interval) => {
    const { collect } = parseConfig(`windowLength: 1m\ncollect: {interval: ${interval}}\n`, "c");
    expect(collect.interval).toBe(interval);
  });

  it("says where YAML ends being YAML, and that a file is missing", () => {
    expect(refusal("a: [1\nb: 2\n")).toMatchObject({ code: "config/syntax" });
    expect(() => loadConfig("/nonexistent/c.yaml")).toThrow(
      expect.objectContaining({ code: "config/not-found" }),
    );
  });
});
