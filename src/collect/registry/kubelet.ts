import { basename } from "node:path";
import { z } from "zod";
import type { RegistryEntry } from "../../model/sample.ts";
import type { OpenResult } from "../contract.ts";
import { listCards } from "../drm/cards.ts";
import { registryError, type RegistryDeps, type RegistryReader } from "./collector.ts";
import type { CardUuids } from "./device-ids.ts";
import { GrpcSocket, type UnaryMethod } from "./grpc.ts";
import { kubeletEntries, type PodGrants } from "./kubelet-entries.ts";
import { OnceTold } from "./once.ts";
import { PodLogs } from "./pod-logs.ts";
import { lookAtSocket } from "./socket.ts";

export interface KubeletSettings {
  /** Of the pod-resources interface. */
  socket: string;
  /** Where `pods` and `containers` are: `/var/log`. */
  logRoot: string;
  /** Where AMD's and Intel's cards are found by address. */
  sysRoot: string;
  timeoutMs: number;
}

const NAME = "kubelet";
const HINT = "run as root, or mount the folder of the socket and let the agent's user open it";
const LIST: UnaryMethod<{ pods: PodGrants[] }> = {
  path: "/v1.PodResourcesLister/List",
  request: "assay.Nothing",
  response: "assay.PodResources",
  schema: z.object({
    pods: z.array(
      z.object({
        name: z.string(),
        namespace: z.string(),
        containers: z.array(
          z.object({
            name: z.string(),
            devices: z.array(z.object({ resource: z.string(), ids: z.array(z.string()) })),
          }),
        ),
      }),
    ),
  }),
};

/**
 * Kubernetes' pods: devices from the kubelet's pod-resources socket, uids and container ids from the
 * names of its logs. Where the socket is missing the names alone are told.
 */
export class KubeletReader implements RegistryReader {
  readonly #settings: KubeletSettings;
  readonly #logs: PodLogs;
  readonly #once: OnceTold;
  #socket: GrpcSocket | undefined;
  /** The socket has answered: without it devices would seem to be nobody's, so it is waited for. */
  #hasServed = false;

  constructor(settings: KubeletSettings, { onNotice }: RegistryDeps) {
    this.#settings = settings;
    this.#logs = new PodLogs(settings.logRoot);
    this.#once = new OnceTold(onNotice);
  }

  async open(): Promise<OpenResult> {
    await this.close();
    const { socket, logRoot, timeoutMs } = this.#settings;
    const found = await lookAtSocket(socket, timeoutMs);
    if (found.status === "listening") {
      this.#socket = await GrpcSocket.to(socket);
      await this.#list(this.#socket);
      return { status: "ready", detail: socket };
    }
    if (found.status === "denied") this.#once.tell(found.reason, HINT);
    if (this.#hasServed || !(await this.#logs.isThere())) {
      const hint = found.status === "denied" ? HINT : undefined;
      return { status: "absent", reason: found.reason, hint };
    }
    return { status: "ready", detail: `names of ${logRoot}, no devices: ${found.reason}` };
  }

  async read(): Promise<readonly RegistryEntry[]> {
    this.#socket ??= await this.#findSocket();
    const [pods, logs] = await Promise.all([
      this.#socket ? this.#list(this.#socket) : [],
      this.#logs.read(),
    ]);
    return kubeletEntries(pods, logs, this.#cardUuids());
  }

  async close(): Promise<void> {
    this.#socket?.close();
    this.#socket = undefined;
  }

  async #findSocket(): Promise<GrpcSocket | undefined> {
    const { socket, timeoutMs } = this.#settings;
    const found = await lookAtSocket(socket, timeoutMs);
    return found.status === "listening" ? GrpcSocket.to(socket) : undefined;
  }

  async #list(socket: GrpcSocket): Promise<PodGrants[]> {
    const { timeoutMs, socket: place } = this.#settings;
    try {
      const { pods } = await socket.call(LIST, { timeoutMs });
      this.#hasServed = true;
      return pods;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const hint = "is it the kubelet's pod-resources socket, and does the kubelet run?";
      throw registryError(NAME, message, { place, hint, cause: error });
    }
  }

  /** Looked up at most once a reading, and only where such a card was given to somebody. */
  #cardUuids(): CardUuids {
    let known: Map<string, string> | undefined;
    return (card) => {
      known ??= new Map(
        listCards(this.#settings.sysRoot).flatMap(({ slot, cardPath, uuid }) => [
          [slot, uuid] as const,
          [basename(cardPath), uuid] as const,
        ]),
      );
      return known.get(card);
    };
  }
}
