import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createProcessReader, type ProcessReader } from "../../src/collect/processes/reader.ts";
import type { Ancestor, ProcessSighting } from "../../src/model/sample.ts";

/** A process as a captured `/proc` shows it. */
export interface CapturedProcess {
  pid: number;
  ppid?: number | undefined;
  startTicks?: number | undefined;
  comm?: string | undefined;
  argv?: readonly string[] | undefined;
  /** In place of `argv`: what the file holds, byte for byte. */
  cmdline?: Buffer | string | undefined;
  uid?: number | undefined;
  loginUid?: number | undefined;
  /** Of version 2; or all the lines of the file. */
  cgroup?: string | undefined;
  environ?: Readonly<Record<string, string>> | Buffer | undefined;
  exe?: string | undefined;
  /** Files that may not be read. */
  without?: readonly string[] | undefined;
}

const PASSWD = `root:x:0:0::/root:/bin/sh
alice:x:1000:1000::/home/alice:/bin/sh
bob:x:1001:1001::/home/bob:/bin/sh
vllm:x:990:990::/var/lib/vllm:/usr/sbin/nologin
`;

const NO_LOGIN = 4_294_967_295;
/** As far up as anybody looks. */
const MAX_LINEAGE = 16;

/** A directory that looks like `/proc`, and the real reader on it. */
export class ProcTree {
  readonly root = mkdtempSync(join(tmpdir(), "proc-tree-"));
  readonly reader: ProcessReader;
  private readonly captured = new Map<number, CapturedProcess>();

  constructor() {
    const passwdPath = join(this.root, "passwd");
    writeFileSync(passwdPath, PASSWD);
    writeFileSync(join(this.root, "stat"), "btime 1700000000\n");
    this.reader = createProcessReader(
      { procRoot: this.root, passwdPath, pids: "trusted" },
      { monotonicMs: () => 0 },
    );
  }

  add(process: CapturedProcess): void {
    const { pid, ppid = 1, startTicks = 100 + pid, comm = "python3" } = process;
    const { uid = 1000, loginUid = NO_LOGIN, cgroup = "/user.slice", exe } = process;
    this.captured.set(pid, process);
    const folder = join(this.root, String(pid));
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    const write = (name: string, content: string | Buffer): void => {
      if (!process.without?.includes(name)) writeFileSync(join(folder, name), content);
    };
    const { argv = [comm], environ = {} } = process;
    const lines = cgroup.startsWith("/") ? `0::${cgroup}\n` : cgroup;
    write("stat", `${pid} (${comm}) S ${ppid} ${"0 ".repeat(17)}${startTicks} 0 0\n`);
    write("status", `Name:\t${comm}\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\n`);
    write("loginuid", String(loginUid));
    write("cmdline", process.cmdline ?? argv.map((each) => `${each}\0`).join(""));
    write("cgroup", lines);
    write("environ", Buffer.isBuffer(environ) ? environ : environText(environ));
    if (exe !== undefined) symlinkSync(exe, join(folder, "exe"));
  }

  remove(pid: number): void {
    rmSync(join(this.root, String(pid)), { recursive: true, force: true });
  }

  /** What the real reader says; what it leaves to others (ancestors, numbers of users) is added. */
  sighting(pid: number): ProcessSighting {
    const details = this.reader.describe(pid);
    if (!details) return { pid };
    const { uid = 1000, loginUid = NO_LOGIN } = this.captured.get(pid) ?? {};
    const loginUser = loginUid === NO_LOGIN ? undefined : nameOf(loginUid);
    const lineage = this.lineage(details.ppid);
    return { uid, ...(loginUser && { loginUser }), lineage, ...details, pid };
  }

  close(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  private lineage(parent: number | undefined): Ancestor[] {
    const found: Ancestor[] = [];
    for (let pid = parent; pid !== undefined && pid > 1 && found.length < MAX_LINEAGE;) {
      const details = this.reader.describe(pid);
      if (!details) break;
      const { startTimeMs, comm, exe, user, argv, ppid } = details;
      found.push({ pid, startTimeMs, comm, exe, user, title: argv?.[0] });
      pid = ppid;
    }
    return found;
  }
}

function nameOf(uid: number): string {
  const line = PASSWD.split("\n").find((each) => each.split(":")[2] === String(uid));
  return line?.split(":")[0] ?? `uid:${uid}`;
}

function environText(environ: Readonly<Record<string, string>>): string {
  return Object.entries(environ)
    .map(([name, value]) => `${name}=${value}\0`)
    .join("");
}
