import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { kernelWords, plainName } from "../../src/model/kernel-name.ts";

const words = (name: string): string[] => kernelWords(name).words.filter((word) => word !== "");

describe("the words of a kernel's name", () => {
  it.each([
    ["ethash_search", ["ethash", "search"]],
    ["kHeavyHash", ["k", "heavy", "hash"]],
    ["_Z13ethash_searchPjm", ["ethash", "search"]],
    ["_Z9vectorAddPKfS0_Pfi", ["vector", "add"]],
    [
      "_ZN2at6native29vectorized_elementwise_kernelILi4ENS0_11FillFunctorIfEESt5arrayIPcLm1EEEEviT0_T1_",
      ["at", "native", "vectorized", "elementwise", "kernel", "fill", "functor", "array"],
    ],
    [
      "void at::native::reduce_kernel<512, 1, at::native::ReduceOp<float>>(float)",
      [
        "void",
        "at",
        "native",
        "reduce",
        "kernel",
        "at",
        "native",
        "reduce",
        "op",
        "float",
        "float",
      ],
    ],
    ["", []],
    ["_Z", []],
    ["_Z99short", ["short"]],
    ["123 456", []],
  ])("of %j are %j", (name, expected) => {
    expect(words(name)).toEqual(expected);
  });

  it("of a mangled name that was cut off end where it was cut", () => {
    expect(words("_ZN2at6native29vectorized_elem")).toEqual(["at", "native", "vectorized", "elem"]);
  });

  it("do not join identifiers that only stand beside each other", () => {
    expect(kernelWords("copy(pearl, gemm)").words).toEqual(["copy", "", "pearl", "", "gemm", ""]);
    expect(kernelWords("pearl::gemm").words).toEqual(["pearl", "gemm", ""]);
    expect(kernelWords("_Z4copyI5pearl4gemmE").words.join(" ")).not.toBe("copy pearl gemm");
  });

  it("are bounded, and hold nothing but words, whatever the name", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ maxLength: 3000 }),
          fc.string().map((s) => `_Z${s}`),
        ),
        (name) => {
          const { parts, words: fine } = kernelWords(name);
          expect(parts.length + fine.length).toBeLessThan(10_000);
          for (const word of [...parts, ...fine]) expect(word).toMatch(/^[a-z0-9]*$/);
        },
      ),
    );
  });

  it("take time in proportion to the name's length", () => {
    const hostile = `_Z${"9".repeat(100_000)}${"1a".repeat(100_000)}`;
    expect(words(hostile).length).toBeLessThan(3000);
  });
});

describe("a kernel as a person calls it", () => {
  it.each([
    ["_Z9vectorAddPKfS0_Pfi", "vectorAdd"],
    ["_ZN2at6native13reduce_kernelILi512EEEvT_", "at::native::reduce_kernel"],
    ["void at::native::reduce_kernel<512, 1>(float)", "at::native::reduce_kernel"],
    ["__device_stub__search", "search"],
    ["triton_poi_fused_add_0", "triton_poi_fused_add_0"],
    ["_Z", "_Z"],
    ["", ""],
  ])("%j is %j", (name, expected) => {
    expect(plainName(name)).toBe(expected);
  });
});
