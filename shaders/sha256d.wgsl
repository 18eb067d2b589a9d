// SHA-256d (SHA-256 of SHA-256) of an 80-byte block header, one nonce after the other.
//
// Purpose        A reference for hash-like work: 32-bit integer arithmetic in registers, no memory
//                traffic. It searches nonces; it talks to nobody and its result is only verified.
// Entry points   search   lists the nonces whose hash, read as Bitcoin reads it (a little-endian
//                         256-bit number), is not above the target
//                digest   writes the full digest of every nonce of the range
// Bindings       0  uniform             params
//                1  storage read-write  found    (search only)
//                2  storage read-write  digests  (digest only), 8 words per nonce
// Workgroup      WORKGROUP x 1 x 1, each invocation HASHES nonces; a grid of any width and height,
//                numbered row by row
// Operations     per nonce of a search 3,888 32-bit integer operations of one or two operands, a
//                rotation counted as one. A round takes 24 (the two big sigmas 5 each, choice 3,
//                majority 4, 7 additions), and 23 where constant and word are one number; a word
//                of the schedule 13 (the two small sigmas 5 each, 3 additions).
//                number of the nonce, end of the range                                          3
//                first hash    swapping the nonce 5, round 3: 2, rounds 4 to 15: 12 x 23,
//                              words 18 to 31: 80, words 32 to 63: 32 x 13,
//                              rounds 16 to 63: 48 x 24, adding the midstate 8              1,939
//                second hash   round 0: 2, rounds 1 to 7: 7 x 24, rounds 8 to 15: 8 x 23,
//                              words 16 to 31: 139, words 32 to 60: 29 x 13,
//                              rounds 16 to 59: 44 x 24, half of round 60: 13,
//                              last word of the digest, swapping, comparing 7               1,946
//                Two hashes without any of the savings below would take 2 x 2,168.
// Bytes          per nonce none (search; 4 per match), 32 written (digest)
// Bounds         `found.nonces` is written at slots below `capacity`, `digests` at 8 words from 8
//                times an index below `nonce_count`: the host makes both buffers that long, and
//                ranges short enough that no index of the grid wraps around. All other indices
//                are constants.
//
// What does not change with the nonce the host computes once: the state after the first 64 bytes of
// the header ("midstate"), three rounds of the next block, what is known of the message schedule.
// And a search needs the rest of a digest only where its most significant word, which is known
// after round 60, is not above the target's.

// Tunable.
const WORKGROUP = 256u;
const HASHES = 1u;

struct Params {
  // The most significant word first.
  threshold: array<vec4u, 2>,
  first_nonce: u32,
  nonce_count: u32,
  // How many nonces `found` can hold; matches beyond it are counted but not listed.
  capacity: u32,

  midstate: array<vec4u, 2>,
  // The state after rounds 0 to 3 of the header's last block, as if the nonce (word 3) were 0: it
  // is only added to two of the state's words.
  after_round_3: array<vec4u, 2>,
  // Words 16 and 17 of the schedule, and of words 18 and 19 what the nonce is added to.
  words_16_to_19: vec4u,
  // What word 31 has of the words before 17.
  word_31: u32,
}

@group(0) @binding(0) var<uniform> params: Params;

struct State {
  a: u32, b: u32, c: u32, d: u32, e: u32, f: u32, g: u32, h: u32,
}

// Sixteen words of the message schedule: word i is at i % 16 until word i + 16 replaces it.
alias Words = array<u32, 16>;

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

// Words a and e after round 0 from the initial state, as if word 0 were 0.
const ROUND_0_A = 0xfc08884du;
const ROUND_0_E = 0x98c7e2a2u;

// The bit that ends a message.
const END = 0x80000000u;
// The length of the header and of a digest in bits: word 15 of a block.
const HEADER_BITS = 640u;
const DIGEST_BITS = 256u;
// Small sigmas of constant words.
const SIGMA0_END = 0x11002000u;
const SIGMA0_HEADER_BITS = 0x00a00055u;
const SIGMA0_DIGEST_BITS = 0x00400022u;
const SIGMA1_DIGEST_BITS = 0x00a00000u;

