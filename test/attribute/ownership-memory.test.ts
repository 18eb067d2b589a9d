import { describe, expect, it } from "vitest";
import { Ownership } from "../../src/attribute/ownership.ts";
import { ownerKey } from "../../src/model/owner.ts";
import type { ProcessSighting } from "../../src/model/sample.ts";

const HEX = "3f2a9c1d5e7b".padEnd(64, "0");
const ALICE: ProcessSighting = { pid: 10, startTimeMs: 1000, uid: 1000, user: "alice", comm: "py" };

const rig = (max?: number) => {
  const ownership = new Ownership(undefined, max);
  return {
    ownership,
    list: (atMs: number, ...list: ProcessSighting[]) =>
      ownership.observe({ kind: "processes", atMs, gpu: 0, list }),
    host: (atMs: number, ...list: ProcessSighting[]) =>
      ownership.observe({ kind: "host", atMs, list }),
    key: (process: ProcessSighting) => ownerKey(ownership.identityOf(process).owner),
  };
};

describe("a process that is gone", () => {
  it.each([
    [999, "process:10"],
    [1000, "user:alice"],
    [5000, "user:alice"],
    [5001, "process:10"],
  ])("began its use at %s, of a process seen from 1000 to 5000: %s", (startTimeMs, key) => {
    const { list, key: keyOf } = rig();
    list(5000, ALICE);
    const books: ProcessSighting = { pid: 10, startTimeMs, exited: true };
    list(6000, books);
    expect(keyOf(books)).toBe(key);
  });

  it("is forgotten when more have been seen since than are kept in mind", () => {
    const { list, key } = rig(2);
    list(2000, ALICE, { ...ALICE, pid: 11 });
    const books: ProcessSighting = { pid: 10, startTimeMs: 1500, exited: true };
    expect(key({ ...books })).toBe("user:alice");
    list(3000, { ...ALICE, pid: 12 });
    expect(key({ ...books })).toBe("process:10");
  });

  it("keeps in its last moments what it showed before", () => {
    const { list, key } = rig();
    list(2000, { ...ALICE, cgroup: `/docker/${HEX}`, environ: { TASK_ID: "7" } });
    const last = { ...ALICE, cgroup: "/", environ: {}, argv: [] };
    list(3000, last);
    expect(key(last)).toBe("container:3f2a9c1d5e7b");
  });
});

describe("a pid that is used again", () => {
  it("is another process by its start", () => {
    const { list, key } = rig();
    const bob = { ...ALICE, startTimeMs: 4000, uid: 1001, user: "bob" };
    list(2000, ALICE);
    list(5000, bob);
    expect([key(ALICE), key(bob)]).toEqual(["user:alice", "user:bob"]);
  });

  it("is another process by what is known of it, where its start is not", () => {
    const { list, key } = rig();
    const { startTimeMs: _, ...alice } = ALICE;
    const bob = { ...alice, uid: 1001, user: "bob" };
    list(2000, alice);
    list(5000, bob);
    const nobody = { pid: 10 };
    expect([key(alice), key(bob), key(nobody)]).toEqual(["user:alice", "user:bob", "process:10"]);
  });
});

describe("a process of a tree", () => {
  const JOB = { ...ALICE, environ: { SLURM_JOB_ID: "7" } };
  const tunnel: ProcessSighting = {
    ...ALICE,
    pid: 20,
    startTimeMs: 1500,
    environ: { SLURM_JOB_ID: "8" },
    lineage: [{ pid: 10, startTimeMs: 1000 }],
  };

  it("goes with the one above it that holds a device, whatever it says and whichever came first", () => {
    const { list, host, key } = rig();
    host(1900, tunnel);
    expect(key(tunnel)).toBe("job:slurm:alice/8");
    list(2000, JOB);
    expect(key(tunnel)).toBe("job:slurm:alice/7");
  });

  it("does not go with another person's, nor with one that only has the same pid", () => {
    const { list, host, key } = rig();
    const bobs = { ...tunnel, uid: 1001, user: "bob" };
    const others = { ...tunnel, pid: 21, lineage: [{ pid: 10, startTimeMs: 999 }] };
    list(2000, JOB);
    host(2000, bobs, others);
    expect([key(bobs), key(others)]).toEqual(["job:slurm:bob/8", "job:slurm:alice/8"]);
  });
});

describe("what registries say later", () => {
  const GIVEN = { gpus: ["0"], job: { scheduler: "slurm", id: "7", user: "alice" } };
  it("counts from then on, for processes that are seen again", () => {
    const { ownership, list, key } = rig();
    list(2000, ALICE);
    expect(key(ALICE)).toBe("user:alice");
    ownership.observe({ kind: "registry", atMs: 2500, source: "prolog", entries: [GIVEN] });
    expect(key(ALICE)).toBe("job:slurm:7");
    ownership.observe({ kind: "registry", atMs: 3500, source: "prolog", entries: [] });
    expect(key(ALICE)).toBe("user:alice");
  });

  it("names no pod by its device while another pod is seen there", () => {
    const { ownership, list, key } = rig();
    const pod = (digit: string) =>
      `/kubepods/pod${digit.repeat(8)}-1111-2222-3333-444455556666/${digit.repeat(64)}`;
    const given = { gpus: ["0"], pod: { namespace: "ns", name: "train" } };
    ownership.observe({ kind: "registry", atMs: 0, source: "kubelet", entries: [given] });
    const own = { ...ALICE, cgroup: pod("a") };
    const intruder = { ...ALICE, pid: 11, cgroup: pod("b") };
    list(2000, own);
    expect(key(own)).toBe("pod:ns/train");
    list(3000, own, intruder);
    expect([key(own), key(intruder)]).toEqual([
      "pod:aaaaaaaa-1111-2222-3333-444455556666",
      "pod:bbbbbbbb-1111-2222-3333-444455556666",
    ]);
  });
});
