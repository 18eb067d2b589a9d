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

// include lib/keccak-f1600.wgsl
// include lib/big-endian-hash.wgsl

// The last round, of the four lanes that are the digest.
fn last_round(a: ptr<function, Lanes>) -> array<vec4u, 2> {
  let d = keccak_column_changes(a);
  let b0 = (*a)[0] ^ d[0];
  let b1 = rotate_lane_far((*a)[6] ^ d[1], 44);
  let b2 = rotate_lane_far((*a)[12] ^ d[2], 43);
  let b3 = rotate_lane((*a)[18] ^ d[3], 21);
  let b4 = rotate_lane((*a)[24] ^ d[4], 14);
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
  keccak_round(&a, params.round_constants[0].xy);
  for (var i = 1u; i < 23; i += STEP) {
    keccak_round(&a, params.round_constants[i].xy);
    if (STEP == 2) {
      keccak_round(&a, params.round_constants[i + 1].xy);
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
      keccak_round(&a, params.round_constants[i].xy);
    }
  }
  write_digest(0, array<vec4u, 2>(vec4u(a[0], a[1]), vec4u(a[2], a[3])));
}
