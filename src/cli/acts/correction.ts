import type { ActOf, KnownGpu, LedgerReader, StoredSlice } from "../../ledger/contract.ts";
import { ownerKeyFilter } from "../../ledger/row.ts";
import { formatInstant } from "../../bill/instant.ts";
import { parseReportWindow } from "../../bill/report-window.ts";
import { formatDuration } from "../../model/duration.ts";
import { AssayError } from "../../model/errors.ts";
import { type Label, LABELS } from "../../model/label.ts";
import { ownerKey } from "../../model/owner.ts";
import { sanitize } from "../../model/text.ts";
import type { Window } from "../../model/window.ts";
import { plainTable } from "../explain/table.ts";
import { gpuOf } from "../chosen-gpu.ts";
import { knownOwnerKey, newOwnerKey, reasonOf } from "./common.ts";
import { withWindowOptions } from "../window-options.ts";

/** What a correction is asked to do, as the command line has it. */
export interface CorrectionOptions {
  from?: string | undefined;
  to?: string | undefined;
  gpu?: string | undefined;
  owner?: string | undefined;
  label?: string | undefined;
  newOwner?: string | undefined;
  reason: string;
}

/** Slices of one owner and label that a correction fits. */
export interface CorrectedPart {
  /** As they count now. */
  ownerKey: string;
  label: Label;
  slices: number;
  timeMs: number;
}

export interface CorrectionPlan {
  act: ActOf<"correction">;
  gpu: KnownGpu;
  /** The largest first. */
  parts: readonly CorrectedPart[];
  /** Slices that only touch the window: they stay as they are. */
  across: number;
  /** Corrections before this one that touch the same stretch. */
  earlier: readonly string[];
}

export interface WhoAndWhen {
  id: string;
  by: string;
  nowMs: number;
  dispute?: string | undefined;
}

const PAGE = 5000;

/**
 * What a correction would do, from the ledger as it is.
 * @throws AssayError act/invalid where it fits nothing or would change nothing, report/window,
 * explain/gpu, explain/owner, cli/usage
 */
export async function planCorrection(
  ledger: LedgerReader,
  options: CorrectionOptions,
  { id, by, nowMs, dispute }: WhoAndWhen,
): Promise<CorrectionPlan> {
  const label = labelOf(options.label);
  const newOwner = options.newOwner === undefined ? undefined : newOwnerKey(options.newOwner);
  if (label === undefined && newOwner === undefined)
    throw new AssayError("cli/usage", "it is not said what is to be corrected", {
      place: "--label",
      hint: "--label LABEL, --new-owner KEY, or both",
    });
  const reason = reasonOf(options.reason);
  // A long name was cut on its way into the ledger: its slices have it as it is kept.
  const owner =
    options.owner === undefined ? undefined : ownerKeyFilter(knownOwnerKey(options.owner));
  if (options.from === undefined || options.to === undefined)
    throw new AssayError("report/window", "a correction needs both ends of its window", {
      place: options.from === undefined ? "--from" : "--to",
    });
  const window = await withWindowOptions(async () =>
    parseReportWindow(options.from, options.to, nowMs, await ledger.extent()),
  );
  const gpu = gpuOf(await ledger.gpus(), options.gpu);
  const found = await fitting(ledger, window, gpu.uuid, owner);
  const earlier = await touching(ledger, window, gpu.uuid);
  const act: ActOf<"correction"> = {
    kind: "correction",
    id,
    atMs: nowMs,
    by,
    reason,
    gpuUuid: gpu.uuid,
    ...window,
    ...(owner !== undefined && { ownerKey: owner }),
    ...(label !== undefined && { label }),
    ...(newOwner !== undefined && { newOwnerKey: newOwner }),
    ...(dispute !== undefined && { dispute }),
  };
  refuseEmpty(act, found);
  return { act, gpu, ...found, earlier };
}

function labelOf(text: string | undefined): Label | undefined {
  if (text === undefined) return undefined;
  const label = LABELS.find((known) => known === text);
  if (label !== undefined) return label;
  throw new AssayError("cli/usage", `there is no label "${sanitize(text, 60)}"`, {
    place: "--label",
    hint: `one of ${LABELS.join(", ")}`,
  });
}

