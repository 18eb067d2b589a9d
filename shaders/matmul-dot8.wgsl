// C = A * B of signed 8-bit integers, summed in i32: A is m x k row-major, B is k x n column-major,
// C is m x n row-major. Any m, n of at least 1, any k.
//
// Purpose        A reference for quantised inference: four products of 8-bit integers and their sum
//                in one instruction, without tensor cores.
// Entry points   multiply
//                fill_a, fill_b   once, before: pseudo-random matrices that the host can recompute
// Bindings       0  uniform             shape
//                1  storage read        a, 16 steps of k in a quad of words, the last one of a row
//                                       filled up with zeros (read-write: fill_a)
//                2  storage read        b, its columns in the same way (read-write: fill_b)
//                3  storage read-write  c
// Workgroup      ACROSS * DOWN invocations (256) for a tile of DOWN * ROWS x ACROSS * 4 * VECTORS of
//                C (128 x 128); ceil(n / columns) x ceil(m / rows) workgroups
// Operations     per invocation ROWS * 4 * VECTORS * k products and as many additions, 8 in one
//                dot4I8Packed with its addition. Sums wrap, which takes k above 131,000
// Bytes          per workgroup and quad of k 16 bytes of each row of A and column of B; shared memory
//                2 * (A_SIZE + B_SIZE) quads (24 KiB)
//
// Laid out as matmul-f32 is, and for the same reasons: sums in registers, two copies of the tiles,
// rows of an odd number of quads so that neighbours start in other banks, rows written out. Columns of
// B lie as rows of A do, since a dot product takes four steps of k of both.
//
// Bounds         A row, a column or a quad of k outside is replaced by the last one inside before it is
//                read (`min`); rows and columns outside only reach sums that are never stored, and
//                quads outside become 0. Stores are guarded by row < m, column < n. Tiles: every index
//                is below the product of the constants by which the array is declared. Filling ends
//                at the array's length.

requires packed_4x8_integer_dot_product;

struct Shape {
  m: u32,
  n: u32,
  k: u32,
  seed: u32,
}

const ACROSS = 16u;  // invocations along a row of the tile; a multiple of 8
const DOWN = 16u;    // invocations along a column; a multiple of 4
const ROWS = 8u;     // of C per invocation: 4 or 8
const VECTORS = 2u;  // of four columns of C per invocation: 1 or 2
const DEPTH = 2u;    // quads of k, of 16 steps each, in shared memory at a time; even

const INVOCATIONS = ACROSS * DOWN;
const TILE_ROWS = DOWN * ROWS;
const TILE_COLUMNS = ACROSS * 4 * VECTORS;
const STRIDE = DEPTH + 1;
const A_SIZE = TILE_ROWS * STRIDE;
const B_SIZE = TILE_COLUMNS * STRIDE;
// Each invocation brings one quad of each tile.
const_assert TILE_ROWS * DEPTH == INVOCATIONS && TILE_COLUMNS * DEPTH == INVOCATIONS;

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> a: array<vec4u>;
@group(0) @binding(2) var<storage, read> b: array<vec4u>;
@group(0) @binding(3) var<storage, read_write> c: array<i32>;
@group(0) @binding(1) var<storage, read_write> a_to_fill: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> b_to_fill: array<vec4u>;

// [copy][row][quad of k] and [copy][column][quad of k].
var<workgroup> tile_a: array<vec4u, 2 * A_SIZE>;
var<workgroup> tile_b: array<vec4u, 2 * B_SIZE>;

alias Sums = array<vec4i, ROWS * VECTORS>;

struct Place {
  index: u32,
  first_row: u32,
  first_column: u32,
  down: u32,
  across: u32,
}

// 8 neighbouring invocations lie across, 4 down.
fn place(group: vec3u, index: u32) -> Place {
  let block = index / 32;
  let lane = index % 32;
  return Place(
    index,
    group.y * TILE_ROWS,
    group.x * TILE_COLUMNS,
    block / (ACROSS / 8) * 4 + lane / 8,
    block % (ACROSS / 8) * 8 + lane % 8,
  );
}

fn quads_of_k() -> u32 {
  return (shape.k + 15) / 16;
}

fn bring_a(at: Place, quad: u32) -> vec4u {
  let row = min(at.first_row + at.index / DEPTH, shape.m - 1);
  let quads = quads_of_k();
  return a[row * quads + min(quad + at.index % DEPTH, max(quads, 1) - 1)];
}

fn bring_b(at: Place, quad: u32) -> vec4u {
  let column = min(at.first_column + at.index / DEPTH, shape.n - 1);
  let quads = quads_of_k();
  return b[column * quads + min(quad + at.index % DEPTH, max(quads, 1) - 1)];
}

