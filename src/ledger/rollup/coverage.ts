import type { Database } from "better-sqlite3";
import { amountsWithin } from "../../model/cut.ts";
import { type Window, intersect } from "../../model/window.ts";
import type { DeviceCoverage, StoredSlice, UnobservedSpan } from "../contract.ts";
import { gpus } from "../record-queries.ts";
import { slices } from "../slice-queries.ts";

/** Of every device where its slices lie, and where they say `unobserved`: see the contract. */
export function coverage(db: Database, window: Window): DeviceCoverage[] {
  return gpus(db).map(({ uuid: gpuUuid, firstSeenMs }) => {
    const covered: Window[] = [];
    const unobserved: UnobservedSpan[] = [];
    for (const [first, ...rest] of windowsOf(slices(db, { ...window, gpuUuid }))) {
      const part = intersect(first, window);
      if (!part) continue;
      const last = covered.at(-1);
      if (last?.toMs === part.fromMs) last.toMs = part.toMs;
      else covered.push({ ...part });
      const all = [first, ...rest];
      const amounts = amountsWithin(first, all, part);
      const mine = all.map(({ owner }, i) =>
        owner.kind === "unobserved" ? (amounts[i]?.timeMs ?? 0) : 0,
      );
      const timeMs = mine.reduce((sum, each) => sum + each, 0);
      if (timeMs > 0) unobserved.push({ ...part, timeMs });
    }
    const around = slices(db, { fromMs: firstSeenMs, toMs: firstSeenMs + 1, gpuUuid, limit: 1 });
    const knownFromMs = Math.min(firstSeenMs, ...around.map((each) => each.fromMs));
    return { gpuUuid, knownFromMs, covered, unobserved };
  });
}

function windowsOf(of: readonly StoredSlice[]): [StoredSlice, ...StoredSlice[]][] {
  const windows = new Map<number, [StoredSlice, ...StoredSlice[]]>();
  for (const slice of of) {
    const known = windows.get(slice.fromMs);
    if (known) known.push(slice);
    else windows.set(slice.fromMs, [slice]);
  }
  return [...windows.values()];
}