fn rotate_right(x: u32, n: u32) -> u32 {
  return (x >> n) | (x << (32 - n));
}

fn swap_bytes(x: u32) -> u32 {
  return (rotate_right(x, 8) & 0xff00ff00) | (rotate_right(x, 24) & 0x00ff00ff);
}

fn small_sigma0(x: u32) -> u32 {
  return rotate_right(x, 7) ^ rotate_right(x, 18) ^ (x >> 3);
}

fn small_sigma1(x: u32) -> u32 {
  return rotate_right(x, 17) ^ rotate_right(x, 19) ^ (x >> 10);
}

// What a round adds to both of the words that it changes; `k_word` is its constant and its word.
fn mixed(s: State, k_word: u32) -> u32 {
  let e = s.e;
  let big_sigma1 = rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25);
  let choice = s.g ^ (e & (s.f ^ s.g));
  return s.h + big_sigma1 + choice + k_word;
}

fn round(s: ptr<function, State>, k_word: u32) {
  let a = (*s).a;
  let t1 = mixed(*s, k_word);
  let big_sigma0 = rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22);
  let majority = (a & (*s).b) | ((*s).c & (a | (*s).b));
  (*s) = State(
    t1 + big_sigma0 + majority, a, (*s).b, (*s).c, (*s).d + t1, (*s).e, (*s).f, (*s).g,
  );
}

fn add(x: State, y: State) -> State {
  return State(
    x.a + y.a, x.b + y.b, x.c + y.c, x.d + y.d, x.e + y.e, x.f + y.f, x.g + y.g, x.h + y.h,
  );
}

fn state_of(words: array<vec4u, 2>) -> State {
  return State(
    words[0].x, words[0].y, words[0].z, words[0].w, words[1].x, words[1].y, words[1].z, words[1].w,
  );
}

// The next 13 words of the schedule, and the 3 after them. Written out, like the rounds below:
// constant indices let the compiler keep the words in registers.
fn next_13_words(w: ptr<function, Words>) {
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
}

fn next_3_words(w: ptr<function, Words>) {
  (*w)[13] += small_sigma0((*w)[14]) + (*w)[6] + small_sigma1((*w)[11]);
  (*w)[14] += small_sigma0((*w)[15]) + (*w)[7] + small_sigma1((*w)[12]);
  (*w)[15] += small_sigma0((*w)[0]) + (*w)[8] + small_sigma1((*w)[13]);
}

fn next_16_words(w: ptr<function, Words>) {
  next_13_words(w);
  next_3_words(w);
}

fn rounds_16_to_31(s: ptr<function, State>, w: ptr<function, Words>) {
  round(s, K[16] + (*w)[0]);
  round(s, K[17] + (*w)[1]);
  round(s, K[18] + (*w)[2]);
  round(s, K[19] + (*w)[3]);
  round(s, K[20] + (*w)[4]);
  round(s, K[21] + (*w)[5]);
  round(s, K[22] + (*w)[6]);
  round(s, K[23] + (*w)[7]);
  round(s, K[24] + (*w)[8]);
  round(s, K[25] + (*w)[9]);
  round(s, K[26] + (*w)[10]);
  round(s, K[27] + (*w)[11]);
  round(s, K[28] + (*w)[12]);
  round(s, K[29] + (*w)[13]);
  round(s, K[30] + (*w)[14]);
  round(s, K[31] + (*w)[15]);
}

