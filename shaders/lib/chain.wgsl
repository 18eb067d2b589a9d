// Independent chains of one arithmetic, one or two vectors of four in an invocation. The kernel
// declares `params` (count, iterations), `results`, WORKGROUP and VECTORS, and says by `start(vector)`
// where a chain begins, by `advanced(state)` what 16 steps make of it, and by `result(state)` what is
// kept.

@compute @workgroup_size(WORKGROUP)
fn chain(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = (group.y * groups.x + group.x) * WORKGROUP + local;
  if (index >= params.count) {
    return;
  }
  let at = index * VECTORS;
  var first = start(at);
  var second = start(at + 1);
  for (var i = 0u; i < params.iterations; i++) {
    first = advanced(first);
    if (VECTORS == 2) {
      second = advanced(second);
    }
  }
  results[at] = result(first);
  if (VECTORS == 2) {
    results[at + 1] = result(second);
  }
}
