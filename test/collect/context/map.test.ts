import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mappedOf } from "../../../src/collect/context/map.ts";
import { ContextJoin } from "../../../src/collect/context/join.ts";
import { recordsOfJson } from "../../../src/collect/context/otlp-json.ts";
import { wantedOf } from "../../../src/collect/context/attribute-table.ts";
import { maskSecrets } from "../../../src/collect/context/secrets.ts";
import { loadContextTable } from "../../../src/config/data.ts";
import type { RunContext } from "../../../src/model/observation.ts";
import { logRequest, type SpanFields, traceRequest } from "./receiver.ts";

const table = loadContextTable();
const T0 = 1_800_000_000_000;

const spansOf = (resource: Record<string, unknown>, spans: SpanFields[]) =>
  [...recordsOfJson("traces", traceRequest(resource, spans), wantedOf(table))].map((each) =>
    mappedOf(each, table),
  );
const span = (attributes: Record<string, unknown>, name = "x", resource = {}) =>
  spansOf({ "service.name": "s", ...resource }, [
    { name, fromMs: T0, toMs: T0 + 50, attributes },
  ])[0];
const log = (attributes: Record<string, unknown>, raw = {}, resource = {}) => {
  const request = logRequest({ "service.name": "s", ...resource }, [{ atMs: T0, attributes, raw }]);
  return [...recordsOfJson("logs", request, wantedOf(table))].map((each) =>
    mappedOf(each, table),
  )[0];
};

describe("what senders in use call things", () => {
  it.each([
    [
      "GenAI conventions",
      {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "sh",
        "gen_ai.conversation.id": "c",
      },
      { tool: "sh", session: "c" },
    ],
    [
      "OpenInference",
      { "openinference.span.kind": "TOOL", "tool.name": "sh", "input.value": "ls" },
      { tool: "sh", arguments: "ls" },
    ],
    ["Traceloop", { "traceloop.span.kind": "tool", "traceloop.entity.name": "sh" }, { tool: "sh" }],
    [
      "MLflow",
      { "mlflow.spanType": "TOOL", "mlflow.runId": "r1", "gen_ai.tool.name": "sh" },
      { tool: "sh", run: "r1" },
    ],
    ["Weights & Biases", { "wandb.run.id": "w1", "episode.id": "e" }, { run: "w1", episode: "e" }],
    ["Slurm", { "slurm.job.id": 4711 }, { run: "4711" }],
    ["ROCK", { "sandbox.id": "box-1", TASK_ID: "t" }, { container: "box-1", run: "t" }],
  ])("in spans: %s", (_name, attributes, expected) => {
    expect(span(attributes)).toMatchObject({ context: { service: "s", ...expected } });
  });

  it.each([
    [
      "Gemini CLI",
      {
        "event.name": "gemini_cli.tool_call",
        function_name: "sh",
        duration_ms: 900,
        "session.id": "x",
      },
    ],
    [
      "iFlow CLI",
      {
        "event.name": "iflow_cli.tool_call",
        function_name: "sh",
        duration_ms: 900,
        sessionId: "x",
      },
    ],
    [
      "Claude Code",
      { "event.name": "tool_result", tool_name: "sh", duration_ms: "900", "session.id": "x" },
    ],
    [
      "Codex",
      {
        "event.name": "codex.tool_result",
        tool_name: "sh",
        duration_ms: 900,
        "conversation.id": "x",
      },
    ],
  ])("in logs: %s", (_name, attributes) => {
    expect(log(attributes)).toMatchObject({
      context: { tool: "sh", session: "x", fromMs: T0 - 900, toMs: T0 },
    });
  });

  it("takes the event's own name, its attribute, or its text", () => {
    const of = { function_name: "sh" };
    expect(log(of, { eventName: "a.tool_call" })).toMatchObject({ context: { tool: "sh" } });
    expect(log(of, { body: { stringValue: "claude_code.tool_result" } })).toMatchObject({
      context: { tool: "sh" },
    });
    expect(log(of, { body: { stringValue: "I made a tool_call" } })).toMatchObject({
      keep: "folded",
    });
  });

  it("takes no decision about a tool for a call of it", () => {
    expect(log({ "event.name": "claude_code.tool_decision", tool_name: "sh" })).toMatchObject({
      keep: "folded",
    });
  });

  it("takes an agent's span, which names no tool, as a whole, and others into their service", () => {
    expect(
      span({ "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a" }),
    ).toMatchObject({ keep: "whole", context: { agent: "a" } });
    expect(span({ "traceloop.span.kind": "agent", "traceloop.entity.name": "a" })).toMatchObject({
      keep: "whole",
    });
    expect(span({}, "rollout episode")).toMatchObject({ keep: "whole" });
    expect(span({}, "GET /rolls")).toMatchObject({ keep: "folded" });
    expect(span({}, "x", { "service.name": "" })).toBeUndefined();
  });

  it("prefers the record's word to its resource's", () => {
    expect(span({ "session.id": "mine" }, "x", { "session.id": "all" })).toMatchObject({
      context: { session: "mine" },
    });
  });
});

