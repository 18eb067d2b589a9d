import { chownSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { LabelFilter } from "../../../src/collect/registry/labels.ts";
import { PodmanReader } from "../../../src/collect/registry/podman.ts";
import { ENGINE_USER_LABEL as USER_LABEL } from "../../../src/model/sample.ts";
import type { Notice } from "../../../src/collect/thread/protocol.ts";
import { temporaryFolder } from "../../support/temporary.ts";
import { type Answer, container, id, listing, serveEngine } from "./support/engine-server.ts";

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

function rig(timeoutMs = 20_000) {
  const folder = temporaryFolder("podman");
  const socket = join(folder, "podman.sock");
  const userRoot = join(folder, "user");
  const notices: Notice[] = [];
  const reader = new PodmanReader(
    { socket, userRoot, labels: new LabelFilter([]), timeoutMs },
    { onNotice: (notice) => void notices.push(notice) },
  );
  const serve = async (path: string, answer: Answer) => {
    const engine = await serveEngine(path, answer);
    stops.push(engine.stop);
    return engine;
  };
  const socketOf = (uid: number) => join(userRoot, String(uid), "podman", "podman.sock");
  const serveUser = async (uid: number, answer: Answer) => {
    const engine = await serve(socketOf(uid), answer);
    chownSync(socketOf(uid), uid, uid);
    return engine;
  };
  return { reader, socket, userRoot, notices, serve, serveUser, socketOf };
}

/** The user who runs this may be anybody: only root can make sockets of others. */
const isRoot = process.getuid?.() === 0;
const me = process.getuid?.() ?? 0;

describe("podman's containers", () => {
  it("are told like Docker's where the system's service runs", async () => {
    const { reader, serve, socket } = rig();
    await serve(socket, listing(container("a", { Labels: { "rock.x": "1" } })));
    expect(await reader.open()).toEqual({ status: "ready", detail: socket });
    expect(await reader.read()).toEqual([
      {
        container: { id: id("a"), name: "box-a", image: "pytorch:2.4" },
        labels: { "rock.x": "1" },
      },
    ]);
  });

  it("are none where there is no service", async () => {
    const { reader, socket } = rig();
    expect(await reader.open()).toMatchObject({
      status: "absent",
      reason: `there is no ${socket}`,
    });
  });

  it("of a user are marked as that user's word, without labels", async () => {
    const { reader, serveUser } = rig();
    const Labels = { "rock.x": "1", "io.kubernetes.pod.name": "of-bob" };
    await serveUser(me, listing(container("a", { Labels })));
    expect(await reader.open()).toEqual({ status: "ready", detail: `user ${me}` });
    expect(await reader.read()).toMatchObject([
      { container: { name: "box-a" }, labels: { [USER_LABEL]: String(me) } },
    ]);
    expect((await reader.read())[0]?.labels).toEqual({ [USER_LABEL]: String(me) });
  });

  it.skipIf(!isRoot)("that two claim are the system's, or nobody's (needs root)", async () => {
    const { reader, serve, serveUser, socket } = rig();
    await serve(socket, listing(container("a")));
    await serveUser(1001, listing(container("a", { Names: ["/of-bob"] }), container("b")));
    await serveUser(1002, listing(container("b"), container("c")));
    await reader.open();
    const seen = (await reader.read()).map((entry) => [
      entry.container?.name,
      entry.labels?.[USER_LABEL],
    ]);
    expect(seen).toEqual([
      ["box-a", undefined],
      ["box-c", "1002"],
    ]);
  });

  it.skipIf(!isRoot)("of others stay where one user's service breaks (needs root)", async () => {
    const { reader, serveUser, notices } = rig(1000);
    await serveUser(1001, () => undefined);
    await serveUser(1002, (_, response) => response.end("\u001b[2J"));
    await serveUser(1003, listing(container("c")));
    await reader.open();
    expect(await reader.read()).toMatchObject([{ container: { id: id("c") } }]);
    expect(notices.map(({ text }) => text)).toEqual([
      "podman of user 1002: the answer is not JSON",
      "podman of user 1001: no whole answer within 1000 ms",
    ]);
  });

  it("are not looked for through links, nor in another's socket", async () => {
    const { reader, serve, socketOf, userRoot } = rig();
    const elsewhere = await serve(join(userRoot, "elsewhere.sock"), listing(container("a")));
    mkdirSync(join(userRoot, "1001", "podman"), { recursive: true });
    symlinkSync(join(userRoot, "elsewhere.sock"), socketOf(1001));
    mkdirSync(join(userRoot, "1002"), { recursive: true });
    symlinkSync(join(userRoot, "1001", "podman"), join(userRoot, "1002", "podman"));
    // Not of the user whose folder it is in.
    await serve(socketOf(me + 1), listing(container("b")));
    expect(await reader.open()).toMatchObject({ status: "absent" });
    expect(elsewhere.asked).toEqual([]);
  });

  it("are missed where the last service goes, and found where one comes", async () => {
    const { reader, serve, socket } = rig();
    const engine = await serve(socket, listing(container("a")));
    await reader.open();
    engine.stop();
    await expect(reader.read()).rejects.toMatchObject({ code: "collect/registry" });
    expect(await reader.open()).toMatchObject({ status: "absent" });
    await serve(socket, listing(container("b")));
    expect(await reader.open()).toMatchObject({ status: "ready" });
  });
});
