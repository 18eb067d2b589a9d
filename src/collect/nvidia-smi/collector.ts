import { AssayError } from "../../model/errors.ts";
import type { NodeObservation, Observation } from "../../model/observation.ts";
import { sanitize } from "../../model/text.ts";
import type { Collector, OpenResult } from "../contract.ts";
import { AppsReader } from "./apps.ts";
import { SmiDevices } from "./devices.ts";
import { GpuLoop } from "./loop.ts";
import { absenceOf, failureOf } from "./messages.ts";
import { isListLine, parseList } from "./parse.ts";
import { runOnce, type RunResult } from "./run.ts";

export interface NvidiaSmiSettings {
  node: string;
  intervalMs: number;
  /** By default the `nvidia-smi` that PATH leads to. */
  path?: string | undefined;
}

export interface NvidiaSmiDeps {
  /** Milliseconds of a clock that never steps. */
  monotonicMs(): number;
}

const LIST_TIMEOUT_MS = 30_000;
/** MIG devices come and go without a sign in the rows. */
const RELIST_MS = 60_000;
/** Where the rows show that the list is wrong. */
const RELIST_SOON_MS = 5000;
const NO_DRIVER = "Install the NVIDIA driver, or give the container the `utility` capability.";

/** What lives from one opening to the closing. */
interface Session {
  life: AbortController;
  loop: GpuLoop;
  apps: AppsReader;
  devices: SmiDevices;
}

/**
 * Reads NVIDIA devices from the output of `nvidia-smi`: the fall-back where its library cannot be
 * loaded. One long-lived run prints the readings, short runs tell the processes and MIG devices.
 */
export function createNvidiaSmiCollector(
  settings: NvidiaSmiSettings,
  deps: NvidiaSmiDeps,
): Collector {
  return new NvidiaSmiCollector(settings, deps);
}

class NvidiaSmiCollector implements Collector {
  readonly name = "nvidia-smi";
  readonly #settings: NvidiaSmiSettings;
  readonly #deps: NvidiaSmiDeps;
  readonly #path: string;
  /** Ends every child of this opening. */
  #life = new AbortController();
  #session: Session | undefined;
  #children: Promise<unknown>[] = [];
  #announced: string | undefined;
  #relisting = false;
  #listedMs = 0;

  constructor(settings: NvidiaSmiSettings, deps: NvidiaSmiDeps) {
    this.#settings = settings;
    this.#deps = deps;
    this.#path = settings.path ?? "nvidia-smi";
  }

  /** @throws AssayError `smi/failed` where it is there but fails */
  async open(): Promise<OpenResult> {
    await this.close();
    const life = new AbortController();
    this.#life = life;
    const { signal } = life;
    const list = await this.#list(signal);
    // One that was stopped may have listed a part; one that failed has listed what it can see.
    const listed = list.end.failure === undefined ? parseList(list.lines) : [];
    const devices = new SmiDevices(listed);
    if (devices.uuids.size === 0) return this.#absent(list);
    const { intervalMs } = this.#settings;
    const monotonicMs = (): number => this.#deps.monotonicMs();
    const common = { path: this.#path, intervalMs, signal, monotonicMs };
    const apps = new AppsReader(common);
    const firstApps = this.#track(apps.refresh());
    const loop = await this.#track(GpuLoop.start({ ...common, uuids: devices.uuids }));
    await firstApps;
    this.#session = { life, loop, apps, devices };
    return { status: "ready", detail: describe(devices, apps, list) };
  }

  async collect(atMs: number): Promise<readonly Observation[]> {
    const session = this.#session;
    if (!session) throw new AssayError("smi/failed", "nvidia-smi is not open");
    const { loop, apps, devices } = session;
    await loop.check();
    const rows = loop.takeFresh();
    this.#relistIfDue(session, devices.note(rows));
    // Its result is handed out at a later tick: a run may take longer than one.
    void this.#track(apps.refresh());
    const seen = apps.take();
    const node = this.#nodeIfChanged(devices, atMs);
    return [
      ...(node ? [node] : []),
      ...devices.samples(rows, atMs),
      ...(seen ? devices.processes(seen, atMs) : []),
    ];
  }

  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    this.#announced = undefined;
    this.#life.abort();
    await Promise.allSettled([session?.loop.stop("the agent closed it"), ...this.#children]);
  }

  /** Why nothing is listed. @throws AssayError where that is a fault */
  #absent({ complete, end }: RunResult): OpenResult {
    if (end.errno === "ENOENT") {
      return { status: "absent", reason: `${sanitize(this.#path)} not found`, hint: NO_DRIVER };
    }
    const absence = absenceOf(end);
    if (absence) return { status: "absent", ...absence };
    if (!complete) throw failureOf("nvidia-smi -L", end);
    return { status: "absent", reason: "nvidia-smi lists no device" };
  }

  async #list(signal: AbortSignal): Promise<RunResult> {
    this.#listedMs = this.#deps.monotonicMs();
    const run = runOnce(this.#path, ["-L"], { timeoutMs: LIST_TIMEOUT_MS, signal });
    return this.#track(run);
  }

  /** Remembers a run until it has ended, so that closing leaves none behind. */
  async #track<T>(run: Promise<T>): Promise<T> {
    this.#children.push(run);
    try {
      return await run;
    } finally {
      this.#children = this.#children.filter((other) => other !== run);
    }
  }

  /** In the background: the samples of this tick do not wait for it. */
  #relistIfDue({ life, devices }: Session, isStale: boolean): void {
    const ageMs = this.#deps.monotonicMs() - this.#listedMs;
    const dueMs = isStale ? RELIST_SOON_MS : RELIST_MS;
    if (this.#relisting || ageMs < dueMs || !(isStale || devices.hasMig)) return;
    this.#relisting = true;
    void this.#list(life.signal)
      .then((list) => list.complete && devices.relist(parseList(list.lines)))
      .finally(() => {
        this.#relisting = false;
      });
  }

  #nodeIfChanged(devices: SmiDevices, atMs: number): NodeObservation | undefined {
    const gpus = devices.gpus();
    const shape = JSON.stringify(gpus);
    if (shape === this.#announced) return undefined;
    this.#announced = shape;
    const { node, intervalMs } = this.#settings;
    return { kind: "node", atMs, node, source: "nvidia-smi", simulated: false, intervalMs, gpus };
  }
}

/** A GPU that has fallen off the bus is no row of the list, but a message beside it. */
function describe(devices: SmiDevices, { failure }: AppsReader, { end }: RunResult): string {
  const gpus = devices.gpus().map((gpu) => `${gpu.index} ${gpu.model}`);
  const silent = failure === undefined ? [] : [`processes cannot be read: ${failure}`];
  const said = end.messages.filter((line) => !isListLine(line));
  return ["nvidia-smi", ...gpus, ...silent, ...said.slice(0, 1)].join("; ");
}