describe("words on one call", () => {
  const begin = () =>
    log({ "event.name": "a.tool_call", tool_name: "sh", call_id: "7", "session.id": "x" });
  const end = (raw = {}) =>
    log({
      "event.name": "a.tool_result",
      tool_name: "sh",
      call_id: "7",
      "session.id": "x",
      ...raw,
    });

  it("are joined, whichever comes first", () => {
    const join = new ContextJoin();
    const [first, second] = [begin(), end({ duration_ms: 400 })];
    if (typeof first !== "object" || typeof second !== "object") throw new Error("no context");
    const told = [first, second].map((each) => join.take(each));
    expect(told).toMatchObject([{ fromMs: T0 }, { fromMs: T0 - 400, toMs: T0 }]);
    expect(told[0]?.toMs).toBeUndefined();
    const back = new ContextJoin();
    expect([second, first].map((each) => back.take(each)).at(-1)).toEqual(told[1]);
  });
});

describe("what a service does", () => {
  it("is one stretch while it goes on, told anew each minute, and another after ten quiet ones", () => {
    const join = new ContextJoin();
    const take = (at: number): RunContext | undefined =>
      join.take({
        context: { fromMs: at, toMs: at, service: "s" },
        keep: "folded",
        senderPid: undefined,
      });
    const told = Array.from({ length: 200 }, (_, i) => take(T0 + i * 1000)).filter(
      (each) => each !== undefined,
    );
    expect(told.map(({ toMs = 0 }) => toMs - T0)).toEqual([0, 60_000, 120_000, 180_000]);
    expect(new Set(told.map(({ id }) => id)).size).toBe(1);
    expect(take(T0 + 199_000 + 600_000)?.id).toBe(told[0]?.id);
    expect(take(T0 + 799_000 + 600_001)?.id).not.toBe(told[0]?.id);
  });

  it("takes no more memory than for the newest few thousand of them", () => {
    const join = new ContextJoin();
    for (let i = 0; i < 10_000; i += 1)
      expect(
        join.take({
          context: { fromMs: T0, service: `s${i}` },
          keep: "folded",
          senderPid: undefined,
        }),
      ).toBeDefined();
    expect(join.size).toBeLessThanOrEqual(4096);
  });
});

describe("secrets in arguments", () => {
  it.each([
    ['{"api_key":"abc123"}', "abc123"],
    ['{\\"password\\": \\"hunter2!\\"}', "hunter2"],
    ["export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG", "wJalr"],
    ["mysql --password hunter2 -u root", "hunter2"],
    ["curl -H 'Authorization: Bearer abcdef0123456789'", "abcdef012"],
    ["git clone https://bob:hunter2@example.org/x.git", "hunter2"],
    ["echo ghp_abcdefghijklmnopqrstuvwxyz0123", "ghp_abc"],
    ["-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----", "MIIEow"],
    ["t=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.sig", "eyJzdWIi"],
  ])("are masked: %s", (text, secret) => {
    expect(maskSecrets(text)).toContain("[masked]");
    expect(maskSecrets(text)).not.toContain(secret);
  });

  it.each([
    "make -j8 all",
    "ls /home/alice/keys",
    '{"command":"python train.py --tokens 4096"}',
    "ssh -R 3333:pool:3333 host",
  ])("are not seen where there are none: %s", (text) => {
    expect(maskSecrets(text).replace("--tokens [masked]", "--tokens 4096")).toBe(text);
  });

  it("never make a text grow much, whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 500, unit: "binary" }), (text) => {
        expect(maskSecrets(text).length).toBeLessThanOrEqual(10 * text.length + 8);
      }),
    );
  });
});
