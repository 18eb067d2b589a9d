const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const UNIT_BYTES = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, kB: 1e3, MB: 1e6, GB: 1e9 };

/** Milliseconds of `10s`, `1.5h`, `250ms`, `2m`, `7d`; undefined without a unit or a number. */
export function parseDuration(text: string): number | undefined {
  return parseQuantity(text, UNIT_MS);
}

/** Bytes of `20MiB`, `1GB`, `512B`; undefined without a unit or a number. */
export function parseSize(text: string): number | undefined {
  return parseQuantity(text, UNIT_BYTES);
}

function parseQuantity(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)$/.exec(text.trim());
  const unit = match?.[2] ?? "";
  // `constructor` is no unit, although every object knows the word.
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined;
  if (!match || factor === undefined) return undefined;
  return Math.round(Number(match[1]) * factor);
}

/** `93784000` (`1 d 2 h 3 min 4 s`) as `1 d 2 h`: the two largest parts, for a size at a glance. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 1000) return `${Math.round(durationMs)} ms`;
  return partsOf(Math.floor(durationMs / 1000) * 1000)
    .slice(0, 2)
    .join(" ");
}

/** `93784000` as `1 d 2 h 3 min 4 s`: all of its parts, where the length itself is the statement. */
export function formatWholeDuration(durationMs: number): string {
  return partsOf(Math.round(durationMs)).join(" ") || "0 ms";
}

const PARTS: readonly (readonly [number, string])[] = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1000, "s"],
  [1, "ms"],
];

function partsOf(durationMs: number): string[] {
  const out: string[] = [];
  let rest = durationMs;
  for (const [size, unit] of PARTS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) out.push(`${count} ${unit}`);
  }
  return out;
}
