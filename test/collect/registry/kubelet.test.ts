import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { CollectorHarness } from "../../../src/collect/harness.ts";
import { createRegistryCollector } from "../../../src/collect/registry/collector.ts";
import { KubeletReader } from "../../../src/collect/registry/kubelet.ts";
import { sleep } from "../../../src/collect/sleep.ts";
import type { Notice } from "../../../src/collect/thread/protocol.ts";
import { temporaryFolder } from "../../support/temporary.ts";
import { answering, type Handler, kubeletMethod, serveGrpc } from "./support/grpc-server.ts";

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

const UUID = "GPU-8f3ab1c2-0000-4000-8000-00000000000a";
const POD = {
  name: "train-0",
  namespace: "ml",
  containers: [
    { name: "main", devices: [{ resourceName: "nvidia.com/gpu", deviceIds: [UUID] }] },
    { name: "sidecar" },
  ],
};

function rig(timeoutMs = 20_000) {
  const folder = temporaryFolder("kubelet");
  const socket = join(folder, "kubelet.sock");
  const logRoot = join(folder, "log");
  const notices: Notice[] = [];
  const reader = new KubeletReader(
    { socket, logRoot, sysRoot: join(folder, "sys"), timeoutMs },
    { onNotice: (notice) => void notices.push(notice) },
  );
  stops.push(() => void reader.close());
  const kubelet: { handle: Handler } = { handle: answering([POD]) };
  const serve = async (): Promise<() => void> => {
    const stop = await serveGrpc(socket, [kubeletMethod(kubelet)]);
    stops.push(stop);
    return stop;
  };
  return { folder, socket, logRoot, reader, kubelet, serve, notices };
}

/** The names that a kubelet gives its logs. */
function writeLogs(logRoot: string, containerId: string, uid: string, restart = 0): void {
  const target = join(logRoot, "pods", `ml_train-0_${uid}`, "main");
  mkdirSync(target, { recursive: true });
  mkdirSync(join(logRoot, "containers"), { recursive: true });
  writeFileSync(join(target, `${restart}.log`), "");
  const link = join(logRoot, "containers", `train-0_ml_main-${containerId}.log`);
  symlinkSync(join(target, `${restart}.log`), link);
}

