import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { view } from "../../../src/collect/nvml/layouts.ts";
import {
  decodeProcessList,
  decodeUtilizationInfos,
  decodeUtilizationSamples,
  encodeUtilizationRequest,
  newestByPid,
  PROCESS_ENTRY_MAX,
  UNTOUCHED,
  UTILIZATION_ENTRY,
  UTILIZATION_INFO_ENTRY,
} from "../../../src/collect/nvml/process-layouts.ts";
import { mergeProcesses } from "../../../src/collect/nvml/process-merge.ts";

interface Entry {
  pid: number;
  memory: bigint;
}

const ALL_ONES = 0xffff_ffff_ffff_ffffn;

/** A buffer as a driver of that stride leaves it: every entry whole, the rest as it was. */
const written = (entries: readonly Entry[], stride: number, rest = UNTOUCHED): Uint8Array => {
  const bytes = new Uint8Array((entries.length + 4) * PROCESS_ENTRY_MAX).fill(rest);
  entries.forEach(({ pid, memory }, i) => {
    bytes.fill(0, i * stride, (i + 1) * stride);
    view(bytes).setUint32(i * stride, pid, true);
    view(bytes).setBigUint64(i * stride + 8, memory, true);
    view(bytes).setUint32(i * stride + 16, 0xffff_ffff, true);
    view(bytes).setUint32(i * stride + 20, 0xffff_ffff, true);
  });
  return bytes;
};

const anEntry = fc.record({
  pid: fc.integer({ min: 1, max: 4_194_304 }),
  memory: fc.bigInt({ min: 0n, max: 2n ** 38n }),
});

describe("a process list", () => {
  it.each([24, 32])("is read whole whatever is in it, with entries of %s bytes", (stride) => {
    fc.assert(
      fc.property(fc.array(anEntry, { maxLength: 40 }), (entries) => {
        expect(decodeProcessList(written(entries, stride), entries.length)).toEqual(
          entries.map(({ pid, memory }) => ({ pid, memUsedBytes: Number(memory) })),
        );
      }),
    );
  });

  it("is read whole where the driver cleared the buffer before", () => {
    const entries = [
      { pid: 10, memory: 1n << 30n },
      { pid: 11, memory: 1n << 31n },
    ];
    const pids = decodeProcessList(written(entries, 24, 0), 2).map(({ pid }) => pid);
    expect(pids).toEqual([10, 11]);
  });

  it.each([24, 32])("has no memory figure of all ones, with entries of %s bytes", (stride) => {
    const list = decodeProcessList(written([{ pid: 10, memory: ALL_ONES }], stride), 1);
    expect(list).toEqual([{ pid: 10, memUsedBytes: undefined }]);
  });
});

describe("utilisation samples", () => {
  const sample = (pid: number, timestampUs: number, sm: number) => ({
    pid,
    timestampUs,
    sm,
    memory: 0,
  });

  it.each([
    [100, 100],
    [101, undefined],
    [4_000_000, undefined],
    [0xffff_ffff, undefined],
  ])("has %s %% read as %s", (value, expected) => {
    const bytes = new Uint8Array(UTILIZATION_ENTRY);
    view(bytes).setUint32(0, 7, true);
    view(bytes).setBigUint64(8, 1_700_000_000_000_000n, true);
    view(bytes).setUint32(16, value, true);
    [30, 20, 10].forEach((percent, i) => view(bytes).setUint32(20 + 4 * i, percent, true));
    expect(decodeUtilizationSamples(bytes, 1)).toEqual([
      {
        pid: 7,
        timestampUs: 1_700_000_000_000_000,
        sm: expected,
        memory: 30,
        encoder: 20,
        decoder: 10,
      },
    ]);
  });

  it("are read from the newer form too, which has them in another order", () => {
    const bytes = new Uint8Array(2 * UTILIZATION_INFO_ENTRY);
    for (const at of [0, UTILIZATION_INFO_ENTRY]) {
      view(bytes).setBigUint64(at, 1_700_000_000_000_000n, true);
      [7 + at, 100, 101, 3, 4, 90, 91].forEach((value, i) =>
        view(bytes).setUint32(at + 8 + 4 * i, value, true),
      );
    }
    const use = { timestampUs: 1_700_000_000_000_000, sm: 100, memory: undefined };
    expect(decodeUtilizationInfos(bytes, 2)).toEqual([
      { pid: 7, ...use, encoder: 3, decoder: 4 },
      { pid: 7 + UTILIZATION_INFO_ENTRY, ...use, encoder: 3, decoder: 4 },
    ]);
  });

  it("are asked for by version, room and time", () => {
    const request = view(encodeUtilizationRequest(80, 5_000_000_000n));
    expect([request.byteLength, request.getUint32(0, true)]).toEqual([24, 0x100_0018]);
    expect([request.getUint32(4, true), request.getBigUint64(8, true)]).toEqual([
      80,
      5_000_000_000n,
    ]);
  });

  it("keeps the newest of each process, wherever it lies in the buffer", () => {
    const newest = newestByPid([sample(7, 30, 3), sample(7, 20, 2), sample(8, 25, 9)], 10);
    expect([...newest.values()]).toEqual([sample(7, 30, 3), sample(8, 25, 9)]);
  });

  it.each([
    [20, []],
    [21, [7]],
  ])("seen up to 20: a sample of %s counts for %s", (timestampUs, pids) => {
    expect([...newestByPid([sample(7, timestampUs, 5)], 20).keys()]).toEqual(pids);
  });

  it.each([
    [0, []],
    [1, [1]],
    [4_194_304, [4_194_304]],
    [4_194_305, []],
  ])("names a process: pid %s gives %s", (pid, pids) => {
    expect([...newestByPid([sample(pid, 5, 5)], 0).keys()]).toEqual(pids);
  });
});

describe("merging what is known of the processes", () => {
  const use = (pid: number, sm: number) =>
    new Map([[pid, { pid, timestampUs: 1, sm, memory: 10 }]]);

  it("names a process of both lists once, with the larger memory", () => {
    const both = mergeProcesses(
      [[{ pid: 7, memUsedBytes: 100 }], [{ pid: 7, memUsedBytes: 80 }]],
      new Map(),
    );
    expect(both).toEqual([{ pid: 7, memUsedBytes: 100 }]);
  });

  it("adds up the entries of one list: one for every GPU instance", () => {
    const entries = [
      { pid: 7, memUsedBytes: 100 },
      { pid: 7, memUsedBytes: 80 },
    ];
    expect(mergeProcesses([entries], new Map())).toEqual([{ pid: 7, memUsedBytes: 180 }]);
  });

  it("still lists a process that worked and has left the lists, without a memory figure", () => {
    expect(mergeProcesses([], use(7, 50))).toEqual([{ pid: 7, smUtil: 0.5, memUtil: 0.1 }]);
  });

  it("does not list one that did nothing and is in no list", () => {
    const none = new Map([[7, { pid: 7, timestampUs: 1, sm: 0, memory: 0 }]]);
    expect(mergeProcesses([], none)).toEqual([]);
    expect(mergeProcesses([[{ pid: 7, memUsedBytes: 1 }]], none)).toEqual([
      { pid: 7, smUtil: 0, memUtil: 0, memUsedBytes: 1 },
    ]);
  });
});
