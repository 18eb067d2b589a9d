/** One workload: recorder, parts, truth, recording. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { intervalMs, Recorder } from "./assay.ts";
import type { Builder } from "./build.ts";
import type { Part, Workload } from "./catalogue.ts";
import { Child, pause } from "./child.ts";
import { happenedMs } from "./event.ts";
import { Failed, Stopped } from "./faults.ts";
import { finishRecording, writeRecording } from "./finish.ts";
import type { OutFolder } from "./folder.ts";
import { launchesLine, type PartRun } from "./lines.ts";
import { MIN_SECONDS, type Options } from "./options.ts";
import { MIN_TRUTH_MS, type Stretch } from "./stretches.ts";

/** The end of that time which is already in the recording. */
const LEAD_MS = 1000;
/** Kept out of the truth at both ends. */
const MARGIN_MS = 500;
/** Parts of one workload start one after the other, so they run until they are told to stop. */
const BESIDE_SECONDS = 240;
const IMPORT_MS = 120_000;
/** Two clocks of one machine drift apart by less than this, unless somebody sets one. */
const MAX_STEP_MS = 250;
const PROFILE_SECONDS = 4;

export interface RunnerSettings {
  options: Options;
  folder: OutFolder;
  builder: Builder;
  config: string;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
}

interface Running {
  part: Part;
  child: Child;
}

const isAt = (process: Running): PartRun => ({
  part: process.part,
  pid: process.child.pid,
  events: process.child.events,
});

export class Runner {
  readonly #settings: RunnerSettings;
  /** The next workload's first part: imported, and waiting for the device. */
  #early: { workload: Workload; child: Child } | undefined;
  #quietSinceMs = performance.now();

  constructor(settings: RunnerSettings) {
    this.#settings = settings;
  }

  /** How long a workload is measured. */
  secondsOf({ scale }: Workload): number {
    return Math.max(MIN_SECONDS, this.#settings.options.seconds * scale);
  }

  /**
   * Makes one recording; while it is measured, the framework of `following` is imported.
   * @throws Failed, Refused, Stopped: nothing is left of it then
   */
  async record(workload: Workload, following: Workload | undefined): Promise<void> {
    const { folder, config, env, options, signal } = this.#settings;
    await this.#builtParts(workload);
    const raw = folder.unfinished(workload.name);
    rmSync(raw, { force: true });
    const log = join(folder.logs, `${workload.name}.recorder.log`);
    const recorder = new Recorder({ file: raw, config, intervalMs: intervalMs(options), log, env });
    const parts: Running[] = [];
    try {
      await recorder.isRecording(signal);
      await pause(
        Math.max(LEAD_MS, this.#quietSinceMs + options.gap * 1000 - performance.now()),
        signal,
      );
      const clock = new SteadyClock();
      const askedMs = Date.now();
      await this.#startAll(workload, parts);
      const readyMs = Date.now();
      if (following) await this.#prepare(following);
      const endedMs = await this.#measure(workload, parts, recorder);
      await this.#endAll(parts);
      clock.throwIfStepped();
      await recorder.finish();
      const span = { fromMs: readyMs + MARGIN_MS, toMs: endedMs - MARGIN_MS };
      await this.#finish(workload, parts.map(isAt), span, (readyMs - askedMs) / 1000);
    } finally {
      await Promise.all([...parts.map(({ child }) => child.end(1000)), recorder.abandon()]);
      this.#quietSinceMs = performance.now();
      rmSync(raw, { force: true });
    }
  }

  /** A second, short run of each Python part with a moment of its kernels traced. @throws as `record` */
  async profile(workload: Workload): Promise<void> {
    const { folder } = this.#settings;
    for (const [index, part] of workload.parts.entries()) {
      const target = folder.launches(workload.name, index);
      if (part.kind !== "python" || folder.has(target)) continue;
      const child = await this.#launch(workload, index, { isProfiled: true });
      try {
        await this.#keepLaunches(workload, { part, child }, target);
      } finally {
        await child.end(2000);
        this.#quietSinceMs = performance.now();
      }
    }
  }

  /** Which parts have no traced run yet. */
  isProfiled({ name, parts }: Workload): boolean {
    const { folder } = this.#settings;
    return parts.every(
      ({ kind }, index) => kind !== "python" || folder.has(folder.launches(name, index)),
    );
  }

  async close(): Promise<void> {
    await this.#early?.child.end(1000);
  }

  async #keepLaunches(workload: Workload, running: Running, target: string): Promise<void> {
    const { options, signal } = this.#settings;
    const event = await running.child.waitFor("launches", this.#patienceMs(workload, 120), signal);
    if (event.list === undefined || event.windowSeconds === undefined)
      throw new Failed("its list of launches says nothing");
    const toMs = happenedMs(event);
    const t = toMs / 1000;
    const { part, child } = running;
    writeRecording(target, [
      {
        kind: "recording",
        version: 1,
        node: options.node,
        source: "profiler",
        intervalSeconds: event.windowSeconds,
        gpus: [],
      },
      launchesLine(t, child.pid, event.windowSeconds, event.list),
      {
        kind: "truth",
        gpu: options.gpu,
        from: Math.round(toMs - event.windowSeconds * 1000) / 1000,
        to: t,
        label: part.label,
        workload: workload.name,
        family: workload.family,
        pid: child.pid,
      },
    ]);
  }

  async #builtParts({ parts }: Workload): Promise<void> {
    const { builder } = this.#settings;
    for (const { kind, program, library } of parts) {
      if (kind === "cuda") await builder.get(program);
      if (library !== undefined) await builder.get(library, true);
    }
  }

  async #startAll(workload: Workload, running: Running[]): Promise<void> {
    const { signal } = this.#settings;
    for (const [index, part] of workload.parts.entries()) {
      if (part.kind === "none") continue;
      const child = await this.#started(workload, index);
      running.push({ part, child });
      await child.waitFor("ready", this.#patienceMs(workload, 90), signal);
    }
  }

  async #started(workload: Workload, index: number): Promise<Child> {
    const early = this.#early;
    this.#early = undefined;
    if (index !== 0 || early?.workload !== workload) {
      await early?.child.end(1000);
      return this.#launch(workload, index);
    }
    try {
      await early.child.waitFor("imported", IMPORT_MS, this.#settings.signal);
    } catch (error) {
      await early.child.end(1000);
      throw error;
    }
    early.child.send("go");
    return early.child;
  }

  /** Host work only: it does not touch the device before it is told to. */
  async #prepare(workload: Workload): Promise<void> {
    if (this.#early || workload.parts[0]?.kind !== "python") return;
    try {
      this.#early = { workload, child: await this.#launch(workload, 0, { isWaiting: true }) };
    } catch {
      // Its own turn will tell.
    }
  }

  async #launch(
    workload: Workload,
    index: number,
    { isWaiting = false, isProfiled = false } = {},
  ): Promise<Child> {
    const { options, folder, env } = this.#settings;
    const part = workload.parts[index];
    if (!part) throw new Failed(`it has no part ${index}`);
    const beside = workload.parts.length > 1 ? BESIDE_SECONDS : 0;
    const seconds = isProfiled ? PROFILE_SECONDS : this.secondsOf(workload) + beside;
    const how = [...(isWaiting ? ["--wait"] : []), ...(isProfiled ? ["--profile"] : [])];
    const command = await this.#command(part, ["--seconds", String(seconds), ...how]);
    const log = join(folder.logs, `${workload.name}.${index}${isProfiled ? ".profile" : ""}.log`);
    return new Child({ command, log, cwd: options.workloads, env });
  }

