// A pointer chase: each load says where the next one goes.
//
// Purpose        The latency of device memory. One chaser does one hop after the other, so seconds
//                a hop are one over the rate.
// Entry points   link   makes the table: a ring through all of its slots, in scattered order
//                chase
// Bindings       0  uniform             params
//                1  storage read-write  linked (link only), the table
//                1  storage read        table (chase only)
//                2  storage read-write  chasers (chase only): where each is, and its hops so far
// Workgroup      64 x 1 x 1 (link), 1 x 1 x 1 (chase: a chaser has a workgroup of its own); a grid
//                of any width and height, numbered row by row
// Operations     per hop a mask, a shift and an addition for the address: some cycles beside
//                hundreds
// Bytes          per hop 4 read, of a cache line that nothing else uses
// Bounds         The table has STRIDE * (mask + 1) words, mask + 1 a power of two; a slot's number is
//                taken modulo that before it is used, whatever the table holds. `link` compares its
//                index with mask. `chasers` has `count` elements, and only chasers below `count` go
//
// The order is that of a linear congruential generator, slot -> slot * multiplier + increment modulo
// a power of two. With a multiplier of one more than a multiple of four and an odd increment it goes
// through every slot before it repeats one (Hull and Dobell, 1962). A chaser goes on where it stopped
// in the launch before: going the same way again would meet lines that are still in a cache.

struct Params {
  count: u32,
  hops: u32,
  // Slots in the table, less one.
  mask: u32,
  multiplier: u32,
  increment: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> linked: array<u32>;
@group(0) @binding(1) var<storage, read> table: array<u32>;
@group(0) @binding(2) var<storage, read_write> chasers: array<vec2u>;

// Words from slot to slot, 256 bytes: twice the longest line, so that no line serves two hops.
const STRIDE = 64u;

@compute @workgroup_size(64)
fn link(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let slot = (group.y * groups.x + group.x) * 64 + local;
  if (slot <= params.mask) {
    linked[slot * STRIDE] = (slot * params.multiplier + params.increment) & params.mask;
  }
}

@compute @workgroup_size(1)
fn chase(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let index = group.y * groups.x + group.x;
  if (index >= params.count) {
    return;
  }
  let chaser = chasers[index];
  var slot = chaser.x;
  for (var i = 0u; i < params.hops; i++) {
    slot = table[(slot & params.mask) * STRIDE];
  }
  chasers[index] = vec2u(slot, chaser.y + params.hops);
}
