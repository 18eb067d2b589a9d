import type { EntryPoint, LaunchShape, NamingPoint, NamingShape } from "./entry-points.ts";

/** A library as the script has it: a path of our own making, and functions that it is known to have. */
export interface ScriptLibrary {
  path: string;
  entries: readonly EntryPoint[];
  names: readonly NamingPoint[];
}

export interface ScriptSettings {
  libraries: readonly ScriptLibrary[];
  pids: readonly number[];
  windowMs: number;
  bucketMs: number;
  /** Of the machine: says in which registers arguments come. */
  architecture: string;
}

/** Nothing that bpftrace, or a shell, reads as more than a file's name. */
const PLAIN_PATH = /^\/[A-Za-z0-9_./-]+$/;
const PLAIN_NAME = /^[A-Za-z][A-Za-z0-9_]*$/;
/** How often the script looks at the time. */
const TICK_MS = 20;
/** The first tick may come before the last probe is attached. */
const OPENING_TICK = 2;

/**
 * The bpftrace program of one window. It counts only between two moments that it notes itself, so
 * that neither attaching nor detaching, which take their time, are part of it. Everything in it comes
 * from this program's own tables, numbers and paths.
 * @throws Error for a path or a name that is not plain: a fault of ours, never of the observed
 */
export function launchScript(settings: ScriptSettings): string {
  const { libraries, pids, windowMs, bucketMs, architecture } = settings;
  const hasRuntime = libraries.some(({ entries }) => entries.some(isRuntime));
  const bucketNs = whole(bucketMs) * 1_000_000;
  const probes = libraries.flatMap(({ path, entries, names }) => [
    ...entries.map((entry) =>
      probe(path, entry.name, launchAction(entry, { bucketNs, hasRuntime, architecture })),
    ),
    ...names.map((each) => namingProbes(path, each)),
  ]);
  const want = (value: number): string =>
    pids.map((pid) => `@want[${whole(pid)}] = ${value};`).join(" ");
  const tick = `interval:ms:${TICK_MS} {
  @tick++;
  if (@start == 0) { if (@tick >= ${OPENING_TICK}) { @start = nsecs; ${want(1)} } }
  else if (@end == 0 && nsecs - @start >= ${whole(windowMs) * 1_000_000}) { ${want(0)} @end = nsecs; exit(); }
}`;
  // What is only of use within the window is not printed at its end. A map that nothing writes to
  // is an error.
  const hasNames = libraries.some(({ names }) => names.length > 0);
  const scratch = [
    "want",
    "tick",
    ...(hasNames ? ["out", "arg"] : []),
    ...(hasRuntime ? ["pending"] : []),
  ];
  const end = `END { ${scratch.map((map) => `clear(@${map});`).join(" ")} }`;
  // Probes are attached in the order of the script: the clock comes last.
  return `${[...probes, tick, end].join("\n")}\n`;
}

interface ActionSettings {
  bucketNs: number;
  hasRuntime: boolean;
  architecture: string;
}

function launchAction(entry: EntryPoint, settings: ActionSettings): string {
  const { bucketNs, hasRuntime, architecture } = settings;
  const { handle, dimensions, before = "" } = SHAPES[entry.shape](architecture);
  const level = isRuntime(entry) ? 1 : 0;
  const key = ["pid", entry.id, handle, ...dimensions].join(", ");
  const count = `@launches[${key}] = count(); @rhythm[pid, ${level}, (nsecs - @start) / ${bucketNs}] = count();`;
  // A call of the runtime ends in one of the driver on the same thread: which of them, tells what
  // the kernel's function in the program is called, and how many calls were seen at both.
  if (isRuntime(entry)) return `${before} ${count} @pending[tid] = (uint64)${handle};`;
  if (entry.api !== "cuda-driver" || !hasRuntime) return `${before} ${count}`;
  return `${before} ${count} if (@pending[tid] != 0) { @nested[pid] = count(); @stub[pid, (uint64)${handle}] = @pending[tid]; delete(@pending[tid]); }`;
}

interface ShapeCode {
  before?: string;
  handle: string;
  dimensions: readonly string[];
}

const NONE = ["0", "0", "0", "0", "0", "0"];

