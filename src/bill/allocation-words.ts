import { shortDecimal } from "../model/money.ts";
import { sanitize } from "../model/text.ts";
import type { Window } from "../model/window.ts";
import { intersect } from "../model/window.ts";
import {
  type AllocationPolicy,
  NOTHING_SHARED,
  type SharedCost,
  type Sharing,
} from "./allocation-policy.ts";
import { formatInstant } from "./instant.ts";
import type { Overhead, PriceList } from "./price-types.ts";

/** The policy a report is made by; absent where the list states none and knows no overhead. */
export function policyOf({ allocation, overhead }: PriceList): AllocationPolicy | undefined {
  return allocation ?? (overhead.length > 0 ? NOTHING_SHARED : undefined);
}

const WHAT: Readonly<Record<Exclude<SharedCost, "overhead">, string>> = {
  idleFree: "Idle time that nobody held",
  unobserved: "Time nobody observed",
  unattributed: "Use nobody visible explains",
  agent: "The agent's own use",
};

const HOW: Readonly<Record<Sharing, string>> = {
  none: "stays a line of its own.",
  even: "is shared equally among the owners of the window.",
  proportional: "is shared among the owners of the window by what their own GPU time costs.",
};

/** The policy in sentences, for whoever reads the report. */
export function allocationWords(list: PriceList, window: Window): string[] | undefined {
  const policy = policyOf(list);
  if (!policy) return undefined;
  const held =
    policy.idleHeld === "holder"
      ? "Idle time of a device that somebody held is theirs."
      : "Idle time of a device that somebody held is shared as idle time that nobody held.";
  const shared = (["idleFree", "unobserved", "unattributed", "agent"] as const).map(
    (cost) => `${WHAT[cost]} ${HOW[policy[cost]]}`,
  );
  return [held, ...shared, ...overheadWords(list, policy, window)];
}

function overheadWords(list: PriceList, policy: AllocationPolicy, window: Window): string[] {
  const holding = list.overhead.filter((each) => intersect(each, window));
  if (holding.length === 0) return [];
  const how =
    policy.overhead === "none"
      ? "stays with the time and energy that gave rise to it."
      : HOW[policy.overhead];
  return [...holding.map((each) => overheadWord(each, window)), `Overhead ${how}`];
}

function overheadWord({ name, kind, nanos, currency, ...dates }: Overhead, window: Window): string {
  const figure = shortDecimal(nanos);
  const what =
    kind === "pue"
      ? `the energy's cost times ${figure} - 1 (PUE)`
      : `${figure} ${currency} a GPU-hour`;
  const since = dates.fromMs > window.fromMs ? ` from ${formatInstant(dates.fromMs)}` : "";
  const until = dates.toMs < window.toMs ? ` until ${formatInstant(dates.toMs)}` : "";
  return `Overhead "${sanitize(name, 80)}"${since}${until}: ${what}.`;
}
