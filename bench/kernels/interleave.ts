import { spreadOf, type Spread } from "../statistics.ts";

/** What is timed: runs `count` times and resolves when all is done. */
export type Timed = (count: number) => Promise<void>;

export interface Interleaved {
  /** Seconds of one run, over the rounds. */
  seconds: Spread;
  /** How many times the first contender's time it took, round by round. */
  ratio: Spread;
}

export interface InterleaveOptions {
  rounds: number;
  /** A round of one contender lasts about this long, one run at least. */
  roundSeconds: number;
  /** Monotonic seconds. */
  now: () => number;
}

/**
 * Times contenders in turn, round by round, each round beginning with another one: what else
 * happens on the machine meets all of them. Ratios are within a round, never across.
 * @param contenders the first is what the others are compared with
 */
export async function interleave(
  contenders: readonly Timed[],
  options: InterleaveOptions,
): Promise<Interleaved[]> {
  const counts: number[] = [];
  for (const run of contenders) counts.push(await countFor(run, options));
  const times: number[][] = contenders.map(() => []);
  for (let round = 0; round < options.rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const which = (round + turn) % contenders.length;
      const run = contenders[which];
      const count = counts[which] ?? 1;
      if (run) times[which]?.push((await timed(run, count, options.now)) / count);
    }
  }
  const [first = []] = times;
  return times.map((own) => ({
    seconds: spreadOf(own),
    ratio: spreadOf(own.map((seconds, round) => seconds / (first[round] ?? Number.NaN))),
  }));
}

/** Runs once to compile and warm up, then doubles until a round is long enough to time. */
async function countFor(run: Timed, { roundSeconds, now }: InterleaveOptions): Promise<number> {
  await run(1);
  let count = 1;
  while ((await timed(run, count, now)) * 2 < roundSeconds) count *= 2;
  return count;
}

async function timed(run: Timed, count: number, now: () => number): Promise<number> {
  const startedAt = now();
  await run(count);
  return now() - startedAt;
}