/** The seventh argument stands on the stack on x86-64, and in a register on aarch64. */
function seventh(architecture: string): string {
  if (architecture === "x64") return "(uint32)sarg0";
  return architecture === "arm64" ? "(uint32)arg6" : "0";
}

const inArguments = (architecture: string): ShapeCode => ({
  handle: "arg0",
  dimensions: [...[1, 2, 3, 4, 5].map((i) => `(uint32)arg${i}`), seventh(architecture)],
});

const SHAPES: Readonly<Record<LaunchShape, (architecture: string) => ShapeCode>> = {
  arguments: inArguments,
  "work-items": inArguments,
  dim3: () => ({
    handle: "arg0",
    dimensions: [
      "(uint32)arg1",
      "(uint32)(arg1 >> 32)",
      "(uint32)arg2",
      "(uint32)arg3",
      "(uint32)(arg3 >> 32)",
      "(uint32)arg4",
    ],
  }),
  configuration: () => ({
    before: "$c = (uint32*)arg0;",
    handle: "arg1",
    dimensions: ["*$c", "*($c + 1)", "*($c + 2)", "*($c + 3)", "*($c + 4)", "*($c + 5)"],
  }),
  "group-count": () => ({
    before: "$g = (uint32*)arg2;",
    handle: "arg1",
    dimensions: ["*$g", "*($g + 1)", "*($g + 2)", "0", "0", "0"],
  }),
  ndrange: () => ({
    before: `$d = (uint32)arg2; $g = (uint64*)arg4; $l = (uint64*)arg5; $gx = *$g; $gy = (uint64)1; $gz = (uint64)1; $lx = (uint64)0; $ly = (uint64)0; $lz = (uint64)0;
  if ($d > 1) { $gy = *($g + 1); } if ($d > 2) { $gz = *($g + 2); }
  if (arg5 != 0) { $lx = *$l; $ly = (uint64)1; $lz = (uint64)1; if ($d > 1) { $ly = *($l + 1); } if ($d > 2) { $lz = *($l + 2); } }
 `,
    handle: "arg1",
    dimensions: ["$gx", "$gy", "$gz", "$lx", "$ly", "$lz"],
  }),
  handle: () => ({ handle: "arg0", dimensions: NONE }),
  opaque: () => ({ handle: "0", dimensions: NONE }),
};

/** What is kept at the call, and what is learnt at its return. */
const NAMING: Readonly<Record<NamingShape, readonly [out: string, arg: string, learnt: string]>> = {
  "out-name": ["arg0", "arg2", "@name[pid, *(uint64*)@out[tid]] = str(@arg[tid]);"],
  "out-alias": ["arg0", "arg1", "@alias[pid, *(uint64*)@out[tid]] = @arg[tid];"],
  "name-out": ["arg0", "arg1", "@name[pid, @arg[tid]] = str(*(uint64*)@out[tid]);"],
  returned: ["1", "arg1", "@name[pid, (uint64)retval] = str(@arg[tid]);"],
  described: ["arg2", "*(uint64*)(arg1 + 24)", "@name[pid, *(uint64*)@out[tid]] = str(@arg[tid]);"],
};

function namingProbes(path: string, { name, shape }: NamingPoint): string {
  const [out, arg, learnt] = NAMING[shape];
  const enter = probe(path, name, `@out[tid] = (uint64)${out}; @arg[tid] = (uint64)${arg};`);
  const leave = `${learnt} delete(@out[tid]); delete(@arg[tid]);`;
  return `${enter}\nuretprobe:${plain(path, PLAIN_PATH)}:${plain(name, PLAIN_NAME)} /@out[tid] != 0/ { ${leave} }`;
}

function probe(path: string, name: string, action: string): string {
  return `uprobe:${plain(path, PLAIN_PATH)}:${plain(name, PLAIN_NAME)} /@want[pid] == 1/ { ${action} }`;
}

export function isRuntime({ api }: Pick<EntryPoint, "api">): boolean {
  return api === "cuda-runtime";
}

function plain(text: string, pattern: RegExp): string {
  if (pattern.test(text)) return text;
  throw new Error("only plain paths and names go into a bpftrace program");
}

function whole(value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error("only whole numbers go into a bpftrace program");
}
