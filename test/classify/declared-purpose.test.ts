import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addDeclared,
  declaredPurpose,
  purposeContradiction,
} from "../../src/classify/declared-purpose.ts";
import { purposesSchema } from "../../src/classify/purpose-data.ts";
import { probabilities, type Scores } from "../../src/classify/score.ts";
import { loadShippedData } from "../../src/config/data.ts";
import { DECIDABLE_LABELS, type Label } from "../../src/model/label.ts";
import type { ProcessSighting } from "../../src/model/sample.ts";

const { purposes } = loadShippedData();
const python = "/usr/bin/python3.11";
const run = (argv: string[], exe?: string, more: Partial<ProcessSighting> = {}) =>
  declaredPurpose([{ pid: 7, argv, exe, ...more }], purposes);
const said = (argv: string[], exe?: string, more: Partial<ProcessSighting> = {}) =>
  run(argv, exe, more).map(({ value, weights }) => [value, weights]);

describe("a declared purpose", () => {
  it.each([
    [
      ["python", "/venv/bin/torchrun", "--nproc-per-node=8", "x.py"],
      python,
      "torchrun",
      "training-like",
      0.5,
    ],
    [["python3", "-um", "torch.distributed.run", "x.py"], python, "torchrun", "training-like", 0.5],
    [
      ["python3", "-W", "ignore", "-mtorch.distributed.launch"],
      python,
      "torchrun",
      "training-like",
      0.5,
    ],
    [
      ["/venv/bin/accelerate", "launch", "x.py"],
      undefined,
      "accelerate launch",
      "training-like",
      0.4,
    ],
    [["python", "/venv/bin/deepspeed", "x.py"], python, "deepspeed", "training-like", 0.5],
    [
      ["python", "train.py", "--lr", "1e-4"],
      python,
      "a script named after training",
      "training-like",
      0.3,
    ],
    [["python", "/venv/bin/vllm", "serve", "m"], python, "vllm serve", "inference-like", 0.8],
    [
      ["python", "-m", "vllm.entrypoints.openai.api_server"],
      python,
      "vllm serve",
      "inference-like",
      0.8,
    ],
    [["VLLM::EngineCore"], python, "a vLLM process", "inference-like", 0.7],
    [["ray::actor_train-0-G0"], python, "a ROLL training worker", "training-like", 0.6],
    [["ray::actor_infer-3-G01"], python, "a ROLL rollout worker", "inference-like", 0.6],
    [["sglang::scheduler_TP0"], python, "sglang", "inference-like", 0.8],
    [["python", "-m", "sglang.launch_server"], python, "sglang", "inference-like", 0.8],
    [
      ["tritonserver", "--model-repository", "/m"],
      "/opt/tritonserver/bin/tritonserver",
      "tritonserver",
      "inference-like",
      0.8,
    ],
    [["text-generation-launcher"], undefined, "text-generation-inference", "inference-like", 0.8],
    [
      ["./llama-server", "-m", "m.gguf"],
      "/opt/llama-server (deleted)",
      "llama.cpp",
      "inference-like",
      0.8,
    ],
    [
      ["/usr/bin/ollama", "runner", "--model", "m"],
      "/usr/bin/ollama",
      "ollama",
      "inference-like",
      0.8,
    ],
    [["comfy", "launch"], undefined, "comfy launch", "inference-like", 0.6],
    [["blender", "-b", "a.blend"], "/opt/blender/blender", "blender", "other", 0.8],
    [["gmx", "-quiet", "mdrun"], "/usr/bin/gmx", "GROMACS mdrun", "other", 0.8],
    [["lmp", "-in", "in.lj"], "/usr/bin/lmp", "LAMMPS", "other", 0.8],
    [["namd3", "c"], undefined, "NAMD", "other", 0.8],
    [["ffmpeg", "-i", "a.mp4"], "/usr/bin/ffmpeg", "ffmpeg", "other", 0.6],
  ])("of %j (%s) is %s: %s at %d", (argv, exe, name, label, weight) => {
    expect(said(argv, exe)).toEqual([[name, { [label]: weight }]]);
    expect(run(argv, exe)[0]).toMatchObject({ family: "declared", feature: "declaredPurpose" });
  });

  it.each([
    [["code", "train.py"], "/usr/bin/code", "an editor that has a file open"],
    [["vim", "vllm"], "/usr/bin/vim", "an editor of a folder"],
    [["vim", "vllm", "serve"], undefined, "the same where the executable is not told"],
    [["grep", "-r", "torchrun"], "/usr/bin/grep", "a search for the word"],
    [["ls", "torchrun"], undefined, "a folder of that name"],
    [["/opt/torchrun/bin/other"], "/opt/torchrun/bin/other", "a program in a folder of that name"],
    [["/opt/other", "torchrun"], undefined, "the word among the arguments"],
    [["torchrun"], "/usr/bin/vim", "a name in the argument list that the kernel does not confirm"],
    [["VLLM::EngineCore"], "/usr/bin/vim", "a title likewise"],
    [["python", "edit.py", "train.py"], python, "a script that is given the file"],
    [["python", "-c", "import torchrun", "train.py"], python, "a command line of Python's own"],
    [["python", "-", "train.py"], python, "a program from standard input"],
    [["python", "-X", "torchrun", "a.py"], python, "the word as an option's value"],
    [["python", "-m", "http.server", "torchrun"], python, "another module"],
    [["python", "-m", "vllmx.entrypoints"], python, "a module of a longer name"],
    [["python", "-m", "torch.distributed"], python, "a package above the module"],
    [["python"], python, "an interpreter alone"],
    [["torchrun.sh"], undefined, "a longer name"],
    [["vllm", "bench"], undefined, "another command of the same tool"],
    [["vllm", "--serve"], undefined, "an option named like the command"],
    [["gmx", "grompp"], "/usr/bin/gmx", "a step that needs no GPU"],
    [["bash", "train.sh"], "/bin/bash", "a shell"],
    [["xmrig", "--url", "x"], "/tmp/xmrig", "a miner: the indicators' business"],
    [[], undefined, "nothing known"],
  ])("is none in %j (%s): %s", (argv, exe, _why) => {
    expect(run(argv, exe)).toEqual([]);
  });

  it("is told by the name alone where the rest may not be read", () => {
    expect(said([], undefined, { comm: "torchrun", argv: undefined })).toHaveLength(1);
    expect(said([], python, { comm: "torchrun", argv: undefined })).toHaveLength(1);
    expect(said([], undefined, { comm: "python3", argv: undefined })).toEqual([]);
  });

  it("is told by the variables that a launcher sets, and by the role in them", () => {
    const worker = (environ: Record<string, string>) =>
      said(["python", "x.py"], python, { environ });
    expect(worker({ TORCHELASTIC_RUN_ID: "none" })).toEqual([
      ["a torchrun worker", { "training-like": 0.4 }],
    ]);
    expect(worker({ WORKER_NAME: "actor_train-0-G0" })).toMatchObject([
      ["a ROLL training worker", {}],
    ]);
    expect(worker({ WORKER_NAME: "actor_infer-0-G01" })).toMatchObject([
      ["a ROLL rollout worker", {}],
    ]);
    expect(worker({ WORKER_NAME: "actor_trainer-0" })).toEqual([]);
    expect(worker({ RANK: "0" })).toEqual([]);
  });

  it("of a notebook or a profiler is none, and says so unless another process declares one", () => {
    const notebook = {
      pid: 1,
      exe: python,
      argv: ["python", "-m", "ipykernel_launcher", "-f", "x"],
    };
    expect(declaredPurpose([notebook], purposes)).toMatchObject([
      { family: "context", feature: "noPurpose", weights: {} },
    ]);
    const both = declaredPurpose([notebook, { pid: 2, argv: ["blender"] }], purposes);
    expect(both.map(({ family }) => family)).toEqual(["declared"]);
  });

  it("weighs once, however many processes declare it, by the weightiest of them", () => {
    const many = Array.from({ length: 500 }, (_, i) => ({ pid: 500 - i, argv: ["train.py"] }));
    const [item, ...more] = declaredPurpose([...many, { pid: 900, argv: ["torchrun"] }], purposes);
    expect(more).toEqual([]);
    expect(item).toMatchObject({ value: "torchrun", weights: { "training-like": 0.5 } });
    expect(item?.text).toContain("pid 1, 2, 3 and 498 more");
  });

  it("shows nothing of what the observed user wrote", () => {
    const [item] = run(["/tmp/\u001b[2J\u202e/torchrun", "<script>"]);
    expect(item?.text).toMatch(/^declares itself torchrun \(pid 7\): [\x20-\x7e]+$/);
  });
});

