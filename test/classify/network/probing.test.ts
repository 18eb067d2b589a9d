import { describe, expect, it } from "vitest";
import { evidenceOf, type Wire } from "./rig.ts";

const probed = (wires: readonly Wire[], seconds = 120): boolean =>
  evidenceOf({ wires, seconds }).some(({ feature }) => feature === "internalProbing");
const times = (count: number, of: (n: number) => Wire): Wire[] =>
  Array.from({ length: count }, (_, n) => ({ localPort: 40_000 + n, ...of(n) }));
const address = (n: number): string => `10.1.${n >> 8}.${n & 255}`;
const unanswered: Wire = { state: "SYN_SENT", from: 90 };

describe("probing inside", () => {
  it.each<[string, Wire[]]>([
    [
      "a sweep of one port",
      times(16, (n) => ({ ...unanswered, remoteAddress: address(n), remotePort: 22 })),
    ],
    [
      "ports of one machine",
      times(16, (n) => ({ ...unanswered, remoteAddress: "192.168.0.9", remotePort: 20 + n })),
    ],
    [
      "addresses of IPv6",
      times(16, (n) => ({ ...unanswered, remoteAddress: `fd00::${n + 1}`, remotePort: 22 })),
    ],
    [
      "answered, and nothing said",
      times(20, (n) => ({
        remoteAddress: address(n),
        remotePort: 22,
        from: 60,
        to: 60,
        bytesAt: () => 40,
      })),
    ],
    [
      "ports of a peer of the job",
      [
        { remoteAddress: "10.0.0.9", bytesAt: (s) => s * 1e6 },
        ...times(16, (n) => ({ ...unanswered, remoteAddress: "10.0.0.9", remotePort: 20 + n })),
      ],
    ],
  ])("is told: %s", (_, wires) => {
    expect(probed(wires)).toBe(true);
    expect(probed(wires.slice(0, 15))).toBe(false);
  });

  it("is no evidence for mining", () => {
    const wires = times(16, (n) => ({ ...unanswered, remoteAddress: address(n), remotePort: 22 }));
    expect(evidenceOf({ wires })).toMatchObject([
      { family: "network", feature: "internalProbing", value: 1, weights: {} },
    ]);
  });

  it.each<[string, Wire[]]>([
    [
      "a mesh of NCCL: any ports, answered, heavy",
      times(256, (n) => ({
        remoteAddress: address(n % 31),
        remotePort: 30_000 + n,
        bytesAt: (s) => s * 1e7,
      })),
    ],
    [
      "a mesh of Gloo that is quiet: answered and kept",
      times(127, (n) => ({ remoteAddress: address(n), remotePort: 40_000 + n, bytesAt: () => 64 })),
    ],
    [
      "the same where bytes are not told",
      times(127, (n) => ({ remoteAddress: address(n), remotePort: 40_000 + n })),
    ],
    [
      "workers of Ray that come and go on peers",
      [
        ...times(20, (n) => ({
          remoteAddress: address(n),
          remotePort: 6379,
          bytesAt: (s: number) => s * 100,
        })),
        ...times(200, (n) => ({
          remoteAddress: address(n % 20),
          remotePort: 10_000 + n,
          from: 60,
          to: 60,
          bytesAt: () => 200,
        })),
      ],
    ],
    [
      "peers that are called in vain now and then, and a few strangers",
      [
        ...times(20, (n) => ({ remoteAddress: address(n), remotePort: 6379 })),
        ...times(25, (n) => ({ ...unanswered, remoteAddress: address(n), remotePort: 10_001 })),
      ],
    ],
    [
      "ranks that wait for their store",
      times(64, () => ({ ...unanswered, remoteAddress: "10.0.0.1", remotePort: 29_500 })),
    ],
    [
      "a mesh that begins at this moment",
      times(64, (n) => ({
        ...unanswered,
        from: 120,
        remoteAddress: address(n),
        remotePort: 29_500,
      })),
    ],
    [
      "a mesh whose peers went down in its course",
      times(64, (n) => ({
        remoteAddress: address(n),
        remotePort: 29_500,
        to: 60,
        bytesAt: (s) => s * 1e6,
      })),
    ],
    [
      "a store of many servers, each asked in turn",
      times(64, (n) => ({
        remoteAddress: address(n),
        remotePort: 9000,
        from: 60,
        to: 60,
        bytesAt: () => 1e6,
      })),
    ],
    [
      "a few of many peers down",
      [
        ...times(20, (n) => ({ remoteAddress: address(100 + n), remotePort: 1 })),
        ...times(16, (n) => ({ ...unanswered, remoteAddress: address(n), remotePort: 1 })),
      ],
    ],
    [
      "addresses outside",
      times(64, (n) => ({ ...unanswered, remoteAddress: `198.51.100.${n}`, remotePort: 443 })),
    ],
    [
      "one's own machine",
      times(64, (n) => ({ ...unanswered, remoteAddress: "127.0.0.1", remotePort: 8000 + n })),
    ],
  ])("is not: %s", (_, wires) => {
    expect(probed(wires)).toBe(false);
  });

  it("is forgotten after five minutes", () => {
    const wires = times(16, (n) => ({
      ...unanswered,
      from: 0,
      to: 30,
      remoteAddress: address(n),
      remotePort: 22,
    }));
    expect([probed(wires, 320), probed(wires, 340)]).toEqual([true, false]);
  });
});