fn rounds_32_to_47(s: ptr<function, State>, w: ptr<function, Words>) {
  round(s, K[32] + (*w)[0]);
  round(s, K[33] + (*w)[1]);
  round(s, K[34] + (*w)[2]);
  round(s, K[35] + (*w)[3]);
  round(s, K[36] + (*w)[4]);
  round(s, K[37] + (*w)[5]);
  round(s, K[38] + (*w)[6]);
  round(s, K[39] + (*w)[7]);
  round(s, K[40] + (*w)[8]);
  round(s, K[41] + (*w)[9]);
  round(s, K[42] + (*w)[10]);
  round(s, K[43] + (*w)[11]);
  round(s, K[44] + (*w)[12]);
  round(s, K[45] + (*w)[13]);
  round(s, K[46] + (*w)[14]);
  round(s, K[47] + (*w)[15]);
}

fn rounds_48_to_59(s: ptr<function, State>, w: ptr<function, Words>) {
  round(s, K[48] + (*w)[0]);
  round(s, K[49] + (*w)[1]);
  round(s, K[50] + (*w)[2]);
  round(s, K[51] + (*w)[3]);
  round(s, K[52] + (*w)[4]);
  round(s, K[53] + (*w)[5]);
  round(s, K[54] + (*w)[6]);
  round(s, K[55] + (*w)[7]);
  round(s, K[56] + (*w)[8]);
  round(s, K[57] + (*w)[9]);
  round(s, K[58] + (*w)[10]);
  round(s, K[59] + (*w)[11]);
}

fn rounds_60_to_63(s: ptr<function, State>, w: ptr<function, Words>) {
  round(s, K[60] + (*w)[12]);
  round(s, K[61] + (*w)[13]);
  round(s, K[62] + (*w)[14]);
  round(s, K[63] + (*w)[15]);
}

// SHA-256 of the header. Words 0 to 2 of its last block and the rounds that take them are the
// host's; words 5 to 14 are 0.
fn hash_header(nonce: u32) -> State {
  // The header holds the nonce in little-endian order.
  let word_3 = swap_bytes(nonce);
  var s = state_of(params.after_round_3);
  s.a += word_3;
  s.e += word_3;
  round(&s, K[4] ^ END); // what adding the highest bit is
  round(&s, K[5]);
  round(&s, K[6]);
  round(&s, K[7]);
  round(&s, K[8]);
  round(&s, K[9]);
  round(&s, K[10]);
  round(&s, K[11]);
  round(&s, K[12]);
  round(&s, K[13]);
  round(&s, K[14]);
  round(&s, K[15] + HEADER_BITS);

  var w = Words();
  w[0] = params.words_16_to_19.x;
  w[1] = params.words_16_to_19.y;
  w[2] = params.words_16_to_19.z + small_sigma0(word_3);
  w[3] = params.words_16_to_19.w + word_3;
  w[4] = END + small_sigma1(w[2]);
  w[5] = small_sigma1(w[3]);
  w[6] = HEADER_BITS + small_sigma1(w[4]);
  w[7] = w[0] + small_sigma1(w[5]);
  w[8] = w[1] + small_sigma1(w[6]);
  w[9] = w[2] + small_sigma1(w[7]);
  w[10] = w[3] + small_sigma1(w[8]);
  w[11] = w[4] + small_sigma1(w[9]);
  w[12] = w[5] + small_sigma1(w[10]);
  w[13] = w[6] + small_sigma1(w[11]);
  w[14] = SIGMA0_HEADER_BITS + w[7] + small_sigma1(w[12]);
  w[15] = params.word_31 + w[8] + small_sigma1(w[13]);
  rounds_16_to_31(&s, &w);
  next_16_words(&w);
  rounds_32_to_47(&s, &w);
  next_16_words(&w);
  rounds_48_to_59(&s, &w);
  rounds_60_to_63(&s, &w);
  return add(s, state_of(params.midstate));
}

