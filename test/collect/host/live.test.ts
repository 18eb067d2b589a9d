import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { HostSource, type HostSettings } from "../../../src/collect/host/source.ts";
import { parseStat } from "../../../src/collect/processes/parse.ts";
import { type Scan, scanOf } from "./proc-tree.ts";

const isRoot = process.getuid?.() === 0;
const works = (program: string, ...args: string[]): boolean =>
  spawnSync(program, args, { stdio: "ignore" }).status === 0;
const canUnshare = isRoot && works("unshare", "--mount", "--net", "true");
const canNameNetworks = isRoot && works("ip", "netns", "list");
/** The hierarchy that is asked first. */
const CGROUPS = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup"].find((path) =>
  existsSync(`${path}/cgroup.procs`),
);
const canGroup = isRoot && CGROUPS !== undefined;

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A shell of its own session. Its lines come one by one. */
const shell = async (script: string, before: string[] = []) => {
  const [program = "sh", ...args] = [...before, "sh", "-c", script];
  const child = spawn(program, args, { detached: true, stdio: ["pipe", "pipe", "inherit"] });
  ends.push(async () => endGroup(child));
  const lines: string[] = [];
  let rest = "";
  child.stdout.on("data", (data) => {
    const parts = (rest + String(data)).split("\n");
    rest = parts.pop() ?? "";
    lines.push(...parts);
  });
  const line = async (): Promise<string> => {
    await until(() => lines.length > 0);
    return lines.shift() ?? "";
  };
  return { pid: child.pid ?? 0, line, say: (text: string) => child.stdin.write(`${text}\n`) };
};

const endGroup = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  try {
    process.kill(-(child.pid ?? 0), "SIGKILL");
  } catch {
    child.kill("SIGKILL");
  }
  await gone;
};

