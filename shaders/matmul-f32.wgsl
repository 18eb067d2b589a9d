// C = A * B in f32, all row-major: A is m x k, B is k x n, C is m x n. Any m, n, k of at least 1.
//
// Purpose        A reference for matmul-like work: floating-point multiply-adds fed from shared
//                memory, as in the dense layers of a network.
// Entry point    multiply
// Bindings       0  uniform             shape
//                1  storage read        a
//                2  storage read        b
//                3  storage read-write  c
// Workgroup      16 x 16 x 1 for a 64 x 64 tile of C; ceil(n / 64) x ceil(m / 64) workgroups
// Operations     per invocation a 4 x 4 block of C: 16 * k multiply-adds, 32 * k FLOP
// Bytes          per invocation about k / 2 elements of A and B read (2 * k bytes), 64 bytes of C
//                written; 8 KiB of shared memory per workgroup
//
// Elements outside the matrices are read as 0 and never written, so a ragged edge costs only time.

struct Shape {
  m: u32,
  n: u32,
  k: u32,
}

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;

const TILE = 64u;   // rows and columns of C per workgroup
const DEPTH = 16u;  // how much of k is in shared memory at a time
const QUADS = 16u;  // groups of four rows, or columns, in a tile

// [depth][quad]: four consecutive rows of A, four consecutive columns of B.
var<workgroup> tile_a: array<vec4f, 256>;
var<workgroup> tile_b: array<vec4f, 256>;

fn load_a(row: u32, depth: u32) -> f32 {
  if (row < shape.m && depth < shape.k) {
    return a[row * shape.k + depth];
  }
  return 0;
}

fn load_b(depth: u32, column: u32) -> f32 {
  if (depth < shape.k && column < shape.n) {
    return b[depth * shape.n + column];
  }
  return 0;
}

fn store(row: u32, column: u32, values: vec4f) {
  if (row >= shape.m) {
    return;
  }
  for (var i = 0u; i < 4; i++) {
    if (column + i < shape.n) {
      c[row * shape.n + column + i] = values[i];
    }
  }
}

@compute @workgroup_size(16, 16)
fn multiply(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let first_row = group.y * TILE;
  let first_column = group.x * TILE;

  // Neighbouring invocations read neighbouring elements: of a row of A along k, of B along n.
  let a_depth = index % DEPTH;
  let a_quad = index / DEPTH;
  let b_depth = index / QUADS;
  let b_quad = index % QUADS;

  var sum0 = vec4f();
  var sum1 = vec4f();
  var sum2 = vec4f();
  var sum3 = vec4f();

  for (var depth = 0u; depth < shape.k; depth += DEPTH) {
    let row = first_row + a_quad * 4;
    tile_a[a_depth * QUADS + a_quad] = vec4f(
      load_a(row, depth + a_depth),
      load_a(row + 1, depth + a_depth),
      load_a(row + 2, depth + a_depth),
      load_a(row + 3, depth + a_depth),
    );
    let column = first_column + b_quad * 4;
    tile_b[b_depth * QUADS + b_quad] = vec4f(
      load_b(depth + b_depth, column),
      load_b(depth + b_depth, column + 1),
      load_b(depth + b_depth, column + 2),
      load_b(depth + b_depth, column + 3),
    );
    workgroupBarrier();

    for (var i = 0u; i < DEPTH; i++) {
      let rows = tile_a[i * QUADS + local.y];
      let columns = tile_b[i * QUADS + local.x];
      sum0 = fma(vec4f(rows.x), columns, sum0);
      sum1 = fma(vec4f(rows.y), columns, sum1);
      sum2 = fma(vec4f(rows.z), columns, sum2);
      sum3 = fma(vec4f(rows.w), columns, sum3);
    }
    workgroupBarrier();
  }

  let row = first_row + local.y * 4;
  let column = first_column + local.x * 4;
  store(row, column, sum0);
  store(row + 1, column, sum1);
  store(row + 2, column, sum2);
  store(row + 3, column, sum3);
}
