import { describe, expect, it } from "vitest";
import { evidenceOf, type Scene, thin, type Wire } from "./rig.ts";

const GPU = { holdsDevice: true };
const MINER = {
  ...GPU,
  argv: ["./a", "-o", "stratum+tcp://198.51.100.7:9000", "--algo", "kawpow"],
};
const pool: Wire = { bytesAt: thin, remoteName: "eu.herominers.com" };
const said = (scene: Scene) =>
  evidenceOf(scene).map(({ feature, weights }) => [feature, weights["mining-like"]]);
const COUNTED = [["poolConnection", 4]];
const HINTED = [["poolHint", undefined]];

describe("a connection to a pool", () => {
  it.each<[string, Scene]>([
    ["a pool's name and the shape", { wires: [pool], processes: [GPU] }],
    [
      "the name, though bytes are not told",
      { wires: [{ ...pool, bytesAt: undefined }], processes: [GPU] },
    ],
    ["an address of the arguments, at once", { wires: [{ from: 120 }], processes: [MINER] }],
    [
      "a confirmed miner and the shape",
      { wires: [{ remotePort: 443, bytesAt: thin }], processes: [MINER] },
    ],
    [
      "a name of the arguments with that port",
      {
        wires: [{ bytesAt: thin }],
        processes: [{ ...GPU, argv: ["a", "--pool", "us.nanopool.org:9000"] }],
      },
    ],
    [
      "a local proxy, named by its address",
      {
        wires: [{ remoteAddress: "127.0.0.1", localAddress: "127.0.0.2", remotePort: 3333 }],
        processes: [{ ...GPU, argv: ["a", "-o", "stratum+tcp://127.0.0.1:3333"] }],
      },
    ],
    [
      "the same address written as IPv6 writes IPv4",
      { wires: [{ remoteAddress: "::ffff:198.51.100.7" }], processes: [MINER] },
    ],
  ])("counts: %s", (_, scene) => {
    expect(said(scene)).toEqual(COUNTED);
    expect(evidenceOf(scene)[0]).toMatchObject({ family: "network", value: 1 });
  });

  it.each<[string, Scene]>([
    ["the name before it is long-lived", { wires: [{ ...pool, from: 70 }], processes: [GPU] }],
    [
      "the name of a fat connection",
      { wires: [{ ...pool, bytesAt: (s) => s * 1e6 }], processes: [GPU] },
    ],
    [
      "a pool's port and the shape",
      { wires: [{ remotePort: 3333, bytesAt: thin }], processes: [GPU] },
    ],
    [
      "a pool's web page, from what holds no GPU",
      { wires: [{ ...pool, remotePort: 443 }], processes: [{ argv: ["python", "prices.py"] }] },
    ],
    [
      "a pool's web page, from what holds one: pages that update themselves look the same",
      { wires: [{ ...pool, remotePort: 443 }], processes: [GPU] },
    ],
    [
      "opened anew every time",
      {
        wires: [1, 2, 3, 4].map((n) => ({ ...pool, localPort: n, from: n * 20, to: n * 20 + 10 })),
        processes: [GPU],
        seconds: 90,
      },
    ],
  ])("is hinted at: %s", (_, scene) => {
    expect(said(scene)).toEqual(HINTED);
  });

  it.each<[string, Scene]>([
    ["a port of pools, fat", { wires: [{ remotePort: 8888, bytesAt: (s) => s * 1e6 }] }],
    ["a port of pools, young", { wires: [{ remotePort: 3333, bytesAt: thin, from: 70 }] }],
    [
      "a port of pools, inside",
      { wires: [{ remoteAddress: "10.0.0.9", remotePort: 4444, bytesAt: thin }] },
    ],
    [
      "the shape alone: a tracker of experiments",
      { wires: [{ remotePort: 443, bytesAt: thin, remoteName: "api.wandb.ai" }] },
    ],
    ["another domain", { wires: [{ ...pool, remoteName: "notherominers.com" }] }],
    ["never answered", { wires: [{ ...pool, state: "SYN_SENT" }] }],
    [
      "somebody's who connected to us",
      { wires: [pool, { state: "LISTEN", remoteAddress: "0.0.0.0", remotePort: 0 }] },
    ],
  ])("is not: %s", (_, scene) => {
    expect(said({ processes: [GPU], ...scene })).toEqual([]);
  });

  it("is at its limits what the lists say: sixty seconds, four kibibytes a second", () => {
    const at = (from: number) => said({ wires: [{ ...pool, from }], processes: [GPU] });
    expect([at(60), at(70)]).toEqual([COUNTED, HINTED]);
    const rate = (perSecond: number) =>
      said({ wires: [{ ...pool, bytesAt: (s) => (s * perSecond) / 2 }], processes: [GPU] });
    expect([rate(4096), rate(4200)]).toEqual([COUNTED, HINTED]);
  });

  it("is over when a scan no longer has it", () => {
    expect(said({ wires: [{ ...pool, to: 100 }], processes: [GPU], seconds: 120 })).toEqual(
      COUNTED,
    );
    expect(said({ wires: [{ ...pool, to: 80 }], processes: [GPU], seconds: 120 })).toEqual([]);
  });

  it("weighs once for an owner, and once for a process", () => {
    const processes = [1, 2].map((pid) => ({ pid, ...GPU }));
    const wires = [1, 1, 2].map((pid, i) => ({ ...pool, pid, remotePort: 9000 + i }));
    expect(said({ wires, processes })).toEqual([
      ["poolConnection", 4],
      ["poolConnection", undefined],
    ]);
  });

  it("is not the connection of a process that had the pid before", () => {
    expect(
      said({ wires: [{ ...pool, to: 100 }], processes: [{ ...GPU, startTimeMs: 105_000 }] }),
    ).toEqual([]);
  });

  it("escapes what the other end is called", () => {
    const [found] = evidenceOf({
      wires: [{ ...pool, remoteName: "\u001B[2J\u202E.herominers.com" }],
      processes: [GPU],
    });
    // oxlint-disable-next-line no-control-regex
    expect(found?.text).not.toMatch(/[\u001B\u202E]/u);
  });
});

describe("a tunnel's other end", () => {
  it("is known by its name", () => {
    const [found] = evidenceOf({ wires: [{ remoteName: "tunnel.us.ngrok.com" }] });
    expect(found).toMatchObject({ family: "context", feature: "tunnel", value: 1, weights: {} });
    expect(evidenceOf({ wires: [{ remoteName: "ngrok.com.example" }] })).toEqual([]);
  });
});
