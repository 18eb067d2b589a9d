import type { Collector, OpenResult } from "../../src/collect/contract.ts";
import type { Observation } from "../../src/model/observation.ts";

/** A collector that does what a test tells it to; every reading is one `gpu` sample by default. */
export class ScriptedCollector implements Collector {
  readonly name: string;
  minIntervalMs: number | undefined;
  opening: () => Promise<OpenResult> = async () => ({ status: "ready", detail: "1 device" });
  reading: (atMs: number) => Promise<readonly Observation[]> = async (atMs) => [
    { kind: "gpu", atMs, gpu: 0 },
  ];
  opens = 0;
  collects: number[] = [];
  closes = 0;

  constructor(name = "scripted") {
    this.name = name;
  }

  open(): Promise<OpenResult> {
    this.opens += 1;
    return this.opening();
  }

  collect(atMs: number): Promise<readonly Observation[]> {
    this.collects.push(atMs);
    return this.reading(atMs);
  }

  async close(): Promise<void> {
    this.closes += 1;
  }
}
