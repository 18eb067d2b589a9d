import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addDeclared } from "../../src/classify/declared-purpose.ts";
import { kernelNamesSchema } from "../../src/classify/kernel-name-data.ts";
import { kernelNameEvidence } from "../../src/classify/kernel-names.ts";
import { loadShippedData } from "../../src/config/data.ts";
import type { Evidence } from "../../src/model/evidence.ts";
import type { LaunchSample } from "../../src/model/sample.ts";

const { kernelNames: data, purposes } = loadShippedData();

const launched = (...names: string[]): LaunchSample[] => [
  { kind: "launches", atMs: 1, pid: 7, list: names.map((name) => ({ name, count: 10 })) },
];
const evidenceOf = (names: readonly string[], others: readonly Evidence[] = []) =>
  kernelNameEvidence(launched(...names), data, others);
const sign = (feature: string): Evidence => ({ family: "host", feature, text: "", weights: {} });

describe("names of a search for proof of work", () => {
  it.each([
    "ethash_search",
    "_Z13ethash_searchPjm",
    "kawpow_search_0",
    "progpow",
    "autolykos_mine",
    "kHeavyHash",
    "void kheavyhash<256>(unsigned int)",
    "blake3_search",
    "keccak256_search_kernel",
    "sha256d",
    "randomX_run",
    "equihash_round3",
    "cuckaroo29_trim",
    "pearl_gemm_sm90",
    "_ZN5pearl4gemm6kernelEv",
    "findNonces",
  ])("%s is one, and weighs nothing by itself", (name) => {
    const { host } = evidenceOf([name]);
    expect(host).toHaveLength(1);
    expect(host[0]).toMatchObject({ family: "host", feature: "kernelNames", weights: {} });
    expect(host[0]?.text).toContain("not counted");
  });

  it("are one hit, however many: two of them confirm nothing", () => {
    const { host } = evidenceOf(["ethash_search", "kawpow_search", "find_nonce", "pearl_gemm"]);
    expect(host).toHaveLength(1);
    expect(host[0]?.weights).toEqual({});
  });

  it.each(["minerHint", "minerProcess", "poolHint", "poolConnection"])(
    "weigh where %s says so independently",
    (feature) => {
      const [found] = evidenceOf(["ethash_search"], [sign(feature)]).host;
      expect(found?.weights).toEqual({ "mining-like": data.confirmedWeight });
    },
  );

  it.each(["tunnel", "noFramework", "kernelNames", "newDestination"])(
    "do not weigh beside %s, which is no independent sign of a miner",
    (feature) => {
      expect(evidenceOf(["ethash_search"], [sign(feature)]).host[0]?.weights).toEqual({});
    },
  );

  it("of kernels that were not launched, or have no name, are none", () => {
    const list = [
      { name: "ethash_search", count: 0 },
      { count: 5, entry: "cuLaunchKernel" },
    ];
    const found = kernelNameEvidence([{ kind: "launches", atMs: 1, pid: 7, list }], data, []);
    expect(found).toEqual({ host: [], declared: [] });
  });

  it("show escaped and bounded what the program chose", () => {
    const name = `ethash_\u001b[31m\u202e${"x".repeat(5000)}`;
    const text = evidenceOf([name]).host[0]?.text ?? "";
    expect(["\u001b", "\u202e"].some((char) => text.includes(char))).toBe(false);
    expect(text.length).toBeLessThan(400);
  });
});

describe("near misses", () => {
  it.each([
    "search",
    "binary_search_kernel",
    "beam_search",
    "hash_table_insert",
    "cuckoo_hash_insert",
    "embedding_hash",
    "hashgrid_encode",
    "kernel_grid_hash<float, 3>",
    "sha256",
    "sha256_verify_batch",
    "blake3_hash_many",
    "keccak_f1600",
    "keccak256_merkle_tree",
    "random_x_kernel",
    "randomxorshift",
    "methashing",
    "pearl_string_jam",
    "gemm_pearl",
    "pearl(gemm)",
    "progress_power",
    "mine_craft_render",
    "determine_nonce_count",
    "nonce",
    "x16_repack",
    "equihashing_functor_like",
    "searchsorted",
    "scan_hash_join",
    "meow",
    "fish_hash",
  ])("%s is no search", (name) => {
    expect(evidenceOf([name]).host).toEqual([]);
  });

  it.each(["madame_butterfly", "forwards", "backwards_compatible", "marlinspike", "cubic_spline"])(
    "%s declares nothing",
    (name) => {
      expect(evidenceOf([name]).declared).toEqual([]);
    },
  );
});

