import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { ContainerdReader } from "../../../src/collect/registry/containerd.ts";
import { LabelFilter } from "../../../src/collect/registry/labels.ts";
import { temporaryFolder } from "../../support/temporary.ts";
import { type Handler, serveGrpc } from "./support/grpc-server.ts";

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

const id = (digit: string): string => digit.repeat(64);
const POD = {
  "io.kubernetes.pod.namespace": "ml",
  "io.kubernetes.pod.name": "train-0",
  "io.kubernetes.pod.uid": "u-1",
  "io.kubernetes.container.name": "main",
  "io.cri-containerd.kind": "container",
};

/** Containers by namespace; each comes with a specification that nobody here reads. */
async function containerd(
  byNamespace: Record<string, object[]>,
  list?: Handler,
  timeoutMs = 20_000,
) {
  const socket = join(temporaryFolder("containerd"), "containerd.sock");
  const asked: string[] = [];
  const stop = await serveGrpc(socket, [
    {
      path: "/containerd.services.namespaces.v1.Namespaces/List",
      response: "ListNamespacesResponse",
      handle: (_, answer) =>
        answer({ namespaces: Object.keys(byNamespace).map((name) => ({ name })) }),
    },
    {
      path: "/containerd.services.containers.v1.Containers/List",
      response: "ListContainersResponse",
      handle:
        list ??
        ((metadata, answer) => {
          const namespace = String(metadata.get("containerd-namespace")[0]);
          asked.push(namespace);
          const spec = Buffer.alloc(5000, 7);
          const containers = (byNamespace[namespace] ?? []).map((one) => ({ ...one, spec }));
          answer({ containers });
        }),
    },
  ]);
  const labels = new LabelFilter([]);
  const reader = new ContainerdReader({ socket, labels, timeoutMs });
  stops.push(stop, () => void reader.close());
  return { reader, socket, asked, stop };
}

describe("containerd's containers", () => {
  it("are told of every namespace but Docker's, with their pods in Kubernetes'", async () => {
    const { reader, socket, asked } = await containerd({
      "k8s.io": [
        { id: id("a"), image: "registry/train:1", labels: POD },
        { id: id("b"), labels: {} },
      ],
      default: [{ id: id("c"), labels: { "nerdctl/name": "box", "rock.x": "1", other: "no" } }],
      moby: [{ id: id("d") }],
    });
    expect(await reader.open()).toEqual({ status: "ready", detail: socket });
    const { "io.cri-containerd.kind": _, ...kept } = POD;
    expect(await reader.read()).toEqual([
      {
        container: { id: id("a"), name: "main", image: "registry/train:1" },
        pod: { namespace: "ml", name: "train-0", uid: "u-1", container: "main" },
        labels: kept,
      },
      { container: { id: id("b") } },
      { container: { id: id("c"), name: "box" }, labels: { "rock.x": "1" } },
    ]);
    expect(new Set(asked)).toEqual(new Set(["k8s.io", "default"]));
  });

  it("are no pod's elsewhere, whatever their labels say", async () => {
    const { reader } = await containerd({ default: [{ id: id("a"), labels: POD }] });
    await reader.open();
    expect((await reader.read())[0]?.pod).toBeUndefined();
  });

  it("with ids that are none are left out", async () => {
    const ids = ["", "../../etc", "a\u001bb", "x".repeat(129), "mine"];
    const { reader } = await containerd({ default: ids.map((each) => ({ id: each })) });
    await reader.open();
    expect(await reader.read()).toEqual([{ container: { id: "mine" } }]);
  });

  it("fail together where one list hangs or is refused", async () => {
    const hangs = await containerd({ a: [], b: [] }, () => undefined, 500);
    await expect(hangs.reader.open()).rejects.toThrow("containerd: no answer within 500 ms");
    const refuses = await containerd({ a: [] }, (_, _answer, fail) => fail(7, "no"));
    await expect(refuses.reader.open()).rejects.toMatchObject({
      code: "collect/registry",
      message: "containerd: PERMISSION_DENIED: no",
      place: refuses.socket,
    });
  });

  it("are absent where nobody serves them, and missed where somebody did", async () => {
    const { reader, stop } = await containerd({ default: [{ id: "mine" }] });
    await reader.open();
    stop();
    await expect(reader.read()).rejects.toMatchObject({ code: "collect/registry" });
    expect(await reader.open()).toMatchObject({ status: "absent" });
    await expect(reader.read()).rejects.toThrow(/not open/);
  });
});
