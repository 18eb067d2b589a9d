import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import protobuf from "protobufjs/light.js";
import { afterEach, describe, expect, it } from "vitest";
import {
  attribute,
  closeReceivers,
  gzipped,
  logRequest,
  nanos,
  startReceiver,
  traceRequest,
} from "../collect/context/receiver.ts";

const NOW = 1_800_000_000_000;
const nowMs = (): number => NOW;
const PROTOBUF = { "content-type": "application/x-protobuf" };
const LIMIT = 4 * 1024 * 1024;

const call = (extra: object = {}) => ({
  fromMs: NOW - 5000,
  toMs: NOW - 1000,
  attributes: { "gen_ai.tool.name": "bash" },
  ...extra,
});
const body = (spans: object[] = [call()]): string =>
  JSON.stringify(traceRequest({ "service.name": "agent" }, spans));

/** `google.rpc.Status`, and the answers of the two services, as a client knows them. */
const answers = protobuf.Root.fromJSON({
  nested: {
    Status: { fields: { code: { type: "int32", id: 1 }, message: { type: "string", id: 2 } } },
    Partial: {
      fields: { rejected: { type: "int64", id: 1 }, errorMessage: { type: "string", id: 2 } },
    },
    Answer: { fields: { partialSuccess: { type: "Partial", id: 1 } } },
  },
});
const decoded = (type: string, bytes: Uint8Array): unknown => {
  const known = answers.lookupType(type);
  return known.toObject(known.decode(bytes), { longs: Number });
};

/** A request of traces in protobuf with one span, by hand. */
function protobufBody(fields: { span?: Uint8Array; value?: Uint8Array } = {}): Uint8Array {
  const w = (): protobuf.Writer => protobuf.Writer.create();
  const value = fields.value ?? w().uint32(10).string("bash").finish();
  const pair = w().uint32(10).string("gen_ai.tool.name").uint32(18).bytes(value).finish();
  const service = w()
    .uint32(10)
    .string("service.name")
    .uint32(18)
    .bytes(w().uint32(10).string("agent").finish())
    .finish();
  const span =
    fields.span ??
    w()
      .uint32(10)
      .bytes(Buffer.from("0102030405060708090a0b0c0d0e0f10", "hex"))
      .uint32(18)
      .bytes(Buffer.from("0102030405060708", "hex"))
      .uint32(57)
      .fixed64((NOW - 5000) * 1e6)
      .uint32(65)
      .fixed64((NOW - 1000) * 1e6)
      .uint32(74)
      .bytes(pair)
      .finish();
  const scope = w().uint32(18).bytes(span).finish();
  const resource = w().uint32(10).bytes(service).finish();
  const spans = w().uint32(10).bytes(resource).uint32(18).bytes(scope).finish();
  return w().uint32(10).bytes(spans).finish();
}

afterEach(closeReceivers);

describe("a request that is taken", () => {
  it("is answered as it was written, with nothing in it", async () => {
    const { post, taken } = await startReceiver({ nowMs });
    const json = await post("/v1/traces", body());
    expect([json.status, json.headers.get("content-type"), String(json.body)]).toEqual([
      200,
      "application/json; charset=utf-8",
      "{}",
    ]);
    const proto = await post("/v1/traces", protobufBody(), PROTOBUF);
    expect([proto.status, proto.headers.get("content-type"), proto.body.length]).toEqual([
      200,
      "application/x-protobuf",
      0,
    ]);
    const [a, b] = await taken();
    expect(a).toMatchObject({
      tool: "bash",
      service: "agent",
      fromMs: NOW - 5000,
      toMs: NOW - 1000,
    });
    expect(b).toMatchObject({
      tool: "bash",
      service: "agent",
      fromMs: NOW - 5000,
      toMs: NOW - 1000,
    });
  });

  it("may be packed, and may say a character set", async () => {
    const { post, taken } = await startReceiver({ nowMs });
    const headers = {
      "content-encoding": "gzip",
      "content-type": "application/json; charset=utf-8",
    };
    expect((await post("/v1/traces", gzipped(body()), headers)).status).toBe(200);
    expect(await taken()).toHaveLength(1);
  });

  it("may have fields nobody knows, and nothing at all", async () => {
    const { post, taken } = await startReceiver({ nowMs });
    const odd = JSON.stringify({ resourceSpans: [{ future: 1 }], resourceMetrics: [] });
    expect((await post("/v1/traces", odd)).status).toBe(200);
    expect((await post("/v1/traces", "{}")).status).toBe(200);
    expect((await post("/v1/logs", Buffer.alloc(0), PROTOBUF)).status).toBe(200);
    expect(await taken()).toEqual([]);
  });
});

