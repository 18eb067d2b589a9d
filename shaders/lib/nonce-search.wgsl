// A search of nonces: the grid, the list of matches and the two entry points that every hash of a
// 32-bit nonce has. The kernel declares `params` (first_nonce, nonce_count, capacity, threshold),
// WORKGROUP and HASHES, and says by `is_match(nonce)` whether a hash is not above the target and by
// `write_digest_of(at, nonce)` what a whole digest is.

struct Found {
  count: atomic<u32>,
  nonces: array<u32>,
}

@group(0) @binding(1) var<storage, read_write> found: Found;
@group(0) @binding(2) var<storage, read_write> digests: array<u32>;

// Neighbouring invocations have neighbouring nonces; one invocation's are a workgroup apart.
fn nonce_index(group: vec3u, groups: vec3u, local: u32, turn: u32) -> u32 {
  return ((group.y * groups.x + group.x) * HASHES + turn) * WORKGROUP + local;
}

@compute @workgroup_size(WORKGROUP)
fn search(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  for (var turn = 0u; turn < HASHES; turn++) {
    let index = nonce_index(group, groups, local, turn);
    if (index >= params.nonce_count) {
      return;
    }
    let nonce = params.first_nonce + index;
    if (is_match(nonce)) {
      let slot = atomicAdd(&found.count, 1);
      if (slot < params.capacity) {
        found.nonces[slot] = nonce;
      }
    }
  }
}

@compute @workgroup_size(WORKGROUP)
fn digest(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  for (var turn = 0u; turn < HASHES; turn++) {
    let index = nonce_index(group, groups, local, turn);
    if (index >= params.nonce_count) {
      return;
    }
    write_digest_of(index * 8, params.first_nonce + index);
  }
}

fn write_digest(at: u32, hash: array<vec4u, 2>) {
  digests[at] = hash[0].x;
  digests[at + 1] = hash[0].y;
  digests[at + 2] = hash[0].z;
  digests[at + 3] = hash[0].w;
  digests[at + 4] = hash[1].x;
  digests[at + 5] = hash[1].y;
  digests[at + 6] = hash[1].z;
  digests[at + 7] = hash[1].w;
}
