// Reads and writes of workgroup memory that never meet in a bank.
//
// Purpose        The ceiling of shared memory, which feeds the tiles of matrix products.
// Entry point    share
// Bindings       0  uniform             params
//                1  storage read-write  results, a vec4u per invocation
// Workgroup      WORKGROUP x 1 x 1, a power of two of at least 64; a grid of any width and height,
//                numbered row by row
// Operations     per invocation and turn 54 on 32-bit integers: 28 additions, 8 for a rotation and a
//                key, 18 for addresses
// Bytes          per invocation and turn 128 read from and 16 written to workgroup memory; 16
//                written to device memory at the end; 32 * WORKGROUP of workgroup memory
// Bounds         A position is a local index, below WORKGROUP, exclusive-or'd with numbers below
//                WORKGROUP, which is a power of two: it stays below WORKGROUP, and with the half's
//                offset of 0 or WORKGROUP below 2 * WORKGROUP. `results` has `count` elements, and
//                only invocations below `count` write
//
// An exclusive or with one number for all moves invocations in aligned blocks: eight neighbours still
// read eight neighbouring vectors, 128 bytes that lie in different banks. Reads are from one half
// and writes to the other, so one barrier a turn is enough.

struct Params {
  // Invocations that write a result; all compute.
  count: u32,
  turns: u32,
  seed: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> results: array<vec4u>;

const WORKGROUP = 256u;

var<workgroup> halves: array<vec4u, 2 * WORKGROUP>;

// include lib/scatter.wgsl

@compute @workgroup_size(WORKGROUP)
fn share(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = (group.y * groups.x + group.x) * WORKGROUP + local;
  let key = scatter(vec4u(4 * index) + vec4u(0, 1, 2, 3) + params.seed);
  var value = key;
  halves[local] = value;
  workgroupBarrier();

  var half = 0u;
  for (var turn = 0u; turn < params.turns; turn++) {
    let at = local ^ (turn % WORKGROUP);
    // Eight distances of which no two cancel: every sum is another.
    var sum = halves[half + (at ^ 1)] + halves[half + (at ^ 2)];
    sum += halves[half + (at ^ 4)] + halves[half + (at ^ 8)];
    sum += halves[half + (at ^ 16)] + halves[half + (at ^ 32)];
    sum += halves[half + (at ^ 21)] + halves[half + (at ^ 42)];
    value = ((sum << vec4u(7)) | (sum >> vec4u(25))) + key;
    half = WORKGROUP - half;
    halves[half + local] = value;
    workgroupBarrier();
  }

  if (index < params.count) {
    results[index] = value;
  }
}