describe("records whose times are none", () => {
  const times: [string, object][] = [
    ["NaN", { startTimeUnixNano: "NaN" }],
    ["zero", { startTimeUnixNano: "0" }],
    ["negative", { startTimeUnixNano: "-5" }],
    ["negative, as a number", { startTimeUnixNano: -5 }],
    ["huge", { startTimeUnixNano: "99999999999999999999" }],
    ["longer than any number", { startTimeUnixNano: "9".repeat(400) }],
    ["in milliseconds", { startTimeUnixNano: String(NOW) }],
    ["absent", { startTimeUnixNano: null }],
    ["an end before the beginning", { endTimeUnixNano: nanos(NOW - 6000) }],
  ];

  it.each(times)("%s: are refused, the others are taken", async (_name, raw) => {
    const { post, taken, queue } = await startReceiver({ nowMs });
    const answer = await post("/v1/traces", body([call(), call({ raw })]));
    expect([answer.status, JSON.parse(String(answer.body))]).toEqual([
      200,
      {
        partialSuccess: {
          rejectedSpans: "1",
          errorMessage: "1 have no time that could be one",
        },
      },
    ]);
    expect(await taken()).toHaveLength(1);
    expect(queue.dropped).toBe(1);
  });

  it("are told of in protobuf, and of logs by their own name", async () => {
    const { post } = await startReceiver({ nowMs });
    const span = protobuf.Writer.create().uint32(42).string("execute_tool bash").finish();
    const proto = await post("/v1/traces", protobufBody({ span }), PROTOBUF);
    expect(decoded("Answer", proto.body)).toEqual({
      partialSuccess: { rejected: 1, errorMessage: "1 have no time that could be one" },
    });
    const logs = await post(
      "/v1/logs",
      JSON.stringify(
        logRequest({ "service.name": "x" }, [{ atMs: NOW, raw: { timeUnixNano: "0" } }]),
      ),
    );
    expect(JSON.parse(String(logs.body))).toMatchObject({
      partialSuccess: { rejectedLogRecords: "1" },
    });
  });
});

describe("a body that is none", () => {
  const bad: [string, string | Uint8Array, Record<string, string>?][] = [
    ["no JSON", "{"],
    ["a list", "[]"],
    ["a list where an object belongs", '{"resourceSpans":[[]]}'],
    ["text where a list belongs", '{"resourceSpans":"x"}'],
    ["nested a hundred thousand deep", `${"[".repeat(100_000)}${"]".repeat(100_000)}`],
    ["truncated protobuf", protobufBody().slice(0, -3), PROTOBUF],
    ["text as protobuf", Buffer.from("hello, world"), PROTOBUF],
    ["a length beyond the end", Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0x7f), PROTOBUF],
    ["a varint without end", new Uint8Array(64).fill(0xff), PROTOBUF],
    ["groups in groups", new Uint8Array(100_000).fill(0x0b), PROTOBUF],
    ["a gzip that is none", "not gzip", { "content-encoding": "gzip" }],
    ["a gzip cut short", gzipped(body()).subarray(0, 40), { "content-encoding": "gzip" }],
  ];

  it.each(bad)(
    "%s: 400 with a status in the request's own encoding",
    async (_name, sent, headers) => {
      const { post, taken } = await startReceiver({ nowMs });
      const answer = await post("/v1/traces", sent, headers);
      expect(answer.status).toBe(400);
      const isProtobuf = headers === PROTOBUF;
      const status = isProtobuf ? decoded("Status", answer.body) : JSON.parse(String(answer.body));
      expect(status).toEqual({ code: 3, message: expect.stringMatching(/\S/) });
      expect(answer.headers.get("content-type")).toBe(
        isProtobuf ? "application/x-protobuf" : "application/json; charset=utf-8",
      );
      expect(await taken()).toEqual([]);
      expect((await post("/v1/traces", body())).status).toBe(200);
    },
  );

  it("survives whatever bytes come", async () => {
    const { queue } = await startReceiver({ nowMs });
    const offer = (encoding: "json" | "protobuf") => async (bytes: Uint8Array) => {
      try {
        await queue.offer("traces", encoding, bytes);
        await queue.offer("logs", encoding, bytes);
      } catch (error) {
        expect(error).toMatchObject({ code: "context/malformed" });
      }
    };
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), offer("protobuf")));
    const json = fc.json().map((text) => Buffer.from(text));
    await fc.assert(fc.asyncProperty(json, offer("json")));
    // One byte of a good body changed: deeper inside than noise gets.
    const good = protobufBody();
    const changed = fc
      .tuple(fc.nat(good.length - 1), fc.nat(255))
      .map(([at, value]) => Uint8Array.from(good, (byte, i) => (i === at ? value : byte)));
    await fc.assert(fc.asyncProperty(changed, offer("protobuf")), { numRuns: 500 });
  });
});

