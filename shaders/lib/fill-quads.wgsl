// Fills both matrices of a product on the device, so that none of their bytes go through the host.
// The kernel declares `shape` (with a seed) and the buffers `a_to_fill` and `b_to_fill` in quads, and
// says by `random_quad(index, seed)` what is in them.

@compute @workgroup_size(64)
fn fill_a(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = (group.y * groups.x + group.x) * 64 + local;
  if (index < arrayLength(&a_to_fill)) {
    a_to_fill[index] = random_quad(index, scatter_word(shape.seed));
  }
}

@compute @workgroup_size(64)
fn fill_b(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = (group.y * groups.x + group.x) * 64 + local;
  if (index < arrayLength(&b_to_fill)) {
    b_to_fill[index] = random_quad(index, scatter_word(~shape.seed));
  }
}