fn put(copy: u32, index: u32, quad: u32, of_a: vec4u, of_b: vec4u) {
  let slot = index / DEPTH * STRIDE + index % DEPTH;
  let inside = quad + index % DEPTH < quads_of_k();
  tile_a[copy * A_SIZE + slot] = select(vec4u(), of_a, inside);
  tile_b[copy * B_SIZE + slot] = select(vec4u(), of_b, inside);
}

// One quad of k of four columns.
struct Block {
  x: vec4u,
  y: vec4u,
  z: vec4u,
  w: vec4u,
}

fn block_of_b(b_at: u32, vector: u32) -> Block {
  let at = b_at + vector * 4 * ACROSS * STRIDE;
  return Block(
    tile_b[at],
    tile_b[at + ACROSS * STRIDE],
    tile_b[at + 2 * ACROSS * STRIDE],
    tile_b[at + 3 * ACROSS * STRIDE],
  );
}

// Each dot product with the addition that comes to it is one instruction on most hardware.
fn dot16(row: vec4u, column: vec4u, sum: i32) -> i32 {
  let x = dot4I8Packed(row.x, column.x) + sum;
  let y = dot4I8Packed(row.y, column.y) + x;
  let z = dot4I8Packed(row.z, column.z) + y;
  return dot4I8Packed(row.w, column.w) + z;
}

fn dots(row: vec4u, columns: Block, sum: vec4i) -> vec4i {
  return vec4i(
    dot16(row, columns.x, sum.x),
    dot16(row, columns.y, sum.y),
    dot16(row, columns.z, sum.z),
    dot16(row, columns.w, sum.w),
  );
}

fn add_row(sums: ptr<function, Sums>, row: u32, a_at: u32, left: Block, right: Block) {
  let values = tile_a[a_at + row * DOWN * STRIDE];
  (*sums)[row * VECTORS] = dots(values, left, (*sums)[row * VECTORS]);
  if (VECTORS == 2) {
    (*sums)[row * VECTORS + 1] = dots(values, right, (*sums)[row * VECTORS + 1]);
  }
}

fn add_tile(sums: ptr<function, Sums>, copy: u32, at: Place) {
  for (var i = 0u; i < DEPTH; i++) {
    let b_at = copy * B_SIZE + at.across * STRIDE + i;
    let left = block_of_b(b_at, 0);
    var right: Block;
    if (VECTORS == 2) {
      right = block_of_b(b_at, 1);
    }
    let a_at = copy * A_SIZE + at.down * STRIDE + i;
    add_row(sums, 0, a_at, left, right);
    add_row(sums, 1, a_at, left, right);
    add_row(sums, 2, a_at, left, right);
    add_row(sums, 3, a_at, left, right);
    if (ROWS > 4) {
      add_row(sums, 4, a_at, left, right);
      add_row(sums, 5, a_at, left, right);
      add_row(sums, 6, a_at, left, right);
      add_row(sums, 7, a_at, left, right);
    }
  }
}

@compute @workgroup_size(INVOCATIONS)
fn multiply(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
  let at = place(group, index);
  var sums: Sums;
  put(0, index, 0, bring_a(at, 0), bring_b(at, 0));
  workgroupBarrier();
  var copy = 0u;
  for (var quad = 0u; quad < quads_of_k(); quad += DEPTH) {
    let of_a = bring_a(at, quad + DEPTH);
    let of_b = bring_b(at, quad + DEPTH);
    add_tile(&sums, copy, at);
    copy = 1 - copy;
    put(copy, index, quad + DEPTH, of_a, of_b);
    workgroupBarrier();
  }

  for (var i = 0u; i < ROWS * VECTORS; i++) {
    let row = at.first_row + at.down + i / VECTORS * DOWN;
    for (var j = 0u; j < 4; j++) {
      let column = at.first_column + at.across + (i % VECTORS * 4 + j) * ACROSS;
      if (row < shape.m && column < shape.n) {
        c[row * shape.n + column] = sums[i][j];
      }
    }
  }
}

// include lib/scatter.wgsl

// Of a matrix in quads the word `index`, with zeros for the steps behind k.
fn random_word(index: u32, seed: u32) -> u32 {
  let step = index % (quads_of_k() * 4) * 4;
  let kept = min(max(shape.k, step) - step, 4);
  return extractBits(scatter_word(index ^ seed), 0, 8 * kept);
}

fn random_quad(index: u32, seed: u32) -> vec4u {
  return vec4u(
    random_word(index * 4, seed), random_word(index * 4 + 1, seed),
    random_word(index * 4 + 2, seed), random_word(index * 4 + 3, seed),
  );
}

// include lib/fill-quads.wgsl
