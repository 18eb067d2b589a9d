import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readDump, readTraffic } from "../../../../src/collect/host/sockets/diag.ts";
import { parseSocketLine } from "../../../../src/collect/host/sockets/proc-net.ts";
import { addressText, Listeners } from "../../../../src/collect/host/sockets/rows.ts";
import { EPOCH_MS, named, scanner, tcpLine, type Written, writtenProc } from "../proc-tree.ts";

const HERE = "0A000002:9C40";
const POOL = "05000A0A:0D05";
const ANY = "00000000:0000";
const socket = (inode: number): Record<string, string> => ({ "3": `socket:[${inode}]` });

/** The sockets that are told of a holder, by the tables of its network namespace. */
const told = (holder: Written, others: Record<number, Written> = {}) => {
  const tree = writtenProc();
  tree.write(500, holder);
  for (const [pid, process] of Object.entries(others)) tree.write(Number(pid), process);
  return scanner(tree)([named(500)]).sockets ?? [];
};

describe("sockets from the tables of /proc", () => {
  it("are told with their process, their ends and their state", () => {
    const net = { tcp: [tcpLine(HERE, POOL, "01", 9001)] };
    expect(told({ fds: socket(9001), net, argv: ["m", "-o", "pool.example:3333"] })).toEqual([
      {
        pid: 500,
        protocol: "tcp",
        localAddress: "2.0.0.10",
        localPort: 40_000,
        remoteAddress: "10.10.0.5",
        remotePort: 3333,
        state: "ESTABLISHED",
        remoteName: "pool.example",
        firstSeenMs: EPOCH_MS + 5000,
      },
    ]);
  });

  it.each([
    ["02", "SYN_SENT"],
    ["04", "FIN_WAIT1"],
    ["05", "FIN_WAIT2"],
    ["08", "CLOSE_WAIT"],
    ["09", "LAST_ACK"],
    ["0A", "LISTEN"],
    ["0B", "CLOSING"],
  ])("in state %s are %s", (state, name) => {
    const net = { tcp: [tcpLine(HERE, POOL, state, 9001)] };
    expect(told({ fds: socket(9001), net })).toMatchObject([{ state: name }]);
  });

  it.each(["03", "06", "07", "0C", "FF"])("in state %s lead nowhere", (state) => {
    const net = { tcp: [tcpLine(HERE, POOL, state, 9001)] };
    expect(told({ fds: socket(9001), net })).toEqual([]);
  });

  it.each([
    ["any address", "00000000:9C40", []],
    ["that address", "0A000002:9C40", []],
    ["another address", "0100007F:9C40", ["ESTABLISHED"]],
    ["another port", "00000000:9C41", ["ESTABLISHED"]],
  ])("are inbound where somebody listens at their own end: %s", (_, at, states) => {
    const lines = [tcpLine(HERE, POOL, "01", 9001), tcpLine(at, ANY, "0A", 8000)];
    const found = told({ fds: socket(9001), net: { tcp: lines } });
    expect(found.map(({ state }) => state)).toEqual(states);
  });

  it("of nobody in the trees are not told", () => {
    const net = { tcp: [tcpLine(HERE, POOL, "01", 9001), tcpLine(HERE, POOL, "01", 9002)] };
    const stranger = { uid: 1001, fds: socket(9002) };
    expect(told({ fds: socket(9001), net }, { 600: stranger }).map(({ pid }) => pid)).toEqual([
      500,
    ]);
  });

  it("that parent and child both hold belong to the one that opened them, once", () => {
    const net = { tcp: [tcpLine(HERE, POOL, "01", 9001)] };
    const child = { ppid: 500, startTicks: 600, fds: socket(9001) };
    expect(told({ fds: socket(9001), net }, { 499: child }).map(({ pid }) => pid)).toEqual([500]);
  });

  it("keep the time at which they were seen first, until they are gone", () => {
    const tree = writtenProc();
    const write = (lines: string[]) => tree.write(500, { fds: socket(9001), net: { tcp: lines } });
    const scan = scanner(tree);
    const seen = () => scan([named(500)]).sockets?.map(({ firstSeenMs }) => firstSeenMs);
    write([tcpLine(HERE, POOL, "01", 9001)]);
    expect([seen(), seen()]).toEqual([[EPOCH_MS + 5000], [EPOCH_MS + 5000]]);
    write([]);
    expect(seen()).toEqual([]);
    write([tcpLine(HERE, POOL, "01", 9001)]);
    expect(seen()).toEqual([EPOCH_MS + 20_000]);
    // The number of the inode has passed to another connection.
    write([tcpLine(HERE, "06000A0A:0D05", "01", 9001)]);
    expect(seen()).toEqual([EPOCH_MS + 25_000]);
  });

  it("are no finding where nobody's files may be looked at", () => {
    const tree = writtenProc();
    tree.write(500, { comm: "x" });
    const scan = scanner(tree);
    expect(scan([named(500)]).sockets).toEqual([]);
  });

  it("never go to a process that does not hold them", () => {
    const pid = fc.integer({ min: 500, max: 505 });
    const inode = fc.integer({ min: 9000, max: 9005 });
    const held = fc.uniqueArray(fc.tuple(pid, inode), { maxLength: 12, selector: String });
    fc.assert(
      fc.property(held, fc.uniqueArray(inode), (pairs, listed) => {
        const tree = writtenProc();
        const tcp = listed.map((one) => tcpLine(HERE, POOL, "01", one));
        for (let one = 500; one <= 505; one += 1) {
          const mine = pairs.filter(([holder]) => holder === one).map(([, number]) => number);
          const fds = Object.fromEntries(mine.map((number) => [`${number}`, `socket:[${number}]`]));
          tree.write(one, { session: 500, fds, net: { tcp } });
        }
        const { sockets = [] } = scanner(tree)([named(500)]);
        const isHeld = (by: number): boolean => pairs.some(([holder]) => holder === by);
        expect(sockets.every((each) => isHeld(each.pid))).toBe(true);
        expect(sockets.length).toBeLessThanOrEqual(new Set(pairs.map(([, one]) => one)).size * 6);
      }),
      { numRuns: 25 },
    );
  });
});

