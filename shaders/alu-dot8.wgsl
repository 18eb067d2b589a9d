// Chains of packed 8-bit dot products in registers: what a device can do of quantised arithmetic
// outside its tensor cores.
//
// Purpose        The ceiling of 8-bit arithmetic. It moves no data while it runs.
// Entry point    chain
// Bindings       0  uniform             params
//                1  storage read-write  results, VECTORS vec4u per invocation
// Workgroup      WORKGROUP x 1 x 1; a grid of any width and height, numbered row by row
// Operations     per invocation 4 * VECTORS independent chains, each of 16 * iterations steps of two
//                dot products with an addition, 8 operations (4 products, 4 additions) each
// Bytes          per invocation 16 * VECTORS written at the end, none read
// Bounds         `results` has VECTORS * count elements, and only invocations below `count` write:
//                the last one element VECTORS * count - 1. Nothing else is indexed
//
// A step adds to x the dot product of y's bytes with those of a key, then to y that of the new x.
// Each can be undone, so values never run into a fixed one, and each needs the one before.

requires packed_4x8_integer_dot_product;

struct Params {
  // Invocations that have work.
  count: u32,
  // Of 16 steps each.
  iterations: u32,
  seed: u32,
  // The key; not known when the shader is compiled.
  operand: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> results: array<vec4u>;

const WORKGROUP = 256u;
const VECTORS = 2u;  // 1 or 2: vectors of four chains in an invocation

struct Points {
  x: vec4u,
  y: vec4u,
}

fn add_dots(sum: vec4u, bytes: vec4u, key: u32) -> vec4u {
  return vec4u(
    bitcast<u32>(dot4I8Packed(bytes.x, key) + bitcast<i32>(sum.x)),
    bitcast<u32>(dot4I8Packed(bytes.y, key) + bitcast<i32>(sum.y)),
    bitcast<u32>(dot4I8Packed(bytes.z, key) + bitcast<i32>(sum.z)),
    bitcast<u32>(dot4I8Packed(bytes.w, key) + bitcast<i32>(sum.w)),
  );
}

fn turn(p: Points, key: u32) -> Points {
  let x = add_dots(p.x, p.y, key);
  return Points(x, add_dots(p.y, x, key));
}

fn four_steps(p: Points, key: u32) -> Points {
  return turn(turn(turn(turn(p, key), key), key), key);
}

fn sixteen_steps(p: Points, key: u32) -> Points {
  return four_steps(four_steps(four_steps(four_steps(p, key), key), key), key);
}

// include lib/scatter.wgsl

// Another point for every chain and every seed.
fn start(at: u32) -> Points {
  let bits = scatter(vec4u(4 * at) + vec4u(0, 1, 2, 3) + params.seed);
  return Points(bits, scatter(bits));
}

fn advanced(p: Points) -> Points {
  return sixteen_steps(p, params.operand);
}

fn result(p: Points) -> vec4u {
  return p.y;
}

// include lib/chain.wgsl