  async #command(part: Part, how: readonly string[]): Promise<[string, ...string[]]> {
    const { builder, options } = this.#settings;
    const { library, program } = part;
    if (part.kind === "cuda") return [await builder.get(program), ...part.arguments, ...how];
    const more = library === undefined ? [] : ["--library", await builder.get(library, true)];
    return [options.python, program, ...part.arguments, ...how, ...more];
  }

  #patienceMs({ warmSeconds }: Workload, least: number): number {
    const { warmTimeout } = this.#settings.options;
    return 1000 * (warmTimeout ?? Math.max(least, 4 * warmSeconds));
  }

  /** @returns when the first part ended, or the time was up. Unix milliseconds */
  async #measure(
    workload: Workload,
    parts: readonly Running[],
    recorder: Recorder,
  ): Promise<number> {
    const { signal, options } = this.#settings;
    // One that does not end by itself is made to; until then it did what it does.
    const lateMs = options.patience * 1000;
    const startMs = performance.now();
    const endMs = startMs + this.secondsOf(workload) * 1000;
    const asked = Date.now() + (endMs - startMs);
    const [alone] = parts.length === 1 ? parts : [];
    for (;;) {
      if (signal.aborted) throw new Stopped();
      recorder.throwIfEnded();
      const done = alone?.child.find("done");
      if (done) return happenedMs(done);
      for (const { part, child } of parts)
        if (child.hasEnded || child.find("done"))
          throw new Failed(`${part.program} ended early (${child.exit}): ${child.tail()}`);
      const leftMs = endMs - performance.now();
      if (leftMs <= (alone ? -lateMs : 0)) return asked;
      await pause(Math.min(50, leftMs + lateMs), signal);
    }
  }

  async #endAll(parts: readonly Running[]): Promise<void> {
    for (const { child } of parts) child.terminate();
    await Promise.all(parts.map(({ child }) => child.end(this.#settings.options.patience * 1000)));
  }

  async #finish(
    workload: Workload,
    parts: readonly PartRun[],
    span: Stretch,
    warmSeconds: number,
  ): Promise<void> {
    const { folder, options } = this.#settings;
    const { gpu, node, identify } = options;
    const tookMs = span.toMs - span.fromMs;
    if (tookMs < MIN_TRUTH_MS) throw new Failed(`only ${(tookMs / 1000).toFixed(1)} s of truth`);
    await finishRecording({
      raw: folder.unfinished(workload.name),
      target: folder.recording(workload.name),
      gpu,
      node,
      workload,
      parts,
      span,
      warmSeconds,
      intervalMs: intervalMs(options),
      isIdentified: identify,
    });
  }
}

/** Truth is told by the wall clock, so a wall clock that was set spoils it. */
class SteadyClock {
  readonly #offsetMs = Date.now() - performance.now();

  /** @throws Failed */
  throwIfStepped(): void {
    const stepMs = Date.now() - performance.now() - this.#offsetMs;
    if (Math.abs(stepMs) <= MAX_STEP_MS) return;
    throw new Failed(`somebody set the clock by ${(stepMs / 1000).toFixed(1)} s meanwhile`);
  }
}
