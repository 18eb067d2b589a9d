import { CollectorHarness } from "../../src/collect/harness.ts";
import type { HarnessEvent } from "../../src/collect/harness-types.ts";
import type { Observation } from "../../src/model/observation.ts";
import { FakeClock } from "./fake-clock.ts";
import { ScriptedCollector } from "./scripted-collector.ts";

export const AT = 1_800_000_000_000;

/** A harness of scripted collectors `c0`, `c1`, … on a clock that is moved by hand. */
export const rig = (count = 1) => {
  const clock = new FakeClock(AT);
  const collectors = Array.from({ length: count }, (_, i) => new ScriptedCollector(`c${i}`));
  const events: HarnessEvent[] = [];
  const onEvent = (event: HarnessEvent) => void events.push(event);
  const harness = new CollectorHarness(collectors, { ...clock, onEvent });
  /** One tick a second, the first at once. */
  const tick = async (): Promise<Observation[]> => {
    const seen = harness.tick(clock.wallMs(), 800);
    await clock.advance(1000);
    return (await seen).flatMap(({ observations }) => observations);
  };
  const ticks = async (times: number): Promise<Observation[]> => {
    const seen: Observation[] = [];
    for (let i = 0; i < times; i++) seen.push(...(await tick()));
    return seen;
  };
  const [first = new ScriptedCollector()] = collectors;
  return { clock, collectors, first, events, harness, tick, ticks };
};

export const broken = async (): Promise<never> => {
  throw new Error("the cable is out");
};

/** Seconds since `AT` of the samples in there. */
export const secondsOf = (seen: readonly Observation[], kind: "gpu") =>
  seen.flatMap((o) => (o.kind === kind ? [(o.atMs - AT) / 1000] : []));
