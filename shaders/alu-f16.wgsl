enable f16;

// Chains of f16 multiply-adds in registers: what a device can do of half precision outside its tensor
// cores.
//
// Purpose        The ceiling of f16 arithmetic. It moves no data while it runs.
// Entry point    chain
// Bindings       0  uniform             params
//                1  storage read-write  results, VECTORS vec2u (four halves) per invocation
// Workgroup      WORKGROUP x 1 x 1; a grid of any width and height, numbered row by row
// Operations     per invocation 4 * VECTORS independent chains, each of 16 * iterations steps of two
//                multiply-adds, 4 FLOP
// Bytes          per invocation 8 * VECTORS written at the end, none read
// Bounds         `results` has VECTORS * count elements, and only invocations below `count` write:
//                the last one element VECTORS * count - 1. Nothing else is indexed
//
// A step takes a point (x, y) round an ellipse: x -= a * y, then y += b * x with the new x. With
// a * b = 1 or 3 the point is back after six or three steps, so nothing grows, however many
// steps there are; and with coordinates that are whole numbers of 7 bits and multipliers of one or
// two, every product and sum is exact in the 11 bits of f16. So the host knows the end exactly.
// The compiler knows neither multiplier. Vectors of four are two registers of two halves, the
// form in which hardware runs f16 at twice the rate of f32.

struct Params {
  // Invocations that have work.
  count: u32,
  // Of 16 steps each.
  iterations: u32,
  seed: u32,
  // a and b as halves; not known when the shader is compiled.
  operand: u32,
}

alias element = f16;
alias vector = vec4<element>;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> results: array<vec2u>;

const WORKGROUP = 256u;
const VECTORS = 2u;  // 1, 2 or 4: vectors of four chains in an invocation

struct Points {
  x: vector,
  y: vector,
}

fn turn(p: Points, a: vector, b: vector) -> Points {
  let x = fma(-a, p.y, p.x);
  return Points(x, fma(b, x, p.y));
}

fn four_steps(p: Points, a: vector, b: vector) -> Points {
  return turn(turn(turn(turn(p, a, b), a, b), a, b), a, b);
}

fn sixteen_steps(p: Points, a: vector, b: vector) -> Points {
  return four_steps(four_steps(four_steps(four_steps(p, a, b), a, b), a, b), a, b);
}

// include lib/scatter.wgsl

fn coordinates(bits: vec4u) -> vector {
  return vector(vec4i(bits % vec4u(255)) - vec4i(127));
}

// Another point for every chain and every seed; both coordinates whole numbers from -127 to 127.
fn start(at: u32) -> Points {
  let bits = scatter(vec4u(4 * at) + vec4u(0, 1, 2, 3) + params.seed);
  return Points(coordinates(bits), coordinates(scatter(bits)));
}

fn packed(y: vector) -> vec2u {
  let wide = vec4f(y);
  return vec2u(pack2x16float(wide.xy), pack2x16float(wide.zw));
}

@compute @workgroup_size(WORKGROUP)
fn chain(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = (group.y * groups.x + group.x) * WORKGROUP + local;
  if (index >= params.count) {
    return;
  }
  let factors = unpack2x16float(params.operand);
  let a = vector(vec4f(factors.x));
  let b = vector(vec4f(factors.y));
  let at = index * VECTORS;
  var first = start(at);
  var second = start(at + 1);
  var third = start(at + 2);
  var fourth = start(at + 3);
  for (var i = 0u; i < params.iterations; i++) {
    first = sixteen_steps(first, a, b);
    if (VECTORS > 1) {
      second = sixteen_steps(second, a, b);
    }
    if (VECTORS > 2) {
      third = sixteen_steps(third, a, b);
      fourth = sixteen_steps(fourth, a, b);
    }
  }
  results[at] = packed(first.y);
  if (VECTORS > 1) {
    results[at + 1] = packed(second.y);
  }
  if (VECTORS > 2) {
    results[at + 2] = packed(third.y);
    results[at + 3] = packed(fourth.y);
  }
}
