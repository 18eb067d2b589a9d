// Chains of f32 multiply-adds in registers: what a device can do of what matrix products are made of.
//
// Purpose        The ceiling of f32 arithmetic. It moves no data while it runs.
// Entry point    chain
// Bindings       0  uniform             params
//                1  storage read-write  results, VECTORS vec4f per invocation
// Workgroup      WORKGROUP x 1 x 1; a grid of any width and height, numbered row by row
// Operations     per invocation 4 * VECTORS independent chains, each of 16 * iterations steps of two
//                multiply-adds, 4 FLOP
// Bytes          per invocation 16 * VECTORS written at the end, none read
// Bounds         `results` has VECTORS * count elements, and only invocations below `count` write:
//                the last one element VECTORS * count - 1. Nothing else is indexed
//
// A step turns a point (x, y) a little further on an ellipse: x -= a * y, then y += a * x with the
// new x. For 0 < a < 2 that is a rotation in slanted axes, so values stay as large as they were for
// any number of steps, are full-width mantissas like those of real work (a multiplier that
// multiplies by zeros draws less power), and every multiply-add needs the one before. Rounding
// errors are carried round, not enlarged: they add up with the number of steps, no faster.
//
// Vector components are the chains: they become scalar registers, and no array has to be
// unrolled for that.

struct Params {
  // Invocations that have work.
  count: u32,
  // Of 16 steps each.
  iterations: u32,
  seed: u32,
  // `a`; not known when the shader is compiled.
  operand: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> results: array<vec4f>;

const WORKGROUP = 256u;
const VECTORS = 2u;  // 1 or 2: vectors of four chains in an invocation

struct Points {
  x: vec4f,
  y: vec4f,
}

fn turn(p: Points, a: vec4f) -> Points {
  let x = fma(-a, p.y, p.x);
  return Points(x, fma(a, x, p.y));
}

fn four_steps(p: Points, a: vec4f) -> Points {
  return turn(turn(turn(turn(p, a), a), a), a);
}

fn sixteen_steps(p: Points, a: vec4f) -> Points {
  return four_steps(four_steps(four_steps(four_steps(p, a), a), a), a);
}

// include lib/scatter.wgsl

// Another point for every chain and every seed; both coordinates in [1, 2), exact in f32.
fn start(vector: u32) -> Points {
  let bits = scatter(vec4u(4 * vector) + vec4u(0, 1, 2, 3) + params.seed);
  let other = scatter(bits);
  return Points(
    bitcast<vec4f>((bits >> vec4u(9)) | vec4u(0x3f800000)),
    bitcast<vec4f>((other >> vec4u(9)) | vec4u(0x3f800000)),
  );
}

fn advanced(p: Points) -> Points {
  return sixteen_steps(p, vec4f(params.operand));
}

fn result(p: Points) -> vec4f {
  return p.y;
}

// include lib/chain.wgsl