const until = async (isTrue: () => boolean): Promise<void> => {
  const endMs = performance.now() + 15_000;
  while (!isTrue()) {
    if (performance.now() > endMs) throw new Error("waited too long");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

const source = (settings: Partial<HostSettings> = {}) => {
  const host = new HostSource({ procRoot: "/proc", sockets: true, selfPid: 0, ...settings });
  let nowMs = 0;
  return (...pids: number[]): Scan => {
    nowMs += 5000;
    const hints = pids.map((pid) => ({ pid, startTimeMs: 1 }));
    return scanOf(host, Date.now(), nowMs, hints);
  };
};
const alive = (pid: number) => parseStat(readFileSync(`/proc/${pid}/stat`, "utf8"));

describe("the trees of real processes", () => {
  it("have children, and siblings that init took over, by their session", async () => {
    const { line, pid } = await shell("sleep 60 & echo $!; (sleep 61 & echo $!); exec sleep 62");
    const child = Number(await line());
    const orphan = Number(await line());
    await until(() => alive(orphan)?.ppid !== pid);
    const { list, pids } = source()(pid);
    expect(pids.sort()).toEqual([child, orphan].sort());
    const told = list.find((each) => each.pid === child);
    expect(told).toMatchObject({ ppid: pid, comm: "sleep", argv: ["sleep", "60"] });
    expect(told?.uid).toBe(process.getuid?.());
    expect(told?.lineage?.[0]).toMatchObject({ pid });
    expect(told?.lineage?.some((each) => each.pid === process.pid)).toBe(true);
    expect(told).toMatchObject({ holdsDevice: false, mapped: [] });
  });

  it("keep one that left its session and its parents, seen before that", async () => {
    const script = "sh -c 'sleep 60 & echo $!; read x'; echo left; exec sleep 61";
    const { line, say, pid } = await shell(script);
    const child = Number(await line());
    const scan = source();
    expect(scan(pid).pids).toContain(child);
    say("");
    expect(await line()).toBe("left");
    await until(() => alive(child)?.ppid !== pid);
    expect(scan(pid).pids).toContain(child);
  });

  it("have nothing of another session", async () => {
    const [one, other] = [await shell("exec sleep 60"), await shell("exec sleep 60")];
    expect(source()(one.pid).pids).not.toContain(other.pid);
  });

  it.skipIf(!canGroup)("have those of the same container, by its control group", async () => {
    const group = `${CGROUPS}/docker/${"5a".repeat(32)}`;
    mkdirSync(group, { recursive: true });
    ends.push(() => removeGroup(group));
    const [holder, mate, stranger] = [
      await shell("exec sleep 60"),
      await shell("exec sleep 60"),
      await shell("exec sleep 60"),
    ];
    for (const { pid } of [holder, mate]) writeFileSync(`${group}/cgroup.procs`, String(pid));
    const { pids } = source()(holder.pid);
    expect(pids).not.toContain(stranger.pid);
    expect(pids).toContain(mate.pid);
  });

  it.skipIf(!canUnshare)(
    "are found by the device file alone, in a container's own /dev",
    async () => {
      const script = `mount -t tmpfs none /dev && mknod /dev/nvidia0 c 1 3 && exec 7</dev/nvidia0 && sleep 60 & echo ready; wait`;
      const { line, pid } = await shell(script, ["unshare", "--mount"]);
      expect(await line()).toBe("ready");
      const scan = source();
      let found: Scan | undefined;
      await until(() => (found = scan()).list.some(({ holdsDevice }) => holdsDevice === true));
      // The shell around it is of its tree.
      expect(found?.pids).toContain(pid);
      expect(found?.detail).not.toContain("0 hold a GPU");
    },
  );
});

const removeGroup = async (group: string): Promise<void> => {
  await new Promise((resolve) => setTimeout(resolve, 50));
  for (const path of [group, group.replace(/\/[^/]+$/, "")]) {
    try {
      rmdirSync(path);
    } catch {
      // Somebody is still in it, or it was there before.
    }
  }
};

/** A server and clients in one process: what each side wrote, it says when it is done. */
const TALK = `
import net from "node:net";
const server = net.createServer((socket) => socket.on("data", () => {}).write("y".repeat(777)));
server.listen({ host: process.argv[1], port: 0 }, () => {
  const { port } = server.address();
  const client = net.connect({ host: process.argv[2], port }, () => client.write("x".repeat(12345)));
  let got = 0;
  client.on("data", (data) => { got += data.length; if (got === 777) setTimeout(() => console.log(port), 100); });
});
setInterval(() => {}, 1000);
`;
describe("the sockets of real processes", () => {
  const run = async (listen: string, connect: string, before: string[] = []) => {
    const node = JSON.stringify(process.execPath);
    const script = `exec ${node} --input-type=module -e '${TALK.replaceAll("'", '"')}' ${listen} ${connect}`;
    const { pid, line } = await shell(script, before);
    return { pid, port: Number(await line()) };
  };

  it.each([
    ["127.0.0.1", "127.0.0.1", "127.0.0.1"],
    ["::1", "::1", "::1"],
    ["::", "127.0.0.1", "127.0.0.1"],
  ])("listening at %s, connected to %s, count what the kernel carried", async (at, to, address) => {
    const { pid, port } = await run(at, to);
    const { sockets = [], detail } = source()(pid);
    expect(detail).toContain("by netlink");
    const mine = sockets.filter((each) => each.pid === pid);
    expect(mine.map(({ state }) => state).sort()).toEqual(["ESTABLISHED", "LISTEN"]);
    expect(mine.find(({ state }) => state === "ESTABLISHED")).toMatchObject({
      protocol: "tcp",
      remoteAddress: address,
      remotePort: port,
      bytesSent: 12_345,
      bytesReceived: 777,
    });
  });

  it("are the same from the tables of /proc, but for the bytes", async () => {
    const { pid } = await run("127.0.0.1", "127.0.0.1");
    const by = (netlink: boolean) => {
      const { sockets = [], detail } = source({ netlink })(pid);
      const unmeasured = { bytesSent: undefined, bytesReceived: undefined, firstSeenMs: undefined };
      const told = sockets.map((each) => ({ ...each, ...unmeasured }));
      return { detail, told: told.sort((a, b) => a.state.localeCompare(b.state)), sockets };
    };
    const [kernel, tables] = [by(true), by(false)];
    expect(tables.detail).toContain("by proc");
    expect(tables.told).toEqual(kernel.told);
    expect(tables.sockets.every(({ bytesSent }) => bytesSent === undefined)).toBe(true);
  });

  it.skipIf(!canUnshare)("in a network namespace of their own are told from there", async () => {
    const before = ["unshare", "--net", "sh", "-c", 'ip link set lo up; exec "$@"', "x"];
    const { pid, port } = await run("127.0.0.1", "127.0.0.1", before);
    const { sockets = [], detail } = source()(pid);
    expect(detail).toContain("by netlink");
    expect(sockets).toContainEqual(
      expect.objectContaining({ pid, remotePort: port, bytesSent: 12_345, bytesReceived: 777 }),
    );
    // And this thread is where it was: it sees its own again.
    const here = await run("127.0.0.1", "127.0.0.1");
    expect(source()(here.pid, pid).sockets?.map((each) => each.pid)).toEqual(
      expect.arrayContaining([here.pid, pid]),
    );
  });

  it.skipIf(!canNameNetworks)("in a named namespace likewise", async () => {
    const name = `assay-test-${process.pid}`;
    execFileSync("ip", ["netns", "add", name]);
    ends.push(() => spawnSync("ip", ["netns", "delete", name]));
    execFileSync("ip", ["-n", name, "link", "set", "lo", "up"]);
    const { pid, port } = await run("127.0.0.1", "127.0.0.1", ["ip", "netns", "exec", name]);
    expect(source()(pid).sockets).toContainEqual(
      expect.objectContaining({ pid, remotePort: port, state: "ESTABLISHED" }),
    );
  });
});
