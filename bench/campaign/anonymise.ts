/**
 * Takes out of a recording what names people, machines and places, and leaves what was measured. What
 * is not known to be harmless is left out: a new kind of line, or a new field of a process, has to be
 * allowed here before it can get into a recording that is published.
 */
import { createHash } from "node:crypto";
import type { RawLine } from "./merge.ts";

/** Words that must not appear anywhere, whatever the case. */
export interface Secrets {
  users: readonly string[];
  hosts: readonly string[];
}

export interface AnonymiserSettings extends Secrets {
  /** What the node is called instead. */
  node: string;
  /** The campaign's own workloads: of all other processes nothing but their use is kept. */
  ownPids: ReadonlySet<number>;
}

const KINDS: ReadonlySet<string> = new Set([
  "recording",
  "node",
  "gpu",
  "processes",
  "host",
  "gap",
  "samples",
  "health",
  "collector",
  "probe",
]);
const USE_FIELDS = [
  "pid",
  "ppid",
  "startTime",
  "smUtil",
  "memUtil",
  "memUsedBytes",
  "encUtil",
  "decUtil",
  "exited",
];

type Entry = Readonly<Record<string, unknown>>;

/** A uuid is 122 random bits: its hash tells one device from another and leads nowhere. */
export function hashedUuid(uuid: string): string {
  return `GPU-${createHash("sha256").update(uuid).digest("hex").slice(0, 12)}`;
}

/** One for each recording, so that the same user or group has the same name within it only. */
export class Anonymiser {
  readonly #settings: AnonymiserSettings;
  readonly #users = new Map<string, string>();
  readonly #groups = new Map<string, string>();
  readonly #scrubbed: (text: string) => string;

  /** @param lines all of the recording: who is named anywhere in it is taken out everywhere */
  constructor(settings: AnonymiserSettings, lines: readonly RawLine[]) {
    this.#settings = settings;
    const seen = lines.flatMap(({ list = [] }) => list.flatMap(({ user }) => textOf(user) ?? []));
    const aliases = new Map([
      ...settings.hosts.map((word): [string, () => string] => [word.toLowerCase(), () => "host"]),
      ...[...settings.users, ...seen].map((word): [string, () => string] => [
        word.toLowerCase(),
        () => this.#userOf(word),
      ]),
    ]);
    aliases.delete("");
    // The longest first, since one may be a part of another; in one pass, so that no alias is replaced.
    const words = [...aliases.keys()].sort((a, b) => b.length - a.length).map(escaped);
    const pattern = new RegExp(words.join("|"), "giu");
    this.#scrubbed = (text) =>
      words.length === 0
        ? text
        : text.replaceAll(pattern, (word) => aliases.get(word.toLowerCase())?.() ?? "nobody");
  }

  /** Undefined for a line that has to go. */
  line(line: RawLine): RawLine | undefined {
    if (!KINDS.has(line.kind)) return undefined;
    if (line.kind === "recording" || line.kind === "node")
      return { ...line, node: this.#settings.node, gpus: line.gpus?.map(device) };
    if (line.kind === "processes" || line.kind === "host")
      return { ...line, list: line.list?.map((entry) => this.#process(entry)) };
    if (line.kind === "gap") return { ...line, reason: this.#freeText(line["reason"]) };
    if (line.kind === "collector") return { ...line, detail: this.#freeText(line["detail"]) };
    return line;
  }

  #process(entry: Entry): Entry & { pid?: number | undefined } {
    const kept: Record<string, unknown> = {};
    for (const field of USE_FIELDS) if (field in entry) kept[field] = entry[field];
    const user = textOf(entry["user"]);
    if (user !== undefined) kept["user"] = this.#userOf(user);
    const cgroup = textOf(entry["cgroup"]);
    if (cgroup !== undefined) kept["cgroup"] = aliasOf(this.#groups, cgroup, "/group");
    const { pid } = entry;
    if (typeof pid !== "number") return kept;
    return this.#settings.ownPids.has(pid)
      ? { ...kept, ...this.#names(entry), pid }
      : { ...kept, pid };
  }

  #names({ comm, exe, argv }: Entry): Entry {
    const shown = (value: unknown): string | undefined => {
      const text = textOf(value);
      return text === undefined ? undefined : this.#scrubbed(lastPart(text));
    };
    return {
      comm: shown(comm),
      exe: shown(exe),
      argv: Array.isArray(argv) ? argv.flatMap((each: unknown) => shown(each) ?? []) : undefined,
    };
  }

  /** Words apart, since a message may name several places. */
  #freeText(value: unknown): string {
    const text = textOf(value) ?? "";
    return this.#scrubbed(text.replaceAll(/\S*\/\S*/gu, (word) => lastPart(word)));
  }

  #userOf(user: string): string {
    return aliasOf(this.#users, user.toLowerCase(), "user");
  }
}

function device(gpu: Entry & { index: number }): Entry & { index: number } {
  const { uuid, parentUuid, pciBusId: _, ...rest } = gpu;
  const hashed = (value: unknown): string | undefined => {
    const text = textOf(value);
    return text === undefined ? undefined : hashedUuid(text);
  };
  return { ...rest, index: gpu.index, uuid: hashed(uuid), parentUuid: hashed(parentUuid) };
}

/** Everything up to the last slash goes; an option keeps its name: `--data=/home/a/b` → `--data=b`. */
function lastPart(text: string): string {
  if (!text.includes("/")) return text;
  const [option = ""] = /^--?[\w-]+=/.exec(text) ?? [];
  const trimmed = text.replace(/\/+$/, "");
  const rest = trimmed.slice(trimmed.lastIndexOf("/") + 1);
  return rest.startsWith(option) ? rest : option + rest;
}

function aliasOf(aliases: Map<string, string>, name: string, stem: string): string {
  const alias = aliases.get(name) ?? `${stem}${aliases.size + 1}`;
  aliases.set(name, alias);
  return alias;
}

const textOf = (value: unknown): string | undefined =>
  typeof value === "string" ? value : undefined;

const escaped = (word: string): string => word.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
