import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Anonymiser, type AnonymiserSettings } from "../../../bench/campaign/anonymise.ts";
import { parseLines, type RawLine } from "../../../bench/campaign/merge.ts";

const SETTINGS: AnonymiserSettings = {
  users: ["alice"],
  hosts: ["gpu17.example.org", "gpu17"],
  node: "campaign",
  ownPids: new Set([100]),
};

const lines = (...of: object[]): RawLine[] =>
  parseLines(of.map((line) => JSON.stringify(line)).join("\n"));

function anonymous(of: readonly RawLine[], settings = SETTINGS): unknown[] {
  const anonymiser = new Anonymiser(settings, of);
  return of.flatMap((line) => anonymiser.line(line) ?? []);
}

const processes = (...list: object[]): object => ({ kind: "processes", t: 1, gpu: 0, list });
const one = (entry: object): unknown => anonymous(lines(processes(entry)));

describe("a recording that is to be published", () => {
  it("knows a device by the hash of its uuid, and a node by the name it was given", () => {
    const gpu = {
      index: 0,
      uuid: "GPU-1",
      model: "M",
      pciBusId: "0000:01:00.0",
      memoryTotalBytes: 8,
    };
    const header = { kind: "recording", version: 1, node: "gpu17", source: "nvml", gpus: [gpu] };
    expect(anonymous(lines(header))).toEqual([
      {
        ...header,
        node: "campaign",
        gpus: [
          {
            index: 0,
            uuid: expect.stringMatching(/^GPU-[0-9a-f]{12}$/),
            model: "M",
            memoryTotalBytes: 8,
          },
        ],
      },
    ]);
  });

  it("keeps of its own programs what they are called, and no place or person", () => {
    const own = {
      pid: 100,
      smUtil: 0.9,
      comm: "python3",
      exe: "/home/alice/env/bin/python3",
      argv: ["/home/alice/env/bin/python3", "train.py", "--data=/home/alice/a b/set", "alice@x"],
      user: "alice",
      cgroup: "/user.slice/user-1000.slice",
      environ: { SLURM_JOB_USER: "alice" },
    };
    expect(one(own)).toEqual([
      processes({
        pid: 100,
        smUtil: 0.9,
        comm: "python3",
        exe: "python3",
        argv: ["python3", "train.py", "--data=set", "user1@x"],
        user: "user1",
        cgroup: "/group1",
      }),
    ]);
  });

  it("keeps of other programs nothing but their use", () => {
    const other = { pid: 7, memUsedBytes: 9, user: "bob", comm: "secret", argv: ["--token", "x"] };
    expect(one(other)).toEqual([processes({ pid: 7, memUsedBytes: 9, user: "user1" })]);
  });

  it("takes places and hosts out of messages, and leaves what was measured", () => {
    const gap = {
      kind: "gap",
      source: "nvml",
      from: 1,
      to: 2,
      reason: "GPU17: /opt/alice/lib.so is gone",
    };
    const gpu = { kind: "gpu", t: 1, gpu: 0, powerWatts: 71.5 };
    expect(anonymous(lines(gap, gpu))).toEqual([{ ...gap, reason: "host: lib.so is gone" }, gpu]);
  });

  it("leaves out kinds of lines that it does not know", () => {
    const sockets = { kind: "sockets", t: 1, list: [{ pid: 100, remoteAddress: "10.0.0.1" }] };
    expect(anonymous(lines(sockets, { kind: "later", t: 2, who: "alice" }))).toEqual([]);
  });

  it("holds no user, place or host of what went in, whatever they are called", () => {
    // Long and odd enough to be in nothing that a recording says anyway.
    const odd = (stem: string): fc.Arbitrary<string> =>
      fc.stringMatching(/^[a-zA-Z0-9$^.*+?()[\]_-]{1,12}$/).map((text) => `${stem}${text}`);
    const words = fc.record({
      user: odd("usr"),
      other: odd("who"),
      host: odd("hst"),
      folder: odd("dir"),
      uuid: odd("uid"),
    });
    fc.assert(
      fc.property(words, ({ user, other, host, folder, uuid }) => {
        const place = `/${folder}/${user}/bin/prog`;
        const texts = [
          place,
          `--x=${place}`,
          `${user}@${host}`,
          host.toUpperCase(),
          `a:${place}/`,
          other,
        ];
        const entry = {
          comm: user,
          exe: place,
          argv: texts,
          user,
          cgroup: place,
          environ: { A: folder },
        };
        const stranger = { ...entry, pid: 5, user: other, argv: [...texts, "whatever"] };
        const recording = lines(
          {
            kind: "recording",
            version: 1,
            node: host,
            gpus: [{ index: 0, uuid, parentUuid: uuid }],
          },
          processes({ ...entry, pid: 100 }, stranger),
          { kind: "host", t: 1, list: [{ ...entry, pid: 100 }, stranger] },
          { kind: "gap", source: "nvml", from: 1, to: 2, reason: `${place} of ${user} on ${host}` },
          { kind: "collector", t: 1, name: "nvml", detail: `${host}:${place}` },
        );
        const settings = { ...SETTINGS, users: [user], hosts: [host] };
        const left = JSON.stringify(anonymous(recording, settings)).toLowerCase();
        for (const word of [user, other, host, folder, uuid])
          expect(left).not.toContain(JSON.stringify(word.toLowerCase()).slice(1, -1));
      }),
    );
  });
});
