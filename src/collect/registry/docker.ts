import type { RegistryEntry } from "../../model/sample.ts";
import type { OpenResult } from "../contract.ts";
import { registryError, type RegistryReader } from "./collector.ts";
import { containerEntry, listContainers } from "./engine-containers.ts";
import type { LabelFilter } from "./labels.ts";
import { lookAtSocket } from "./socket.ts";

export interface DockerSettings {
  socket: string;
  labels: LabelFilter;
  timeoutMs: number;
}

const HINT = "run as root, or add the agent's user to the socket's group (docker)";

/** Docker's containers. Asked is `GET /containers/json`, and nothing else. */
export class DockerReader implements RegistryReader {
  readonly #settings: DockerSettings;
  #life = new AbortController();

  constructor(settings: DockerSettings) {
    this.#settings = settings;
  }

  async open(): Promise<OpenResult> {
    await this.close();
    this.#life = new AbortController();
    const { socket, timeoutMs } = this.#settings;
    const found = await lookAtSocket(socket, timeoutMs);
    if (found.status !== "listening") {
      const hint = found.status === "denied" ? HINT : undefined;
      return { status: "absent", reason: found.reason, hint };
    }
    await this.read();
    return { status: "ready", detail: socket };
  }

  async read(): Promise<readonly RegistryEntry[]> {
    const { socket, timeoutMs, labels } = this.#settings;
    try {
      const found = await listContainers(socket, { timeoutMs, signal: this.#life.signal });
      return found.map((one) => containerEntry(one, labels));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw registryError("docker", message, { place: socket, cause: error });
    }
  }

  async close(): Promise<void> {
    this.#life.abort();
  }
}