const hostile = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.constantFrom("python", "python3.11", "-m", "-um", "-c", "-W", "--", "-", "torchrun", "vllm"),
  fc.constantFrom("serve", "VLLM::x", "::", "/", "a/", " (deleted)", "__proto__", "constructor"),
);
const process = fc.record(
  {
    pid: fc.nat(),
    exe: hostile,
    comm: hostile,
    argv: fc.array(hostile, { maxLength: 8 }),
    environ: fc.dictionary(hostile, hostile),
  },
  { requiredKeys: ["pid"] },
);

describe("any process at all", () => {
  const weights = new Set(purposes.entries.flatMap(({ declares }) => declares?.weight ?? []));

  it("declares at most one thing for a label, weighed as the data say, and never mining", () => {
    fc.assert(
      fc.property(fc.array(process), (processes) => {
        const found = declaredPurpose(processes, purposes);
        const labels = found.flatMap((item) => Object.keys(item.weights));
        expect(new Set(labels).size).toBe(labels.length);
        expect(labels).not.toContain("mining-like");
        for (const item of found) {
          for (const weight of Object.values(item.weights)) expect(weights).toContain(weight);
          expect(item.text.length).toBeLessThan(400);
        }
        expect(declaredPurpose(processes.toReversed(), purposes)).toEqual(found);
      }),
    );
  });

  it("costs no more than its length, however it is written", () => {
    const long = "-".repeat(1_000_000);
    for (const argv of [
      [long, long],
      ["python", ...Array<string>(100_000).fill("-W")],
      ["python", `-${"u".repeat(1e6)}m`],
    ])
      expect(run(argv)).toEqual([]);
    expect(run([`${"/".repeat(1_000_000)}torchrun`])).toHaveLength(1);
  });
});

