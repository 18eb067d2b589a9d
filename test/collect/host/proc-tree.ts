import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HostSource, type HostSettings } from "../../../src/collect/host/source.ts";
import type { HolderHint } from "../../../src/collect/host/board.ts";
import type { HostSample, ProcessSighting, SocketSighting } from "../../../src/model/sample.ts";
import type { Observation } from "../../../src/model/observation.ts";
import { temporaryFolder } from "../../support/temporary.ts";

/** A `/proc` that the tests write, laid out as the kernel lays out its own. */

export interface Written {
  comm?: string;
  ppid?: number;
  session?: number;
  startTicks?: number;
  flags?: number;
  uid?: number;
  loginUid?: number;
  auditSession?: number;
  cgroup?: string;
  argv?: string[];
  /** Links of its open files, by descriptor. */
  fds?: Record<string, string>;
  /** Tables of its network namespace. */
  net?: Partial<Record<"tcp" | "tcp6" | "udp" | "udp6", string[]>>;
}

export interface ProcTree {
  root: string;
  write(pid: number, process?: Written): string;
  exit(pid: number): void;
}

export function writtenProc(): ProcTree {
  // Thousands of small files: in memory, as the kernel's own are.
  const root = temporaryFolder("host-proc", existsSync("/dev/shm") ? "/dev/shm" : tmpdir());
  writeFileSync(join(root, "stat"), "btime 1700000000\n");
  writeFileSync(join(root, "passwd"), "alice:x:1000:1000::/:/bin/sh\nbob:x:1001:1001::/:/bin/sh\n");
  const tree: ProcTree = {
    root,
    exit: (pid) => rmSync(join(root, String(pid)), { recursive: true, force: true }),
    write: (pid, process = {}) => {
      tree.exit(pid);
      const folder = join(root, String(pid));
      writeProcess(folder, pid, process);
      return folder;
    },
  };
  tree.write(1, { comm: "init", ppid: 0, session: 1, startTicks: 1, uid: 0 });
  return tree;
}

function writeProcess(folder: string, pid: number, process: Written): void {
  const { comm = "python", ppid = 1, session = pid, startTicks = 500, flags = 4_194_560 } = process;
  const { uid = 1000, loginUid = 4_294_967_295, auditSession = 4_294_967_295 } = process;
  const { cgroup = "/", argv = [comm], fds = {}, net } = process;
  mkdirSync(join(folder, "fd"), { recursive: true });
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  const rest = "0 ".repeat(12);
  write(
    "stat",
    `${pid} (${comm}) S ${ppid} ${pid} ${session} 0 -1 ${flags} ${rest}${startTicks} 0\n`,
  );
  write("status", `Name:\t${comm}\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\n`);
  write("loginuid", String(loginUid));
  write("sessionid", String(auditSession));
  write("cmdline", argv.map((one) => `${one}\0`).join(""));
  write("cgroup", `0::${cgroup}\n`);
  for (const [fd, link] of Object.entries(fds)) symlinkSync(link, join(folder, "fd", fd));
  if (!net) return;
  mkdirSync(join(folder, "net"));
  for (const [table, lines] of Object.entries(net))
    write(join("net", table), [HEAD, ...lines].join("\n"));
}

const HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid";

/** A line of `/proc/net/tcp`. Addresses as the kernel writes them: `0100007F:1F90`. */
export function tcpLine(local: string, remote: string, state: string, inode: number): string {
  return `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000  1000        0 ${inode} 1 0000000000000000 100 0 0 10 0`;
}

export interface Scan {
  list: readonly ProcessSighting[];
  pids: number[];
  sockets: readonly SocketSighting[] | undefined;
  detail: string;
}

/** A source on that tree; each call is one scan, five seconds after the one before. */
export function scanner(tree: Pick<ProcTree, "root">, settings: Partial<HostSettings> = {}) {
  const passwdPath = join(tree.root, "passwd");
  const source = new HostSource({
    procRoot: tree.root,
    passwdPath,
    hostsPath: join(tree.root, "hosts"),
    sockets: true,
    selfPid: 0,
    ...settings,
  });
  let nowMs = 0;
  return (hints: readonly HolderHint[] = []): Scan => {
    nowMs += 5000;
    return scanOf(source, EPOCH_MS + nowMs, nowMs, hints);
  };
}

export const EPOCH_MS = 1_700_000_100_000;

export function scanOf(
  source: HostSource,
  atMs: number,
  nowMs: number,
  hints: readonly HolderHint[] = [],
): Scan {
  const seen: Observation[] = source.collect(atMs, nowMs, hints);
  const host = seen.find((each): each is HostSample => each.kind === "host");
  const sockets = seen.flatMap((each) => (each.kind === "sockets" ? [each.list] : []))[0];
  const list = host?.list ?? [];
  return { list, pids: list.map(({ pid }) => pid), sockets, detail: source.detail };
}

/** As a driver names it, with what `/proc` knew then. */
export const named = (pid: number): HolderHint => ({ pid, startTimeMs: 1_700_000_005_000 });
export const GPU = { "7": "/dev/nvidia0" };
