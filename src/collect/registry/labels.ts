import type { RegistryEntry } from "../../model/sample.ts";
import { MAX_HOSTILE_LENGTH } from "../../model/text.ts";

/** Labels that say who a container works for: whole names, or all that begin so where they end with a dot. */
const KEPT_LABELS: readonly string[] = [
  "rock.",
  "io.kubernetes.pod.name",
  "io.kubernetes.pod.namespace",
  "io.kubernetes.pod.uid",
  "io.kubernetes.container.name",
  "com.docker.compose.project",
  "com.docker.compose.service",
  "com.docker.compose.container-number",
];
const MAX_LABELS = 32;

/**
 * The labels of a container that are kept: those above, and the names that the configuration adds.
 * Values come from whoever started the container: bounded, otherwise as they came.
 */
export class LabelFilter {
  readonly #names: ReadonlySet<string>;
  readonly #prefixes: readonly string[];

  constructor(more: readonly string[]) {
    const all = [...KEPT_LABELS, ...more];
    this.#names = new Set(all.filter((name) => !name.endsWith(".")));
    this.#prefixes = all.filter((name) => name.endsWith("."));
  }

  /** Undefined where none is left. */
  kept(labels: Readonly<Record<string, string>>): Record<string, string> | undefined {
    const found = Object.entries(labels)
      .filter(([name]) => this.#isKept(name))
      .slice(0, MAX_LABELS)
      .map(([name, value]): [string, string] => [name, bounded(value)]);
    return found.length > 0 ? Object.fromEntries(found) : undefined;
  }

  #isKept(name: string): boolean {
    if (name.length > MAX_HOSTILE_LENGTH || name === "__proto__") return false;
    return this.#names.has(name) || this.#prefixes.some((prefix) => name.startsWith(prefix));
  }
}

export function bounded(text: string): string {
  return text.slice(0, MAX_HOSTILE_LENGTH);
}

/** One container as a registry tells it: what is not known is left out. */
export function entryOf(
  { id, name, image }: { id: string; name?: string | undefined; image?: string | null | undefined },
  pod: RegistryEntry["pod"],
  labels: RegistryEntry["labels"],
): RegistryEntry {
  return {
    container: {
      id,
      ...(name && { name: bounded(name) }),
      ...(image && { image: bounded(image) }),
    },
    ...(pod && { pod }),
    ...(labels && { labels }),
  };
}