describe("the data", () => {
  const broken = (change: object) => purposesSchema.safeParse({ ...purposes, ...change }).success;
  const [first] = purposes.entries;

  it("names every way to be recognised once, and lets nobody weigh much or declare mining", () => {
    expect(broken({})).toBe(true);
    expect(broken({ entries: [first, first] })).toBe(false);
    expect(
      broken({ entries: [{ ...first, declares: { label: "training-like", weight: 0.9 } }] }),
    ).toBe(false);
    expect(
      broken({ entries: [{ ...first, declares: { label: "mining-like", weight: 0.1 } }] }),
    ).toBe(false);
    expect(broken({ entries: [{ ...first, programs: undefined, modules: undefined }] })).toBe(
      false,
    );
    expect(broken({ maxRelief: 0.4 })).toBe(false);
  });
});

describe("scores with what is declared", () => {
  const score = fc.double({ min: -30, max: 30, noNaN: true });
  const scores = fc.record({
    "training-like": score,
    "inference-like": score,
    "mining-like": score,
    other: score,
  });
  const oddsOfMining = (of: Scores): number => {
    const rest = DECIDABLE_LABELS.filter((label) => label !== "mining-like");
    const top = Math.max(...rest.map((label) => of[label]));
    const mass = rest.reduce((sum, label) => sum + Math.exp(of[label] - top), 0);
    return of["mining-like"] - top - Math.log(mass);
  };

  it("neither lower an accusation nor raise one, whatever is declared", () => {
    fc.assert(
      fc.property(scores, fc.array(process), (before, processes) => {
        const declared = declaredPurpose([...processes, { pid: 1, argv: ["torchrun"] }], purposes);
        const after = addDeclared(before, declared, purposes);
        const change = oddsOfMining(after) - oddsOfMining(before);
        expect(change).toBeLessThanOrEqual(1e-9);
        expect(change).toBeCloseTo(0, 9);
      }),
    );
  });

  it("tip a doubt between honest labels", () => {
    const doubt = { "training-like": 0, "inference-like": 0.2, "mining-like": -3, other: -2 };
    const after = addDeclared(doubt, run(["torchrun"]), purposes);
    expect(after["training-like"] - after["inference-like"]).toBeCloseTo(0.3);
    expect(probabilities(after)["training-like"]).toBeGreaterThan(0.5);
    expect(addDeclared(doubt, [], purposes)).toEqual(doubt);
  });

  it("leave a miner that calls itself a renderer accused", () => {
    const sure = { "training-like": -1, "inference-like": -1, "mining-like": 3, other: 0 };
    const bare = probabilities(sure)["mining-like"];
    const hidden = probabilities(addDeclared(sure, run(["blender"]), purposes))["mining-like"];
    expect(bare).toBeGreaterThan(0.9);
    expect(hidden).toBeGreaterThan(0.88);
  });
});

describe("a purpose that telemetry contradicts", () => {
  const torchrun = run(["torchrun"]);
  const of = (label: Label, confidence: number, declared = torchrun) =>
    purposeContradiction(declared, { label, confidence });

  it("is a finding that weighs nothing, from a confidence of 0.8 on", () => {
    expect(of("mining-like", 0.8)).toMatchObject({
      family: "context",
      value: "training-like, read as mining-like",
      weights: {},
    });
    expect(of("mining-like", 0.8)?.text).toMatch(
      /declares itself training-like.*reads mining-like/,
    );
    expect(of("mining-like", 0.799)).toBeUndefined();
  });

  it("is none where they agree, where nothing was decided or declared, or either was declared", () => {
    expect(of("training-like", 1)).toBeUndefined();
    expect(of("unknown", 0.9)).toBeUndefined();
    expect(of("idle", 1)).toBeUndefined();
    expect(of("mining-like", 1, [])).toBeUndefined();
    expect(of("mining-like", 1, run(["python", "-m", "jupyter"], python))).toBeUndefined();
    const both = declaredPurpose(
      [
        { pid: 1, argv: ["torchrun"] },
        { pid: 2, argv: ["vllm", "serve"] },
      ],
      purposes,
    );
    expect(of("inference-like", 0.9, both)).toBeUndefined();
    expect(of("other", 0.9, both)?.text).toContain("training-like and inference-like");
  });
});
