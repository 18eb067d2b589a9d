import {
  GROUP_NAMES,
  type GroupName,
  type Indicators,
  type IndicatorUpdate,
} from "./indicator-data.ts";

/** The lists with what a file adds and takes away. What comes later wins; the versions are joined. */
export function updated(base: Indicators, update: IndicatorUpdate): Indicators {
  const groups = { ...base.groups };
  for (const name of GROUP_NAMES) {
    const change = update.groups[name];
    if (!change) continue;
    const gone = new Set(change.remove);
    const kept = [...new Set([...base.groups[name].values, ...change.values])];
    const values = kept.filter((value) => !gone.has(value));
    const { date, source } = change;
    // Words that only left do not make the others younger.
    const told = change.values.length > 0 ? { date, source: joined(base, name, source) } : {};
    groups[name] = { ...base.groups[name], ...told, values };
  }
  return {
    ...base,
    version: `${base.version}+${update.version}`.slice(0, MAX_VERSION_LENGTH),
    weights: overlaid(base.weights, update.weights),
    limits: overlaid(base.limits, update.limits),
    groups,
  };
}

/** What is not said stays as it was. */
function overlaid<T extends Record<string, number>>(
  base: T,
  over: { [K in keyof T]?: T[K] | undefined } = {},
): T {
  const said = Object.entries(over).filter(([, value]) => value !== undefined);
  return { ...base, ...Object.fromEntries(said) };
}

const MAX_VERSION_LENGTH = 80;
const MAX_SOURCE_LENGTH = 400;

function joined(base: Indicators, name: GroupName, source: string): string {
  const old = base.groups[name].source;
  return old === source ? old : `${old}; ${source}`.slice(0, MAX_SOURCE_LENGTH);
}

export interface GroupDifference {
  group: GroupName;
  added: readonly string[];
  removed: readonly string[];
}

/** What another set of lists has more, and what it lacks; groups that are alike are left out. */
export function differences(before: Indicators, after: Indicators): GroupDifference[] {
  return GROUP_NAMES.flatMap((group) => {
    const [old, fresh] = [before, after].map((each) => new Set(each.groups[group].values));
    const added = [...(fresh ?? [])].filter((value) => !old?.has(value));
    const removed = [...(old ?? [])].filter((value) => !fresh?.has(value));
    return added.length + removed.length > 0 ? [{ group, added, removed }] : [];
  });
}
