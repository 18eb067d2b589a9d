import { z } from "zod";
import type { RegistryEntry } from "../../model/sample.ts";
import type { OpenResult } from "../contract.ts";
import { registryError, type RegistryReader } from "./collector.ts";
import { podOf } from "./engine-containers.ts";
import { GrpcSocket, type UnaryMethod } from "./grpc.ts";
import { entryOf, type LabelFilter } from "./labels.ts";
import { lookAtSocket } from "./socket.ts";

export interface ContainerdSettings {
  socket: string;
  labels: LabelFilter;
  timeoutMs: number;
}

const HINT = "run as root: containerd's socket opens for nobody else";
const MAX_NAMESPACES = 16;
/** Docker tells of its own containers, with their names. */
const DOCKER = "moby";
/** Only the kubelet's containers carry its labels by right. */
const KUBERNETES = "k8s.io";
const ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;

const NAMESPACES: UnaryMethod<{ namespaces: { name: string }[] }> = {
  path: "/containerd.services.namespaces.v1.Namespaces/List",
  request: "assay.Nothing",
  response: "assay.Namespaces",
  schema: z.object({ namespaces: z.array(z.object({ name: z.string() })) }),
};

const containerSchema = z.object({
  id: z.string(),
  labels: z.record(z.string(), z.string()),
  image: z.string(),
});
type Container = z.infer<typeof containerSchema>;

const CONTAINERS: UnaryMethod<{ containers: Container[] }> = {
  path: "/containerd.services.containers.v1.Containers/List",
  request: "assay.Nothing",
  response: "assay.Containers",
  schema: z.object({ containers: z.array(containerSchema) }),
};

/** The containers of containerd, of every namespace but Docker's. */
export class ContainerdReader implements RegistryReader {
  readonly #settings: ContainerdSettings;
  #socket: GrpcSocket | undefined;

  constructor(settings: ContainerdSettings) {
    this.#settings = settings;
  }

  async open(): Promise<OpenResult> {
    await this.close();
    const { socket, timeoutMs } = this.#settings;
    const found = await lookAtSocket(socket, timeoutMs);
    if (found.status !== "listening") {
      const hint = found.status === "denied" ? HINT : undefined;
      return { status: "absent", reason: found.reason, hint };
    }
    this.#socket = await GrpcSocket.to(socket);
    await this.read();
    return { status: "ready", detail: socket };
  }

  async read(): Promise<readonly RegistryEntry[]> {
    const { timeoutMs, socket: place } = this.#settings;
    const socket = this.#socket;
    if (!socket) throw registryError("containerd", "it is not open", { place });
    try {
      const { namespaces } = await socket.call(NAMESPACES, { timeoutMs });
      const names = namespaces.map(({ name }) => name).filter((name) => name !== DOCKER);
      const lists = await Promise.all(
        names.slice(0, MAX_NAMESPACES).map(async (name) => this.#containersOf(socket, name)),
      );
      return lists.flat();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw registryError("containerd", message, { place, cause: error });
    }
  }

  async close(): Promise<void> {
    this.#socket?.close();
    this.#socket = undefined;
  }

  async #containersOf(socket: GrpcSocket, namespace: string): Promise<RegistryEntry[]> {
    const { timeoutMs, labels } = this.#settings;
    const headers = { "containerd-namespace": namespace };
    const { containers } = await socket.call(CONTAINERS, { timeoutMs, headers });
    return containers
      .filter(({ id }) => ID.test(id))
      .map((one) => containerEntry(one, namespace === KUBERNETES, labels));
  }
}

function containerEntry(container: Container, isPods: boolean, filter: LabelFilter): RegistryEntry {
  const { id, image, labels } = container;
  const pod = isPods ? podOf(labels) : undefined;
  const name = labels["nerdctl/name"] ?? pod?.container;
  return entryOf({ id, name, image }, pod, filter.kept(labels));
}
