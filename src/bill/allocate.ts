import { type Owner, holderOf, parseOwnerKey } from "../model/owner.ts";
import { splitExactly } from "../model/split.ts";
import {
  type AllocationPolicy,
  SHARED_COSTS,
  type SharedCost,
  type Sharing,
} from "./allocation-policy.ts";
import type { Allocated } from "./report-types.ts";

/** What one owner put into one line: the atoms that a policy moves costs between. */
export interface OwnerCell {
  line: string;
  ownerKey: string;
  timeMs: bigint;
  /** Cost of time before it was rounded: what proportional sharing goes by. */
  timeExact: bigint;
  /** Cost of time and energy. */
  ownNanos: bigint;
  /** Overhead that this time and energy gave rise to. */
  overheadNanos: bigint;
}

/**
 * Shares out what is nobody's own. Owners get their parts first, out of the whole window, and then
 * their lines: what an owner bears does not depend on how the report is grouped. Nothing is lost: over
 * all lines, shared equals given, and the totals sum to every cost and all overhead. What has nobody to
 * bear it stays where it is.
 */
export function allocate(
  cells: readonly OwnerCell[],
  policy: AllocationPolicy,
): Map<string, Allocated> {
  const out = new Map(cells.map(({ line }) => [line, nothing()]));
  const roles = cells.map(({ ownerKey }) => roleOf(ownerKey, policy));
  const bearers = bearersOf(cells, roles);
  for (const cost of SHARED_COSTS) {
    const moved = cells.filter((_, i) => cost === "overhead" || roles[i] === cost);
    const amountOf = (cell: OwnerCell) =>
      cost === "overhead" ? cell.overheadNanos : cell.ownNanos;
    const pot = moved.reduce((acc, cell) => acc + amountOf(cell), 0n);
    const parts = policy[cost] === "none" ? undefined : partsOf(pot, policy[cost], bearers);
    const column = cost === "overhead" ? "overheadNanos" : "sharedNanos";
    for (const [cell, part] of parts ?? []) entry(out, cell)[column] += part;
    if (cost === "overhead" && !parts)
      for (const cell of moved) entry(out, cell).overheadNanos += cell.overheadNanos;
    if (cost !== "overhead" && parts)
      for (const cell of moved) entry(out, cell).givenNanos += cell.ownNanos;
  }
  for (const cell of cells) entry(out, cell).totalNanos += cell.ownNanos;
  for (const each of out.values())
    each.totalNanos += each.sharedNanos + each.overheadNanos - each.givenNanos;
  return out;
}

/** Which shared cost an owner's own cost is; who is somebody bears them: their key. */
type Role = Exclude<SharedCost, "overhead"> | { bearer: string };

function roleOf(ownerKey: string, policy: AllocationPolicy): Role {
  const owner: Owner = parseOwnerKey(ownerKey) ?? { kind: "process", id: ownerKey };
  const holder = holderOf(owner);
  if (holder !== undefined && policy.idleHeld === "shared") return "idleFree";
  const key = holder ?? ownerKey;
  const { kind } = parseOwnerKey(key) ?? owner;
  if (kind === "idle") return "idleFree";
  if (kind === "unobserved" || kind === "unattributed" || kind === "agent") return kind;
  return { bearer: key };
}

type Bearers = ReadonlyMap<string, readonly OwnerCell[]>;

function bearersOf(cells: readonly OwnerCell[], roles: readonly Role[]): Bearers {
  const out = new Map<string, OwnerCell[]>();
  for (const [i, cell] of cells.entries()) {
    const role = roles[i];
    if (typeof role !== "object") continue;
    const own = out.get(role.bearer);
    if (own) own.push(cell);
    else out.set(role.bearer, [cell]);
  }
  return out;
}

/** Each cell's part of an amount; undefined where there is nobody to bear it. */
function partsOf(
  amount: bigint,
  sharing: Exclude<Sharing, "none"> | Sharing,
  bearers: Bearers,
): [OwnerCell, bigint][] | undefined {
  const claims = [...bearers].map(([key, own]) => ({
    key,
    weight: sharing === "even" ? 1n : sumOf(own, (cell) => cell.timeExact),
  }));
  if (claims.every(({ weight }) => weight === 0n)) return undefined;
  const parts = splitExactly(amount, claims);
  return [...bearers.values()].flatMap((own, i) => amongOwn(parts[i] ?? 0n, own));
}

/** An owner's part over their own lines: by the cost of time, else by time, else alike. */
function amongOwn(amount: bigint, own: readonly OwnerCell[]): [OwnerCell, bigint][] {
  const weighings = [
    (cell: OwnerCell) => cell.timeExact,
    (cell: OwnerCell) => cell.timeMs,
    () => 1n,
  ];
  const weigh = weighings.find((each) => own.some((cell) => each(cell) > 0n)) ?? (() => 1n);
  const claims = own.map((cell) => ({ key: `${cell.line} ${cell.ownerKey}`, weight: weigh(cell) }));
  const parts = splitExactly(amount, claims);
  return own.map((cell, i) => [cell, parts[i] ?? 0n]);
}

function sumOf(cells: readonly OwnerCell[], amount: (cell: OwnerCell) => bigint): bigint {
  return cells.reduce((acc, cell) => acc + amount(cell), 0n);
}

function nothing(): Allocated {
  return { sharedNanos: 0n, overheadNanos: 0n, givenNanos: 0n, totalNanos: 0n };
}

function entry(out: ReadonlyMap<string, Allocated>, { line }: OwnerCell): Allocated {
  return out.get(line) ?? nothing();
}
