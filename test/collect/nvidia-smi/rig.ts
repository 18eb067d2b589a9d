import { afterEach, expect } from "vitest";
import type { Collector } from "../../../src/collect/contract.ts";
import { createNvidiaSmiCollector } from "../../../src/collect/nvidia-smi/collector.ts";
import type { Observation } from "../../../src/model/observation.ts";
import { type Script, standIn, type StandIn, until } from "./stand-in.ts";

export const AT = 1_800_000_000_000;
const opened: Collector[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((collector) => collector.close()));
});

export interface Rig {
  collector: Collector;
  smi: StandIn;
  clock: { ms: number };
}

export function rig(script: Script = {}, intervalMs = 50): Rig {
  const smi = standIn(script);
  const clock = { ms: 0 };
  const settings = { node: "n1", intervalMs, path: smi.path };
  const collector = createNvidiaSmiCollector(settings, { monotonicMs: () => clock.ms });
  opened.push(collector);
  return { collector, smi, clock };
}

export async function ready(script: Script = {}, intervalMs = 50): Promise<Rig> {
  const made = rig(script, intervalMs);
  expect(await made.collector.open()).toMatchObject({ status: "ready" });
  return made;
}

type Kind = Observation["kind"];
export const of = <K extends Kind>(kind: K, all: readonly Observation[]) =>
  all.filter((one): one is Extract<Observation, { kind: K }> => one.kind === kind);

/** The next observation of a kind that comes. */
export const next = <K extends Kind>({ collector }: Rig, kind: K, atMs = AT) =>
  until(async () => of(kind, await collector.collect(atMs))[0]);

export const loopPid = (smi: StandIn): number =>
  smi.calls().findLast(({ args }) => args.includes("--query-gpu"))?.pid ?? 0;
