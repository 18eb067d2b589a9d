import { describe, expect, it } from "vitest";
import { Registries } from "../../src/attribute/registries.ts";
import { ENGINE_USER_LABEL, type RegistryEntry } from "../../src/model/sample.ts";

const ID = "3f2a9c1d5e7b".padEnd(64, "0");
/** Of the same twelve digits that containers go by. */
const TWIN = "3f2a9c1d5e7b".padEnd(64, "f");
const named = (id: string, name: string, uid?: number): RegistryEntry => ({
  container: { id, name },
  ...(uid !== undefined && { labels: { [ENGINE_USER_LABEL]: String(uid) } }),
});

function saying(...samples: [string, RegistryEntry[]][]): Registries {
  const registries = new Registries();
  for (const [source, entries] of samples)
    registries.note({ kind: "registry", atMs: 0, source, entries });
  return registries;
}

describe("a user's own engine", () => {
  it("names that user's containers", () => {
    const registries = saying(["podman", [named(ID, "mine", 1001)]]);
    expect(registries.ownContainer(1001, ID)?.container?.name).toBe("mine");
  });

  it.each([
    [
      "before",
      (mine: [string, RegistryEntry[]], other: [string, RegistryEntry[]]) => [mine, other],
    ],
    ["after", (mine: [string, RegistryEntry[]], other: [string, RegistryEntry[]]) => [other, mine]],
  ])("names nobody else's, heard of %s the engine whose it is", (_, order) => {
    const evil: [string, RegistryEntry[]] = ["podman", [named(TWIN, "innocent", 1001)]];
    const registries = saying(...order(evil, ["docker", [named(ID, "miner")]]));
    expect(registries.container(ID)?.container?.name).toBe("miner");
    expect(registries.ownContainer(1002, ID)?.container?.name).toBe("miner");
  });

  it("is given no device, and makes no pod", () => {
    const entry = {
      ...named(ID, "x", 1001),
      gpus: ["0"],
      pod: { namespace: "ml", name: "a", uid: "u" },
    };
    const registries = saying(["podman", [entry]]);
    expect(registries.claimsOn([0])).toEqual([]);
    expect(registries.pod("u")).toBeUndefined();
    expect(registries.container(ID)).toBeUndefined();
  });
});
