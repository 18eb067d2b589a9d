// a = b + factor * c over long vectors: the "triad" of the STREAM benchmark.
//
// Purpose        The ceiling of device memory in sequence. Two streams in, one out, and so little
//                arithmetic that nothing but memory can be what limits it.
// Entry points   fill   makes b and c
//                triad
// Bindings       0  uniform             params
//                1  storage read-write  a (triad only)
//                2  storage read-write  filled_b (fill only), which is b
//                2  storage read        b (triad only)
//                3  storage read-write  filled_c (fill only), which is c
//                3  storage read        c (triad only)
// Workgroup      WORKGROUP x 1 x 1 for WORKGROUP vectors (fill) or WORKGROUP * LOADS (triad) of
//                four numbers; a grid of any width and height, numbered row by row
// Operations     per invocation 4 * LOADS multiply-adds, 2 FLOP each: one FLOP to six bytes
// Bytes          per invocation 32 * LOADS read and 16 * LOADS written
// Bounds         Each buffer holds ceil(words / 4) vectors. `fill` writes those alone. `triad`
//                takes a tile without asking only where all of it is below words / 4; elsewhere
//                each vector is compared with that, and of the last, ragged one only those numbers
//                are written that are there
//
// b and c hold integers of 20 bits, and the factor is a small integer: every product and sum is
// exact in f32, however a device rounds or merges them. All loads of a tile come before its stores:
// while one is on its way, the others are, too.

struct Params {
  words: u32,
  seed: u32,
  factor: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> a: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> filled_b: array<vec4f>;
@group(0) @binding(2) var<storage, read> b: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> filled_c: array<vec4f>;
@group(0) @binding(3) var<storage, read> c: array<vec4f>;

const WORKGROUP = 256u;
const LOADS = 4u;  // 1 or 4: vectors of each stream that an invocation takes

// include lib/scatter.wgsl

fn combine(b: vec4f, c: vec4f) -> vec4f {
  return fma(vec4f(params.factor), c, b);
}

fn triad_one(at: u32) {
  if (at < params.words / 4) {
    a[at] = combine(b[at], c[at]);
  } else if (at == params.words / 4) {
    for (var i = 0u; i < params.words % 4; i++) {
      a[at][i] = combine(b[at], c[at])[i];
    }
  }
}

@compute @workgroup_size(WORKGROUP)
fn fill(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let at = (group.y * groups.x + group.x) * WORKGROUP + local;
  if (at < (params.words + 3) / 4) {
    let bits = scatter(vec4u(4 * at) + vec4u(0, 1, 2, 3) + params.seed);
    filled_b[at] = vec4f(bits & vec4u(0xfffff));
    filled_c[at] = vec4f(bits >> vec4u(12));
  }
}

@compute @workgroup_size(WORKGROUP)
fn triad(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let first = (group.y * groups.x + group.x) * WORKGROUP * LOADS;
  let at = first + local;
  if (LOADS == 4 && first + WORKGROUP * LOADS <= params.words / 4) {
    let b0 = b[at];
    let c0 = c[at];
    let b1 = b[at + WORKGROUP];
    let c1 = c[at + WORKGROUP];
    let b2 = b[at + 2 * WORKGROUP];
    let c2 = c[at + 2 * WORKGROUP];
    let b3 = b[at + 3 * WORKGROUP];
    let c3 = c[at + 3 * WORKGROUP];
    a[at] = combine(b0, c0);
    a[at + WORKGROUP] = combine(b1, c1);
    a[at + 2 * WORKGROUP] = combine(b2, c2);
    a[at + 3 * WORKGROUP] = combine(b3, c3);
    return;
  }
  for (var i = 0u; i < LOADS; i++) {
    triad_one(at + i * WORKGROUP);
  }
}
