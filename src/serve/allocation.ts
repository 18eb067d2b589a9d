import type { AggregateKey } from "../bill/opencost/aggregate.ts";
import { type AllocationAnswer, allocations } from "../bill/opencost/allocation.ts";
import { MAX_STEPS, stepsOf } from "../bill/opencost/steps.ts";
import { parseWindow } from "../bill/opencost/window.ts";
import { reportOf, withBooks } from "../bill/report.ts";
import { AssayError } from "../model/errors.ts";
import { type Window, windowLengthMs } from "../model/window.ts";
import { allocationQuery, parseQuery } from "./query.ts";
import type { ServerSettings } from "./settings.ts";

/**
 * What OpenCost's `/allocation/compute` answers, of this node's GPUs.
 * @throws AssayError request/invalid, and as a report's
 */
export async function allocationAnswer(
  { ledger, prices, nowMs }: ServerSettings,
  raw: unknown,
): Promise<AllocationAnswer> {
  const query = parseQuery(allocationQuery, raw);
  const atMs = nowMs();
  const window = parseWindow(query.window, atMs);
  if (!window)
    throw new AssayError("request/invalid", "window is no stretch of time.", {
      place: "window",
      hint: "such as 24h, today, lastmonth, or two RFC 3339 times with a comma between",
    });
  const stepMs = query.step ?? windowLengthMs(window);
  if (windowLengthMs(window) / stepMs > MAX_STEPS)
    throw new AssayError("request/invalid", `step makes more than ${MAX_STEPS} sets.`, {
      place: "step",
      hint: "ask for longer steps or a shorter window",
    });
  const keys: readonly AggregateKey[] = query.aggregate;
  const list = prices();
  const cuts = (past: Window): number[] => stepsOf(past, stepMs).map(({ fromMs }) => fromMs);
  return withBooks({ ledger, prices: list, window, nowMs: atMs, cuts }, (books) => {
    // Made for its check: what does not add up is not answered.
    reportOf(books, []);
    const { pieces } = books;
    return allocations({
      window: books.window,
      pieces,
      stepMs,
      keys,
      isPriced: list !== undefined,
    });
  });
}
