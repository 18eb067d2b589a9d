export interface Series {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/**
 * Reads Prometheus text strictly, and finds what `promtool check metrics` finds: a series without
 * HELP or TYPE, a counter without `_total`, a name that is no name, a series given twice.
 */
export function parseExposition(text: string): { series: Series[]; problems: string[] } {
  const types = new Map<string, string>();
  const helps = new Set<string>();
  const seen = new Set<string>();
  const series: Series[] = [];
  const problems: string[] = [];
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/.exec(line);
    if (comment) {
      const [, kind, name = "", rest = ""] = comment;
      if (kind === "HELP") helps.add(name);
      else types.set(name, rest);
      continue;
    }
    const sample = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (!sample) {
      problems.push(`no sample: ${line}`);
      continue;
    }
    const [, name = "", labels = "", value = ""] = sample;
    if (!helps.has(name) || !types.has(name)) problems.push(`no HELP or TYPE: ${name}`);
    if (types.get(name) === "counter" && !name.endsWith("_total"))
      problems.push(`counter: ${name}`);
    if (types.get(name) === "gauge" && name.endsWith("_total")) problems.push(`gauge: ${name}`);
    if (seen.has(`${name}{${labels}}`)) problems.push(`twice: ${line}`);
    seen.add(`${name}{${labels}}`);
    if (Number.isNaN(Number(value))) problems.push(`no number: ${line}`);
    series.push({ name, labels: parseLabels(labels, problems), value: Number(value) });
  }
  return { series, problems };
}

function parseLabels(text: string, problems: string[]): Record<string, string> {
  const labels: Record<string, string> = {};
  let rest = text;
  while (rest !== "") {
    const match = /^([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/.exec(rest);
    if (!match) {
      problems.push(`labels: ${rest}`);
      break;
    }
    const [all, name = "", value = ""] = match;
    labels[name] = value.replaceAll(/\\(.)/g, (_, char: string) => (char === "n" ? "\n" : char));
    rest = rest.slice(all.length);
  }
  return labels;
}
