import { AssayError } from "../../model/errors.ts";
import type { Incident } from "../../model/incident.ts";
import type { OwnerFacts } from "../../model/owner.ts";
import { sanitize } from "../../model/text.ts";
import type { KnownGpu, KnownOwner, LedgerReader } from "../../ledger/contract.ts";
import type { PriceList } from "../../bill/price-types.ts";
import { PriceClock, usageCost } from "../../bill/usage-cost.ts";
import type { ExactCost } from "../../model/money.ts";
import { shortHash } from "../signing.ts";
import { StoryIndex } from "../stories/story-index.ts";
import { slicesOf, usageInLedger } from "../usage-of.ts";

/** Incidents read for a list or a story: those beyond are too old to be joined to. */
const MAX_READ = 5000;
const MAX_NAMED = 5;

/** All that lists and details are made of, read once. */
export interface IncidentBook {
  ledger: LedgerReader;
  /** Newest first; the usage of those that fire is up to date. */
  incidents: readonly Incident[];
  owners: ReadonlyMap<string, KnownOwner>;
  gpus: ReadonlyMap<string, KnownGpu>;
  stories: StoryIndex;
  prices: PriceList | undefined;
}

export async function readBook(
  ledger: LedgerReader,
  prices: PriceList | undefined,
): Promise<IncidentBook> {
  const read = await ledger.incidents({ limit: MAX_READ });
  const incidents = await Promise.all(read.map((each) => upToDate(ledger, each)));
  incidents.sort((a, b) => b.startedAtMs - a.startedAtMs || (a.id < b.id ? -1 : 1));
  const owners = new Map((await ledger.owners()).map((owner) => [owner.key, owner]));
  const gpus = new Map((await ledger.gpus()).map((gpu) => [gpu.uuid, gpu]));
  const factsOf = (key: string): OwnerFacts | undefined => owners.get(key)?.proven;
  const stories = new StoryIndex(incidents, factsOf, shortHash);
  return { ledger, incidents, owners, gpus, stories, prices };
}

/** What fires has taken more than its newest record says. */
async function upToDate(ledger: LedgerReader, incident: Incident): Promise<Incident> {
  if (incident.state !== "firing") return incident;
  return { ...incident, usage: (await usageInLedger(ledger, incident)) ?? incident.usage };
}

/**
 * The incident whose id is, or begins with, the text; `inc_` may be left out.
 * @throws AssayError incident/not-found, incident/ambiguous
 */
export function findIncident({ incidents }: IncidentBook, text: string): Incident {
  const exact = incidents.find(({ id }) => id === text);
  if (exact) return exact;
  const found =
    text.replace(/^inc_/, "") === ""
      ? []
      : incidents.filter(({ id }) => id.startsWith(text) || id.startsWith(`inc_${text}`));
  const [only, ...others] = found;
  const place = sanitize(text, 100);
  if (!only)
    throw new AssayError("incident/not-found", "The ledger knows no incident of that id.", {
      place,
      hint: "`assay incident list` shows those it knows; the beginning of an id is enough",
    });
  if (others.length === 0) return only;
  const names = found.slice(0, MAX_NAMED).map(({ id }) => sanitize(id, 60));
  const more = found.length > names.length ? ` and ${found.length - names.length} more` : "";
  throw new AssayError("incident/ambiguous", `${found.length} incidents begin with that id.`, {
    place,
    hint: `give more of it: ${names.join(", ")}${more}`,
  });
}

/**
 * What incidents cost by the price list; undefined without one, or where a GPU has no price in it.
 * @throws AssayError price/overlap
 */
export async function costOf(
  book: IncidentBook,
  incidents: readonly Incident[],
): Promise<ExactCost | undefined> {
  const { ledger, prices, gpus } = book;
  if (!prices) return undefined;
  const clock = new PriceClock(prices);
  let sum: ExactCost = 0n;
  for (const incident of incidents)
    for await (const slice of slicesOf(ledger, incident)) {
      const model = gpus.get(slice.gpuUuid)?.model ?? "";
      const device = { model, node: slice.node, uuid: slice.gpuUuid };
      const { cost, isPriced } = usageCost(clock, device, slice);
      if (!isPriced) return undefined;
      sum += cost;
    }
  return sum;
}
