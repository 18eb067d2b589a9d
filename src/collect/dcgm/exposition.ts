/** One sample of the Prometheus text format. */
export interface MetricSample {
  name: string;
  labels: ReadonlyMap<string, string>;
  value: number;
}

export interface Exposition {
  samples: MetricSample[];
  /** Lines that break the format: each is passed over alone. */
  refused: number;
}

const NAME = /^[a-zA-Z_:][\w:]*/;
const LABEL = /\s*([a-zA-Z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*/y;
const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;
const NOT_A_NUMBER = /^(?:nan|[+-]?inf(?:inity)?)$/i;
/** Longer than any that an exporter writes. */
const MAX_LINE_CHARS = 64 * 1024;

/**
 * Reads the Prometheus text format as dcgm-exporter writes it, line by line; samples that are no
 * finite number are left out, since they measure nothing.
 *
 * The package `parse-prometheus-text-format` was tried and does not do: it throws the whole text away
 * over the blank after a comma (`{gpu="0", UUID="…"}`, which older exporters write), over a doubled
 * blank in a TYPE line, and over one label value with a quote in it (the exporter escapes none); and
 * it loses the last sample of a text that does not end in a newline.
 */
export function parseExposition(text: string): Exposition {
  const samples: MetricSample[] = [];
  let refused = 0;
  for (const raw of text.split("\n")) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const sample = line.length <= MAX_LINE_CHARS ? parseSample(line) : undefined;
    if (!sample) refused += 1;
    else if (sample.value !== undefined) samples.push({ ...sample, value: sample.value });
  }
  return { samples, refused };
}

interface ReadLine {
  name: string;
  labels: Map<string, string>;
  /** Absent where the line says that there is none: NaN or an infinity. */
  value: number | undefined;
}

function parseSample(line: string): ReadLine | undefined {
  const name = NAME.exec(line)?.[0];
  if (name === undefined) return undefined;
  const rest = line.slice(name.length).trimStart();
  const read = rest.startsWith("{") ? parseLabels(rest) : { labels: new Map(), end: 0 };
  if (!read) return undefined;
  const [value = "", timestamp, ...more] = rest.slice(read.end).trim().split(/\s+/);
  if (more.length > 0 || (timestamp !== undefined && !NUMBER.test(timestamp))) return undefined;
  if (NOT_A_NUMBER.test(value)) return { name, labels: read.labels, value: undefined };
  if (!NUMBER.test(value)) return undefined;
  const number = Number(value);
  return { name, labels: read.labels, value: Number.isFinite(number) ? number : undefined };
}

/** The labels of `{…}`, and where it ends. */
function parseLabels(text: string): { labels: Map<string, string>; end: number } | undefined {
  const labels = new Map<string, string>();
  let at = 1;
  for (;;) {
    while (text[at] === " " || text[at] === "\t") at += 1;
    if (text[at] === "}") return { labels, end: at + 1 };
    LABEL.lastIndex = at;
    const found = LABEL.exec(text);
    const [whole, label, value] = found ?? [];
    if (whole === undefined || label === undefined || value === undefined) return undefined;
    labels.set(label, unescape(value));
    at += whole.length;
    if (text[at] === ",") at += 1;
    else if (text[at] !== "}") return undefined;
  }
}

function unescape(value: string): string {
  return value.replace(/\\(.)/g, (_, char: string) => (char === "n" ? "\n" : char));
}