async function fitting(
  ledger: LedgerReader,
  window: Window,
  gpuUuid: string,
  owner: string | undefined,
): Promise<Pick<CorrectionPlan, "parts" | "across">> {
  const parts = new Map<string, CorrectedPart>();
  let across = 0;
  // A correction fits the owner that was written, which an earlier one may have changed.
  const query = { ...window, gpuUuid, limit: PAGE };
  let page = await ledger.slices(query);
  while (page.length > 0) {
    for (const slice of page) {
      // What nobody measured has neither an owner nor a label to correct.
      if (slice.owner.kind === "unobserved") continue;
      if (owner !== undefined && writtenKey(slice) !== owner) continue;
      if (slice.fromMs < window.fromMs || slice.toMs > window.toMs) {
        across += 1;
        continue;
      }
      const key = ownerKey(slice.owner);
      const name = JSON.stringify([key, slice.label]);
      const part = parts.get(name) ?? { ownerKey: key, label: slice.label, slices: 0, timeMs: 0 };
      part.slices += 1;
      part.timeMs += slice.timeMs;
      parts.set(name, part);
    }
    page = await ledger.slices({ ...query, afterSequence: page.at(-1)?.sequence });
  }
  return { parts: [...parts.values()].sort((a, b) => b.timeMs - a.timeMs), across };
}

function writtenKey({ corrected, owner }: StoredSlice): string {
  return corrected?.ownerKey ?? ownerKey(owner);
}

async function touching(ledger: LedgerReader, window: Window, gpuUuid: string): Promise<string[]> {
  const acts = await ledger.acts({ kind: "correction" });
  return acts.flatMap((act) =>
    act.kind === "correction" &&
    act.gpuUuid === gpuUuid &&
    act.fromMs < window.toMs &&
    act.toMs > window.fromMs
      ? [act.id]
      : [],
  );
}

function refuseEmpty(
  act: ActOf<"correction">,
  { parts, across }: Pick<CorrectionPlan, "parts" | "across">,
): void {
  const place = `GPU ${sanitize(act.gpuUuid, 60)}, ${spanText(act)}`;
  if (parts.length === 0)
    throw new AssayError("act/invalid", "no slice lies wholly inside that window", {
      place,
      hint:
        across > 0
          ? `${across} slices only touch it: widen it to the slices' own ends`
          : "look with: assay report --group-by owner,label,gpu",
    });
  const isSame = ({ label, ownerKey: key }: CorrectedPart): boolean =>
    (act.label ?? label) === label && (act.newOwnerKey ?? key) === key;
  if (parts.every(isSame))
    throw new AssayError("act/invalid", "it says what the ledger says already", { place });
}

/** What a correction does, to be read before and after it is on record. */
export function planText({ act, gpu, parts, across, earlier }: CorrectionPlan): string {
  const name = `GPU ${gpu.index} (${sanitize(gpu.uuid, 60)}, ${sanitize(gpu.model, 60)})`;
  const rows = parts.map((part) => [
    sanitize(part.ownerKey, 60),
    part.label,
    String(part.slices),
    formatDuration(part.timeMs),
    changeText(part, act),
  ]);
  const columns = [
    { head: "owner", width: 28 },
    { head: "label", width: 14 },
    { head: "slices", width: 7, isNumber: true },
    { head: "GPU time", width: 12 },
    { head: "becomes" },
  ];
  const notes = [
    across > 0 ? `${across} slices only touch the window and stay as they are.` : "",
    earlier.length > 0
      ? `Corrected before, by ${earlier.slice(0, 8).join(", ")}: the newest correction counts.`
      : "",
  ].filter((note) => note !== "");
  return [
    `Correction of ${name}, ${spanText(act)}:`,
    "",
    ...plainTable(columns, rows, { width: 100 }),
    "",
    ...notes,
    `Reason: ${sanitize(act.reason, 400)}`,
    "",
  ].join("\n");
}

function changeText({ ownerKey: key, label }: CorrectedPart, act: ActOf<"correction">): string {
  const [toLabel, toOwner] = [act.label ?? label, act.newOwnerKey ?? key];
  const owner = toOwner === key ? "" : sanitize(toOwner, 60);
  const text = [owner, toLabel === label ? "" : toLabel].filter((part) => part !== "").join(", ");
  return text === "" ? "the same" : text;
}

export function spanText({ fromMs, toMs }: Window): string {
  return `${formatInstant(fromMs)} to ${formatInstant(toMs)}`;
}