describe("the kubelet's socket", () => {
  it("tells which container was given which device", async () => {
    const { reader, serve, socket } = rig();
    await serve();
    expect(await reader.open()).toEqual({ status: "ready", detail: socket });
    expect(await reader.read()).toEqual([
      { gpus: [UUID], pod: { namespace: "ml", name: "train-0", container: "main" } },
      { pod: { namespace: "ml", name: "train-0", container: "sidecar" } },
    ]);
  });

  it("is joined with the names of the logs: pod uid and container id", async () => {
    const { reader, serve, logRoot } = rig();
    const uid = "0b1f2c3d-0000-4000-8000-0000000000aa";
    writeLogs(logRoot, "ab".repeat(32), uid);
    await serve();
    await reader.open();
    expect(await reader.read()).toEqual([
      {
        gpus: [UUID],
        container: { id: "ab".repeat(32) },
        pod: { namespace: "ml", name: "train-0", uid, container: "main" },
      },
      { pod: { namespace: "ml", name: "train-0", container: "sidecar" } },
    ]);
  });

  it("that is not there is normal, and without a hint", async () => {
    const { reader, socket } = rig();
    const reason = `there is no ${socket}`;
    expect(await reader.open()).toEqual({ status: "absent", reason, hint: undefined });
  });

  it("that is not there leaves the names of the logs, until it comes", async () => {
    const { reader, logRoot, serve } = rig();
    const uid = "0b1f2c3d-0000-4000-8000-0000000000aa";
    writeLogs(logRoot, "ab".repeat(32), uid);
    expect(await reader.open()).toMatchObject({
      status: "ready",
      detail: expect.stringContaining("no devices"),
    });
    const named = { container: { id: "ab".repeat(32) }, pod: expect.objectContaining({ uid }) };
    expect(await reader.read()).toEqual([named]);
    await serve();
    expect((await reader.read())[0]).toEqual({ ...named, gpus: [UUID] });
  });

  it("that hangs is given up at the deadline, and named", async () => {
    const { reader, serve, kubelet, socket } = rig(300);
    kubelet.handle = () => undefined;
    await serve();
    await expect(reader.open()).rejects.toMatchObject({
      code: "collect/registry",
      message: "kubelet: no answer within 300 ms",
      place: socket,
    });
  });

  it.each<[string, Handler, RegExp]>([
    ["an error", (_, _answer, fail) => fail(12, "unknown service\u001b[2J"), /UNIMPLEMENTED: unk/],
    ["garbage", (_, answer) => answer(Buffer.from([0x0a, 0xff, 0xff, 0x03])), /kubelet: /],
    ["16 MiB and more", (_, answer) => answer(Buffer.alloc(17 * 2 ** 20)), /RESOURCE_EXHAUSTED/],
  ])("fails where it answers %s", async (_, handle, message) => {
    const { reader, serve, kubelet } = rig();
    kubelet.handle = handle;
    await serve();
    const failed = reader.open();
    await expect(failed).rejects.toThrow(message);
    await failed.catch(({ message: text }: Error) => expect(text).not.toContain("\u001b"));
  });

  it("fails where no gRPC server sits on it, whether it talks or is silent", async () => {
    for (const greeting of ["HTTP/1.1 400 Bad Request\r\n\r\n", undefined]) {
      const { reader, socket } = rig(300);
      const server: Server = createServer((peer) => {
        peer.on("error", () => undefined);
        if (greeting) peer.end(greeting);
        stops.push(() => peer.destroy());
      });
      await new Promise<void>((resolve) => server.listen(socket, resolve));
      stops.push(() => server.close());
      await expect(reader.open()).rejects.toMatchObject({ code: "collect/registry" });
    }
  });

  it("may go away and come back: what was known stands meanwhile", async () => {
    const { reader, serve, logRoot } = rig();
    writeLogs(logRoot, "ab".repeat(32), "0b1f2c3d-0000-4000-8000-0000000000aa");
    const stop = await serve();
    await reader.open();
    expect(await reader.read()).toHaveLength(2);
    stop();
    await expect(reader.read()).rejects.toMatchObject({ code: "collect/registry" });
    // Names without devices would say that nobody was given any.
    expect(await reader.open()).toMatchObject({ status: "absent" });
    await serve();
    expect(await reader.open()).toMatchObject({ status: "ready" });
    expect(await reader.read()).toHaveLength(2);
  });

  it("may tell of 5,000 pods", async () => {
    const { reader, serve, kubelet } = rig();
    const pods = Array.from({ length: 5000 }, (_, i) => ({ ...POD, name: `train-${i}` }));
    kubelet.handle = answering(pods);
    await serve();
    await reader.open();
    const entries = await reader.read();
    expect(entries).toHaveLength(10_000);
    expect(new Set(entries.map(({ pod }) => pod?.name)).size).toBe(5000);
  });

  it("that hangs holds up no tick, and is backed off", async () => {
    const { reader, serve, kubelet } = rig(1500);
    await serve();
    const collector = createRegistryCollector({ name: "kubelet", intervalMs: 0 }, reader, {});
    const asked: number[] = [];
    const harness = new CollectorHarness([collector], {
      monotonicMs: () => performance.now(),
      sleep,
    });
    stops.push(() => void harness.close());
    await harness.open();
    expect((await harness.tick(1000, 20_000))[0]?.observations).toMatchObject([
      { kind: "registry", source: "kubelet", atMs: 1000 },
    ]);
    kubelet.handle = () => void asked.push(1);
    // It returns although the kubelet does not.
    expect((await harness.tick(2000, 50))[0]).toMatchObject({ observations: [] });
    await vi.waitFor(() => expect(harness.health()).toMatchObject([{ state: "failing" }]), 15_000);
    expect(harness.health()).toMatchObject([{ failures: 1, detail: /no answer/ }]);
    expect((await harness.tick(3000, 50))[0]).toMatchObject({ state: "failing" });
    expect(asked.length).toBeLessThanOrEqual(1);
  });
});

describe.skipIf(process.getuid?.() !== 0)(
  "a socket that this user may not open (needs root)",
  () => {
    it("is absent with a hint", async () => {
      const { reader, serve, folder, notices } = rig();
      const { chmodSync } = await import("node:fs");
      await serve();
      chmodSync(folder, 0o755);
      chmodSync(join(folder, "kubelet.sock"), 0o600);
      process.seteuid?.(65_534);
      try {
        expect(await reader.open()).toMatchObject({
          status: "absent",
          reason: expect.stringContaining("may not be opened"),
          hint: expect.stringContaining("root"),
        });
      } finally {
        process.seteuid?.(0);
      }
      expect(notices).toHaveLength(1);
    });
  },
);
