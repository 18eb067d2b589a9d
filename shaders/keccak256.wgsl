// Keccak-256 (the original padding, as Ethereum uses it; not SHA3-256) of a 40-byte message, one
// nonce after the other.
//
// Purpose        A reference for hash-like work on 64-bit lanes: logic and rotations of pairs of
//                32-bit words, 50 of them in registers, no memory traffic. It searches nonces; it
//                talks to nobody and its result is only verified.
// Entry points   search   lists the nonces whose hash, read as a big-endian 256-bit number, is not
//                         above the target
//                digest   writes the digest of every nonce of the range
//                message_digest  writes the digest of one message that the host padded
// Bindings       0  uniform             params
//                1  storage read-write  found    (search only)
//                2  storage read-write  digests  (digest and message), 8 words per nonce
//                3  storage read        message  (message only), blocks of 34 words
// Workgroup      WORKGROUP x 1 x 1, each invocation HASHES nonces; a grid of any width and height,
//                numbered row by row
// Operations     per nonce of a search 7,167 32-bit integer operations of one or two operands; each
//                half of a 64-bit rotation counts as one, like a rotation of 32 bits.
//                a whole round  column parities 40, what to add to each column 20, adding it 50,
//                               24 rotations 48, chi 25 x 6, the round's constant 2           310
//                round 0        where 18 lanes are empty and 2 are constant words             234
//                rounds 1 to 22                                                        22 x 310
//                round 23       of which a digest needs 4 lanes: 40 + 20 + 10 + 8 + 24 + 2    104
//                number of the nonce, end of the range, swapping and comparing a word           9
// Bytes          per nonce none (search; 4 per match), 32 written (digest)
// Bounds         `found.nonces` is written at slots below `capacity`, `digests` at 8 words from 8
//                times an index below `nonce_count`: the host makes both buffers that long, and
//                ranges short enough that no index of the grid wraps around. `message` is read by
//                its own length, in whole blocks. Rounds are below 24; all other indices are
//                constants or below the length of what they index by a loop's own end.

// Tunable. A step of the loop holds STEP rounds, 1 or 2.
const WORKGROUP = 256u;
const HASHES = 1u;
const STEP = 1u;

struct Params {
  // The most significant word first.
  threshold: array<vec4u, 2>,
  first_nonce: u32,
  nonce_count: u32,
  // How many nonces `found` can hold; matches beyond it are counted but not listed.
  capacity: u32,

