// C = A * B, all row-major: A is m x k, B is k x n, C is m x n in f32. Any m, n of at least 1, any k.
//
// Purpose        A reference for matmul-like work: floating-point multiply-adds fed from shared
//                memory, as in the dense layers of a network. One text for two kernels: as it stands
//                matmul-f32; with `enable f16`, `element` f16, ROUNDED 1 and BITS 11 matmul-f16.
// Entry points   multiply         k and n multiples of 4: every row begins on a whole quad
//                multiply_ragged  any k and n: quads are cut out of two neighbours
//                fill_a, fill_b   once, before: pseudo-random matrices that the host can recompute
// Bindings       0  uniform             shape
//                1  storage read        a, in quads; the last may be partly filled (read-write: fill_a)
//                2  storage read        b, the same (read-write: fill_b)
//                3  storage read-write  c: quads (multiply) or elements (multiply_ragged)
// Workgroup      ACROSS * DOWN invocations (256) for a tile of DOWN * ROWS x ACROSS * QUADS * 4 of C
//                (128 x 128); ceil(n / columns) x ceil(m / rows) workgroups
// Operations     per invocation ROWS * QUADS * 4 * k multiply-adds of 2 FLOP each
// Bytes          per workgroup and step of k one column of A and one row of B: for 128 x 128
//                1 KiB for 32 KiFLOP in f32; shared memory 2 * (A_SIZE + B_SIZE) quads (36 KiB)
//
// How it is laid out, reasoned for GPUs with 32 banks of shared memory and subgroups of 32:
// - Each invocation keeps ROWS x (4 * QUADS) sums in registers. For 4 steps of k and 8 x 8 sums it
//   reads 8 quads of A and 8 of B from shared memory for 256 multiply-adds: 1 read for 16. With
//   4 x 4 sums it is 1 for 8, so large blocks win wherever there are enough workgroups for all
//   of the GPU; the small tiles are for small matrices.
// - 8 neighbouring invocations lie across, 4 down: a subgroup reads 8 consecutive quads of B (all
//   32 banks, once) and 4 rows of A, each one address for 8 invocations.
// - A lies in shared memory as it does outside, four steps of k in a quad, so it is not transposed;
//   a row is one quad longer than it is full, an odd number, so neighbouring rows start in other banks.
// - Two copies of the tiles: the next one is read from memory into registers before the
//   multiplication, and put into the other copy after it. One barrier a tile.
// - Registers: 64 sums, 32 of A or B, 16 on their way, and addresses: about 128, with which two
//   workgroups of 256 fit into 64 Ki registers. Rows are written out and not looped over: sums have
//   constant indices, so that no compiler puts them into memory.
//
// ROUNDED        0  sums are kept in `element` all the way
//                1  in `element` within DEPTH steps of k, then added up in f32
// BITS           of the pseudo-random elements: as many as `element` holds exactly
//
// Bounds         A row, a column or a step of k that is outside is replaced by the last one inside
//                before it is read (`min`), so every read hits its matrix; rows and columns outside
//                only reach sums that are never stored, and steps outside become 0. Quad i + 1 of an
//                unaligned pair is limited to the matrix's last quad. Stores are guarded by
//                row < m, column < n. Tiles: every index is below the product of the constants by
//                which the array is declared.

struct Shape {
  m: u32,
  n: u32,
  k: u32,
  seed: u32,
}

alias element = f32;
alias quad = vec4<element>;

const ACROSS = 16u;  // invocations along a row of the tile; a multiple of 8
const DOWN = 16u;    // invocations along a column; a multiple of 4
const ROWS = 8u;     // of C per invocation: 1, 2, 4 or 8
const QUADS = 2u;    // groups of four columns of C per invocation: 1 or 2
const DEPTH = 16u;   // how much of k is in shared memory at a time; a multiple of 4
const ROUNDED = 0u;
const BITS = 24u;

const INVOCATIONS = ACROSS * DOWN;
const TILE_ROWS = DOWN * ROWS;
const TILE_QUADS = ACROSS * QUADS;
const DEPTH_QUADS = DEPTH / 4;
const A_STRIDE = DEPTH_QUADS + 1;
const A_SIZE = TILE_ROWS * A_STRIDE;
const B_SIZE = DEPTH * TILE_QUADS;
// Quads of a tile that each invocation brings: 1 or 2, without remainder.
const A_LOADS = TILE_ROWS * DEPTH_QUADS / INVOCATIONS;
const B_LOADS = DEPTH * TILE_QUADS / INVOCATIONS;
const_assert A_LOADS * INVOCATIONS == TILE_ROWS * DEPTH_QUADS && A_LOADS <= 2;
const_assert B_LOADS * INVOCATIONS == DEPTH * TILE_QUADS && B_LOADS <= 2;

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> a: array<quad>;
@group(0) @binding(2) var<storage, read> b: array<quad>;
@group(0) @binding(3) var<storage, read_write> c_quads: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;
@group(0) @binding(1) var<storage, read_write> a_to_fill: array<quad>;
@group(0) @binding(2) var<storage, read_write> b_to_fill: array<quad>;

