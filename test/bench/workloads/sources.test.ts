import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { answers, catalogue, folder, outputOf } from "./catalogue.ts";

const cuda = join(folder, "cuda");
const python = readdirSync(folder).filter((name) => name.endsWith(".py"));
const kernels = readdirSync(cuda).filter((name) => name.endsWith(".cu"));
const sources = [...python, ...readdirSync(cuda).map((name) => join("cuda", name))];

/** What a real miner has and nothing here may have: a way out, somebody to work for, somebody to be paid. */
const forbidden =
  /socket|stratum|https?:|wallet|urllib|requests\.|import http|getaddrinfo|connect\(|mining\.(?:subscribe|submit|notify)|0x[0-9a-f]{40}\b/i;

describe("the sources of the workloads", () => {
  it.each(sources)("%s knows no pool, wallet or network", (name) => {
    expect(readFileSync(join(folder, name), "utf8")).not.toMatch(forbidden);
  });

  it("the search for such words finds them", () => {
    for (const text of ["import socket", "stratum+tcp", "HTTP://a", "https://a", "wallet = 1"])
      expect(text).toMatch(forbidden);
  });

  it("no CUDA program is there that no workload runs", () => {
    const used = new Set(catalogue().workloads.flatMap(({ parts }) => parts.map((p) => p.program)));
    expect(
      kernels.map((name) => name.replace(".cu", "")).filter((name) => !used.has(name)),
    ).toEqual([]);
  });
});

const noPython = !answers("python3", "--version");
describe.skipIf(noPython)(`Python${noPython ? " (skipped: no python3)" : ""}`, () => {
  it.each(python)("%s compiles", (name) => {
    const script = "import sys; compile(open(sys.argv[1]).read(), sys.argv[1], 'exec')";
    expect(outputOf("python3", ["-c", script, join(folder, name)])).toBe("");
  });
});

const noNvcc = !answers("nvcc", "--version");
const everything = process.env["ASSAY_COMPILE_ALL"] !== undefined;
const programs = everything ? kernels : ["sha256d.cu", "spmv.cu"];
const architectures = everything ? [["-arch=sm_80"], ["-arch=sm_90"], []] : [["-arch=sm_90"]];
const strict = ["-O3", "-std=c++17", "-Xcompiler", "-Wall,-Wextra", "--Werror", "all-warnings"];
const libraries = catalogue().workloads.flatMap(({ parts }) =>
  parts.flatMap((p) => p.library ?? []),
);
describe.skipIf(noNvcc)(`CUDA${noNvcc ? " (skipped: no nvcc)" : ""}`, () => {
  /** The program as compiled; anything the compiler says is an error. */
  const compiled = (name: string, ...options: string[]): Buffer => {
    const work = mkdtempSync(join(tmpdir(), "assay-nvcc-"));
    try {
      outputOf("nvcc", [...strict, ...options, "-o", join(work, "out"), join(cuda, name)]);
      return readFileSync(join(work, "out"));
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  };
  const table = programs.flatMap((name) =>
    architectures.map((options) => [name, options] as const),
  );

  it.each(table)("%s compiles without a warning with %j", { timeout: 300_000 }, (name, options) => {
    expect(compiled(name, ...options).length).toBeGreaterThan(0);
  });

  it.each(everything ? libraries : libraries.slice(0, 1))(
    "%s compiles as a library, too, with what its host calls",
    { timeout: 300_000 },
    (name) => {
      const library = compiled(`${name}.cu`, "-DAS_LIBRARY", "-shared", "-Xcompiler", "-fPIC");
      for (const symbol of ["campaign_main", "campaign_stop", "campaign_launches"])
        expect(library.includes(symbol)).toBe(true);
    },
  );
});
