enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;

// Chains of tensor-core products in registers: what a device can do of matrix products at most.
//
// Purpose        The ceiling of tensor-core arithmetic. It moves no data while it runs.
// Entry point    chain
// Bindings       0  uniform             params
//                1  storage read-write  results, SUMS matrices of M x N f32 per subgroup
// Workgroup      WORKGROUP x 1 x 1, whole subgroups of LANES; a grid of any width and height, its
//                subgroups numbered row by row
// Operations     per subgroup SUMS independent chains, each of 8 * iterations products of an M x K and a
//                K x N matrix of f16, 2 * M * N * K FLOP each, summed in f32
// Bytes          per subgroup 4 * SUMS * M * N written at the end, none read
// Bounds         `results` has SUMS * M * N elements for each of `count` subgroups, and only subgroups
//                below `count` write: theirs. Staging: WORKGROUP / LANES parts of PART elements, each
//                subgroup in its own, indices below PART
//
// Elements are whole numbers from -1 to 2, so that every product and every sum is exact: a sum of
// f32 stays below 2^24 for 2^24 / (2 * K) products. Each chain has another left matrix.

struct Params {
  // Subgroups that have work.
  count: u32,
  // Of 8 products each.
  iterations: u32,
  seed: u32,
  // Added to every element of A; not known when the shader is compiled.
  operand: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> results: array<f32>;

const WORKGROUP = 256u;
const LANES = 32u;  // of a subgroup
const M = 16u;
const N = 16u;
const K = 16u;
const SUMS = 4u;    // 2 or 4: independent chains of a subgroup

const LEFT = M * K;
const PART = SUMS * LEFT + K * N;

alias Left = subgroup_matrix_left<f16, K, M>;
alias Right = subgroup_matrix_right<f16, N, K>;
alias Sum = subgroup_matrix_result<f32, N, M>;

var<workgroup> staging: array<f16, WORKGROUP / LANES * PART>;

// include lib/scatter.wgsl

// Element `index` of a subgroup's operands: -1, 0 or 1, and another `operand` of 0 or 1 on those of A.
fn start(subgroup: u32, index: u32) -> f16 {
  let bits = scatter_word(subgroup * PART + index + params.seed);
  let extra = select(0, params.operand, index < SUMS * LEFT);
  return f16(i32(bits % 3 + extra) - 1);
}

struct Operands {
  left0: Left,
  left1: Left,
  left2: Left,
  left3: Left,
  right: Right,
}

struct Sums {
  sum0: Sum,
  sum1: Sum,
  sum2: Sum,
  sum3: Sum,
}

// One product on every chain: neighbours in the text do not wait for each other.
fn step(sums: ptr<function, Sums>, by: Operands) {
  (*sums).sum0 = subgroupMatrixMultiplyAccumulate(by.left0, by.right, (*sums).sum0);
  (*sums).sum1 = subgroupMatrixMultiplyAccumulate(by.left1, by.right, (*sums).sum1);
  if (SUMS == 4) {
    (*sums).sum2 = subgroupMatrixMultiplyAccumulate(by.left2, by.right, (*sums).sum2);
    (*sums).sum3 = subgroupMatrixMultiplyAccumulate(by.left3, by.right, (*sums).sum3);
  }
}

fn four_steps(sums: ptr<function, Sums>, by: Operands) {
  step(sums, by);
  step(sums, by);
  step(sums, by);
  step(sums, by);
}

fn load_left(part: u32, index: u32) -> Left {
  return subgroupMatrixLoad<Left, row_major>(&staging, part + index * LEFT, K);
}

@compute @workgroup_size(WORKGROUP)
fn chain(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
  @builtin(subgroup_id) in_group: u32,
) {
  let subgroup = (group.y * groups.x + group.x) * (WORKGROUP / LANES) + in_group;
  let part = in_group * PART;
  for (var i = local % LANES; i < PART; i += LANES) {
    staging[part + i] = start(subgroup, i);
  }
  workgroupBarrier();

  var by: Operands;
  by.right = subgroupMatrixLoad<Right, row_major>(&staging, part + SUMS * LEFT, N);
  by.left0 = load_left(part, 0);
  by.left1 = load_left(part, 1);
  if (SUMS == 4) {
    by.left2 = load_left(part, 2);
    by.left3 = load_left(part, 3);
  }
  var sums: Sums;
  for (var i = 0u; i < params.iterations; i++) {
    four_steps(&sums, by);
    four_steps(&sums, by);
  }
  if (subgroup < params.count) {
    let at = subgroup * SUMS * M * N;
    subgroupMatrixStore<row_major>(&results, at, sums.sum0, N);
    subgroupMatrixStore<row_major>(&results, at + M * N, sums.sum1, N);
    if (SUMS == 4) {
      subgroupMatrixStore<row_major>(&results, at + 2 * M * N, sums.sum2, N);
      subgroupMatrixStore<row_major>(&results, at + 3 * M * N, sums.sum3, N);
    }
  }
}
