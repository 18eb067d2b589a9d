import { SeverityNumber } from "@opentelemetry/api-logs";
import { OTLPLogExporter as JsonLogs } from "@opentelemetry/exporter-logs-otlp-http";
import { OTLPLogExporter as ProtoLogs } from "@opentelemetry/exporter-logs-otlp-proto";
import { OTLPTraceExporter as JsonTraces } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtoTraces } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { LoggerProvider, BatchLogRecordProcessor } from "@opentelemetry/sdk-logs";
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { afterEach, describe, expect, it } from "vitest";
import { closeReceivers, startReceiver } from "./receiver.ts";

/** Exporters as agents use them, against the server as the daemon runs it. */
const T0 = Math.floor(Date.now() / 1000) * 1000 - 20_000;
const SANDBOX = "3f2a9c1d5e7b3f2a9c1d5e7b3f2a9c1d5e7b3f2a9c1d5e7b3f2a9c1d5e7b3f2a";
const resource = resourceFromAttributes({
  "service.name": "rollout-worker",
  "host.name": "node-7",
  "container.id": SANDBOX,
  "container.image.name": "sandbox/agent",
  "process.pid": 4711,
  TASK_ID: "rl-42",
  "telemetry.noise": "x".repeat(500),
});

afterEach(closeReceivers);

describe.each([
  ["JSON", JsonTraces, JsonLogs, "none"],
  ["JSON, packed", JsonTraces, JsonLogs, "gzip"],
  ["protobuf", ProtoTraces, ProtoLogs, "none"],
  ["protobuf, packed", ProtoTraces, ProtoLogs, "gzip"],
] as const)("an SDK that exports %s", (_name, Traces, Logs, packing) => {
  const compression = packing as never;

  it("sends a tool call as a span of the GenAI conventions", async () => {
    const receiver = await startReceiver();
    const exporter = new Traces({ url: `${receiver.url}/v1/traces`, compression });
    const provider = new BasicTracerProvider({
      resource,
      spanProcessors: [new SimpleSpanProcessor(exporter as never)],
    });
    const span = provider.getTracer("agent").startSpan("execute_tool bash", {
      startTime: T0,
      attributes: {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "bash",
        "gen_ai.tool.call.arguments": '{"command":"export HF_TOKEN=hf_abcdefghijklmnopqrst; make"}',
        "gen_ai.conversation.id": "conv-9",
        "gen_ai.agent.name": "coder",
        "episode.id": 17,
        pids: [4800, 4801],
        "http.irrelevant": "y",
      },
    });
    span.end(T0 + 4250);
    await provider.forceFlush();
    const { traceId, spanId } = span.spanContext();
    const [context, ...more] = await receiver.taken();
    expect(more).toEqual([]);
    expect(context).toEqual({
      kind: "context",
      atMs: expect.any(Number),
      fromMs: T0,
      toMs: T0 + 4250,
      service: "rollout-worker",
      agent: "coder",
      run: "rl-42",
      episode: "17",
      session: "conv-9",
      tool: "bash",
      arguments: '{"command":"export HF_TOKEN=[masked]; make"}',
      container: SANDBOX,
      image: "sandbox/agent",
      host: "node-7",
      pids: [4800, 4801, 4711],
      id: `span:${traceId}-${spanId}`,
    });
    await provider.shutdown();
  });

  it("sends a tool call as a log event with its duration", async () => {
    const receiver = await startReceiver();
    const exporter = new Logs({ url: `${receiver.url}/v1/logs`, compression });
    const provider = new LoggerProvider({
      resource,
      processors: [new BatchLogRecordProcessor({ exporter: exporter as never })],
    });
    provider.getLogger("cli").emit({
      timestamp: T0 + 9000,
      severityNumber: SeverityNumber.INFO,
      body: "Tool call: run_shell_command. Success: true. Duration: 1500ms.",
      attributes: {
        "event.name": "iflow_cli.tool_call",
        sessionId: "s-1",
        function_name: "run_shell_command",
        function_args: '{"command":"nohup ./x &"}',
        duration_ms: 1500,
        success: true,
      },
    });
    await provider.forceFlush();
    expect(await receiver.taken()).toMatchObject([
      {
        fromMs: T0 + 7500,
        toMs: T0 + 9000,
        service: "rollout-worker",
        session: "s-1",
        tool: "run_shell_command",
        arguments: '{"command":"nohup ./x &"}',
        id: expect.stringMatching(/^log:[0-9a-f]{32}$/),
      },
    ]);
    await provider.shutdown();
  });
});

describe("a tracer of a batch", () => {
  it("keeps hundreds of spans apart, and spans that are nothing in particular as one stretch", async () => {
    const receiver = await startReceiver();
    const exporter = new ProtoTraces({ url: `${receiver.url}/v1/traces` });
    const provider = new BasicTracerProvider({
      resource,
      spanProcessors: [new BatchSpanProcessor(exporter as never)],
    });
    const tracer = provider.getTracer("agent");
    for (let i = 0; i < 50; i += 1) {
      tracer.startSpan("GET /", { startTime: T0 + i }).end(T0 + i + 1);
      const attributes = { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": `t${i}` };
      tracer.startSpan("execute_tool", { startTime: T0 + i, attributes }).end(T0 + i + 1);
    }
    await provider.forceFlush();
    const taken = await receiver.taken();
    expect(taken.filter(({ tool }) => tool !== undefined)).toHaveLength(50);
    expect(taken.filter(({ tool }) => tool === undefined)).toMatchObject([
      { service: "rollout-worker", id: expect.stringMatching(/^work:/) },
    ]);
    await provider.shutdown();
  });
});
