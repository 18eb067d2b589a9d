// A heavy hash in the style of kHeavyHash: Keccak, a product with a 64 x 64 matrix, Keccak again.
//
// Purpose        A reference for hashes that hide a matrix product between two sponges: integer
//                arithmetic in registers and 8-bit dot products, no memory traffic. It searches
//                nonces; it talks to nobody and its result is only verified.
// Entry points   search   lists the nonces whose hash, read as a little-endian 256-bit number, is
//                         not above the target
//                digest   writes the full digest of every nonce of the range
// Bindings       0  uniform             params
//                1  storage read-write  found    (search only)
//                2  storage read-write  digests  (digest only), 8 words per nonce
//                3  uniform             matrix
// Workgroup      WORKGROUP x 1 x 1; a grid of any width and height, numbered row by row
// Operations     per invocation 15,104 32-bit integer operations: 2 Keccak-f[1600] of 7,440, 24 to
//                unpack the hash, 192 to pack the product and 8 to add it; and 8,192 8-bit operations
//                in 64 x 16 dot products of four
// Bytes          per invocation none (search; 4 per match), 32 written (digest). All invocations read
//                the same 4 KiB of the matrix in step, which a uniform buffer is made for
//
// The first sponge is cSHAKE256 of the name "ProofOfWorkHash" and of 80 bytes: the header's hash (32),
// a time (8), zeros (32), the nonce (8). The second is cSHAKE256 of "HeavyHash" and 32 bytes. Names,
// header and padding do not change with the nonce, so the host passes the states with all of them in
// place, and the nonce or the product is added (exclusive or).
//
// The matrix has 4-bit elements and is multiplied by the 64 nibbles of the first hash, the upper one
// of each byte first. Each sum is below 2^14; its upper four bits are a nibble of the product. For the
// packed dot product, four nibbles that lie in one word at the same half of its bytes go together, and
// the host sorts the columns of the matrix alike.
//
// Bounds         matrix: rows below 64, four vectors each. digests: nonces below nonce_count only.
//                found: slots below capacity only.

const WORKGROUP = 128u;

struct Params {
  // 25 lanes of 64 bits, two to a vector, low word first.
  first_state: array<vec4u, 13>,
  second_state: array<vec4u, 13>,
  // The most significant word first.
  threshold: array<vec4u, 2>,
  // The low word first.
  first_nonce: vec2u,
  nonce_count: u32,
  // How many nonces `found` can hold; matches beyond it are counted but not listed.
  capacity: u32,
}

struct Found {
  count: atomic<u32>,
  // Counted from the first nonce of the range.
  indices: array<u32>,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> found: Found;
@group(0) @binding(2) var<storage, read_write> digests: array<array<u32, 8>>;
// Row by row, 16 words each: for every two words of the hash the columns of the first one's upper
// nibbles, of its lower ones, and the same of the second.
@group(0) @binding(3) var<uniform> matrix: array<vec4u, 256>;

// include lib/keccak-f1600.wgsl

fn lanes_of(packed: array<vec4u, 13>) -> array<vec2u, 25> {
  let p = packed;
  return array<vec2u, 25>(
    p[0].xy, p[0].zw, p[1].xy, p[1].zw, p[2].xy, p[2].zw, p[3].xy, p[3].zw, p[4].xy, p[4].zw,
    p[5].xy, p[5].zw, p[6].xy, p[6].zw, p[7].xy, p[7].zw, p[8].xy, p[8].zw, p[9].xy, p[9].zw,
    p[10].xy, p[10].zw, p[11].xy, p[11].zw, p[12].xy,
  );
}

fn add_64(a: vec2u, b: u32) -> vec2u {
  let low = a.x + b;
  return vec2u(low, a.y + select(0u, 1u, low < b));
}

// The nibbles of two words of the hash, as bytes, in the order of the matrix's columns.
fn nibbles(words: vec2u) -> vec4u {
  let upper = (words >> vec2u(4)) & vec2u(0x0f0f0f0f);
  let lower = words & vec2u(0x0f0f0f0f);
  return vec4u(upper.x, lower.x, upper.y, lower.y);
}

fn dot_16(row: vec4u, vector: vec4u) -> u32 {
  return dot4U8Packed(row.x, vector.x) + dot4U8Packed(row.y, vector.y) +
    dot4U8Packed(row.z, vector.z) + dot4U8Packed(row.w, vector.w);
}

// One word of the product: eight rows from `first_row` on.
fn product(first_row: u32, a: vec4u, b: vec4u, c: vec4u, d: vec4u) -> u32 {
  var word = 0u;
  for (var i = 0u; i < 8; i++) {
    let at = (first_row + i) * 4;
    let sum = dot_16(matrix[at], a) + dot_16(matrix[at + 1], b) +
      dot_16(matrix[at + 2], c) + dot_16(matrix[at + 3], d);
    // A byte's upper nibble comes first: rows 0, 1, 2, 3 go to bits 4, 0, 12, 8.
    word |= (sum >> 10) << ((i ^ 1) * 4);
  }
  return word;
}

fn heavy_hash(nonce: vec2u) -> array<u32, 8> {
  var s = lanes_of(params.first_state);
  s[9] ^= nonce;
  keccak_f1600(&s);

  let a = nibbles(s[0]);
  let b = nibbles(s[1]);
  let c = nibbles(s[2]);
  let d = nibbles(s[3]);
  var t = lanes_of(params.second_state);
  t[0] ^= s[0] ^ vec2u(product(0, a, b, c, d), product(8, a, b, c, d));
  t[1] ^= s[1] ^ vec2u(product(16, a, b, c, d), product(24, a, b, c, d));
  t[2] ^= s[2] ^ vec2u(product(32, a, b, c, d), product(40, a, b, c, d));
  t[3] ^= s[3] ^ vec2u(product(48, a, b, c, d), product(56, a, b, c, d));
  keccak_f1600(&t);
  return array<u32, 8>(t[0].x, t[0].y, t[1].x, t[1].y, t[2].x, t[2].y, t[3].x, t[3].y);
}

fn meets_threshold(hash: array<u32, 8>) -> bool {
  // Little-endian: the digest's last word is the most significant.
  let words = array<u32, 8>(
    hash[7], hash[6], hash[5], hash[4], hash[3], hash[2], hash[1], hash[0],
  );
  for (var i = 0u; i < 8; i++) {
    let limit = params.threshold[i / 4][i % 4];
    if (words[i] != limit) {
      return words[i] < limit;
    }
  }
  return true;
}

@compute @workgroup_size(WORKGROUP)
fn search(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = (group.y * groups.x + group.x) * WORKGROUP + local;
  if (index >= params.nonce_count) {
    return;
  }
  if (meets_threshold(heavy_hash(add_64(params.first_nonce, index)))) {
    let slot = atomicAdd(&found.count, 1);
    if (slot < params.capacity) {
      found.indices[slot] = index;
    }
  }
}

@compute @workgroup_size(WORKGROUP)
fn digest(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = (group.y * groups.x + group.x) * WORKGROUP + local;
  if (index < params.nonce_count) {
    digests[index] = heavy_hash(add_64(params.first_nonce, index));
  }
}
