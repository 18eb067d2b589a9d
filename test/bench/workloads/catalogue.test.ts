import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { catalogue, folder, type Workload } from "./catalogue.ts";

const { workloads } = catalogue();
const busy = ["training-like", "inference-like", "mining-like", "other"];
const named = (name: string): Workload | undefined => workloads.find((one) => one.name === name);
const programs = (one: Workload): string[] => one.parts.map(({ program }) => program);
const option = (one: Workload, name: string): string | undefined => {
  const words = one.parts.flatMap((part) => part.arguments);
  const at = words.indexOf(name);
  return at < 0 ? undefined : words[at + 1];
};

describe("the catalogue of workloads", () => {
  it("names each workload once", () => {
    expect(new Set(workloads.map(({ name }) => name)).size).toBe(workloads.length);
  });

  it.each(workloads)("$name: its programs are there, and its labels agree", (one) => {
    for (const { kind, program, library, label } of one.parts) {
      if (kind === "none") expect(program).toBe("");
      else if (kind === "python") expect(existsSync(`${folder}/${program}`)).toBe(true);
      else expect(existsSync(`${folder}/cuda/${program}.cu`)).toBe(true);
      if (library) expect(existsSync(`${folder}/cuda/${library}.cu`)).toBe(true);
      expect(one.labels ?? [one.label]).toContain(label);
    }
    const all = one.labels ?? one.parts.map(({ label }) => label);
    expect(all).toContain(one.label);
    // The window's label is the rogue one wherever there is one.
    if (all.includes("mining-like")) expect(one.label).toBe("mining-like");
    if (one.parts.length > 1) expect(one.labels).toBeDefined();
  });

  it("gives each family one label, but for those that share a device", () => {
    const alone = workloads.filter(({ family }) => family !== "sharing");
    const labels = new Map(alone.map(({ family, label }) => [family, label]));
    expect(alone.filter(({ family, label }) => labels.get(family) !== label)).toEqual([]);
  });

  it("takes two workloads of each label in six minutes, by the plan of 25 s each", () => {
    const first = workloads.slice(0, 10);
    for (const label of [...busy, "idle"])
      expect(first.filter((one) => one.label === label)).toHaveLength(2);
    const seconds = first.map(({ warmSeconds, scale }) => warmSeconds + 25 * scale + 7);
    expect(seconds.reduce((a, b) => a + b)).toBeLessThanOrEqual(360);
  });

  it("is balanced wherever it is cut: no label has less than a sixth, no other than mining more than a third", () => {
    for (let cut = 10; cut <= workloads.length; cut++) {
      const count = (label: string): number =>
        workloads.slice(0, cut).filter((one) => one.label === label).length;
      for (const label of busy) expect(count(label)).toBeGreaterThanOrEqual(Math.floor(cut / 6));
      for (const label of busy.filter((l) => l !== "mining-like"))
        expect(count(label)).toBeLessThanOrEqual(Math.ceil(cut / 3));
      expect(count("mining-like")).toBeLessThanOrEqual(Math.ceil(cut / 2));
    }
  });

  it("needs no more than 24 GB for nine in ten workloads", () => {
    const small = workloads.filter(({ needsMemoryGb }) => (needsMemoryGb ?? 0) <= 24);
    expect(small.length / workloads.length).toBeGreaterThan(0.9);
  });
});

const required: [what: string, label: string, names: string[]][] = [
  ["GPT training in bf16", "training-like", ["gpt"]],
  ["GPT training with gradient accumulation", "training-like", ["gpt-accum"]],
  ["GPT training, compiled", "training-like", ["gpt-compile"]],
  ["ResNet", "training-like", ["resnet50"]],
  ["ViT", "training-like", ["vit"]],
  ["recommendation with embeddings", "training-like", ["dlrm"]],
  ["LoRA fine-tune", "training-like", ["lora"]],
  ["a small fp32 model", "training-like", ["mlp"]],
  ["RL alternating rollout and update", "training-like", ["rl"]],
  ["training with paced gaps", "training-like", ["gpt-paced"]],
  ["training that checkpoints", "training-like", ["gpt-checkpoint"]],
  ["decode with request bursts", "inference-like", ["decode-b64"]],
  ["prefill-heavy", "inference-like", ["prefill"]],
  ["a diffusion-style UNet", "inference-like", ["diffusion"]],
  ["CNN serving", "inference-like", ["cnn-serving"]],
  ["batch embedding", "inference-like", ["embedding"]],
  ["full steady load", "inference-like", ["decode-steady", "prefill-steady"]],
  ["int8 and fp8 inference", "inference-like", ["prefill-int8", "prefill-fp8"]],
  ["FP64 solver", "other", ["fp64-solve", "fp64-gemm"]],
  ["FFT, n-body, sort, stencil", "other", ["fft", "nbody", "sort", "stencil"]],
  ["copy loops", "other", ["copy-device", "copy-host"]],
  ["a full-load burn-in", "other", ["burn-in"]],
  ["look-alikes of mining", "other", ["spmv", "montecarlo", "integrity", "pathtrace"]],
  ["idle, with memory held, with a model loaded", "idle", ["idle", "hold-60gb", "loaded-idle"]],
  ["ALU miners", "mining-like", ["sha256d", "keccak256", "blake3", "heavyhash"]],
  [
    "Ethash-style, DAGs of 1 to 5 GB",
    "mining-like",
    ["ethash-1gb", "ethash-2gb", "ethash-3gb", "ethash-4gb", "ethash-5gb"],
  ],
  ["KawPow, Autolykos, Equihash", "mining-like", ["kawpow", "autolykos-2gb", "equihash"]],
  ["matmul proof-of-work", "mining-like", ["matmul-pow-int8", "matmul-pow-fp8"]],
  ["a miner beside a training job", "mining-like", ["gpt+sha256d", "gpt+ethash"]],
  ["a miner inside a serving process", "mining-like", ["decode-with-miner", "decode-with-ethash"]],
  ["duty cycles", "mining-like", ["ethash-duty50", "ethash-duty30", "ethash-duty10"]],
  ["random pauses", "mining-like", ["sha256d-pauses", "ethash-pauses"]],
];

describe("what the catalogue must hold", () => {
  it.each(required)("%s, as %s", (_what, label, names) => {
    for (const name of names) expect([name, named(name)?.label]).toEqual([name, label]);
  });

  it("has several small jobs on one GPU, three at least once, and three with a miner among them", () => {
    const shared = workloads.filter(({ family }) => family === "sharing");
    expect(shared.filter(({ parts }) => parts.length >= 3).map(({ label }) => label)).toEqual([
      "training-like",
      "mining-like",
    ]);
  });

  it("has the facts of duty cycles as they are run", () => {
    for (const one of workloads.filter(({ family }) => family === "duty-cycled")) {
      expect(Number(option(one, "--duty"))).toBe(one.facts["duty"]);
      expect(option(one, "--pauses") !== undefined).toBe(one.facts["pauses"] === "random");
      // Long enough for two whole periods.
      const period = one.facts["periodSeconds"];
      if (typeof period === "number") expect(25 * one.scale).toBeGreaterThanOrEqual(2 * period);
    }
  });

  it("sizes tables as the names say, with room for the program's own context", () => {
    for (const one of workloads.filter(({ name }) => /-[\d.]+gb$/.test(name))) {
      const size = /-([\d.]+)gb$/.exec(one.name)?.[1];
      if (programs(one).includes("other.py")) continue;
      expect(option(one, "--gb")).toBe(size);
      expect(one.needsMemoryGb).toBeGreaterThan(Number(size));
    }
  });
});
