import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sleep } from "../../src/collect/sleep.ts";
import { parseConfig } from "../../src/config/load.ts";
import { contextIntakeOf } from "../../src/daemon/context.ts";
import { openLiveSource } from "../../src/daemon/source.ts";
import type { ContextObservation } from "../../src/model/observation.ts";
import { traceRequest } from "../collect/context/receiver.ts";
import { temporaryFolder } from "../support/temporary.ts";

const NO_DEVICES =
  "collect: { interval: 50ms, nvml: { enabled: false }, nvidiaSmi: { enabled: false }, drm: { enabled: false } }\n";

const opened = async (yaml: string, signal: AbortSignal) => {
  const config = parseConfig(NO_DEVICES + yaml, "c.yaml");
  const { source, isPresent } = await openLiveSource(config, {
    nowMs: Date.now,
    monotonicMs: () => performance.now(),
    sleep,
    signal,
    onEvent: () => {},
  });
  const health = () => source.health().filter(({ name }) => name === "context");
  return { config, source, isPresent, health };
};

describe("run context of a live node", () => {
  it("is not taken unless that is switched on", async () => {
    const { source, config, health } = await opened("", AbortSignal.abort());
    expect(source.contextReceiver).toBeUndefined();
    expect(contextIntakeOf(source.contextReceiver, config)).toBeUndefined();
    expect(health()).toEqual([]);
  });

  it("flows on the line, sent and from a file, and is no reason to stay without a GPU", async () => {
    const file = join(temporaryFolder("context"), "c.jsonl");
    writeFileSync(file, '{"kind":"context","from":1800000000,"tool":"from a file"}\n');
    const stop = new AbortController();
    const yaml = `context: { otlp: { enabled: true }, file: ${file} }\n`;
    const { source, isPresent } = await opened(yaml, stop.signal);
    expect(isPresent).toBe(false);
    const spans = [{ attributes: { "gen_ai.tool.name": "sent" } }];
    const body = Buffer.from(JSON.stringify(traceRequest({ "service.name": "s" }, spans)));
    await source.contextReceiver?.offer("traces", "json", body);
    const seen: ContextObservation[] = [];
    for await (const observation of source.observations) {
      if (observation.kind === "context") seen.push(observation);
      if (seen.length >= 2) stop.abort();
    }
    expect(seen.map(({ tool }) => tool).sort()).toEqual(["from a file", "sent"]);
  });

  it("shows in its health what was refused", async () => {
    const yaml = "context: { otlp: { enabled: true } }\n";
    const { source, health } = await opened(yaml, AbortSignal.abort());
    const spans = [{ raw: { startTimeUnixNano: "0" }, attributes: { "gen_ai.tool.name": "x" } }];
    const body = Buffer.from(JSON.stringify(traceRequest({ "service.name": "s" }, spans)));
    await source.contextReceiver?.offer("traces", "json", body);
    expect(health()).toMatchObject([{ name: "context", drops: 1 }]);
  });
});

describe("the token", () => {
  const tokenOf = async (otlp: string, env: Record<string, string>) => {
    const yaml = `context: { otlp: { enabled: true, ${otlp} } }\n`;
    const { source, config } = await opened(yaml, AbortSignal.abort());
    return contextIntakeOf(source.contextReceiver, config, env)?.token;
  };

  it("comes from a file or a variable, without its line end", async () => {
    const file = join(temporaryFolder("token"), "token");
    writeFileSync(file, "s3cret\n");
    expect(await tokenOf(`tokenFile: ${file}`, {})).toBe("s3cret");
    expect(await tokenOf("tokenEnv: T", { T: "x" })).toBe("x");
    expect(await tokenOf("", {})).toBeUndefined();
  });

  it.each([
    ["tokenEnv: T", {}],
    ["tokenEnv: T", { T: " " }],
    ["tokenFile: /does/not/exist", {}],
  ])("that is not there is an error, not an open door: %s", async (otlp, env) => {
    await expect(tokenOf(otlp, env)).rejects.toMatchObject({ code: "config/invalid" });
  });

  it("is named once", () => {
    const yaml = "context: { otlp: { tokenFile: a, tokenEnv: b } }\n";
    expect(() => parseConfig(yaml, "c.yaml")).toThrow(/tokenFile/);
  });
});
