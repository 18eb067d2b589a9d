import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LIBRARY_KINDS } from "../../../src/collect/launches/entry-points.ts";
import { parseOutput } from "../../../src/collect/launches/output.ts";
import { tally } from "../../../src/collect/launches/tally.ts";
import type { LaunchSample } from "../../../src/model/sample.ts";

const idOf = (name: string): number =>
  LIBRARY_KINDS.flatMap(({ entries }) => entries).find((each) => each.name === name)?.id ?? 0;
const [DRIVER, RUNTIME, GRAPH] = ["cuLaunchKernel", "cudaLaunchKernel", "cuGraphLaunch"].map(idOf);

const line = (name: string, value: unknown): string =>
  JSON.stringify({ type: "map", data: { [name]: value } });

/** A window of two seconds, with whatever else is in the maps. */
const printed = (maps: Record<string, unknown>): string[] => [
  '{"type": "attached_probes", "data": {"probes": 3}}',
  "",
  ...Object.entries({ "@start": 1e9, "@end": 3e9, ...maps }).map(([name, value]) =>
    line(name, value),
  ),
];

function tallied(maps: Record<string, unknown>, pids = [7]): LaunchSample[] {
  const nameOf = (_: number, handle: string) => (handle === "5" ? "known" : undefined);
  return tally(parseOutput(printed(maps)), { atMs: 99, bucketMs: 500, pids, nameOf });
}

describe("what bpftrace printed", () => {
  it("becomes launches by kernel, entry point and shape, the most frequent first", () => {
    const [sample] = tallied({
      "@launches": {
        [`7,${DRIVER},5,1,2,3,4,5,6`]: 10,
        [`7,${DRIVER},6,1,2,3,4,5,6`]: 30,
        [`7,${GRAPH},8,0,0,0,0,0,0`]: 2,
        [`8,${DRIVER},5,1,1,1,1,1,1`]: 99,
      },
      "@rhythm": { "7,0,0": 12, "7,0,3": 30, "8,0,1": 99 },
    });
    const shape = { entry: "cuLaunchKernel", grid: [1, 2, 3], block: [4, 5, 6] };
    expect(sample).toEqual({
      kind: "launches",
      atMs: 99,
      windowSeconds: 2,
      pid: 7,
      list: [
        { name: undefined, ...shape, count: 30 },
        { name: "known", ...shape, count: 10 },
        { name: undefined, entry: "cuGraphLaunch", count: 2 },
      ],
      rhythm: { bucketSeconds: 0.5, counts: [12, 0, 0, 30] },
    });
  });

  it("of a process that launched nothing is an empty list, which is a finding", () => {
    expect(tallied({})).toMatchObject([{ pid: 7, list: [], rhythm: { counts: [0, 0, 0, 0] } }]);
  });

  const both = {
    [`7,${RUNTIME},5,1,1,1,1,1,1`]: 100,
    [`7,${DRIVER},6,1,1,1,1,1,1`]: 130,
  };
  it.each([
    [100, 130, ["cuLaunchKernel"]],
    [50, 130, ["cuLaunchKernel"]],
    [49, 230, ["cuLaunchKernel", "cudaLaunchKernel"]],
    [0, 230, ["cuLaunchKernel", "cudaLaunchKernel"]],
  ])(
    "of 100 calls of the runtime, %i of them seen again at the driver, counts %i in all",
    (nested, total, entries) => {
      const rhythm = { "7,0,0": 130, "7,1,0": 100 };
      const [sample] = tallied({ "@launches": both, "@rhythm": rhythm, "@nested": { 7: nested } });
      expect(sample?.list.map(({ entry }) => entry).sort()).toEqual(entries);
      expect(sample?.rhythm?.counts[0]).toBe(total);
    },
  );

  it("counts what found no room in the kernel's map", () => {
    const [sample] = tallied({
      "@launches": { [`7,${DRIVER},5,1,1,1,1,1,1`]: 10 },
      "@rhythm": { "7,0,0": 25 },
    });
    expect(sample?.list.map(({ count }) => count)).toEqual([10, 15]);
    expect(sample?.list[1]).toEqual({ count: 15 });
  });

  it("lists no more than 256 kernels, and counts the others together", () => {
    const launches = Object.fromEntries(
      Array.from({ length: 300 }, (_, i) => [`7,${DRIVER},${i + 10},1,1,1,1,1,1`, 2]),
    );
    const list = tallied({ "@launches": launches })[0]?.list ?? [];
    expect(list).toHaveLength(257);
    expect(list.at(-1)).toEqual({ count: 88 });
  });

  it.each([
    ["a window that never opened", { "@start": 0 }],
    ["one that never closed", { "@end": 0 }],
    ["one that ended before it began", { "@end": 1 }],
  ])("says nothing of %s", (_, maps) => {
    expect(tallied({ "@launches": both, ...maps })).toEqual([]);
  });

  it("may be anything: what is not of its form is passed over", () => {
    const junk = fc.oneof(
      fc.string(),
      fc.json(),
      fc.constantFrom("{", '{"type":"map"}', line("@launches", 5)),
    );
    const maps = fc.dictionary(
      fc.constantFrom("@launches", "@rhythm", "@nested", "@name", "@alias", "@stub", "@start"),
      fc.oneof(fc.jsonValue(), fc.dictionary(fc.string(), fc.integer())),
    );
    fc.assert(
      fc.property(fc.array(junk), maps, (lines, odd) => {
        const parsed = parseOutput([...lines, ...printed(odd)]);
        for (const { count } of parsed.launches) expect(count).toBeGreaterThanOrEqual(0);
        tally(parsed, { atMs: 1, bucketMs: 10, pids: [1], nameOf: () => undefined });
      }),
    );
  });

  it("keeps names by process and handle, with whatever is in them", () => {
    const { names } = parseOutput(printed({ "@name": { "7,5": 'a"\n}', "7, 6": "b", bad: "c" } }));
    expect([...names]).toEqual([
      ["7 5", 'a"\n}'],
      ["7 6", "b"],
    ]);
  });
});
