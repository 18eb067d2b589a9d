// SHA-256d (SHA-256 of SHA-256) of an 80-byte block header, one nonce per invocation.
//
// Purpose        A reference for hash-like work: 32-bit integer arithmetic in registers, no memory
//                traffic. It searches nonces; it talks to nobody and its result is only verified.
// Entry points   search   lists the nonces whose hash, read as Bitcoin reads it (a little-endian
//                         256-bit number), is not above the target
//                digest   writes the full digest of every nonce of the range
// Bindings       0  uniform             params
//                1  storage read-write  found    (search only)
//                2  storage read-write  digests  (digest only), 8 words per nonce
// Workgroup      256 x 1 x 1; a grid of any width and height, numbered row by row
// Operations     per invocation 2 compressions of about 2,170 32-bit integer operations each:
//                64 rounds x 24 and 48 schedule words x 13, counting a rotation as one
// Bytes          per invocation none (search; 4 per match), 32 written (digest)
//
// The first 64 bytes of the header do not change with the nonce: the host compresses them once
// and passes the state ("midstate"). Left per nonce: the header's last 16 bytes, then the digest.

struct Params {
  midstate: array<vec4u, 2>,
  // The most significant word first.
  threshold: array<vec4u, 2>,
  // Bytes 64..75 of the header as three big-endian words: end of the Merkle root, time, bits.
  tail: vec3u,
  first_nonce: u32,
  nonce_count: u32,
  // How many nonces `found` can hold; matches beyond it are counted but not listed.
  capacity: u32,
}

struct Found {
  count: atomic<u32>,
  nonces: array<u32>,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> found: Found;
@group(0) @binding(2) var<storage, read_write> digests: array<u32>;

struct State {
  a: u32, b: u32, c: u32, d: u32, e: u32, f: u32, g: u32, h: u32,
}

// The first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4).
const K = array<u32, 64>(
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
);

// The same of the square roots of the first 8 primes.
const INITIAL = State(
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
);

fn rotate_right(x: u32, n: u32) -> u32 {
  return (x >> n) | (x << (32 - n));
}

fn swap_bytes(x: u32) -> u32 {
  return (rotate_right(x, 8) & 0xff00ff00) | (rotate_right(x, 24) & 0x00ff00ff);
}

fn round(s: ptr<function, State>, word: u32, k: u32) {
  let e = (*s).e;
  let a = (*s).a;
  let big_sigma1 = rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25);
  let choice = (*s).g ^ (e & ((*s).f ^ (*s).g));
  let t1 = (*s).h + big_sigma1 + choice + k + word;
  let big_sigma0 = rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22);
  let majority = (a & (*s).b) | ((*s).c & (a | (*s).b));
  (*s) = State(
    t1 + big_sigma0 + majority, a, (*s).b, (*s).c, (*s).d + t1, e, (*s).f, (*s).g,
  );
}

fn small_sigma0(x: u32) -> u32 {
  return rotate_right(x, 7) ^ rotate_right(x, 18) ^ (x >> 3);
}

fn small_sigma1(x: u32) -> u32 {
  return rotate_right(x, 17) ^ rotate_right(x, 19) ^ (x >> 10);
}

// Replaces 16 words of the message schedule by the next 16. Written out, like the rounds below:
// constant indices let the compiler keep the words in registers.
fn next_words(w: ptr<function, array<u32, 16>>) {
  (*w)[0] += small_sigma0((*w)[1]) + (*w)[9] + small_sigma1((*w)[14]);
  (*w)[1] += small_sigma0((*w)[2]) + (*w)[10] + small_sigma1((*w)[15]);
  (*w)[2] += small_sigma0((*w)[3]) + (*w)[11] + small_sigma1((*w)[0]);
  (*w)[3] += small_sigma0((*w)[4]) + (*w)[12] + small_sigma1((*w)[1]);
  (*w)[4] += small_sigma0((*w)[5]) + (*w)[13] + small_sigma1((*w)[2]);
  (*w)[5] += small_sigma0((*w)[6]) + (*w)[14] + small_sigma1((*w)[3]);
  (*w)[6] += small_sigma0((*w)[7]) + (*w)[15] + small_sigma1((*w)[4]);
  (*w)[7] += small_sigma0((*w)[8]) + (*w)[0] + small_sigma1((*w)[5]);
  (*w)[8] += small_sigma0((*w)[9]) + (*w)[1] + small_sigma1((*w)[6]);
  (*w)[9] += small_sigma0((*w)[10]) + (*w)[2] + small_sigma1((*w)[7]);
  (*w)[10] += small_sigma0((*w)[11]) + (*w)[3] + small_sigma1((*w)[8]);
  (*w)[11] += small_sigma0((*w)[12]) + (*w)[4] + small_sigma1((*w)[9]);
  (*w)[12] += small_sigma0((*w)[13]) + (*w)[5] + small_sigma1((*w)[10]);
  (*w)[13] += small_sigma0((*w)[14]) + (*w)[6] + small_sigma1((*w)[11]);
  (*w)[14] += small_sigma0((*w)[15]) + (*w)[7] + small_sigma1((*w)[12]);
  (*w)[15] += small_sigma0((*w)[0]) + (*w)[8] + small_sigma1((*w)[13]);
}

