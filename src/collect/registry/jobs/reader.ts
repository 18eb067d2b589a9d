import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { RegistryEntry } from "../../../model/sample.ts";
import type { OpenResult } from "../../contract.ts";
import { readBounded } from "../../files.ts";
import { parseBootTimeMs } from "../../processes/parse.ts";
import { UserNames } from "../../processes/users.ts";
import { registryError, type RegistryDeps, type RegistryReader } from "../collector.ts";
import { OnceTold } from "../once.ts";
import { codeOf } from "../socket.ts";
import { folderFault, readTrusted } from "./files.ts";
import { gpuOfFileName, type Job, parseJobs } from "./parse.ts";

export interface JobsSettings {
  /** Where the prolog writes a file for each GPU. */
  directory: string;
  /** Of jobs that do not say theirs. */
  scheduler: string;
  /** Tells when the machine was started: what is older is of jobs that ended with it. */
  procRoot: string;
  passwdPath?: string | undefined;
}

const NAME = "prolog";
const MAX_FILES = 1024;
const MAX_PROC_STAT_BYTES = 1024 ** 2;
/** The kernel's boot time is in whole seconds, and moves a little with the clock. */
const BOOT_SLACK_MS = 2000;
const FOLDER_HINT =
  "whoever can write there can say whose a GPU is: `chown root` and `chmod 755` it, and what is above it";
const FILE_HINT =
  "the files are to be plain, of root, and writable by it alone: docs/registries.md has a prolog";

/** The jobs that a scheduler's prolog has written down, a file a GPU. */
export class JobsReader implements RegistryReader {
  readonly #settings: JobsSettings;
  readonly #once: OnceTold;
  readonly #users: UserNames;
  /** Read once: to the kernel it is dear, as it counts all interrupts for the same file. */
  #bootMs: number | undefined;

  constructor(settings: JobsSettings, { onNotice }: RegistryDeps) {
    this.#settings = settings;
    this.#once = new OnceTold(onNotice);
    this.#users = new UserNames(settings.passwdPath ?? "/etc/passwd");
  }

  async open(): Promise<OpenResult> {
    const { directory } = this.#settings;
    try {
      await this.#check();
      return { status: "ready", detail: directory };
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error;
      return { status: "absent", reason: `there is no ${directory}` };
    }
  }

  /** @throws AssayError `collect/registry` where others can write the folder, or it is gone */
  async read(): Promise<readonly RegistryEntry[]> {
    const { directory, scheduler } = this.#settings;
    const names = await this.#check();
    const bootMs = (this.#bootMs ??= this.#readBootMs());
    const found = new Map<string, { job: Job; gpus: string[] }>();
    for (const name of names) {
      const gpu = gpuOfFileName(name);
      if (gpu === undefined) continue;
      const file = await readTrusted(join(directory, name));
      if (file.status === "refused") this.#tell(name, file.reason);
      if (file.status !== "read") continue;
      if (bootMs !== undefined && file.changedAtMs < bootMs - BOOT_SLACK_MS) {
        this.#tell(name, "is older than the start of the machine, so its job is over");
        continue;
      }
      const { jobs, faults } = parseJobs(file.text, scheduler);
      for (const fault of faults) this.#tell(name, `holds ${fault}`);
      for (const job of jobs) {
        const key = JSON.stringify(job);
        const known = found.get(key);
        if (!known) found.set(key, { job, gpus: [gpu] });
        else if (!known.gpus.includes(gpu)) known.gpus.push(gpu);
      }
    }
    return [...found.values()].map(({ job, gpus }) => ({ gpus, job: this.#withUser(job) }));
  }

  async close(): Promise<void> {
    this.#bootMs = undefined;
  }

  async #check(): Promise<string[]> {
    const { directory: place } = this.#settings;
    let fault: string | undefined;
    let names: string[] = [];
    try {
      fault = await folderFault(place);
      names = await readdir(place);
    } catch (error) {
      if (codeOf(error) === "ENOENT") throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw registryError(NAME, reason, { place, hint: FOLDER_HINT, cause: error });
    }
    if (fault !== undefined) throw registryError(NAME, fault, { place, hint: FOLDER_HINT });
    if (names.length > MAX_FILES) this.#tell(place, `holds more than ${MAX_FILES} files`);
    return names.sort().slice(0, MAX_FILES);
  }

  #readBootMs(): number | undefined {
    const path = join(this.#settings.procRoot, "stat");
    return parseBootTimeMs(readBounded(path, MAX_PROC_STAT_BYTES) ?? "");
  }

  #withUser(job: Job): Job {
    const { uid, user } = job;
    if (uid === undefined || user !== undefined) return job;
    const name = this.#users.nameOf(uid);
    return name === `uid:${uid}` ? job : { ...job, user: name };
  }

  #tell(name: string, what: string): void {
    this.#once.tell(`the prolog's file ${name} ${what}: it is not believed`, FILE_HINT);
  }
}
