import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { containerHostNames } from "../../../../src/collect/host/sockets/hosts-file.ts";
import {
  nameFromArguments,
  parseHosts,
  placesIn,
} from "../../../../src/collect/host/sockets/names.ts";
import { temporaryFolder } from "../../../support/temporary.ts";

describe("a hosts file", () => {
  it("names addresses, each by its first name, in one spelling", () => {
    const text = `# all of them
10.0.0.5  pool.example pool   # first
10.0.0.5  other.example
fd00:0:0::5 six.example
::ffff:10.0.0.6 mapped.example
not-an-address name.example
10.0.0.7 -bad-
10.0.0.8`;
    expect([...parseHosts(text)]).toEqual([
      ["10.0.0.5", "pool.example"],
      ["fd00::5", "six.example"],
      ["10.0.0.6", "mapped.example"],
    ]);
  });

  it.each(["127.0.0.1", "127.1.2.3", "::1", "0.0.0.0", "::"])(
    "that sends blocked names to %s names nothing by them",
    (address) => {
      expect(parseHosts(`${address} blocked-pool.example`).size).toBe(0);
    },
  );

  it("never throws", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(() => parseHosts(text)).not.toThrow();
      }),
    );
  });
});

describe("names in arguments", () => {
  const name = (argv: string[], address = "10.0.0.5", port = 3333, others = [address]) =>
    nameFromArguments(placesIn(argv), address, port, new Set(others));

  it.each([
    [["-o", "pool.example:3333"]],
    [["-o", "stratum+tcp://pool.example:3333"]],
    [["--url=stratum+ssl://pool.example:3333/path"]],
    [["-o", "stratum+tcp://wallet.rig@pool.example:3333"]],
    [["nc", "pool.example", "3333"]],
    [["a:80", "pool.example:3333", "pool.example:3333"]],
  ])("%j names the other side", (argv) => {
    expect(name(argv)).toBe("pool.example");
  });

  it.each<[string, string[], string[]?]>([
    ["there is none", []],
    ["another port", ["pool.example:3334"]],
    ["a port within a number", ["pool.example:33331"]],
    ["two names", ["a.example:3333", "b.example:3333"]],
    ["two other sides", ["pool.example:3333"], ["10.0.0.5", "10.0.0.9"]],
    ["the address itself", ["10.0.0.5:3333", "pool.example:3333"]],
    ["only an address", ["10.0.0.5:3333"]],
    ["no port at all", ["pool.example"]],
  ])("nothing is said where it is not clear: %s", (_, argv, others) => {
    expect(name(argv, "10.0.0.5", 3333, others)).toBeUndefined();
  });

  it("tells two sides on one port apart where one was named by its address", () => {
    const argv = ["10.0.0.9:3333", "pool.example:3333"];
    expect(name(argv, "10.0.0.5", 3333, ["10.0.0.5", "10.0.0.9"])).toBe("pool.example");
    expect(name(argv, "10.0.0.9", 3333, ["10.0.0.5", "10.0.0.9"])).toBeUndefined();
  });

  it("never throws, and names only what the arguments hold", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" })), (argv) => {
        for (const { host, port, isAddress } of placesIn(argv)) {
          expect(port).toBeGreaterThan(0);
          expect(port).toBeLessThan(65_536);
          if (!isAddress) expect(argv.join(" ")).toContain(host);
        }
      }),
    );
  });
});

describe("the hosts file of a container", () => {
  const LOCAL = "1 0 8:1 / / rw - ext4 /dev/sda rw\n";
  const rig = (mounts = LOCAL): { process: string; etc: string } => {
    const process = temporaryFolder("container");
    const etc = join(process, "root", "etc");
    mkdirSync(etc, { recursive: true });
    writeFileSync(join(process, "mountinfo"), mounts);
    return { process, etc };
  };
  const LINE = "10.0.0.5 pool.example\n";

  it("is read where it is an ordinary file", () => {
    const { process, etc } = rig();
    writeFileSync(join(etc, "hosts"), LINE);
    expect(containerHostNames(process).get("10.0.0.5")).toBe("pool.example");
  });

  it.each([
    ["on a disk of another machine", "1 0 0:5 / / rw - nfs4 server:/ rw\n"],
    ["in somebody's program", "1 0 0:5 / / rw - fuse.sshfs x rw\n"],
    ["under a mount of such", `${LOCAL}2 1 0:6 / /etc rw - fuse x rw\n`],
    ["bound from such", `${LOCAL}2 1 0:6 /h /etc/hosts rw - nfs x rw\n`],
    ["on who knows what", ""],
  ])("is left alone %s", (_, mounts) => {
    const { process, etc } = rig(mounts);
    writeFileSync(join(etc, "hosts"), LINE);
    expect(containerHostNames(process).size).toBe(0);
  });

  it("is not followed out of the container", () => {
    const outside = join(temporaryFolder("outside"), "hosts");
    writeFileSync(outside, LINE);
    const { process, etc } = rig();
    symlinkSync(outside, join(etc, "hosts"));
    expect(containerHostNames(process).size).toBe(0);
  });

  it("is not followed out by its folder", () => {
    const outside = temporaryFolder("outside");
    writeFileSync(join(outside, "hosts"), LINE);
    const process = temporaryFolder("container");
    mkdirSync(join(process, "root"));
    symlinkSync(outside, join(process, "root", "etc"));
    writeFileSync(join(process, "mountinfo"), LOCAL);
    expect(containerHostNames(process).size).toBe(0);
  });

  it("waits for nobody where it is a pipe", () => {
    const { process, etc } = rig();
    execFileSync("mkfifo", [join(etc, "hosts")]);
    expect(containerHostNames(process).size).toBe(0);
  });

  it("is none where it is a folder, or not there", () => {
    const { process, etc } = rig();
    expect(containerHostNames(process).size).toBe(0);
    mkdirSync(join(etc, "hosts"));
    expect(containerHostNames(process).size).toBe(0);
  });
});
