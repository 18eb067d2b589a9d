import { sanitize } from "../model/text.ts";
import type { Finding } from "./doctor-findings.ts";
import type { DeviceView, QuantityStatus } from "./doctor-sources.ts";

const LINE_LENGTH = 96;
const QUANTITY_WIDTH = 22;

export function findingText({ name, status, detail, hints }: Finding): string {
  const mark = { ok: "ok     ", missing: "missing", failing: "FAILING" }[status];
  const advice = hints.map((hint) => `           hint: ${hint}\n`).join("");
  return `${mark}  ${name}: ${detail}\n${advice}`;
}

/** The devices; those that are measured alike share one list of what measures them. */
export function devicesText(devices: readonly DeviceView[]): string {
  const alike = new Map<string, DeviceView[]>();
  for (const device of devices) {
    const key = JSON.stringify(device.quantities);
    alike.set(key, [...(alike.get(key) ?? []), device]);
  }
  return [...alike.values()].map((group) => `\n${groupText(group)}`).join("");
}

function groupText(group: readonly DeviceView[]): string {
  const heads = group.map(
    ({ index, model, uuid, source }) =>
      `gpu${index}  ${sanitize(model, 64)}  ${sanitize(uuid, 64)}  (${source})\n`,
  );
  const of = (status: QuantityStatus) =>
    (group[0]?.quantities ?? []).filter((each) => each.status === status);
  const by = (text: string | undefined): string => sanitize(text ?? "its source", 64);
  const answered = of("answered").map(
    (each) => `    ${each.quantity.padEnd(QUANTITY_WIDTH)} ${by(each.with)}\n`,
  );
  const silent = of("silent").map((each) => `${each.quantity} (${by(each.with)})`);
  const unmeasured = of("unmeasured").map(({ quantity }) => quantity);
  return [
    ...heads,
    ...answered,
    listText("    no answer in two readings: ", silent),
    listText("    not measured here: ", unmeasured),
  ].join("");
}

/** Words with commas in lines that fit a terminal. */
function listText(head: string, words: readonly string[]): string {
  if (words.length === 0) return "";
  const lines = [head];
  for (const [i, word] of words.entries()) {
    const piece = i < words.length - 1 ? `${word}, ` : word;
    const line = lines.at(-1) ?? "";
    const fits = line.length + piece.trimEnd().length <= LINE_LENGTH || line.trim() === "";
    if (fits) lines[lines.length - 1] = line + piece;
    else lines.push(`        ${piece}`);
  }
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}