fn compress(before: State, block: array<u32, 16>) -> State {
  var s = before;
  var w = block;
  round(&s, w[0], K[0]); round(&s, w[1], K[1]); round(&s, w[2], K[2]); round(&s, w[3], K[3]);
  round(&s, w[4], K[4]); round(&s, w[5], K[5]); round(&s, w[6], K[6]); round(&s, w[7], K[7]);
  round(&s, w[8], K[8]); round(&s, w[9], K[9]); round(&s, w[10], K[10]); round(&s, w[11], K[11]);
  round(&s, w[12], K[12]); round(&s, w[13], K[13]); round(&s, w[14], K[14]); round(&s, w[15], K[15]);
  next_words(&w);
  round(&s, w[0], K[16]); round(&s, w[1], K[17]); round(&s, w[2], K[18]); round(&s, w[3], K[19]);
  round(&s, w[4], K[20]); round(&s, w[5], K[21]); round(&s, w[6], K[22]); round(&s, w[7], K[23]);
  round(&s, w[8], K[24]); round(&s, w[9], K[25]); round(&s, w[10], K[26]); round(&s, w[11], K[27]);
  round(&s, w[12], K[28]); round(&s, w[13], K[29]); round(&s, w[14], K[30]); round(&s, w[15], K[31]);
  next_words(&w);
  round(&s, w[0], K[32]); round(&s, w[1], K[33]); round(&s, w[2], K[34]); round(&s, w[3], K[35]);
  round(&s, w[4], K[36]); round(&s, w[5], K[37]); round(&s, w[6], K[38]); round(&s, w[7], K[39]);
  round(&s, w[8], K[40]); round(&s, w[9], K[41]); round(&s, w[10], K[42]); round(&s, w[11], K[43]);
  round(&s, w[12], K[44]); round(&s, w[13], K[45]); round(&s, w[14], K[46]); round(&s, w[15], K[47]);
  next_words(&w);
  round(&s, w[0], K[48]); round(&s, w[1], K[49]); round(&s, w[2], K[50]); round(&s, w[3], K[51]);
  round(&s, w[4], K[52]); round(&s, w[5], K[53]); round(&s, w[6], K[54]); round(&s, w[7], K[55]);
  round(&s, w[8], K[56]); round(&s, w[9], K[57]); round(&s, w[10], K[58]); round(&s, w[11], K[59]);
  round(&s, w[12], K[60]); round(&s, w[13], K[61]); round(&s, w[14], K[62]); round(&s, w[15], K[63]);
  return State(
    before.a + s.a, before.b + s.b, before.c + s.c, before.d + s.d,
    before.e + s.e, before.f + s.f, before.g + s.g, before.h + s.h,
  );
}

fn sha256d(nonce: u32) -> State {
  let m = params.midstate;
  let midstate = State(m[0].x, m[0].y, m[0].z, m[0].w, m[1].x, m[1].y, m[1].z, m[1].w);
  // The header holds the nonce in little-endian order. Padding: a one bit, zeros, 80 * 8 bits.
  let first = compress(midstate, array<u32, 16>(
    params.tail.x, params.tail.y, params.tail.z, swap_bytes(nonce),
    0x80000000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 640,
  ));
  return compress(INITIAL, array<u32, 16>(
    first.a, first.b, first.c, first.d, first.e, first.f, first.g, first.h,
    0x80000000, 0, 0, 0, 0, 0, 0, 256,
  ));
}

fn meets_threshold(hash: State) -> bool {
  // Little-endian: the digest's last byte is the most significant.
  let words = array<u32, 8>(
    swap_bytes(hash.h), swap_bytes(hash.g), swap_bytes(hash.f), swap_bytes(hash.e),
    swap_bytes(hash.d), swap_bytes(hash.c), swap_bytes(hash.b), swap_bytes(hash.a),
  );
  for (var i = 0u; i < 8; i++) {
    let limit = params.threshold[i / 4][i % 4];
    if (words[i] != limit) {
      return words[i] < limit;
    }
  }
  return true;
}

fn invocation_index(group: vec3u, groups: vec3u, local: u32) -> u32 {
  return (group.y * groups.x + group.x) * 256 + local;
}

@compute @workgroup_size(256)
fn search(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = invocation_index(group, groups, local);
  if (index >= params.nonce_count) {
    return;
  }
  let nonce = params.first_nonce + index;
  if (meets_threshold(sha256d(nonce))) {
    let slot = atomicAdd(&found.count, 1);
    if (slot < params.capacity) {
      found.nonces[slot] = nonce;
    }
  }
}

@compute @workgroup_size(256)
fn digest(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = invocation_index(group, groups, local);
  if (index >= params.nonce_count) {
    return;
  }
  let hash = sha256d(params.first_nonce + index);
  let at = index * 8;
  digests[at] = hash.a;
  digests[at + 1] = hash.b;
  digests[at + 2] = hash.c;
  digests[at + 3] = hash.d;
  digests[at + 4] = hash.e;
  digests[at + 5] = hash.f;
  digests[at + 6] = hash.g;
  digests[at + 7] = hash.h;
}
