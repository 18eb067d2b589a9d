/** The order of things: what is missing, as far as the time goes. */
import { join } from "node:path";
import { statSync } from "node:fs";
import { writeConfig } from "./assay.ts";
import { Builder } from "./build.ts";
import { calibrateOnce } from "./calibrate.ts";
import type { Workload } from "./catalogue.ts";
import { type Device, findDevice } from "./device.ts";
import { messageOf, Refused, Stopped } from "./faults.ts";
import type { OutFolder } from "./folder.ts";
import type { Guard } from "./guard.ts";
import { PLAN_EXTRA_SECONDS } from "./listing.ts";
import type { Options } from "./options.ts";
import { Runner } from "./run.ts";

/** A calibration may take this share of the time, so that a short call still records. */
const CALIBRATION_SHARE = 0.25;
/** A traced run of one workload. */
const PROFILE_SECONDS = 15;

export interface CampaignSettings {
  options: Options;
  chosen: readonly Workload[];
  guard: Guard;
  signal: AbortSignal;
  print: (text: string) => void;
}

export interface Outcome {
  device: Device;
  /** What went wrong in this call, by workload. */
  failures: ReadonlyMap<string, string>;
}

/** @throws UsageError, Failed where no device can be recorded: nothing was started then */
export async function runCampaign(folder: OutFolder, settings: CampaignSettings): Promise<Outcome> {
  const { options, guard, signal, print } = settings;
  const startMs = performance.now();
  const config = folder.file("recorder.yaml");
  writeConfig(config, options);
  const plain = { ...process.env, ...guard.mark };
  const device = await findDevice(options.gpu, config, plain);
  print(`GPU ${device.index}: ${device.model}\n`);
  if (device.pids.length > 0)
    print(`others are on it: processes ${device.pids.join(", ")}; no truth holds for their work\n`);
  const env = workloadEnvironment(plain, device);
  const builder = new Builder({
    nvcc: options.nvcc,
    sources: join(options.workloads, "cuda"),
    folder: join(options.build, modelName(device)),
    jobs: options.jobs,
    env,
  });
  const runner = new Runner({ options, folder, builder, config, env, signal });
  const campaign = new Campaign(folder, runner, builder, settings, startMs);
  campaign.announce();
  const seconds = Math.min(options.calibrateSeconds, CALIBRATION_SHARE * options.minutes * 60);
  if (campaign.todo.length > 0) {
    const said = await calibrateOnce({
      file: folder.file("calibration.json"),
      stateDir: folder.state,
      log: join(folder.logs, "calibration.log"),
      config,
      device,
      seconds,
      signal,
      env: plain,
      isIdentified: options.identify,
    });
    print(`${said}\n`);
  }
  await campaign.run();
  await runner.close();
  return { device, failures: campaign.failures };
}

class Campaign {
  readonly failures = new Map<string, string>();
  readonly #folder: OutFolder;
  readonly #runner: Runner;
  readonly #builder: Builder;
  readonly #settings: CampaignSettings;
  readonly #startMs: number;

  constructor(
    folder: OutFolder,
    runner: Runner,
    builder: Builder,
    settings: CampaignSettings,
    startMs: number,
  ) {
    this.#folder = folder;
    this.#runner = runner;
    this.#builder = builder;
    this.#settings = settings;
    this.#startMs = startMs;
  }

