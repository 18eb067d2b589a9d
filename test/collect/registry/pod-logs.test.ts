import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { lutimes } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { kubeletEntries } from "../../../src/collect/registry/kubelet-entries.ts";
import {
  parseContainerLink,
  parsePodFolder,
  PodLogs,
} from "../../../src/collect/registry/pod-logs.ts";
import { temporaryFolder } from "../../support/temporary.ts";

const UID = "0b1f2c3d-0000-4000-8000-0000000000aa";
const OTHER = "0b1f2c3d-0000-4000-8000-0000000000bb";
const id = (digit: string): string => digit.repeat(64);

/** Links as the kubelet makes them. */
async function link(root: string, name: string, uid: string, startedAt: number): Promise<void> {
  const [pod = "", namespace = ""] = name.split("_");
  mkdirSync(join(root, "containers"), { recursive: true });
  const path = join(root, "containers", name);
  symlinkSync(`/var/log/pods/${namespace}_${pod}_${uid}/main/0.log`, path);
  await lutimes(path, startedAt, startedAt);
}

describe("names of logs", () => {
  it.each<[string, unknown]>([
    [`ml_train-0_${UID}`, { namespace: "ml", name: "train-0", uid: UID }],
    [
      "kube-system_etcd.n1_0123456789abcdef0123456789abcdef",
      expect.objectContaining({ name: "etcd.n1" }),
    ],
    [`ml_train_0_${UID}`, undefined],
    [`ML_train_${UID}`, undefined],
    ["ml_train-0_", undefined],
    [`../x_train_${UID}`, undefined],
    ["", undefined],
  ])("a folder %j", (name, parsed) => {
    expect(parsePodFolder(name)).toEqual(parsed);
  });

  it("a container's link", () => {
    expect(parseContainerLink(`train-0_ml_main-init-${id("a")}.log`)).toEqual({
      pod: "train-0",
      namespace: "ml",
      container: "main-init",
      id: id("a"),
    });
    for (const name of [
      `a_b_c-${"a".repeat(63)}.log`,
      `a_b-${id("a")}.log`,
      "messages",
      `a_b_c-${id("g")}.log`,
    ])
      expect(parseContainerLink(name)).toBeUndefined();
  });

  it("say nothing where they are anything else", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (name) => {
        expect([parsePodFolder(name), parseContainerLink(name)]).toEqual([undefined, undefined]);
      }),
    );
  });
});

describe("the folders of a kubelet's logs", () => {
  it("tell pods and containers; a link that leads elsewhere tells no uid", async () => {
    const root = temporaryFolder("log");
    mkdirSync(join(root, "pods", `ml_idle_${OTHER}`), { recursive: true });
    mkdirSync(join(root, "pods", "lost+found"), { recursive: true });
    await link(root, `train-0_ml_main-${id("a")}.log`, UID, 100);
    symlinkSync("/tmp/elsewhere", join(root, "containers", `web_ml_main-${id("b")}.log`));
    symlinkSync(
      `/var/log/pods/ml_other_${UID}/main/0.log`,
      join(root, "containers", `box_ml_main-${id("c")}.log`),
    );
    writeFileSync(join(root, "containers", `plain_ml_main-${id("d")}.log`), "");
    const logs = new PodLogs(root);
    expect(await logs.isThere()).toBe(true);
    const { pods, containers } = await logs.read();
    expect(pods).toEqual([{ namespace: "ml", name: "idle", uid: OTHER }]);
    const seen = containers.map(({ pod, uid }) => [pod, uid]).sort();
    expect(seen).toEqual([
      ["box", undefined],
      ["plain", undefined],
      ["train-0", UID],
      ["web", undefined],
    ]);
  });

  it("are read anew each time", async () => {
    const root = temporaryFolder("log");
    const logs = new PodLogs(root);
    expect(await logs.isThere()).toBe(false);
    expect(await logs.read()).toEqual({ pods: [], containers: [] });
    await link(root, `a_ml_main-${id("a")}.log`, UID, 100);
    expect((await logs.read()).containers).toHaveLength(1);
    await link(root, `b_ml_main-${id("b")}.log`, UID, 100);
    expect((await logs.read()).containers).toHaveLength(2);
    rmSync(join(root, "containers", `a_ml_main-${id("a")}.log`));
    expect((await logs.read()).containers).toMatchObject([{ pod: "b" }]);
  });

  it.skipIf(process.getuid?.() !== 0)("that may not be listed hold none (needs root)", async () => {
    const root = temporaryFolder("log");
    await link(root, `a_ml_main-${id("a")}.log`, UID, 100);
    chmodSync(join(root, "containers"), 0o700);
    chmodSync(root, 0o755);
    process.seteuid?.(65_534);
    try {
      expect(await new PodLogs(root).isThere()).toBe(false);
    } finally {
      process.seteuid?.(0);
    }
  });
});

describe("socket and logs together", () => {
  const grants = [
    {
      namespace: "ml",
      name: "train-0",
      containers: [
        { name: "main", devices: [{ resource: "nvidia.com/gpu", ids: ["GPU-0000::2"] }] },
      ],
    },
    { namespace: "ml", name: "empty", containers: [] },
  ];
  const container = (digit: string, startedAtMs: number, uid = UID) => ({
    namespace: "ml",
    pod: "train-0",
    container: "main",
    id: id(digit),
    uid,
    startedAtMs,
  });
  const noCards = () => undefined;

  it("give the devices to the newest of the containers of one name", () => {
    const containers = [container("a", 1), container("b", 3, OTHER), container("c", 2)];
    const entries = kubeletEntries(grants, { pods: [], containers }, noCards);
    const seen = entries.map(({ gpus, container: one, pod }) => [one?.id, pod?.uid, gpus]);
    expect(seen).toEqual([
      [id("b"), OTHER, ["GPU-0000"]],
      [undefined, undefined, undefined],
      [id("a"), UID, undefined],
      [id("c"), UID, undefined],
    ]);
  });

  it("say which replicas of a shared GPU a container was given", () => {
    const [first] = kubeletEntries(grants, { pods: [], containers: [] }, noCards);
    expect(first).toEqual({
      gpus: ["GPU-0000"],
      pod: { namespace: "ml", name: "train-0", container: "main" },
      labels: { "gpu-assay.replicas": "2" },
    });
  });

  it("name pods without a container once", () => {
    const pods = [
      { namespace: "ml", name: "train-0", uid: UID },
      { namespace: "ml", name: "idle", uid: OTHER },
    ];
    const entries = kubeletEntries([], { pods, containers: [container("a", 1)] }, noCards);
    expect(entries.map(({ pod }) => [pod?.name, pod?.container])).toEqual([
      ["train-0", "main"],
      ["idle", undefined],
    ]);
  });
});
