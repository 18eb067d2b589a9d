// BLAKE3 of a 64-byte message, one nonce after the other.
//
// Purpose        A reference for hash-like work with few rounds: 32-bit additions, exclusive ors and
//                rotations in registers, no memory traffic. It searches nonces; it talks to nobody
//                and its result is only verified.
// Entry points   search   lists the nonces whose hash, read as a big-endian 256-bit number, is not
//                         above the target
//                digest   writes the digest of every nonce of the range
//                message_digest  writes the digest of one message of up to 1,024 bytes (one chunk)
// Bindings       0  uniform             params   (search and digest)
//                1  storage read-write  found    (search only)
//                2  storage read-write  digests  (digest and message_digest), 8 words per nonce
//                3  storage read        message  (message_digest only): its length, then whole
//                                       blocks of 16 words
// Workgroup      WORKGROUP x 1 x 1, each invocation HASHES nonces; a grid of any width and height,
//                numbered row by row
// Operations     per nonce of a search 661 32-bit integer operations of one or two operands, a
//                rotation counted as one. Mixing a column of four words takes 14: 6 additions, 4
//                exclusive ors, 4 rotations.
//                half a column of round 1                                          7
//                rounds 2 to 6, 8 columns each                           5 x 8 x 14
//                round 7: 4 columns, and the 2 diagonals of word 0           6 x 14
//                word 0 of the digest, swapping and comparing it                   7
//                number of the nonce, end of the range                             3
//                A whole hash of one block would take 7 x 8 x 14 + 8.
// Bytes          per nonce none (search; 4 per match), 32 written (digest)
// Bounds         `found.nonces` is written at slots below `capacity`, `digests` at 8 words from 8
//                times an index below `nonce_count`: the host makes both buffers that long, and
//                ranges short enough that no index of the grid wraps around. `message.words` is
//                read up to the end of the last block, of which there is one at least. All other
//                indices are constants or below the length of what they index by a loop's own end.
//
// The nonce is the message's last word, which is mixed in last of all in round 1: up to half of the
// last diagonal that round is the same for every nonce and done by the host. And a search needs the
// rest of a digest only where its most significant word, for which two of the last four diagonals
// are enough, is not above the target's.

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

  // Rows of the state, all but half of the last diagonal of round 1 done.
  rows: array<vec4u, 4>,
  // The message; its last word does not matter.
  block: array<vec4u, 4>,
}

