import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { readdir } from "node:fs/promises";
import { beforeEach, describe, expect, test } from "vitest";
import { readShader, SHADERS_URL } from "../../src/probe/shaders.ts";
import { temporaryFolder } from "../support/temporary.ts";

describe("reading a shader", () => {
  let folder: string;
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  const read = (name: string) => readShader(name, pathToFileURL(`${folder}/`));

  beforeEach(() => {
    folder = temporaryFolder("shaders");
    mkdirSync(join(folder, "lib"));
    write("lib/part.wgsl", "fn part() {}\n");
    write("lib/other.wgsl", "fn other() {}\n");
  });

  test("puts each included file where its line was, and nothing else", async () => {
    write("kernel.wgsl", "a\n// include lib/part.wgsl\nb\n// include lib/other.wgsl\nc\n");
    expect(await read("kernel.wgsl")).toBe("a\nfn part() {}\n\nb\nfn other() {}\n\nc\n");
  });

  test("leaves a text without includes, and comments that speak of them, as they are", async () => {
    const text =
      "// includes lib/part.wgsl\n  // include lib/part.wgsl\nx // include lib/part.wgsl\n";
    write("kernel.wgsl", text);
    expect(await read("kernel.wgsl")).toBe(text);
  });

  test("takes dollar signs in an included file for dollar signs", async () => {
    write("lib/part.wgsl", "// $& $1 $$\n");
    write("kernel.wgsl", "// include lib/part.wgsl");
    expect(await read("kernel.wgsl")).toBe("// $& $1 $$\n");
  });

  test.each([
    ["a file that is not there", "lib/missing.wgsl", /kernel\.wgsl includes lib\/missing\.wgsl/],
    ["a file outside lib", "kernel.wgsl", /no lib\/NAME\.wgsl/],
    ["a way out of lib", "lib/../kernel.wgsl", /no lib\/NAME\.wgsl/],
    ["nothing", "", /no lib\/NAME\.wgsl/],
  ])("refuses to include %s", async (_, path, message) => {
    write("kernel.wgsl", `// include ${path}\n`);
    await expect(read("kernel.wgsl")).rejects.toThrow(message);
  });

  test("refuses the same file twice, and an included file that includes another", async () => {
    write("twice.wgsl", "// include lib/part.wgsl\n// include lib/part.wgsl\n");
    await expect(read("twice.wgsl")).rejects.toThrow("twice.wgsl includes lib/part.wgsl twice");
    write("lib/part.wgsl", "// include lib/other.wgsl\n");
    write("deep.wgsl", "// include lib/part.wgsl\n");
    await expect(read("deep.wgsl")).rejects.toThrow("lib/part.wgsl is included and includes");
  });

  test("gives every shader of the package with nothing left to include", async () => {
    const names = (await readdir(SHADERS_URL)).filter((name) => name.endsWith(".wgsl"));
    expect(names.length).toBeGreaterThan(1);
    for (const name of names) expect(await readShader(name)).not.toMatch(/^\/\/ include /m);
  });
});