  // The message's first 32 bytes, then 8 bytes of nonce of which this is the upper half.
  prefix: array<vec4u, 2>,
  nonce_high: u32,
  // Lower and upper half in x and y. From the host, as a uniform: a table in the code that is
  // indexed by a loop would be copied to memory of each invocation's own.
  round_constants: array<vec4u, 24>,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(3) var<storage, read> message: array<u32>;

// 5 x 5 lanes of 64 bits, x + 5 * y; the lower half of a lane in x, the upper in y.
alias Lanes = array<vec2u, 25>;

// Bytes that one permutation takes in, as lanes and as words.
const RATE_LANES = 17u;
const RATE_WORDS = 34u;
// The padding of a message of 5 lanes: its first bit, and in lane 16 its last.
const PAD_FIRST = vec2u(0x01, 0);
const PAD_LAST = vec2u(0, 0x80000000);

// To the left, by less than 32 or by more.
fn rotate(lane: vec2u, bits: u32) -> vec2u {
  if (bits < 32) {
    return (lane << vec2u(bits)) | (lane.yx >> vec2u(32 - bits));
  }
  return (lane.yx << vec2u(bits - 32)) | (lane >> vec2u(64 - bits));
}

// include lib/big-endian-hash.wgsl

// Theta: what every lane of a column is changed by.
fn column_changes(a: ptr<function, Lanes>) -> array<vec2u, 5> {
  let c0 = (*a)[0] ^ (*a)[5] ^ (*a)[10] ^ (*a)[15] ^ (*a)[20];
  let c1 = (*a)[1] ^ (*a)[6] ^ (*a)[11] ^ (*a)[16] ^ (*a)[21];
  let c2 = (*a)[2] ^ (*a)[7] ^ (*a)[12] ^ (*a)[17] ^ (*a)[22];
  let c3 = (*a)[3] ^ (*a)[8] ^ (*a)[13] ^ (*a)[18] ^ (*a)[23];
  let c4 = (*a)[4] ^ (*a)[9] ^ (*a)[14] ^ (*a)[19] ^ (*a)[24];
  return array<vec2u, 5>(
    c4 ^ rotate(c1, 1),
    c0 ^ rotate(c2, 1),
    c1 ^ rotate(c3, 1),
    c2 ^ rotate(c4, 1),
    c3 ^ rotate(c0, 1),
  );
}

// Written out: constant indices let the compiler keep the lanes in registers.
fn round(a: ptr<function, Lanes>, constant: vec2u) {
  let d = column_changes(a);
  // Rho and pi: each lane is rotated and moves to another place.
  let b0 = (*a)[0] ^ d[0];
  let b1 = rotate((*a)[6] ^ d[1], 44);
  let b2 = rotate((*a)[12] ^ d[2], 43);
  let b3 = rotate((*a)[18] ^ d[3], 21);
  let b4 = rotate((*a)[24] ^ d[4], 14);
  let b5 = rotate((*a)[3] ^ d[3], 28);
  let b6 = rotate((*a)[9] ^ d[4], 20);
  let b7 = rotate((*a)[10] ^ d[0], 3);
  let b8 = rotate((*a)[16] ^ d[1], 45);
  let b9 = rotate((*a)[22] ^ d[2], 61);
  let b10 = rotate((*a)[1] ^ d[1], 1);
  let b11 = rotate((*a)[7] ^ d[2], 6);
  let b12 = rotate((*a)[13] ^ d[3], 25);
  let b13 = rotate((*a)[19] ^ d[4], 8);
  let b14 = rotate((*a)[20] ^ d[0], 18);
  let b15 = rotate((*a)[4] ^ d[4], 27);
  let b16 = rotate((*a)[5] ^ d[0], 36);
  let b17 = rotate((*a)[11] ^ d[1], 10);
  let b18 = rotate((*a)[17] ^ d[2], 15);
  let b19 = rotate((*a)[23] ^ d[3], 56);
  let b20 = rotate((*a)[2] ^ d[2], 62);
  let b21 = rotate((*a)[8] ^ d[3], 55);
  let b22 = rotate((*a)[14] ^ d[4], 39);
  let b23 = rotate((*a)[15] ^ d[0], 41);
  let b24 = rotate((*a)[21] ^ d[1], 2);
  // Chi and iota.
  (*a)[0] = b0 ^ (~b1 & b2) ^ constant;
  (*a)[1] = b1 ^ (~b2 & b3);
  (*a)[2] = b2 ^ (~b3 & b4);
  (*a)[3] = b3 ^ (~b4 & b0);
  (*a)[4] = b4 ^ (~b0 & b1);
  (*a)[5] = b5 ^ (~b6 & b7);
  (*a)[6] = b6 ^ (~b7 & b8);
  (*a)[7] = b7 ^ (~b8 & b9);
  (*a)[8] = b8 ^ (~b9 & b5);
  (*a)[9] = b9 ^ (~b5 & b6);
  (*a)[10] = b10 ^ (~b11 & b12);
  (*a)[11] = b11 ^ (~b12 & b13);
  (*a)[12] = b12 ^ (~b13 & b14);
  (*a)[13] = b13 ^ (~b14 & b10);
  (*a)[14] = b14 ^ (~b10 & b11);
  (*a)[15] = b15 ^ (~b16 & b17);
  (*a)[16] = b16 ^ (~b17 & b18);
  (*a)[17] = b17 ^ (~b18 & b19);
  (*a)[18] = b18 ^ (~b19 & b15);
  (*a)[19] = b19 ^ (~b15 & b16);
  (*a)[20] = b20 ^ (~b21 & b22);
  (*a)[21] = b21 ^ (~b22 & b23);
  (*a)[22] = b22 ^ (~b23 & b24);
  (*a)[23] = b23 ^ (~b24 & b20);
  (*a)[24] = b24 ^ (~b20 & b21);
}

// The last round, of the four lanes that are the digest.
fn last_round(a: ptr<function, Lanes>) -> array<vec4u, 2> {
  let d = column_changes(a);
  let b0 = (*a)[0] ^ d[0];
  let b1 = rotate((*a)[6] ^ d[1], 44);
  let b2 = rotate((*a)[12] ^ d[2], 43);
  let b3 = rotate((*a)[18] ^ d[3], 21);
  let b4 = rotate((*a)[24] ^ d[4], 14);
  let lane0 = b0 ^ (~b1 & b2) ^ params.round_constants[23].xy;
  let lane1 = b1 ^ (~b2 & b3);
  let lane2 = b2 ^ (~b3 & b4);
  let lane3 = b3 ^ (~b4 & b0);
  return array<vec4u, 2>(vec4u(lane0, lane1), vec4u(lane2, lane3));
}

fn keccak256(nonce: u32) -> array<vec4u, 2> {
  var a = Lanes();
  a[0] = params.prefix[0].xy;
  a[1] = params.prefix[0].zw;
  a[2] = params.prefix[1].xy;
  a[3] = params.prefix[1].zw;
  a[4] = vec2u(nonce, params.nonce_high);
  a[5] = PAD_FIRST;
  a[16] = PAD_LAST;
  round(&a, params.round_constants[0].xy);
  for (var i = 1u; i < 23; i += STEP) {
    round(&a, params.round_constants[i].xy);
    if (STEP == 2) {
      round(&a, params.round_constants[i + 1].xy);
    }
  }
  return last_round(&a);
}

fn is_match(nonce: u32) -> bool {
  let hash = keccak256(nonce);
  return swap_bytes(hash[0].x) <= params.threshold[0].x && meets_threshold(hash);
}

fn write_digest_of(at: u32, nonce: u32) {
  write_digest(at, keccak256(nonce));
}

// include lib/nonce-search.wgsl
@compute @workgroup_size(1)
fn message_digest() {
  var a = Lanes();
  for (var at = 0u; at + RATE_WORDS <= arrayLength(&message); at += RATE_WORDS) {
    for (var lane = 0u; lane < RATE_LANES; lane++) {
      a[lane] ^= vec2u(message[at + 2 * lane], message[at + 2 * lane + 1]);
    }
    for (var i = 0u; i < 24; i++) {
      round(&a, params.round_constants[i].xy);
    }
  }
  write_digest(0, array<vec4u, 2>(vec4u(a[0], a[1]), vec4u(a[2], a[3])));
}
