import { parseOwnerKey } from "../../model/owner.ts";
import { sanitize } from "../../model/text.ts";
import { type Html, h } from "./html.ts";
import { OTHERS } from "./rows.ts";

/** Longest name in a cell, and in its title. */
const MOST_SHOWN = 56;
const MOST_IN_TITLE = 400;

/**
 * A name that a stranger may have chosen: escaped, cut, and kept from turning the text around it.
 * Invisible characters are written out.
 */
export function strange(name: string, most = MOST_SHOWN): Html {
  const shown = sanitize(name, most);
  const whole = sanitize(name, MOST_IN_TITLE);
  return h("bdi", { class: "name", title: whole === shown ? undefined : whole }, shown);
}

const OWN_WORDS: Readonly<Record<string, [string, string]>> = {
  agent: ["The agent itself", "its own probes and calibrations"],
  unattributed: ["Unattributed", "busy, and no process of anybody was seen"],
  idle: ["Nobody: idle, free", "no owner held the device"],
  unobserved: ["Nobody knows", "not observed"],
};

/** An owner as people call them, with the kind beside. */
export function ownerName(key: string, count: number): Html {
  if (key === OTHERS) return h("span", { class: "others" }, `${count} others`);
  const own = OWN_WORDS[key];
  if (own) return twoLines(own[0], own[1]);
  const { kind, id } = parseOwnerKey(key) ?? { kind: undefined, id: key };
  return twoLines(strange(id), kind ?? "");
}

export function twoLines(first: Html | string, second: string): Html {
  return h("span", {}, first, second === "" ? undefined : h("small", {}, second));
}
