enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;

// C = A * B in f16 on tensor cores, all row-major: A is m x k, B is k x n, C is m x n.
//
// Purpose        A reference for the training and inference of today: products of small matrices, each
//                an instruction of a whole subgroup.
// Entry points   multiply
//                fill_a, fill_b   once, before: pseudo-random matrices that the host can recompute
// Bindings       0  uniform             shape
//                1  storage read        a, padded with zeros (read-write, as words: fill_a)
//                2  storage read        b, padded with zeros (read-write, as words: fill_b)
//                3  storage read-write  c, padded
// Workgroup      ACROSS * DOWN subgroups of LANES (128 invocations) for a tile of DOWN * ROWS * M x
//                ACROSS * 4 * N of C (128 x 128); ceil(n / columns) x ceil(m / rows) workgroups
// Operations     per subgroup and K steps of k ROWS * 4 products of an M x K and a K x N matrix,
//                2 * M * N * K FLOP each
// Bytes          per subgroup and K steps ROWS * M * K elements of A and K * 4 * N of B, for 64 x 64 sums
//                4 KiB for 128 KiFLOP; what a neighbour has read lies in the cache of the multiprocessor
//
// M, N, K        one of the shapes that the adapter lists; any m, n, k by padding to whole tiles of C and
//                whole steps of K, as such layouts are in practice: a matrix is loaded whole or not.
// Sums           in f32 where the adapter has it, otherwise in f16 (`sum_element` is replaced).
//
// The next step's matrices are on their way while this one's are multiplied. They come straight from
// memory: the language stores halves into shared memory one by one, which takes as long as what
// it saves. Rows are written out and not looped over: a matrix in an array needs a constant index.
//
// Bounds         a has padded_rows x pitch_a elements, b pitch_a x pitch_b, c padded_rows x pitch_b,
//                where the rows are whole tiles, pitch_a whole steps and pitch_b whole tiles. Every
//                subgroup's block lies in a tile of the grid; `step` is at most pitch_a - K. So no
//                matrix reaches over an end. Filling ends at the array's length.

alias sum_element = f32;

const M = 16u;
const N = 16u;
const K = 16u;
const LANES = 32u;  // of a subgroup
const ACROSS = 2u;  // subgroups along a row of the tile
const DOWN = 2u;    // subgroups along a column
const ROWS = 4u;    // of matrices of sums per subgroup: 2 or 4; columns are always 4

alias Left = subgroup_matrix_left<f16, K, M>;
alias Right = subgroup_matrix_right<f16, N, K>;
alias Sum = subgroup_matrix_result<sum_element, N, M>;
alias Sums = array<Sum, ROWS * 4>;

@group(0) @binding(1) var<storage, read> a: array<f16>;
@group(0) @binding(2) var<storage, read> b: array<f16>;
@group(0) @binding(3) var<storage, read_write> c: array<sum_element>;

struct Step {
  a0: Left,
  a1: Left,
  a2: Left,
  a3: Left,
  b0: Right,
  b1: Right,
  b2: Right,
  b3: Right,
}

fn load_left(row: u32, step: u32) -> Left {
  return subgroupMatrixLoad<Left, row_major>(&a, a_offset(row, step), pitch_a());
}

fn load_right(step: u32, column: u32) -> Right {
  return subgroupMatrixLoad<Right, row_major>(&b, b_offset(step, column), pitch_b());
}

fn load(row: u32, column: u32, step: u32) -> Step {
  var loaded: Step;
  loaded.a0 = load_left(row, step);
  loaded.a1 = load_left(row + M, step);
  if (ROWS == 4) {
    loaded.a2 = load_left(row + 2 * M, step);
    loaded.a3 = load_left(row + 3 * M, step);
  }
  loaded.b0 = load_right(step, column);
  loaded.b1 = load_right(step, column + N);
  loaded.b2 = load_right(step, column + 2 * N);
  loaded.b3 = load_right(step, column + 3 * N);
  return loaded;
}

fn add_row(sums: ptr<function, Sums>, row: u32, left: Left, s: Step) {
  (*sums)[row * 4] = subgroupMatrixMultiplyAccumulate(left, s.b0, (*sums)[row * 4]);
  (*sums)[row * 4 + 1] = subgroupMatrixMultiplyAccumulate(left, s.b1, (*sums)[row * 4 + 1]);
  (*sums)[row * 4 + 2] = subgroupMatrixMultiplyAccumulate(left, s.b2, (*sums)[row * 4 + 2]);
  (*sums)[row * 4 + 3] = subgroupMatrixMultiplyAccumulate(left, s.b3, (*sums)[row * 4 + 3]);
}

