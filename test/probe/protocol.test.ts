import { describe, expect, test } from "vitest";
import { BufferSpec, Command, Launch, Reply } from "../../src/probe/protocol.ts";

describe("a buffer", () => {
  const buffer = { binding: 0, kind: "read", sizeBytes: 8 } as const;

  test.each([
    ["of a multiple of 4 bytes", buffer, true],
    ["of 6 bytes", { ...buffer, sizeBytes: 6 }, false],
    ["of no bytes", { ...buffer, sizeBytes: 0 }, false],
    ["that its data fills", { ...buffer, data: new Uint8Array(8) }, true],
    ["with more data than room", { ...buffer, data: new Uint8Array(9) }, false],
    ["with data that is no bytes", { ...buffer, data: [1, 2] }, false],
    ["with a poison that is no byte", { ...buffer, fill: 256 }, false],
    ["with an unknown field", { ...buffer, usage: 4 }, false],
  ])("%s: accepted is %s", (_, value, accepted) => {
    expect(BufferSpec.safeParse(value).success).toBe(accepted);
  });
});

describe("a launch", () => {
  const launch = { kind: "launch", id: 1, handle: 0, dispatches: 1, expectedSeconds: 0 };

  test.each([
    ["of one dispatch", launch, true],
    ["of none", { ...launch, dispatches: 0 }, false],
    ["expected to take forever", { ...launch, expectedSeconds: Number.POSITIVE_INFINITY }, false],
  ])("%s: accepted is %s", (_, value, accepted) => {
    expect(Command.safeParse(value).success).toBe(accepted);
  });

  test("took device time that is positive or absent, never 0", () => {
    expect(Launch.safeParse({ wallSeconds: 1, gpuSeconds: 0.5 }).success).toBe(true);
    expect(Launch.safeParse({ wallSeconds: 1 }).success).toBe(true);
    expect(Launch.safeParse({ wallSeconds: 1, gpuSeconds: 0 }).success).toBe(false);
    expect(Launch.safeParse({ wallSeconds: 1, gpuSeconds: -1 }).success).toBe(false);
  });
});

test("a reply of an unknown kind, or with a long message, is none", () => {
  const failed = { kind: "failed", id: 0, reason: "refused", message: "no" };
  expect(Reply.safeParse(failed).success).toBe(true);
  expect(Reply.safeParse({ ...failed, message: "x".repeat(5000) }).success).toBe(false);
  expect(Reply.safeParse({ ...failed, reason: "other" }).success).toBe(false);
  expect(Reply.safeParse({ kind: "hello", id: 0 }).success).toBe(false);
});