// [copy][row][quad of k] and [copy][step of k][quad of columns].
var<workgroup> tile_a: array<quad, 2 * A_SIZE>;
var<workgroup> tile_b: array<quad, 2 * B_SIZE>;

alias Sums = array<quad, ROWS * QUADS>;
alias Result = array<vec4f, ROWS * QUADS>;

// Where an invocation is: of the workgroup's tile its corner, of the tile its own first row and quad.
struct Place {
  index: u32,
  first_row: u32,
  first_quad: u32,
  down: u32,
  across: u32,
}

fn place(group: vec3u, index: u32) -> Place {
  let block = index / 32;
  let lane = index % 32;
  return Place(
    index,
    group.y * TILE_ROWS,
    group.x * TILE_QUADS,
    block / (ACROSS / 8) * 4 + lane / 8,
    block % (ACROSS / 8) * 8 + lane % 8,
  );
}

// Four elements that begin `shift` elements behind the start of `first`.
fn cut(first: quad, second: quad, shift: u32) -> quad {
  switch shift {
    case 1 { return quad(first.yzw, second.x); }
    case 2 { return quad(first.zw, second.xy); }
    case 3 { return quad(first.w, second.xyz); }
    default { return first; }
  }
}

// Of A, slot `slot` of the tile whose steps of k begin at `depth`.
fn read_a(aligned: bool, at: Place, depth: u32, slot: u32) -> quad {
  let row = min(at.first_row + slot / DEPTH_QUADS, shape.m - 1);
  let step = depth + slot % DEPTH_QUADS * 4;
  if (aligned) {
    return a[row * (shape.k / 4) + min(step, max(shape.k, 1) - 1) / 4];
  }
  let start = row * shape.k + min(step, max(shape.k, 1) - 1);
  let last = (max(shape.m * shape.k, 1) - 1) / 4;
  return cut(a[start / 4], a[min(start / 4 + 1, last)], start % 4);
}

fn read_b(aligned: bool, at: Place, depth: u32, slot: u32) -> quad {
  let step = min(depth + slot / TILE_QUADS, max(shape.k, 1) - 1);
  let column = min((at.first_quad + slot % TILE_QUADS) * 4, shape.n - 1);
  if (aligned) {
    return b[step * (shape.n / 4) + column / 4];
  }
  let start = step * shape.n + column;
  let last = (max(shape.k * shape.n, 1) - 1) / 4;
  return cut(b[start / 4], b[min(start / 4 + 1, last)], start % 4);
}

// What an invocation brings of the next tiles, on its way from memory to shared memory.
struct Brought {
  a0: quad,
  a1: quad,
  b0: quad,
  b1: quad,
}

fn bring(aligned: bool, at: Place, depth: u32) -> Brought {
  var brought: Brought;
  brought.a0 = read_a(aligned, at, depth, at.index);
  if (A_LOADS == 2) {
    brought.a1 = read_a(aligned, at, depth, at.index + INVOCATIONS);
  }
  brought.b0 = read_b(aligned, at, depth, at.index);
  if (B_LOADS == 2) {
    brought.b1 = read_b(aligned, at, depth, at.index + INVOCATIONS);
  }
  return brought;
}

fn put_a(copy: u32, depth: u32, slot: u32, values: quad) {
  let step = depth + slot % DEPTH_QUADS * 4;
  let inside = vec4u(step, step + 1, step + 2, step + 3) < vec4u(shape.k);
  tile_a[copy * A_SIZE + slot / DEPTH_QUADS * A_STRIDE + slot % DEPTH_QUADS] =
    select(quad(), values, inside);
}

fn put_b(copy: u32, depth: u32, slot: u32, values: quad) {
  tile_b[copy * B_SIZE + slot] = select(quad(), values, depth + slot / TILE_QUADS < shape.k);
}

fn put(copy: u32, index: u32, depth: u32, brought: Brought) {
  put_a(copy, depth, index, brought.a0);
  if (A_LOADS == 2) {
    put_a(copy, depth, index + INVOCATIONS, brought.a1);
  }
  put_b(copy, depth, index, brought.b0);
  if (B_LOADS == 2) {
    put_b(copy, depth, index + INVOCATIONS, brought.b1);
  }
}

// Four columns of B over four steps of k.
struct Block {
  x: quad,
  y: quad,
  z: quad,
  w: quad,
}

fn block_of_b(copy: u32, depth: u32, column_quad: u32) -> Block {
  let at = copy * B_SIZE + depth * TILE_QUADS + column_quad;
  return Block(
    tile_b[at], tile_b[at + TILE_QUADS], tile_b[at + 2 * TILE_QUADS], tile_b[at + 3 * TILE_QUADS],
  );
}