fn store_row(sums: ptr<function, Sums>, index: u32, first_row: u32, column: u32) {
  let row = first_row + index * M;
  let pitch = pitch_b();
  subgroupMatrixStore<row_major>(&c, c_offset(row, column), (*sums)[index * 4], pitch);
  subgroupMatrixStore<row_major>(&c, c_offset(row, column + N), (*sums)[index * 4 + 1], pitch);
  subgroupMatrixStore<row_major>(&c, c_offset(row, column + 2 * N), (*sums)[index * 4 + 2], pitch);
  subgroupMatrixStore<row_major>(&c, c_offset(row, column + 3 * N), (*sums)[index * 4 + 3], pitch);
}

@compute @workgroup_size(ACROSS * DOWN * LANES)
fn multiply(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_id) subgroup: u32) {
  let row = block_row(group, subgroup);
  let column = block_column(group, subgroup);
  var sums: Sums;
  var next = load(row, column, 0);
  for (var step = 0u; step < pitch_a(); step += K) {
    let now = next;
    next = load(row, column, min(step + K, pitch_a() - K));
    add_row(&sums, 0, now.a0, now);
    add_row(&sums, 1, now.a1, now);
    if (ROWS == 4) {
      add_row(&sums, 2, now.a2, now);
      add_row(&sums, 3, now.a3, now);
    }
  }
  store_row(&sums, 0, row, column);
  store_row(&sums, 1, row, column);
  if (ROWS == 4) {
    store_row(&sums, 2, row, column);
    store_row(&sums, 3, row, column);
  }
}

// ---- From here on nothing needs a tensor core: where things are, and what they start with. ----

struct Shape {
  m: u32,
  n: u32,
  k: u32,
  seed: u32,
}

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read_write> a_to_fill: array<u32>;
@group(0) @binding(2) var<storage, read_write> b_to_fill: array<u32>;

// Elements from one row of A, or of B and C, to the next: whole steps and whole tiles, at least one.
fn pitch_a() -> u32 {
  return max((shape.k + K - 1) / K, 1) * K;
}

fn pitch_b() -> u32 {
  let columns = ACROSS * 4 * N;
  return (shape.n + columns - 1) / columns * columns;
}

// The first row and column of C that a subgroup computes.
fn block_row(group: vec3u, subgroup: u32) -> u32 {
  return (group.y * DOWN + subgroup / ACROSS) * ROWS * M;
}

fn block_column(group: vec3u, subgroup: u32) -> u32 {
  return (group.x * ACROSS + subgroup % ACROSS) * 4 * N;
}

fn a_offset(row: u32, step: u32) -> u32 {
  return row * pitch_a() + step;
}

fn b_offset(step: u32, column: u32) -> u32 {
  return step * pitch_b() + column;
}

fn c_offset(row: u32, column: u32) -> u32 {
  return row * pitch_b() + column;
}

// include lib/scatter.wgsl

// Of a padded matrix the element `index`: a multiple of 2^-10 in [-1, 1), or 0 outside the matrix.
fn random_element(index: u32, seed: u32, pitch: u32, rows: u32, columns: u32) -> f32 {
  if (index / pitch >= rows || index % pitch >= columns) {
    return 0;
  }
  return f32(i32(scatter_word(index ^ seed) >> 21) - 1024) / 1024;
}

@compute @workgroup_size(64)
fn fill_a(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = (group.y * groups.x + group.x) * 64 + local;
  let seed = scatter_word(shape.seed);
  if (index < arrayLength(&a_to_fill)) {
    a_to_fill[index] = pack2x16float(vec2f(
      random_element(index * 2, seed, pitch_a(), shape.m, shape.k),
      random_element(index * 2 + 1, seed, pitch_a(), shape.m, shape.k),
    ));
  }
}

@compute @workgroup_size(64)
fn fill_b(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = (group.y * groups.x + group.x) * 64 + local;
  let seed = scatter_word(~shape.seed);
  if (index < arrayLength(&b_to_fill)) {
    b_to_fill[index] = pack2x16float(vec2f(
      random_element(index * 2, seed, pitch_b(), shape.k, shape.n),
      random_element(index * 2 + 1, seed, pitch_b(), shape.k, shape.n),
    ));
  }
}
