import { describe, expect, it } from "vitest";
import { createRegistryCollector } from "../../../src/collect/registry/collector.ts";
import type { Notice } from "../../../src/collect/thread/protocol.ts";
import type { RegistryEntry } from "../../../src/model/sample.ts";

const AT = 1_800_000_000_000;
const named = (name: string): RegistryEntry => ({ container: { name } });

function rig() {
  const source: { entries: RegistryEntry[] } = { entries: [named("a"), named("b")] };
  const notices: Notice[] = [];
  const collector = createRegistryCollector(
    { name: "docker", intervalMs: 10_000 },
    {
      open: async () => ({ status: "ready", detail: "here" }),
      read: async () => source.entries,
      close: async () => undefined,
    },
    { onNotice: (notice) => void notices.push(notice) },
  );
  const at = async (second: number) => collector.collect(AT + second * 1000);
  return { source, collector, at, notices };
}

describe("what a registry says", () => {
  it("is told at once, on change, and once a minute", async () => {
    const { source, at } = rig();
    expect(await at(0)).toEqual([
      { kind: "registry", atMs: AT, source: "docker", entries: [named("a"), named("b")] },
    ]);
    expect(await at(10)).toEqual([]);
    expect(await at(54.9)).toEqual([]);
    expect(await at(60)).toHaveLength(1);
    expect(await at(70)).toEqual([]);
    source.entries = [named("a")];
    expect(await at(80)).toMatchObject([{ entries: [named("a")] }]);
    source.entries = [];
    expect(await at(90)).toMatchObject([{ entries: [] }]);
  });

  it("has not changed where only its order has", async () => {
    const { source, at } = rig();
    await at(0);
    source.entries = [named("b"), named("a")];
    expect(await at(10)).toEqual([]);
  });

  it("is told again after it was closed, and where the clock was set back", async () => {
    const { collector, at } = rig();
    await at(0);
    expect(await at(-3600)).toHaveLength(1);
    await collector.close();
    await collector.open();
    expect(await at(-3599)).toHaveLength(1);
  });

  it("is bounded in number and length, and that is said once", async () => {
    const { source, at, notices } = rig();
    source.entries = Array.from({ length: 10_000 }, (_, i) => named(`c${i}`));
    expect((await at(0))[0]).toMatchObject({ entries: { length: 10_000 } });
    expect(notices).toEqual([]);
    source.entries.push(named("a one more"));
    expect((await at(10))[0]).toMatchObject({ entries: { length: 10_000 } });
    source.entries = Array.from({ length: 9000 }, (_, i) => named(`${i}`.padEnd(4096, "x")));
    const [cut] = await at(20);
    expect(JSON.stringify(cut).length).toBeLessThan(9 * 2 ** 20);
    expect(notices).toHaveLength(1);
  });
});
