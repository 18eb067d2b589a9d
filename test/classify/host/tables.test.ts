import { describe, expect, it } from "vitest";
import { hostEvidence } from "../../../src/classify/host-evidence.ts";
import { loadShippedData } from "../../../src/config/data.ts";
import { readTable } from "./table.ts";

const { indicators } = loadShippedData();
const nearMisses = readTable("near-misses.yaml");
const spellings = readTable("spellings.yaml");

describe("a near miss", () => {
  it.each(nearMisses)("$title", ({ process, silent }) => {
    const found = hostEvidence([process], indicators);
    expect(found.filter(({ weights }) => Object.keys(weights).length > 0)).toEqual([]);
    expect(found.filter(({ feature }) => feature === "tunnel")).toEqual([]);
    if (silent) expect(found).toEqual([]);
  });

  it("is hinted at where the table does not ask for silence, so that it is known why", () => {
    const loud = nearMisses.filter(({ silent }) => !silent);
    const silentOnes = loud.filter(
      ({ process }) => hostEvidence([process], indicators).length === 0,
    );
    expect(silentOnes.map(({ title }) => title)).toEqual([]);
  });
});

describe("a true hit", () => {
  it.each(spellings)("$as: $title", ({ process, as }) => {
    const found = hostEvidence([process], indicators);
    const features = {
      miner: "minerProcess",
      hint: "minerHint",
      tunnel: "tunnel",
      weakTunnel: "tunnelHint",
    };
    const expected = features[as ?? "miner"];
    expect(found.map(({ feature }) => feature)).toContain(expected);
    const hit = found.find(({ feature }) => feature === expected);
    expect(hit?.value).toBe(7);
    expect(hit?.weights).toEqual(as === "miner" ? { "mining-like": 5 } : {});
    if (as !== "miner")
      expect(found.filter(({ feature }) => feature === "minerProcess")).toEqual([]);
  });
});
