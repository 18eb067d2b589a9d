import { type GroupName, GROUP_NAMES, type Indicators } from "./indicator-data.ts";

/** The lists, ready to be asked: one question costs the same however long they are. */
export interface Lists {
  version: string;
  weights: Indicators["weights"];
  limits: Indicators["limits"];
  has(group: GroupName, value: string): boolean;
  /** Options that mean something to anybody here. */
  isOption(name: string): boolean;
}

const OPTION_GROUPS = ["minerOptions", "poolOptions", "algorithmOptions", "walletOptions"] as const;
/** By which vLLM and its like are told how the weights are stored. */
export const QUANTIZATION_OPTIONS = ["--quantization", "-q"] as const;

const made = new WeakMap<Indicators, Lists>();

export function listsOf(indicators: Indicators): Lists {
  const known = made.get(indicators);
  if (known) return known;
  const sets = new Map(
    GROUP_NAMES.map((name) => [name, new Set(indicators.groups[name].values)] as const),
  );
  const options = new Set<string>([
    ...OPTION_GROUPS.flatMap((name) => indicators.groups[name].values),
    ...QUANTIZATION_OPTIONS,
  ]);
  const { version, weights, limits } = indicators;
  const lists: Lists = {
    version,
    weights,
    limits,
    has: (group, value) => sets.get(group)?.has(value) ?? false,
    isOption: (name) => options.has(name),
  };
  made.set(indicators, lists);
  return lists;
}

/** Labels of a host name that are compared: longer names are compared by their end. */
const MAX_LABELS = 6;

/** The listed domain that a host name is or lies in; whole labels only: `zpool.cache` is no zpool.ca. */
export function domainOf(
  host: string,
  group: "poolDomains" | "tunnelDomains",
  lists: Lists,
): string | undefined {
  const labels = host.toLowerCase().replace(/\.$/, "").split(".").slice(-MAX_LABELS);
  for (let from = 0; from < labels.length - 1; from++) {
    const domain = labels.slice(from).join(".");
    if (lists.has(group, domain)) return domain;
  }
  return undefined;
}