describe("values that are odd", () => {
  it("takes no attribute of a wrong type or too deep for what it is not", async () => {
    const { post, taken } = await startReceiver({ nowMs });
    const deep = `${'{"arrayValue":{"values":['.repeat(20_000)}{}${"]}}".repeat(20_000)}`;
    const attributes = {
      "gen_ai.tool.name": "bash",
      "gen_ai.tool.call.arguments": { stringValue: "DEEP" },
      "session.id": { intValue: "nine" },
      "gen_ai.agent.name": { doubleValue: "Infinity" },
      "episode.id": null,
      pids: { stringValue: "12, x, -3, 99999999, 7.5, 13" },
    };
    const sent = body([call({ attributes })]).replace('{"stringValue":"DEEP"}', deep);
    expect((await post("/v1/traces", sent)).status).toBe(200);
    const [context] = await taken();
    const cut = "[[[[[[[[[]]]]]]]]]";
    expect(context).toMatchObject({ tool: "bash", pids: [12, 13], arguments: cut });
    for (const none of ["session", "agent", "episode"]) expect(context).not.toHaveProperty(none);
  });

  it("descends no deeper in protobuf than it needs", async () => {
    const { post, taken } = await startReceiver({ nowMs });
    let value = protobuf.Writer.create().uint32(10).string("x").finish();
    for (let i = 0; i < 3000; i += 1) {
      const list = protobuf.Writer.create().uint32(10).bytes(value).finish();
      value = protobuf.Writer.create().uint32(42).bytes(list).finish();
    }
    expect((await post("/v1/traces", protobufBody({ value }), PROTOBUF)).status).toBe(200);
    // The tool's name is no list; that it is a call is still said by nothing else.
    expect(await taken()).toHaveLength(1);
  });

  it("looks through ten thousand attributes and keeps what it knows, bounded", async () => {
    const { post, taken } = await startReceiver({ nowMs });
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`a.${i}`, "v"]));
    const attributes = {
      ...many,
      "gen_ai.tool.name": "b".repeat(3000),
      "gen_ai.tool.call.arguments": { stringValue: "é".repeat(9000) },
      __proto__x: "y",
    };
    expect((await post("/v1/traces", body([call({ attributes })]))).status).toBe(200);
    const [context] = await taken();
    expect(context?.tool).toHaveLength(256);
    expect(context?.arguments).toHaveLength(1024);
  });

  it("takes the last of a key that comes twice, and no key of an object's own", async () => {
    const { post, taken } = await startReceiver({ nowMs });
    const twice = {
      raw: {
        attributes: [
          attribute("tool_name", "a"),
          attribute("tool_name", "b"),
          attribute("constructor", "c"),
        ],
      },
    };
    await post("/v1/traces", body([call(twice)]));
    expect(await taken()).toMatchObject([{ tool: "b" }]);
  });
});

