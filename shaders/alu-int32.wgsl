// Chains of 32-bit integer arithmetic in registers: what a device can do of what hashes are made of.
//
// Purpose        The ceiling of hash-like work. It moves no data while it runs.
// Entry point    chain
// Bindings       0  uniform             params
//                1  storage read-write  results, VECTORS vec4u per invocation
// Workgroup      WORKGROUP x 1 x 1; a grid of any width and height, numbered row by row
// Operations     per invocation 4 * VECTORS independent chains, each of 16 * iterations steps of 11
//                operations: 3 rotations, 2 exclusive ors and 3 operations of a choice, 3 additions.
//                A rotation counts as one, as in the hashes
// Bytes          per invocation 16 * VECTORS written at the end, none read
// Bounds         `results` has VECTORS * count elements, and only invocations below `count` write:
//                the last one element VECTORS * count - 1. Nothing else is indexed
//
// A step is the half of a SHA-256 round that computes e. GPUs merge such operations: two
// exclusive ors, or a whole choice, are one three-input logic instruction; three terms are one
// three-input addition; a rotation is one funnel shift. With these, a step's 11 operations are 7
// instructions: 1.57 operations an instruction, and so are the 2,160 operations of a SHA-256
// compression in about 1,376. Work that merges worse (BLAKE3: additions, exclusive ors and
// rotations one after the other, 7 in 6) reads well below 1 when it uses the integer units to the
// full; work that merges better can read above 1. So a fraction of this ceiling tells how near a
// kernel comes to a well-merged hash, and not what share of the instruction slots is in use.
//
// Vector components are the chains: they become scalar registers, and no array has to be
// unrolled for that.

struct Params {
  // Invocations that have work.
  count: u32,
  // Of 16 steps each.
  iterations: u32,
  seed: u32,
  // Added in every step, like a round constant; not known when the shader is compiled.
  operand: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> results: array<vec4u>;

const WORKGROUP = 256u;
const VECTORS = 1u;  // 1 or 2: vectors of four chains in an invocation

struct State {
  e: vec4u,
  f: vec4u,
  g: vec4u,
  h: vec4u,
}

fn rotate_right(x: vec4u, n: u32) -> vec4u {
  return (x >> vec4u(n)) | (x << vec4u(32 - n));
}

fn half_round(s: State) -> State {
  let sigma = rotate_right(s.e, 6) ^ rotate_right(s.e, 11) ^ rotate_right(s.e, 25);
  let choice = s.g ^ (s.e & (s.f ^ s.g));
  return State(s.h + sigma + choice + params.operand, s.e, s.f, s.g);
}

fn four_steps(s: State) -> State {
  return half_round(half_round(half_round(half_round(s))));
}

fn advanced(s: State) -> State {
  return four_steps(four_steps(four_steps(four_steps(s))));
}

// include lib/scatter.wgsl

// Another value for every chain and every seed, so that no two chains do the same.
fn start(vector: u32) -> State {
  let e = scatter(vec4u(4 * vector) + vec4u(0, 1, 2, 3) + params.seed);
  let f = scatter(e);
  let g = scatter(f);
  return State(e, f, g, scatter(g));
}

fn result(s: State) -> vec4u {
  return s.e;
}

// include lib/chain.wgsl
