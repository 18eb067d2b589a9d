import type { Evidence } from "../model/evidence.ts";
import { kernelWords, plainName } from "../model/kernel-name.ts";
import { DECIDABLE_LABELS } from "../model/label.ts";
import type { LaunchSample } from "../model/sample.ts";
import { sanitize } from "../model/text.ts";
import type { KernelNameData, KernelNameGroup } from "./kernel-name-data.ts";

/** Distinct names that are looked at in a window; a program may invent them without end. */
const MAX_NAMES = 4096;
const NAMED = 3;
const MAX_SHOWN = 60;

/** Signs of a miner that have nothing to do with what a kernel is called. */
const INDEPENDENT: ReadonlySet<string> = new Set([
  "minerProcess",
  "minerHint",
  "poolConnection",
  "poolHint",
]);

interface Found {
  group: KernelNameGroup;
  /** Of kernels, as a person calls them, escaped, and the term that is in them. */
  names: Set<string>;
}

/** Evidence by what the kernels of one owner are called. */
export interface KernelNameEvidence {
  /** Names of a search for proof of work: `host`. */
  host: Evidence[];
  /** What they declare themselves part of: `declared`, and `context` for what declares nothing. */
  declared: Evidence[];
}

/**
 * What the names of an owner's kernels say. A program names its kernels as it likes, so names are
 * declarations: those of a search count as one hit however many they are, and weigh only where
 * something independent says the same; those of frameworks tip a doubt and relieve nobody.
 * @param launches of the owner's own processes
 * @param others what else is known of the owner: see {@link INDEPENDENT}
 */
export function kernelNameEvidence(
  launches: readonly LaunchSample[],
  data: KernelNameData,
  others: readonly Evidence[],
): KernelNameEvidence {
  const found = [...groupsIn(launches, data).values()];
  const searches = found.filter(({ group }) => group.kind === "search");
  const declaring = DECIDABLE_LABELS.flatMap((label) => heaviest(found, label));
  const silent = found.filter(({ group }) => group.kind === "declares" && !group.declares);
  return {
    host: searches.length > 0 ? [searchEvidence(searches, data, others)] : [],
    declared: [
      ...declaring.map(declaredEvidence),
      ...(silent.length > 0 ? [silentEvidence(silent)] : []),
    ],
  };
}

function searchEvidence(
  searches: readonly Found[],
  { confirmedWeight }: KernelNameData,
  others: readonly Evidence[],
): Evidence {
  const independent = others.find(({ feature }) => INDEPENDENT.has(feature));
  const groups = searches.map(({ group }) => group.name).join(", ");
  const what = `kernels are named like a search for proof of work (${groups}): ${namesOf(searches)}`;
  const how = independent
    ? `and ${independent.feature} says so independently`
    : "a program names its kernels as it likes, and nothing independent says so: not counted";
  return {
    family: "host",
    feature: "kernelNames",
    value: groups,
    text: `${what}; ${how}`,
    weights: independent ? { "mining-like": confirmedWeight } : {},
  };
}

function declaredEvidence({ group, names }: Found): Evidence {
  const { name, reason, declares } = group;
  return {
    family: "declared",
    feature: "kernelNames",
    value: name,
    text: `launches kernels named like ${name} (${namesOf([{ group, names }])}): ${reason}`,
    weights: declares ? { [declares.label]: declares.weight } : {},
  };
}

function silentEvidence(found: readonly Found[]): Evidence {
  const groups = found.map(({ group }) => group.name).join(", ");
  return {
    family: "context",
    feature: "kernelNames",
    value: groups,
    text: `launches kernels named like those of ${groups}, which say nothing of the purpose`,
    weights: {},
  };
}

/** Of those that declare one label, the one that weighs most: more names of a kind are no new evidence. */
function heaviest(found: readonly Found[], label: string): Found[] {
  const declaring = found.filter(({ group }) => group.declares?.label === label);
  const weight = ({ group }: Found): number => group.declares?.weight ?? 0;
  return declaring.sort((a, b) => weight(b) - weight(a)).slice(0, 1);
}

function groupsIn(launches: readonly LaunchSample[], data: KernelNameData): Map<string, Found> {
  const index = indexOf(data);
  const found = new Map<string, Found>();
  const seen = new Set<string>();
  for (const { name, count } of launches.flatMap(({ list }) => list)) {
    if (name === undefined || count === 0 || seen.has(name) || seen.size >= MAX_NAMES) continue;
    seen.add(name);
    for (const [group, term] of groupsOf(name, index)) {
      const known = found.get(group.name) ?? { group, names: new Set<string>() };
      if (known.names.size <= NAMED)
        known.names.add(`${sanitize(plainName(name), MAX_SHOWN)} by "${term}"`);
      found.set(group.name, known);
    }
  }
  return found;
}

interface Term {
  words: readonly string[];
  group: KernelNameGroup;
}

/** Terms by their first word, so that a name is compared with few of them. */
type Index = ReadonlyMap<string, readonly Term[]>;

const indexes = new WeakMap<KernelNameData, Index>();

function indexOf(data: KernelNameData): Index {
  const known = indexes.get(data);
  if (known) return known;
  const index = new Map<string, Term[]>();
  for (const group of data.groups)
    for (const term of group.terms) {
      const words = term.split(" ");
      const [first = ""] = words;
      const terms = index.get(first) ?? [];
      terms.push({ words, group });
      index.set(first, terms);
    }
  indexes.set(data, index);
  return index;
}

/** The groups that a name falls into, each with the first of its terms that is in it. */
function groupsOf(name: string, index: Index): Map<KernelNameGroup, string> {
  const { parts, words } = kernelWords(name);
  const groups = new Map<KernelNameGroup, string>();
  for (const list of [parts, words])
    for (const [i, word] of list.entries())
      for (const { words: wanted, group } of index.get(word) ?? [])
        if (!groups.has(group) && wanted.every((each, j) => list[i + j] === each))
          groups.set(group, wanted.join(" "));
  return groups;
}

function namesOf(found: readonly Found[]): string {
  const all = found.flatMap(({ names }) => [...names]);
  return `${all.slice(0, NAMED).join(", ")}${all.length > NAMED ? ", …" : ""}`;
}