fn multiply_add(row: quad, columns: Block, sum: quad) -> quad {
  let x = fma(quad(row.x), columns.x, sum);
  let y = fma(quad(row.y), columns.y, x);
  let z = fma(quad(row.z), columns.z, y);
  return fma(quad(row.w), columns.w, z);
}

// Four steps of k for one row of an invocation's block; `a_at` is that of its first row.
fn add_row(sums: ptr<function, Sums>, row: u32, a_at: u32, left: Block, right: Block) {
  let values = tile_a[a_at + row * DOWN * A_STRIDE];
  (*sums)[row * QUADS] = multiply_add(values, left, (*sums)[row * QUADS]);
  if (QUADS == 2) {
    (*sums)[row * QUADS + 1] = multiply_add(values, right, (*sums)[row * QUADS + 1]);
  }
}

fn add_tile(sums: ptr<function, Sums>, copy: u32, at: Place) {
  for (var i = 0u; i < DEPTH_QUADS; i++) {
    let left = block_of_b(copy, i * 4, at.across);
    var right: Block;
    if (QUADS == 2) {
      right = block_of_b(copy, i * 4, at.across + ACROSS);
    }
    let a_at = copy * A_SIZE + at.down * A_STRIDE + i;
    add_row(sums, 0, a_at, left, right);
    if (ROWS > 1) {
      add_row(sums, 1, a_at, left, right);
    }
    if (ROWS > 2) {
      add_row(sums, 2, a_at, left, right);
      add_row(sums, 3, a_at, left, right);
    }
    if (ROWS > 4) {
      add_row(sums, 4, a_at, left, right);
      add_row(sums, 5, a_at, left, right);
      add_row(sums, 6, a_at, left, right);
      add_row(sums, 7, a_at, left, right);
    }
  }
}

fn carry_row(result: ptr<function, Result>, sums: ptr<function, Sums>, row: u32) {
  (*result)[row * QUADS] += vec4f((*sums)[row * QUADS]);
  (*sums)[row * QUADS] = quad();
  if (QUADS == 2) {
    (*result)[row * QUADS + 1] += vec4f((*sums)[row * QUADS + 1]);
    (*sums)[row * QUADS + 1] = quad();
  }
}

// Adds the sums to the result in f32 and begins them again.
fn carry(result: ptr<function, Result>, sums: ptr<function, Sums>) {
  carry_row(result, sums, 0);
  if (ROWS > 1) {
    carry_row(result, sums, 1);
  }
  if (ROWS > 2) {
    carry_row(result, sums, 2);
    carry_row(result, sums, 3);
  }
  if (ROWS > 4) {
    carry_row(result, sums, 4);
    carry_row(result, sums, 5);
    carry_row(result, sums, 6);
    carry_row(result, sums, 7);
  }
}

fn product(aligned: bool, at: Place) -> Result {
  var sums: Sums;
  var result: Result;
  put(0, at.index, 0, bring(aligned, at, 0));
  workgroupBarrier();
  var copy = 0u;
  for (var depth = 0u; depth < shape.k; depth += DEPTH) {
    let brought = bring(aligned, at, depth + DEPTH);
    add_tile(&sums, copy, at);
    if (ROUNDED == 1) {
      carry(&result, &sums);
    }
    copy = 1 - copy;
    put(copy, at.index, depth + DEPTH, brought);
    workgroupBarrier();
  }
  if (ROUNDED == 0) {
    carry(&result, &sums);
  }
  return result;
}

@compute @workgroup_size(INVOCATIONS)
fn multiply(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
  let at = place(group, index);
  let result = product(true, at);
  for (var i = 0u; i < ROWS * QUADS; i++) {
    let row = at.first_row + at.down + i / QUADS * DOWN;
    let column_quad = at.first_quad + at.across + i % QUADS * ACROSS;
    if (row < shape.m && column_quad * 4 < shape.n) {
      c_quads[row * (shape.n / 4) + column_quad] = result[i];
    }
  }
}

@compute @workgroup_size(INVOCATIONS)
fn multiply_ragged(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let at = place(group, index);
  let result = product(false, at);
  for (var i = 0u; i < ROWS * QUADS; i++) {
    let row = at.first_row + at.down + i / QUADS * DOWN;
    let column = (at.first_quad + at.across + i % QUADS * ACROSS) * 4;
    for (var j = 0u; j < 4 && row < shape.m && column + j < shape.n; j++) {
      c[row * shape.n + column + j] = result[i][j];
    }
  }
}

// include lib/scatter.wgsl

// Element `index` of the matrix with this seed, in [-1, 1); every step is exact.
fn random_element(index: u32, seed: u32) -> element {
  let half = i32(1u << (BITS - 1));
  return element(f32(i32(scatter_word(index ^ seed) >> (32 - BITS)) - half) / f32(half));
}

fn random_quad(index: u32, seed: u32) -> quad {
  return quad(
    random_element(index * 4, seed), random_element(index * 4 + 1, seed),
    random_element(index * 4 + 2, seed), random_element(index * 4 + 3, seed),
  );
}

// include lib/fill-quads.wgsl
