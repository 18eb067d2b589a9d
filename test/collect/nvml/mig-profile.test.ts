import { describe, expect, it } from "vitest";
import { view } from "../../../src/collect/nvml/layouts.ts";
import {
  decodeMigAttributes,
  MIG_ATTRIBUTES,
  profileFromAttributes,
  profileFromName,
} from "../../../src/collect/nvml/mig-profile.ts";

const MIB = 2 ** 20;

describe("the profile in a MIG device's name", () => {
  it.each([
    ["NVIDIA A100-SXM4-40GB MIG 1g.5gb", "1g.5gb"],
    ["NVIDIA H100 80GB HBM3 MIG 1c.3g.40gb", "1c.3g.40gb"],
    ["NVIDIA H200 MIG 1g.18gb+me", "1g.18gb+me"],
    ["NVIDIA H200 MIG 1g.18gb+me.all", "1g.18gb+me.all"],
    ["NVIDIA RTX PRO 6000 MIG 1g.24gb-me", "1g.24gb-me"],
    ["NVIDIA A100-SXM4-40GB", undefined],
    ["NVIDIA 1g.5gb MIG", undefined],
    ["NVIDIA MIG 1g.5gb\u001b[31m", undefined],
    ["", undefined],
  ])("of %j is %s", (name, profile) => {
    expect(profileFromName(name)).toBe(profile);
  });
});

describe("a MIG device's attributes", () => {
  const bytesOf = (gpuSlices: number, computeSlices: number, mebibytes: bigint) => {
    const bytes = new Uint8Array(MIG_ATTRIBUTES).fill(0xee);
    view(bytes).setUint32(24, gpuSlices, true);
    view(bytes).setUint32(28, computeSlices, true);
    view(bytes).setBigUint64(32, mebibytes, true);
    return bytes;
  };

  it("are its slices and its memory", () => {
    expect(decodeMigAttributes(bytesOf(3, 2, 20_096n))).toEqual({
      gpuSlices: 3,
      computeSlices: 2,
      memoryBytes: 20_096 * MIB,
    });
  });

  it.each([0n, 2n ** 32n, 0xffff_ffff_ffff_ffffn])("have no memory of %s MiB", (mebibytes) => {
    expect(decodeMigAttributes(bytesOf(1, 1, mebibytes)).memoryBytes).toBeUndefined();
  });
});

describe("a profile made of attributes", () => {
  const profile = (
    gpuSlices: number,
    computeSlices: number,
    mebibytes: number | undefined,
    cardMebibytes: number | undefined,
  ) =>
    profileFromAttributes(
      { gpuSlices, computeSlices, memoryBytes: mebibytes && mebibytes * MIB },
      cardMebibytes && cardMebibytes * MIB,
    );

  it.each([
    [1, 1, 4864, 40_536, "1g.5gb"],
    [2, 2, 9984, 40_536, "2g.10gb"],
    [3, 3, 20_096, 40_536, "3g.20gb"],
    [3, 1, 20_096, 40_536, "1c.3g.20gb"],
    [7, 7, 40_192, 40_536, "7g.40gb"],
    [1, 1, 9728, 81_251, "1g.10gb"],
    [1, 1, 4864, undefined, "1g.5gb"],
    [1, 0, 4864, 40_536, "1g.5gb"],
  ])("of %s and %s slices with %s of %s MiB is %s", (gpu, compute, own, card, expected) => {
    expect(profile(gpu, compute, own, card)).toBe(expected);
  });

  it.each([
    [0, 0, 4864],
    [65, 1, 4864],
    [1, 2, 4864],
    [1, 1, undefined],
  ])("of %s and %s slices with %s MiB there is none", (gpu, compute, own) => {
    expect(profile(gpu, compute, own, 40_536)).toBeUndefined();
  });
});
