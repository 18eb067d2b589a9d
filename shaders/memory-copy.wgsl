// A copy from one buffer to another.
//
// Purpose        Device memory read and written in sequence, with no arithmetic at all.
// Entry points   fill   makes the source: another value for every word
//                copy
// Bindings       0  uniform             params
//                1  storage read-write  filled (fill only), the source
//                1  storage read        source (copy only)
//                2  storage read-write  copied (copy only)
// Workgroup      WORKGROUP x 1 x 1 for WORKGROUP vectors (fill) or WORKGROUP * LOADS (copy) of four
//                words; a grid of any width and height, numbered row by row
// Operations     none but addresses
// Bytes          per invocation 16 * LOADS read and as many written
// Bounds         Both buffers hold ceil(words / 4) vectors. `fill` writes those alone. `copy` takes
//                a tile without asking only where all of it is below words / 4; elsewhere each
//                vector is compared with that, and of the last, ragged one only those words are
//                written that are there
//
// All loads of a tile come before its stores: while one is on its way, the others are, too.

struct Params {
  words: u32,
  seed: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> filled: array<vec4u>;
@group(0) @binding(1) var<storage, read> source: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> copied: array<vec4u>;

const WORKGROUP = 256u;
const LOADS = 4u;  // 1 or 4: vectors that an invocation copies

// include lib/scatter.wgsl

fn copy_one(at: u32) {
  if (at < params.words / 4) {
    copied[at] = source[at];
  } else if (at == params.words / 4) {
    for (var i = 0u; i < params.words % 4; i++) {
      copied[at][i] = source[at][i];
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
    filled[at] = scatter(vec4u(4 * at) + vec4u(0, 1, 2, 3) + params.seed);
  }
}

@compute @workgroup_size(WORKGROUP)
fn copy(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let first = (group.y * groups.x + group.x) * WORKGROUP * LOADS;
  let at = first + local;
  if (LOADS == 4 && first + WORKGROUP * LOADS <= params.words / 4) {
    let v0 = source[at];
    let v1 = source[at + WORKGROUP];
    let v2 = source[at + 2 * WORKGROUP];
    let v3 = source[at + 3 * WORKGROUP];
    copied[at] = v0;
    copied[at + WORKGROUP] = v1;
    copied[at + 2 * WORKGROUP] = v2;
    copied[at + 3 * WORKGROUP] = v3;
    return;
  }
  for (var i = 0u; i < LOADS; i++) {
    copy_one(at + i * WORKGROUP);
  }
}
