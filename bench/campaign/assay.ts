/** The project's own program, as it ships: it looks for the device, calibrates it and records it. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Child } from "./child.ts";
import { Failed, Stopped, UsageError } from "./faults.ts";
import { writeJson } from "./json-file.ts";
import type { Options } from "./options.ts";

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
/** Drivers that sleep take seconds to wake, and the recorder measures itself for 2 s first. */
const START_MS = 30_000;
const END_MS = 10_000;

/** @throws UsageError where it was not built */
export function assayCommand(...args: readonly string[]): [string, ...string[]] {
  if (!existsSync(MAIN)) throw new UsageError(`${MAIN} is not there: npm run build`);
  return [process.execPath, MAIN, ...args];
}

/** Only what NVML reads, at the rate of the campaign. YAML takes JSON. */
export function writeConfig(file: string, { node, library }: Options): void {
  writeJson(file, {
    node,
    collect: {
      nvml: library === undefined ? {} : { library },
      nvidiaSmi: { enabled: false },
      drm: { enabled: false },
    },
  });
}

export const intervalMs = ({ hz }: Pick<Options, "hz">): number => Math.round(1000 / hz);

export interface RecorderSettings {
  file: string;
  config: string;
  intervalMs: number;
  log: string;
  env: NodeJS.ProcessEnv;
}

/** One running `assay record`. */
export class Recorder {
  readonly #child: Child;

  constructor({ file, config, intervalMs: ms, log, env }: RecorderSettings) {
    const args = ["record", file, "--interval", `${ms}ms`, "--config", config];
    this.#child = new Child({ command: assayCommand(...args), log, env });
  }

  get hasEnded(): boolean {
    return this.#child.hasEnded;
  }

  /** Resolves when it records. @throws Failed, Stopped */
  async isRecording(signal: AbortSignal): Promise<void> {
    const untilMs = performance.now() + START_MS;
    while (!/^recording /m.test(this.#child.said)) {
      if (signal.aborted) throw new Stopped();
      this.throwIfEnded();
      if (performance.now() > untilMs) throw new Failed("the recorder did not start");
      await this.#child.change(50, signal);
    }
  }

  /** @throws Failed */
  throwIfEnded(): void {
    if (this.hasEnded) throw new Failed(`recorder: ${this.#child.exit}: ${this.#child.tail()}`);
  }

  /** Ends the file whole. @throws Failed where it did not */
  async finish(): Promise<void> {
    await this.#child.end(END_MS);
    if (this.#child.exit !== "exit 0") this.throwIfEnded();
  }

  /** Ends it however it can. */
  async abandon(): Promise<void> {
    await this.#child.end(1000);
  }
}
