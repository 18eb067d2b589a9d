// Fills a buffer, so that the memory behind it is really there.
//
// Purpose        No reference for anything. A buffer that is only created may be a promise; the
//                device process takes memory on purpose, and gives it back, so that the collectors
//                can tell on which GPU it lives.
// Entry points   fill   writes every byte
// Bindings       0  storage read-write  out, a multiple of 16 bytes
// Workgroup      64 x 1 x 1; a grid of any width and height, numbered row by row
// Operations     per invocation a handful of 32-bit integer operations
// Bytes          per invocation 16 written, none read
// Bounds         an index that is not below the buffer's own length is not written: invocations
//                past the end return before the store

const WORKGROUP_SIZE = 64u;

@group(0) @binding(0) var<storage, read_write> out: array<vec4u>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn fill(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * WORKGROUP_SIZE + lane;
  if (i >= arrayLength(&out)) { return; }
  // No two alike and no zeros: a driver may keep those compressed, or not at all.
  out[i] = vec4u(i, ~i, i * 2654435761u, 0xa55a5aa5u);
}