struct Message {
  size_bytes: u32,
  words: array<u32>,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(3) var<storage, read> message: Message;

const BLOCK_WORDS = 16u;
const BLOCK_BYTES = 64u;
// Where in its chunk and tree a block is.
const CHUNK_START = 1u;
const CHUNK_END = 2u;
const ROOT = 8u;

// The first 32 bits of the fractional parts of the square roots of the first 8 primes.
const INITIAL_LOW = vec4u(0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a);
const INITIAL_HIGH = vec4u(0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19);

// Four rows of four words; a column is mixed by itself, so the four columns are one vector each step.
struct Rows {
  a: vec4u, b: vec4u, c: vec4u, d: vec4u,
}

alias Block = array<u32, 16>;

// include lib/big-endian-hash.wgsl

fn mix(rows: ptr<function, Rows>, x: vec4u, y: vec4u) {
  var a = (*rows).a;
  var b = (*rows).b;
  var c = (*rows).c;
  var d = (*rows).d;
  a += b + x;
  d ^= a;
  d = (d >> vec4u(16)) | (d << vec4u(16));
  c += d;
  b ^= c;
  b = (b >> vec4u(12)) | (b << vec4u(20));
  a += b + y;
  d ^= a;
  d = (d >> vec4u(8)) | (d << vec4u(24));
  c += d;
  b ^= c;
  b = (b >> vec4u(7)) | (b << vec4u(25));
  (*rows) = Rows(a, b, c, d);
}

struct TwoColumns {
  a: vec2u, b: vec2u, c: vec2u, d: vec2u,
}

// The same for two columns.
fn mix_two(columns: TwoColumns, x: vec2u, y: vec2u) -> TwoColumns {
  var a = columns.a + columns.b + x;
  var d = columns.d ^ a;
  d = (d >> vec2u(16)) | (d << vec2u(16));
  var c = columns.c + d;
  var b = columns.b ^ c;
  b = (b >> vec2u(12)) | (b << vec2u(20));
  a += b + y;
  d ^= a;
  d = (d >> vec2u(8)) | (d << vec2u(24));
  c += d;
  b ^= c;
  b = (b >> vec2u(7)) | (b << vec2u(25));
  return TwoColumns(a, b, c, d);
}

// Turns the rows so that the diagonals become columns, and back. No work: registers change names.
fn to_diagonals(rows: ptr<function, Rows>) {
  (*rows) = Rows((*rows).a, (*rows).b.yzwx, (*rows).c.zwxy, (*rows).d.wxyz);
}

fn to_columns(rows: ptr<function, Rows>) {
  (*rows) = Rows((*rows).a, (*rows).b.wxyz, (*rows).c.zwxy, (*rows).d.yzwx);
}

fn mix_columns(rows: ptr<function, Rows>, m: ptr<function, Block>) {
  mix(rows, vec4u((*m)[0], (*m)[2], (*m)[4], (*m)[6]), vec4u((*m)[1], (*m)[3], (*m)[5], (*m)[7]));
}

fn mix_diagonals(rows: ptr<function, Rows>, m: ptr<function, Block>) {
  to_diagonals(rows);
  mix(
    rows,
    vec4u((*m)[8], (*m)[10], (*m)[12], (*m)[14]),
    vec4u((*m)[9], (*m)[11], (*m)[13], (*m)[15]),
  );
  to_columns(rows);
}

// The order of the words in the next round.
fn permute(m: ptr<function, Block>) {
  (*m) = Block(
    (*m)[2], (*m)[6], (*m)[3], (*m)[10], (*m)[7], (*m)[0], (*m)[4], (*m)[13],
    (*m)[1], (*m)[11], (*m)[12], (*m)[5], (*m)[9], (*m)[14], (*m)[15], (*m)[8],
  );
}

fn next_round(rows: ptr<function, Rows>, m: ptr<function, Block>) {
  permute(m);
  mix_columns(rows, m);
  mix_diagonals(rows, m);
}

// Round 1 from where the nonce comes in, rounds 2 to 6, and the columns of round 7.
fn begin(nonce: u32, rows: ptr<function, Rows>, m: ptr<function, Block>) {
  let p = params.block;
  (*m) = Block(
    p[0].x, p[0].y, p[0].z, p[0].w, p[1].x, p[1].y, p[1].z, p[1].w,
    p[2].x, p[2].y, p[2].z, p[2].w, p[3].x, p[3].y, p[3].z, nonce,
  );
  (*rows) = Rows(params.rows[0], params.rows[1], params.rows[2], params.rows[3]);
  let a = (*rows).a.w + (*rows).b.x + nonce;
  var d = (*rows).d.z ^ a;
  d = (d >> 8) | (d << 24);
  let c = (*rows).c.y + d;
  let b = (*rows).b.x ^ c;
  (*rows).a.w = a;
  (*rows).b.x = (b >> 7) | (b << 25);
  (*rows).c.y = c;
  (*rows).d.z = d;
  next_round(rows, m);
  next_round(rows, m);
  next_round(rows, m);
  next_round(rows, m);
  next_round(rows, m);
  permute(m);
  mix_columns(rows, m);
}

fn chained(rows: Rows) -> array<vec4u, 2> {
  return array<vec4u, 2>(rows.a ^ rows.c, rows.b ^ rows.d);
}

fn blake3(nonce: u32) -> array<vec4u, 2> {
  var rows: Rows;
  var m: Block;
  begin(nonce, &rows, &m);
  mix_diagonals(&rows, &m);
  return chained(rows);
}

fn is_match(nonce: u32) -> bool {
  var rows: Rows;
  var m: Block;
  begin(nonce, &rows, &m);
  // Word 0 of the digest is in the first row of the first diagonal and the third of the third.
  to_diagonals(&rows);
  let even = mix_two(
    TwoColumns(rows.a.xz, rows.b.xz, rows.c.xz, rows.d.xz),
    vec2u(m[8], m[12]),
    vec2u(m[9], m[13]),
  );
  if (swap_bytes(even.a.x ^ even.c.y) > params.threshold[0].x) {
    return false;
  }
  let odd = mix_two(
    TwoColumns(rows.a.yw, rows.b.yw, rows.c.yw, rows.d.yw),
    vec2u(m[10], m[14]),
    vec2u(m[11], m[15]),
  );
  rows = Rows(
    vec4u(even.a.x, odd.a.x, even.a.y, odd.a.y),
    vec4u(even.b.x, odd.b.x, even.b.y, odd.b.y),
    vec4u(even.c.x, odd.c.x, even.c.y, odd.c.y),
    vec4u(even.d.x, odd.d.x, even.d.y, odd.d.y),
  );
  to_columns(&rows);
  return meets_threshold(chained(rows));
}

fn write_digest_of(at: u32, nonce: u32) {
  write_digest(at, blake3(nonce));
}

// include lib/nonce-search.wgsl
@compute @workgroup_size(1)
fn message_digest() {
  var chain = array<vec4u, 2>(INITIAL_LOW, INITIAL_HIGH);
  let blocks = max(1, (message.size_bytes + BLOCK_BYTES - 1) / BLOCK_BYTES);
  for (var block = 0u; block < blocks; block++) {
    var m: Block;
    for (var i = 0u; i < BLOCK_WORDS; i++) {
      m[i] = message.words[block * BLOCK_WORDS + i];
    }
    let is_last = block + 1 == blocks;
    let size = select(BLOCK_BYTES, message.size_bytes - block * BLOCK_BYTES, is_last);
    let flags = select(0, CHUNK_START, block == 0) | select(0, CHUNK_END | ROOT, is_last);
    // The chunk's number, of 64 bits, is 0.
    var rows = Rows(chain[0], chain[1], INITIAL_LOW, vec4u(0, 0, size, flags));
    mix_columns(&rows, &m);
    mix_diagonals(&rows, &m);
    for (var i = 1u; i < 7; i++) {
      next_round(&rows, &m);
    }
    chain = chained(rows);
  }
  write_digest(0, chain);
}
