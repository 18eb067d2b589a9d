import { describe, expect, it } from "vitest";
import { chooseKernels } from "../../src/cli/choose-kernels.ts";
import { matmulF32Kernel } from "../../src/probe/kernels/matmul-f32.ts";
import { sha256dKernel } from "../../src/probe/kernels/sha256d.ts";

const CHAIN = { ...sha256dKernel, name: "alu-int32", family: "alu" as const };
const KNOWN = [sha256dKernel, matmulF32Kernel, CHAIN];
const namesOf = (text: string | undefined) => chooseKernels(text, KNOWN).map(({ name }) => name);

describe("the kernels that a list stands for", () => {
  it.each([
    [undefined, ["sha256d", "matmul-f32", "alu-int32"]],
    ["matmul-f32", ["matmul-f32"]],
    ["hash", ["sha256d"]],
    ["alu-int32, sha256d", ["sha256d", "alu-int32"]],
    ["hash,sha256d,hash", ["sha256d"]],
  ])("are, of %j, these", (text, names) => {
    expect(namesOf(text)).toEqual(names);
  });

  it.each([
    [
      "sha256",
      /"sha256" .*kernel/,
      /^sha256d\? kernels: sha256d, matmul-f32, alu-int32; families: hash, matmul, alu$/,
    ],
    ["hash,matmul-f23", /"matmul-f23"/, /^matmul-f32\? /],
    ["", /"" is no kernel/, /^kernels: sha256d/],
    ["hash,,alu", /"" is no kernel/, /^kernels: /],
    ["memory", /"memory"/, /families: hash, matmul, alu$/],
    ["Hash", /"Hash"/, /^hash\? /],
    ["\u001b[31m", /"\\u\{1b\}\[31m"/, /kernels: /],
  ])("are not, of %j", (text, message, hint) => {
    expect(() => namesOf(text)).toThrow(
      expect.objectContaining({
        code: "cli/usage",
        place: "--kernels",
        message: expect.stringMatching(message),
        hint: expect.stringMatching(hint),
      }),
    );
  });
});