  /** Workloads that are not recorded, or not traced though they should be. */
  get todo(): Workload[] {
    const { refused } = this.#folder;
    return this.#settings.chosen.filter(
      (workload) => refused[workload.name] === undefined && !this.#isDone(workload),
    );
  }

  announce(): void {
    const { chosen, options, print } = this.#settings;
    const { todo } = this;
    const done = chosen.filter((workload) => this.#isDone(workload)).length;
    print(`${done} of ${chosen.length} are there already, ${todo.length} to do in `);
    print(`${options.minutes} minutes\n`);
    const refused = Object.entries(this.#folder.refused);
    for (const [name, why] of refused) print(`not tried again: ${name}: ${why}\n`);
    if (options.minutes === 0) return;
    // All at once: they wait for their turn, in the order in which they will be needed.
    for (const { parts } of todo)
      for (const { kind, program, library } of parts) {
        if (kind === "cuda") void this.#builder.get(program);
        if (library !== undefined) void this.#builder.get(library, true);
      }
  }

  async run(): Promise<void> {
    const { todo } = this;
    const { signal, options, print } = this.#settings;
    for (const [i, workload] of todo.entries()) {
      if (signal.aborted) return;
      if (this.#leftSeconds() < this.#estimate(workload)) {
        print(`-- ${workload.name} and what follows: no time left; call again\n`);
        return;
      }
      const next = todo[i + 1];
      const reaches = next && this.#leftSeconds() > this.#estimate(workload) + this.#estimate(next);
      await this.#record(workload, reaches && !options.profile ? next : undefined);
      if (options.profile && this.#leftSeconds() > workload.warmSeconds + PROFILE_SECONDS)
        await this.#profile(workload);
    }
  }

  async #record(workload: Workload, following: Workload | undefined): Promise<void> {
    const { name } = workload;
    const file = this.#folder.recording(name);
    if (this.#folder.has(file)) return;
    const atMs = performance.now();
    await this.#trying(name, async () => {
      await this.#runner.record(workload, following);
      const seconds = Math.round((performance.now() - atMs) / 1000);
      this.#say(atMs, name, `ok, ${seconds} s, ${statSync(file).size} bytes`);
    });
  }

  async #profile(workload: Workload): Promise<void> {
    if (!this.#folder.has(this.#folder.recording(workload.name))) return;
    await this.#trying(`${workload.name} (profile)`, () => this.#runner.profile(workload));
  }

  /** What goes wrong with one workload is told, and the next one follows. */
  async #trying(name: string, work: () => Promise<void>): Promise<void> {
    const atMs = performance.now();
    try {
      await work();
    } catch (error) {
      if (error instanceof Stopped) return;
      if (error instanceof Refused) {
        this.#folder.refuse(name, error.message);
        this.#say(atMs, name, `refused: ${error.message}`);
        return;
      }
      this.failures.set(name, messageOf(error));
      this.#say(atMs, name, `FAILED: ${messageOf(error)}`);
    }
  }

  #say(atMs: number, name: string, what: string): void {
    const at = Math.round((atMs - this.#startMs) / 1000);
    this.#settings.print(`${String(at).padStart(6)} s  ${name.padEnd(20)} ${what}\n`);
  }

  #isDone(workload: Workload): boolean {
    if (!this.#folder.has(this.#folder.recording(workload.name))) return false;
    return !this.#settings.options.profile || this.#runner.isProfiled(workload);
  }

  #leftSeconds(): number {
    return this.#settings.options.minutes * 60 - (performance.now() - this.#startMs) / 1000;
  }

  #estimate(workload: Workload): number {
    const measured = this.#runner.secondsOf(workload);
    return workload.warmSeconds + measured + this.#settings.options.gap + PLAN_EXTRA_SECONDS;
  }
}

function workloadEnvironment(plain: NodeJS.ProcessEnv, { uuid }: Device): NodeJS.ProcessEnv {
  return {
    ...plain,
    // By its name: CUDA counts devices in another order than the driver, or sees fewer of them.
    CUDA_VISIBLE_DEVICES: uuid,
    PYTHONUNBUFFERED: "1",
    PYTHONDONTWRITEBYTECODE: "1",
    TOKENIZERS_PARALLELISM: "false",
  };
}

/** `NVIDIA H200` → `nvidia-h200`: for names of files and folders. */
export const modelName = ({ model }: Pick<Device, "model">): string =>
  model
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "") || "gpu";