describe("what the kernel writes", () => {
  it.each([
    ["0100007F:1F90", "127.0.0.1", 8080],
    ["0000000000000000FFFF00000100007F:1F90", "127.0.0.1", 8080],
    ["000080FE00000000FF00140201000000:0016", "fe80::214:ff:0:1", 22],
    ["00000000000000000000000001000000:0050", "::1", 80],
  ])("%s is %s", (text, localAddress, localPort) => {
    const remote = text.length > 20 ? `${"0".repeat(32)}:0000` : ANY;
    expect(parseSocketLine(tcpLine(text, remote, "0A", 1), "tcp")).toMatchObject({
      localAddress,
      localPort,
      inode: 1,
    });
  });

  it.each(["", "  sl  local_address", "   0: 01:02 03:04 01 x", tcpLine(HERE, POOL, "0", 1)])(
    "is no socket where it reads '%s'",
    (line) => {
      expect(parseSocketLine(line, "tcp")).toBeUndefined();
    },
  );

  it("is never read past its end, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const buffer = Buffer.from(bytes);
        const into = { rows: [], listeners: new Listeners() };
        expect(() => {
          readDump(buffer, buffer.length, "tcp", new Set([0]), into);
          readTraffic(buffer, buffer.length);
        }).not.toThrow();
      }),
    );
  });

  it.each([
    [[10, 0, 0, 5], "10.0.0.5"],
    [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 5], "10.0.0.5"],
    [[253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5], "fd00::5"],
    [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "::"],
  ])("%j is %s", (bytes, text) => {
    expect(addressText(Uint8Array.from(bytes))).toBe(text);
  });
});
