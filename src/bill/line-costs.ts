import { EXACT_PER_NANO } from "../model/money.ts";
import { allocate, type OwnerCell } from "./allocate.ts";
import type { AllocationPolicy } from "./allocation-policy.ts";
import { policyOf } from "./allocation-words.ts";
import type { PriceList } from "./price-types.ts";
import type { PricedPiece } from "./priced.ts";
import type { Allocated, LineCost } from "./report-types.ts";
import { type ExactCell, roundedTotal, type SettledCells, settleCells } from "./settle-cells.ts";

/** What the list says beside its prices, of which lines have columns. */
export interface CostOptions {
  /** A price of the list has a contract, or a list price of its own. */
  hasContracts: boolean;
  /** Absent where nothing is shared and nothing charged beside time and energy. */
  policy: AllocationPolicy | undefined;
}

export function costOptions(list: PriceList): CostOptions {
  const listed = [...list.gpus, ...list.commitments].some((price) => price.listNanos !== undefined);
  return { hasContracts: listed || list.commitments.length > 0, policy: policyOf(list) };
}

/** Exact milligrams of CO2 equivalent are billionths of a gram times 3.6e9, by the million. */
const EXACT_PER_MILLIGRAM = EXACT_PER_NANO * 1_000_000n;

type Groups = ReadonlyMap<string, readonly PricedPiece[]>;

/** The costs of each line: every kind of cost sums to its total, to the last billionth. */
export function lineCosts(groups: Groups, options: CostOptions): Map<string, LineCost> {
  const settled = (cost: (piece: PricedPiece) => bigint): SettledCells =>
    settleCells(cellsOf(groups, cost), EXACT_PER_NANO);
  const times = settled((piece) => piece.timeCost);
  const energies = settled((piece) => piece.energyCost);
  const contracts = options.hasContracts && {
    list: settled((piece) => piece.listTimeCost),
    contracted: settled((piece) => piece.contractedTimeCost),
  };
  const allocated = options.policy && allocatedOf(groups, options.policy, { times, energies });
  return new Map(
    [...groups.keys()].map((line) => {
      const [timeNanos, energyNanos] = [lineSum(times, line), lineSum(energies, line)];
      const cost: LineCost = { timeNanos, energyNanos, totalNanos: timeNanos + energyNanos };
      if (contracts) {
        cost.listNanos = lineSum(contracts.list, line) + energyNanos;
        cost.contractedNanos = lineSum(contracts.contracted, line) + energyNanos;
      }
      if (allocated) cost.allocated = allocated.get(line);
      return [line, cost];
    }),
  );
}

function allocatedOf(
  groups: Groups,
  policy: AllocationPolicy,
  { times, energies }: { times: SettledCells; energies: SettledCells },
): Map<string, Allocated> {
  const overheads = settleCells(
    cellsOf(groups, (piece) => piece.overheadCost),
    EXACT_PER_NANO,
  );
  const durations = cellsOf(groups, (piece) => BigInt(piece.timeMs));
  const exactTimes = cellsOf(groups, (piece) => piece.timeCost);
  const cells = durations.map(({ line, ownerKey, exact }, i): OwnerCell => {
    const of = (settled: SettledCells): bigint => settled.get(line)?.get(ownerKey) ?? 0n;
    return {
      line,
      ownerKey,
      timeMs: exact,
      timeExact: exactTimes[i]?.exact ?? 0n,
      ownNanos: of(times) + of(energies),
      overheadNanos: of(overheads),
    };
  });
  return allocate(cells, policy);
}

/** The total, rounded from the exact sum: it does not depend on how the lines are grouped. */
export function totalCost(
  pieces: readonly PricedPiece[],
  lines: readonly { cost?: LineCost | undefined }[],
  options: CostOptions,
): LineCost {
  const total = (cost: (piece: PricedPiece) => bigint): bigint =>
    roundedTotal(
      pieces.map((piece) => ({ exact: cost(piece) })),
      EXACT_PER_NANO,
    );
  const timeNanos = total((piece) => piece.timeCost);
  const energyNanos = total((piece) => piece.energyCost);
  const cost: LineCost = { timeNanos, energyNanos, totalNanos: timeNanos + energyNanos };
  if (options.hasContracts) {
    cost.listNanos = total((piece) => piece.listTimeCost) + energyNanos;
    cost.contractedNanos = total((piece) => piece.contractedTimeCost) + energyNanos;
  }
  if (options.policy) {
    const overheadNanos = total((piece) => piece.overheadCost);
    const sum = (of: (allocated: Allocated) => bigint): bigint =>
      lines.reduce((acc, line) => acc + (line.cost?.allocated ? of(line.cost.allocated) : 0n), 0n);
    cost.allocated = {
      sharedNanos: sum((each) => each.sharedNanos),
      overheadNanos,
      givenNanos: sum((each) => each.givenNanos),
      totalNanos: cost.totalNanos + overheadNanos,
    };
  }
  return cost;
}

/** Milligrams of CO2 equivalent by line; empty where no factor held for any of the energy. */
export function lineCarbon(groups: Groups): Map<string, number> {
  const known = [...groups.values()].some((pieces) =>
    pieces.some(({ carbon }) => carbon !== undefined),
  );
  if (!known) return new Map();
  const settled = settleCells(
    cellsOf(groups, (piece) => piece.carbon ?? 0n),
    EXACT_PER_MILLIGRAM,
  );
  return new Map([...groups.keys()].map((line) => [line, Number(lineSum(settled, line))]));
}

/** One cell for each owner of each line, in the same order whatever is summed. */
function cellsOf(groups: Groups, amount: (piece: PricedPiece) => bigint): ExactCell[] {
  return [...groups].flatMap(([line, pieces]) => {
    const owners = new Map<string, bigint>();
    for (const piece of pieces)
      owners.set(piece.ownerKey, (owners.get(piece.ownerKey) ?? 0n) + amount(piece));
    return [...owners].map(([ownerKey, exact]) => ({ line, ownerKey, exact }));
  });
}

function lineSum(settled: SettledCells, line: string): bigint {
  return [...(settled.get(line)?.values() ?? [])].reduce((acc, each) => acc + each, 0n);
}