describe("what is too much", () => {
  it("is refused above 4 MiB, and taken at it", async () => {
    const { post } = await startReceiver({ nowMs });
    const padded = (bytes: number): string => body().padEnd(bytes, " ");
    expect((await post("/v1/traces", padded(LIMIT))).status).toBe(200);
    const over = await post("/v1/traces", padded(LIMIT + 1));
    expect([over.status, JSON.parse(String(over.body))]).toMatchObject([413, { code: 3 }]);
  });

  it("is refused unpacked, too: a bomb of a few kilobytes", async () => {
    const { post } = await startReceiver({ nowMs });
    const headers = { "content-encoding": "gzip" };
    const fits = gzipSync(Buffer.from(body().padEnd(LIMIT, " ")));
    expect((await post("/v1/traces", fits, headers)).status).toBe(200);
    const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(300_000);
    expect((await post("/v1/traces", bomb, headers)).status).toBe(413);
  });

  it("waits: 503 with the time to come back, and nothing is taken in part", async () => {
    const { post, taken, queue } = await startReceiver({ nowMs, maxWaiting: 3 });
    expect((await post("/v1/traces", body([call(), call()]))).status).toBe(200);
    const full = await post("/v1/traces", body([call(), call()]));
    expect([full.status, full.headers.get("retry-after")]).toEqual([503, "2"]);
    expect(queue.dropped).toBe(2);
    expect(await taken()).toHaveLength(2);
    expect((await post("/v1/traces", body([call(), call()]))).status).toBe(200);
  });

  it("is cut where it would never fit", async () => {
    const { post, taken } = await startReceiver({ nowMs, maxWaiting: 3 });
    const spans = Array.from({ length: 5 }, () => call());
    const answer = await post("/v1/traces", body(spans));
    expect(JSON.parse(String(answer.body))).toMatchObject({
      partialSuccess: { rejectedSpans: "2" },
    });
    expect(await taken()).toHaveLength(3);
  });

  it("is put on the line in bounded numbers", async () => {
    const { post, taken } = await startReceiver({ nowMs, maxPerTick: 2 });
    await post("/v1/traces", body([call(), call(), call()]));
    expect([(await taken()).length, (await taken()).length]).toEqual([2, 1]);
  });
});

describe("who may send", () => {
  it("is everybody without a token, and who shows it with one", async () => {
    const { post } = await startReceiver({ nowMs, token: "s3cret" });
    const bearing = (authorization: string) => post("/v1/traces", body(), { authorization });
    expect((await post("/v1/traces", body())).status).toBe(401);
    for (const wrong of ["Bearer s3cre", "Bearer s3crets", "Basic s3cret", "s3cret", "Bearer "])
      expect((await bearing(wrong)).status).toBe(401);
    expect((await bearing("Bearer s3cret")).status).toBe(200);
    expect((await bearing("bearer s3cret")).status).toBe(200);
  });

  it("is no page of a browser", async () => {
    const { post } = await startReceiver({ nowMs });
    expect((await post("/v1/traces", body(), { origin: "http://evil.example" })).status).toBe(403);
    expect((await post("/v1/traces", body(), { "content-type": "text/plain" })).status).toBe(415);
  });
});

describe("everything else", () => {
  it("takes nothing where it is switched off, and stays read-only where it is on", async () => {
    const { url, post } = await startReceiver({ nowMs });
    for (const path of ["/healthz", "/api/v1/slices", "/v1/metrics"])
      expect((await post(path, "{}")).status).toBe(404);
    expect((await fetch(`${url}/v1/traces`)).status).toBe(404);
    expect((await post("/v1/traces", body(), { "content-encoding": "br" })).status).toBe(415);
  });

  it("lets go of a sender that never ends, and of its place", { timeout: 20_000 }, async () => {
    const { port, post } = await startReceiver({ nowMs });
    const slow = Array.from({ length: 16 }, () => {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => {});
      socket.write(
        "POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
      );
      return socket;
    });
    const busy = async (): Promise<number> => (await post("/v1/traces", body())).status;
    await expect.poll(busy).toBe(503);
    for (const socket of slow) socket.destroy();
    await expect.poll(busy).toBe(200);
  });
});
