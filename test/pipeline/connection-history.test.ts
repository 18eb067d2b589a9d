import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SocketSighting } from "../../src/model/sample.ts";
import { ConnectionHistory } from "../../src/pipeline/connection-history.ts";

const socket = (over: Partial<SocketSighting> = {}): SocketSighting => ({
  pid: 1,
  protocol: "tcp",
  localAddress: "10.0.0.2",
  localPort: 50_000,
  remoteAddress: "198.51.100.7",
  remotePort: 443,
  state: "ESTABLISHED",
  ...over,
});

function historyOf(scans: readonly (readonly [second: number, list: readonly SocketSighting[]])[]) {
  const history = new ConnectionHistory();
  for (const [second, list] of scans) history.add({ kind: "sockets", atMs: second * 1000, list });
  return history;
}

describe("the history of connections", () => {
  it("makes one of what scans saw of it, from its first to its last", () => {
    const history = historyOf([
      [10, [socket({ state: "SYN_SENT", firstSeenMs: 8000 })]],
      [20, [socket({ bytesSent: 10, bytesReceived: 5 })]],
      [30, [socket({ bytesSent: 100, remoteName: "a.example" })]],
    ]);
    expect(history.of(1, 30_000)).toEqual([
      expect.objectContaining({
        firstMs: 8000,
        lastMs: 30_000,
        isOpen: true,
        wasEstablished: true,
        attempts: 1,
        bytes: 100,
        greatestStepBytes: 85,
        remoteName: "a.example",
      }),
    ]);
    expect(history.of(2, 30_000)).toEqual([]);
  });

  it("does not make bytes of nothing", () => {
    const [known] = historyOf([[10, [socket()]]]).of(1, 10_000);
    expect(known).not.toHaveProperty("bytes", 0);
    expect(known?.bytes).toBeUndefined();
  });

  it("is open while the newest scan has it, and not for ever without scans", () => {
    const history = historyOf([[10, [socket()]]]);
    expect([70, 71].map((second) => history.of(1, second * 1000)[0]?.isOpen)).toEqual([
      true,
      false,
    ]);
    history.add({ kind: "sockets", atMs: 20_000, list: [] });
    expect(history.of(1, 20_000)[0]?.isOpen).toBe(false);
  });

  it("leaves out who waits, who was called, and who talks to himself", () => {
    const waits = socket({ state: "LISTEN", localPort: 8000, remotePort: 0, remoteAddress: "::" });
    const called = socket({ localPort: 8000 });
    const itself = socket({ remoteAddress: "10.0.0.2" });
    expect(historyOf([[1, [waits, called, itself]]]).of(1, 1000)).toEqual([]);
    expect(historyOf([[1, [called]]]).of(1, 1000)).toHaveLength(1);
  });

  it("counts how often it was opened anew", () => {
    const again = [1, 2, 3].map((n) => [n * 10, [socket({ localPort: n })]] as const);
    expect(historyOf(again).of(1, 30_000)[0]?.attempts).toBe(3);
  });

  it("forgets after half an hour", () => {
    const history = historyOf([[0, [socket()]]]);
    history.add({ kind: "sockets", atMs: 1_800_000, list: [] });
    expect(history.of(1, 0)).toHaveLength(1);
    history.add({ kind: "sockets", atMs: 1_800_001, list: [] });
    expect(history.of(1, 0)).toEqual([]);
  });

  it("is bounded, and one process pushes out nobody else's", () => {
    const many = Array.from({ length: 3000 }, (_, n) => socket({ pid: 2, remotePort: n + 1 }));
    const history = historyOf([
      [1, [socket()]],
      [2, many],
    ]);
    expect(history.of(1, 2000)).toHaveLength(1);
    expect(history.of(2, 2000)).toHaveLength(512);
    expect(history.of(2, 2000).at(-1)?.remotePort).toBe(3000);
    const crowd = Array.from({ length: 5000 }, (_, pid) => socket({ pid: pid + 10 }));
    history.add({ kind: "sockets", atMs: 3000, list: crowd });
    expect(history.of(10, 3000)).toEqual([]);
    expect(history.of(5009, 3000)).toHaveLength(1);
  });

  it.each([
    ["user:a", "x:1", 119_999, true],
    ["user:a", "x:1", 120_000, false],
    ["user:b", "x:1", 120_000, true],
    ["user:a", "__proto__", 120_000, true],
  ])("is news of %s to %s after %d ms: %s", (owner, to, atMs, isNew) => {
    const history = new ConnectionHistory();
    expect(history.isNew("user:a", "x:1", 0)).toBe(true);
    expect(history.isNew(owner, to, atMs)).toBe(isNew);
  });

  it("takes what comes, in any order", () => {
    const any = fc.record({
      pid: fc.nat(3),
      protocol: fc.string(),
      localAddress: fc.string(),
      localPort: fc.nat(65_535),
      remoteAddress: fc.string(),
      remotePort: fc.nat(65_535),
      state: fc.constantFrom("ESTABLISHED", "SYN_SENT", "LISTEN", "CLOSE", "__proto__"),
      bytesSent: fc.option(fc.nat(), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(1000), fc.array(any))), (scans) => {
        const history = historyOf(scans);
        for (const { firstMs, lastMs, bytes } of history.of(1, 1e6)) {
          expect(firstMs).toBeLessThanOrEqual(lastMs);
          expect(bytes ?? 0).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });
});
