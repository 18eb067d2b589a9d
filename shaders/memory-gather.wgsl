// Reads of 128-byte pieces from all over a table that no cache holds.
//
// Purpose        The ceiling of scattered reads, as in hashes that are bound by memory. No read
//                waits for another, so what limits it is how many pieces a second memory delivers.
// Entry points   fill    makes the table: another value for every word
//                gather  adds up the pieces that it reads
// Bindings       0  uniform             params
//                1  storage read-write  filled (fill only), the table
//                1  storage read        table (gather only)
//                2  storage read-write  sums (gather only), a vec4u per invocation
// Workgroup      WORKGROUP x 1 x 1; a grid of any width and height, numbered row by row
// Operations     per invocation and read 16 32-bit integer operations: 8 to choose the piece, 4 for
//                its number and address, 4 to add it up
// Bytes          per invocation 64 * turns read, 16 written at the end
// Bounds         The table has 8 * (mask + 1) vectors, mask + 1 a power of two; a piece's number is
//                taken modulo that, and a lane is below 8. `fill` compares its index with the same
//                size. `sums` has `count` elements, and only invocations below `count` write
//
// Eight neighbouring invocations read one piece together, 16 bytes each: one cache line. Which piece
// is next follows from an integer mixing of its number, so no list of indices is read.

struct Params {
  // Invocations that have work.
  count: u32,
  // Of four reads each.
  turns: u32,
  seed: u32,
  // Pieces in the table, less one.
  mask: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> filled: array<vec4u>;
@group(0) @binding(1) var<storage, read> table: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> sums: array<vec4u>;

const WORKGROUP = 256u;
const LANES = 8u;  // invocations, and vectors, to a piece
const READS = 4u;  // in a turn of the loop

// include lib/scatter.wgsl

fn address(number: u32, lane: u32) -> u32 {
  return (scatter_word(number) & params.mask) * LANES + lane;
}

@compute @workgroup_size(WORKGROUP)
fn fill(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let at = (group.y * groups.x + group.x) * WORKGROUP + local;
  if (at < (params.mask + 1) * LANES) {
    filled[at] = scatter(vec4u(4 * at) + vec4u(0, 1, 2, 3) + params.seed);
  }
}

@compute @workgroup_size(WORKGROUP)
fn gather(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = (group.y * groups.x + group.x) * WORKGROUP + local;
  if (index >= params.count) {
    return;
  }
  let lane = index % LANES;
  // No two groups of lanes, and no two reads of one, have the same number.
  var number = (index / LANES) * params.turns * READS + params.seed;
  var sum = vec4u();
  for (var turn = 0u; turn < params.turns; turn++) {
    let v0 = table[address(number, lane)];
    let v1 = table[address(number + 1, lane)];
    let v2 = table[address(number + 2, lane)];
    let v3 = table[address(number + 3, lane)];
    sum += v0 + v1 + v2 + v3;
    number += READS;
  }
  sums[index] = sum;
}
