import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { DockerReader } from "../../../src/collect/registry/docker.ts";
import { LabelFilter } from "../../../src/collect/registry/labels.ts";
import { temporaryFolder } from "../../support/temporary.ts";
import {
  type Answer,
  container,
  type Engine,
  id,
  listing,
  serveEngine,
} from "./support/engine-server.ts";

/** Machines that run tests are slow: only what is to be late is waited for shortly. */
const PATIENT_MS = 20_000;
const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

function readerOf(socket: string, { labels = [] as string[], timeoutMs = PATIENT_MS } = {}) {
  return new DockerReader({ socket, labels: new LabelFilter(labels), timeoutMs });
}

async function docker(answer: Answer, options?: Parameters<typeof readerOf>[1]) {
  const socket = join(temporaryFolder("docker"), "docker.sock");
  const engine: Engine = await serveEngine(socket, answer);
  stops.push(engine.stop);
  return { socket, engine, reader: readerOf(socket, options) };
}

describe("Docker's containers", () => {
  it("are told by id, name and image, and nothing else is asked or kept", async () => {
    const { reader, socket, engine } = await docker(listing(container("a"), container("b")));
    expect(await reader.open()).toEqual({ status: "ready", detail: socket });
    const entry = (digit: string) => ({
      container: { id: id(digit), name: `box-${digit}`, image: "pytorch:2.4" },
    });
    expect(await reader.read()).toEqual([entry("a"), entry("b")]);
    expect(new Set(engine.asked)).toEqual(new Set(["GET /containers/json"]));
  });

  it("keep only the labels that tell the owner, bounded, and those that are configured", async () => {
    const Labels = {
      "rock.sandbox/sandbox-id": "s1",
      "com.docker.compose.project": "p".repeat(1000),
      "com.docker.compose.config-hash": "not kept",
      "org.example.secret": "not kept",
      "example.org.team": "kept",
      team: "kept",
      teams: "not kept",
      ["__proto__"]: "not kept",
    };
    const { reader } = await docker(listing(container("a", { Labels })), {
      labels: ["team", "example.org."],
    });
    expect((await reader.read())[0]?.labels).toEqual({
      "rock.sandbox/sandbox-id": "s1",
      "com.docker.compose.project": "p".repeat(256),
      "example.org.team": "kept",
      team: "kept",
    });
  });

  it("are a pod's where the kubelet's runtime named them, and not by a label alone", async () => {
    const Labels = {
      "io.kubernetes.pod.namespace": "ml",
      "io.kubernetes.pod.name": "train-0",
      "io.kubernetes.pod.uid": "u-1",
      "io.kubernetes.container.name": "main",
    };
    const { reader } = await docker(
      listing(
        container("a", { Labels, Names: ["/k8s_main_train-0_ml_u-1_0"] }),
        container("b", { Labels }),
      ),
    );
    const [real, claimed] = await reader.read();
    expect(real?.pod).toEqual({ namespace: "ml", name: "train-0", uid: "u-1", container: "main" });
    expect(claimed?.pod).toBeUndefined();
  });

  it("have one name: their own, not the one a link gives them", async () => {
    const { reader } = await docker(listing(container("a", { Names: ["/web/db", "/db"] })));
    expect((await reader.read())[0]?.container?.name).toBe("db");
  });

  it("without names, image and labels are still told; without an id not", async () => {
    const bare = { Names: null, Image: null, Labels: null };
    const { reader } = await docker(
      listing(container("a", bare), container("b", { Id: "short" }), container("c", { Id: null })),
    );
    expect(await reader.read()).toEqual([{ container: { id: id("a") } }]);
  });

  it("may be none", async () => {
    const { reader } = await docker(listing());
    expect(await reader.read()).toEqual([]);
  });

  it.each<[string, Answer, RegExp]>([
    ["an error", (_, r) => r.writeHead(500).end("[]"), /HTTP status 500/],
    ["a redirect", (_, r) => r.writeHead(301, { location: "/x" }).end(), /HTTP status 301/],
    ["no JSON", (_, r) => r.end("<html>"), /not JSON/],
    ["no list", (_, r) => r.end('{"message":"hello"}'), /no list/],
    ["a list of other things", (_, r) => r.end("[1,2]"), /nothing in the answer is a container/],
    ["9 MiB", (_, r) => r.end(Buffer.alloc(9 * 2 ** 20, " ")), /longer than 8388608 bytes/],
    ["nothing", () => undefined, /within 300 ms/],
    ["half an answer, and then nothing", (_, r) => r.write("["), /within 300 ms/],
    ["a broken connection", ({ socket }) => socket.destroy(), /docker: /],
    [
      "less than it announced",
      ({ socket }, r) => {
        r.writeHead(200, { "content-length": 100 });
        r.write("[", () => socket.destroy());
      },
      /docker: /,
    ],
  ])("fail where the engine answers %s", async (_, answer, message) => {
    const timeoutMs = message.source.includes("within") ? 300 : PATIENT_MS;
    const { reader, socket } = await docker(answer, { timeoutMs });
    const failure = { code: "collect/registry", place: socket };
    await expect(reader.open()).rejects.toMatchObject(failure);
    await expect(reader.read()).rejects.toThrow(message);
  });

  it("come byte by byte within the time, and not after it", async () => {
    const slowly =
      (everyMs: number): Answer =>
      (_, response) => {
        const bytes = [...JSON.stringify([container("a")])];
        const timer = setInterval(() => {
          const next = bytes.splice(0, 30).join("");
          if (next === "") response.end();
          else response.write(next);
        }, everyMs);
        response.on("close", () => clearInterval(timer));
      };
    const patient = await docker(slowly(2));
    expect(await patient.reader.read()).toHaveLength(1);
    const { reader } = await docker(slowly(200), { timeoutMs: 500 });
    await expect(reader.read()).rejects.toThrow(/within 500 ms/);
  });

  it("are asked for anew after the engine was restarted", async () => {
    const { reader, engine, socket } = await docker(listing(container("a")));
    await reader.open();
    engine.stop();
    await expect(reader.read()).rejects.toMatchObject({ code: "collect/registry" });
    expect(await reader.open()).toMatchObject({ status: "absent" });
    stops.push((await serveEngine(socket, listing(container("b")))).stop);
    expect(await reader.open()).toMatchObject({ status: "ready" });
    expect(await reader.read()).toMatchObject([{ container: { id: id("b") } }]);
  });
});

describe("a socket of Docker", () => {
  it("that is none, or that nobody listens on, is absent", async () => {
    const folder = temporaryFolder("docker");
    const path = join(folder, "docker.sock");
    expect(await readerOf(path).open()).toMatchObject({ reason: `there is no ${path}` });
    const below = join(path, "x");
    writeFileSync(path, "");
    expect(await readerOf(path).open()).toMatchObject({ reason: `${path} is no socket` });
    expect(await readerOf(below).open()).toMatchObject({ reason: `there is no ${below}` });
  });

  it.skipIf(process.getuid?.() !== 0)(
    "that this user may not open is absent with a hint (needs root)",
    async () => {
      const { reader, socket } = await docker(listing());
      chmodSync(join(socket, ".."), 0o755);
      chmodSync(socket, 0o600);
      process.seteuid?.(65_534);
      try {
        expect(await reader.open()).toEqual({
          status: "absent",
          reason: `${socket} may not be opened by this user`,
          hint: expect.stringContaining("group"),
        });
      } finally {
        process.seteuid?.(0);
      }
    },
  );
});