describe("names of frameworks", () => {
  it.each([
    ["void multi_tensor_apply_kernel<FusedAdamMathFunctor<float, 4>>()", "training-like"],
    ["flash_bwd_dq_dk_dv_loop_seqk_parallel_kernel", "training-like"],
    ["void vllm::paged_attention_v2_kernel<half>(float*)", "inference-like"],
    ["BatchDecodeWithPagedKVCacheKernel", "inference-like"],
    ["__raygen__pinhole", "other"],
    ["nbnxn_kernel_ElecEw_VdwLJ_F_cuda", "other"],
  ])("%s declares %s, by little", (name, label) => {
    const [found] = evidenceOf([name]).declared;
    expect(found).toMatchObject({ family: "declared", feature: "kernelNames" });
    const weights = Object.entries(found?.weights ?? {});
    expect(weights).toHaveLength(1);
    expect(weights[0]?.[0]).toBe(label);
    expect(weights[0]?.[1]).toBeLessThanOrEqual(0.6);
  });

  it.each([
    ["_ZN2at6native29vectorized_elementwise_kernelILi4EEEv", "PyTorch"],
    ["ncclDevKernel_AllReduce_Sum_f32_RING_LL(ncclDevKernelArgs)", "NCCL"],
    ["void cutlass::Kernel2<cutlass_80_tensorop>(Params)", "CUTLASS"],
    ["triton_poi_fused_add_0", "Triton"],
    ["flash_fwd_kernel", "flash attention"],
  ])("%s is of %s, which declares no purpose", (name, group) => {
    const [found] = evidenceOf([name]).declared;
    expect(found).toMatchObject({ family: "context", value: group, weights: {} });
  });

  it("of many kernels of one kind declare it once, by the heaviest", () => {
    const { declared } = evidenceOf(["conv_dgrad", "conv_wgrad", "FusedAdam", "softmax_backward"]);
    expect(declared).toHaveLength(1);
    expect(declared[0]?.weights).toEqual({ "training-like": 0.6 });
  });

  it("never lower an accusation, whatever is declared", () => {
    const labels = ["training-like", "inference-like", "mining-like", "other"] as const;
    const score = fc.double({ min: -10, max: 10, noNaN: true });
    const { declared } = evidenceOf(["FusedAdam", "paged_attention", "__raygen__x"]);
    expect(declared).toHaveLength(3);
    fc.assert(
      fc.property(fc.tuple(score, score, score, score), (values) => {
        const [a = 0, b = 0, c = 0, d = 0] = values;
        const scores = { "training-like": a, "inference-like": b, "mining-like": c, other: d };
        const after = addDeclared(scores, declared, purposes);
        const mining = (of: typeof scores): number =>
          of["mining-like"] - Math.log(labels.reduce((sum, label) => sum + Math.exp(of[label]), 0));
        expect(mining(after)).toBeGreaterThanOrEqual(mining(scores) - 1e-9);
      }),
    );
  });
});

describe("the data of kernels' names", () => {
  const some = data.groups[0];

  it("dates and sources every group", () => {
    for (const { date, source, reason } of data.groups) {
      expect(date).toMatch(/^\d{4}-\d{2}-\d{2}$/);
      expect(Math.min(source.length, reason.length)).toBeGreaterThan(5);
    }
  });

  it.each([
    ["accuses by declaring", { kind: "declares", declares: { label: "mining-like", weight: 0.5 } }],
    ["declares beside accusing", { declares: { label: "other", weight: 0.5 } }],
    ["weighs too much", { kind: "declares", declares: { label: "other", weight: 0.61 } }],
    ["has a term in capitals", { terms: ["Ethash"] }],
    ["has no term", { terms: [] }],
    ["has a term twice", { terms: ["abc", "abc"] }],
  ])("is refused where a group %s", (_, change) => {
    expect(kernelNamesSchema.safeParse({ ...data, groups: [some] }).success).toBe(true);
    const groups = [{ ...some, ...change }];
    expect(kernelNamesSchema.safeParse({ ...data, groups }).success).toBe(false);
  });
});