// SHA-256 of a digest, up to round 59 and word 60. Words 9 to 14 of the block are 0.
fn begin_second(first: State, s: ptr<function, State>, w: ptr<function, Words>) {
  (*s) = State(
    first.a + ROUND_0_A, INITIAL.a, INITIAL.b, INITIAL.c,
    first.a + ROUND_0_E, INITIAL.e, INITIAL.f, INITIAL.g,
  );
  round(s, K[1] + first.b);
  round(s, K[2] + first.c);
  round(s, K[3] + first.d);
  round(s, K[4] + first.e);
  round(s, K[5] + first.f);
  round(s, K[6] + first.g);
  round(s, K[7] + first.h);
  round(s, K[8] ^ END);
  round(s, K[9]);
  round(s, K[10]);
  round(s, K[11]);
  round(s, K[12]);
  round(s, K[13]);
  round(s, K[14]);
  round(s, K[15] + DIGEST_BITS);

  (*w)[0] = first.a + small_sigma0(first.b);
  (*w)[1] = first.b + small_sigma0(first.c) + SIGMA1_DIGEST_BITS;
  (*w)[2] = first.c + small_sigma0(first.d) + small_sigma1((*w)[0]);
  (*w)[3] = first.d + small_sigma0(first.e) + small_sigma1((*w)[1]);
  (*w)[4] = first.e + small_sigma0(first.f) + small_sigma1((*w)[2]);
  (*w)[5] = first.f + small_sigma0(first.g) + small_sigma1((*w)[3]);
  (*w)[6] = first.g + small_sigma0(first.h) + DIGEST_BITS + small_sigma1((*w)[4]);
  (*w)[7] = first.h + SIGMA0_END + (*w)[0] + small_sigma1((*w)[5]);
  (*w)[8] = END + (*w)[1] + small_sigma1((*w)[6]);
  (*w)[9] = (*w)[2] + small_sigma1((*w)[7]);
  (*w)[10] = (*w)[3] + small_sigma1((*w)[8]);
  (*w)[11] = (*w)[4] + small_sigma1((*w)[9]);
  (*w)[12] = (*w)[5] + small_sigma1((*w)[10]);
  (*w)[13] = (*w)[6] + small_sigma1((*w)[11]);
  (*w)[14] = SIGMA0_DIGEST_BITS + (*w)[7] + small_sigma1((*w)[12]);
  (*w)[15] = DIGEST_BITS + small_sigma0((*w)[0]) + (*w)[8] + small_sigma1((*w)[13]);
  rounds_16_to_31(s, w);
  next_16_words(w);
  rounds_32_to_47(s, w);
  next_13_words(w);
  rounds_48_to_59(s, w);
}

fn end_second(s: ptr<function, State>, w: ptr<function, Words>) -> State {
  next_3_words(w);
  rounds_60_to_63(s, w);
  return add(*s, INITIAL);
}

fn sha256d(nonce: u32) -> State {
  var s: State;
  var w: Words;
  begin_second(hash_header(nonce), &s, &w);
  return end_second(&s, &w);
}

fn is_match(nonce: u32) -> bool {
  var s: State;
  var w: Words;
  begin_second(hash_header(nonce), &s, &w);
  // What round 60 makes word e the next three rounds move to h, the digest's last word. Read as a
  // little-endian number that is the most significant.
  let last = INITIAL.h + s.d + mixed(s, K[60] + w[12]);
  if (swap_bytes(last) > params.threshold[0].x) {
    return false;
  }
  return meets_threshold(end_second(&s, &w));
}

fn meets_threshold(hash: State) -> bool {
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

fn write_digest_of(at: u32, nonce: u32) {
  let hash = sha256d(nonce);
  digests[at] = swap_bytes(hash.a);
  digests[at + 1] = swap_bytes(hash.b);
  digests[at + 2] = swap_bytes(hash.c);
  digests[at + 3] = swap_bytes(hash.d);
  digests[at + 4] = swap_bytes(hash.e);
  digests[at + 5] = swap_bytes(hash.f);
  digests[at + 6] = swap_bytes(hash.g);
  digests[at + 7] = swap_bytes(hash.h);
}

// include lib/nonce-search.wgsl
