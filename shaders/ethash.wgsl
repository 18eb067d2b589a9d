// Ethash: a hash that reads 64 pages of 128 bytes at unpredictable places of a table (the dataset).
//
// Purpose        A reference for memory-hard hashing: the rate follows the bandwidth of scattered
//                128-byte reads, while integer units and registers are busy with Keccak and FNV. It
//                searches nonces; it talks to nobody and its result is only verified.
// Entry points   fill     computes a part of the dataset from the light cache, one item of 64 bytes
//                         per invocation
//                search   lists the nonces whose result, read as a big-endian 256-bit number, is
//                         not above the target
//                digest   writes the compressed mix and the result of every nonce of the range
// Bindings       0  uniform             params       (search, digest)
//                1  storage read-write  found        (search)
//                2  storage read        dataset      (search, digest; written by fill)
//                3  storage read        cache        (fill)
//                4  uniform             part         (fill)
//                5  storage read-write  digests      (digest), 16 words per nonce
// Workgroup      WORKGROUP x 1 x 1; a grid of any width and height, numbered row by row
// Operations     per hash 19,280 32-bit integer operations: 2 Keccak-f[1600] of 7,440; 64 accesses x
//                (32 words x 2 for FNV, 4 for the page's number); 48 to compress the mix. The
//                remainder that gives the page's number counts as one.
//                per item 24,098: 2 Keccak-f[1600] and 256 parents x (16 words x 2 + 4), and 2
// Bytes          per hash 8,192 read from the dataset in pieces of 128; per item 16,448 read from
//                the cache in pieces of 64 and 64 written
//
// Eight invocations form a team that works on the hashes of its members one after the other,
// TOGETHER at a time. Each holds 16 of a mix's 128 bytes, so the team reads a page as one line of
// memory. Whose turn it is to say which page comes next says so in shared memory; two sets of page
// numbers in turns need one barrier per access. The last nonces of a range may leave teams with
// nothing to list: they work along, because a barrier is for all.
//
// The host sets CACHE_ITEMS and PAGES to the sizes of the buffers, so the compiler turns remainders
// into multiplications. Sizes in bytes may exceed 31 bits; indices of 16 bytes do not.
//
// Bounds         dataset: a page is below PAGES, a lane below 8, and the buffer holds PAGES x 8
//                vectors; fill returns where the item is not below 2 x PAGES. cache: parents are
//                below CACHE_ITEMS. digests: nonces below nonce_count only. found: slots below
//                capacity only. Shared memory: by local index, below WORKGROUP.

const WORKGROUP = 64u;     // a multiple of 8
const TOGETHER = 4u;       // hashes that a team has under way: 1, 2, 4 or 8
const CACHE_ITEMS = 1021u;
const PAGES = 8191u;

const LANES = 8u;          // invocations of a team: 16 bytes of a page each
const TEAMS = WORKGROUP / LANES;
const ACCESSES = 64u;
const PARENTS = 256u;

struct Params {
  header: array<vec4u, 2>,
  // The most significant word first.
  threshold: array<vec4u, 2>,
  // The low word first.
  first_nonce: vec2u,
  nonce_count: u32,
  // How many nonces `found` can hold; matches beyond it are counted but not listed.
  capacity: u32,
}

struct Part {
  first_item: u32,
}

struct Found {
  count: atomic<u32>,
  // Counted from the first nonce of the range.
  indices: array<u32>,
}

struct Digest {
  mix: array<vec4u, 2>,
  result: array<vec4u, 2>,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> found: Found;
@group(0) @binding(2) var<storage, read> dataset: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> new_dataset: array<vec4u>;
@group(0) @binding(3) var<storage, read> cache: array<vec4u>;
@group(0) @binding(4) var<uniform> part: Part;
@group(0) @binding(5) var<storage, read_write> digests: array<Digest>;

// Of each member of the workgroup's hash: what it starts from, and what its mix ends as.
var<workgroup> seeds: array<array<vec4u, 4>, WORKGROUP>;
var<workgroup> mixes: array<array<u32, 8>, WORKGROUP>;
// Which page each team reads next, for each of the hashes it has under way.
var<workgroup> pages: array<array<array<u32, TOGETHER>, TEAMS>, 2>;

// include lib/keccak-f1600.wgsl

// Keccak pads with a one bit after the message and one at the end of the rate.
const PADDING_START = vec2u(1, 0);
const PADDING_END = vec2u(0, 0x80000000);
const NONE = vec2u(0, 0);

fn first_64_bytes(s: ptr<function, array<vec2u, 25>>) -> array<vec4u, 4> {
  return array<vec4u, 4>(
    vec4u((*s)[0], (*s)[1]), vec4u((*s)[2], (*s)[3]),
    vec4u((*s)[4], (*s)[5]), vec4u((*s)[6], (*s)[7]),
  );
}

// Keccak-512 of an item: 64 of the rate's 72 bytes, so both ends of the padding share a lane.
fn keccak_512_of_item(item: array<vec4u, 4>) -> array<vec4u, 4> {
  var s = array<vec2u, 25>(
    item[0].xy, item[0].zw, item[1].xy, item[1].zw, item[2].xy, item[2].zw, item[3].xy, item[3].zw,
    PADDING_START | PADDING_END,
    NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
  );
  keccak_f1600(&s);
  return first_64_bytes(&s);
}

// Keccak-512 of the header's hash and the nonce, its least significant byte first.
fn seed_of(nonce: vec2u) -> array<vec4u, 4> {
  let h = params.header;
  var s = array<vec2u, 25>(
    h[0].xy, h[0].zw, h[1].xy, h[1].zw, nonce, PADDING_START, NONE, NONE, PADDING_END,
    NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
  );
  keccak_f1600(&s);
  return first_64_bytes(&s);
}

// Keccak-256 of the seed and the compressed mix: 96 of the rate's 136 bytes.
fn result_of(seed: array<vec4u, 4>, mix: array<vec4u, 2>) -> array<vec4u, 2> {
  var s = array<vec2u, 25>(
    seed[0].xy, seed[0].zw, seed[1].xy, seed[1].zw, seed[2].xy, seed[2].zw, seed[3].xy, seed[3].zw,
    mix[0].xy, mix[0].zw, mix[1].xy, mix[1].zw,
    PADDING_START, NONE, NONE, NONE, PADDING_END,
    NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
  );
  keccak_f1600(&s);
  return array<vec4u, 2>(vec4u(s[0], s[1]), vec4u(s[2], s[3]));
}

fn fnv(a: u32, b: u32) -> u32 {
  return (a * 0x01000193) ^ b;
}

fn fnv_each(a: vec4u, b: vec4u) -> vec4u {
  return (a * 0x01000193) ^ b;
}

fn add_64(a: vec2u, b: u32) -> vec2u {
  let low = a.x + b;
  return vec2u(low, a.y + select(0u, 1u, low < b));
}

// The 64 accesses for every hash of the workgroup. From `seeds` to `mixes`.
fn read_pages(local: u32) {
  let team = local / LANES;
  let lane = local % LANES;
  for (var first = 0u; first < LANES; first += TOGETHER) {
    var mix: array<vec4u, TOGETHER>;
    var first_word: array<u32, TOGETHER>;
    for (var i = 0u; i < TOGETHER; i++) {
      let member = team * LANES + first + i;
      // The seed twice fills a mix.
      mix[i] = seeds[member][lane % 4];
      first_word[i] = seeds[member][0].x;
    }
    // The word of the mix that says which page is next goes round: four in each lane.
    for (var quad = 0u; quad < ACCESSES / 4; quad++) {
      for (var word = 0u; word < 4; word++) {
        let turn = word % 2;
        if (lane == quad % LANES) {
          for (var i = 0u; i < TOGETHER; i++) {
            pages[turn][team][i] = fnv((quad * 4 + word) ^ first_word[i], mix[i][word]) % PAGES;
          }
        }
        workgroupBarrier();
        for (var i = 0u; i < TOGETHER; i++) {
          mix[i] = fnv_each(mix[i], dataset[pages[turn][team][i] * LANES + lane]);
        }
      }
    }
    for (var i = 0u; i < TOGETHER; i++) {
      let m = mix[i];
      mixes[team * LANES + first + i][lane] = fnv(fnv(fnv(m.x, m.y), m.z), m.w);
    }
  }
}

// For all invocations of a workgroup at once.
fn hashimoto(local: u32, index: u32) -> Digest {
  seeds[local] = seed_of(add_64(params.first_nonce, index));
  workgroupBarrier();
  read_pages(local);
  workgroupBarrier();
  let words = mixes[local];
  let mix = array<vec4u, 2>(
    vec4u(words[0], words[1], words[2], words[3]), vec4u(words[4], words[5], words[6], words[7]),
  );
  return Digest(mix, result_of(seeds[local], mix));
}

// include lib/big-endian-hash.wgsl

@compute @workgroup_size(WORKGROUP)
fn search(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let first = (group.y * groups.x + group.x) * WORKGROUP;
  if (first >= params.nonce_count) {
    return;
  }
  let index = first + local;
  let hash = hashimoto(local, index);
  if (index < params.nonce_count && meets_threshold(hash.result)) {
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
  let first = (group.y * groups.x + group.x) * WORKGROUP;
  if (first >= params.nonce_count) {
    return;
  }
  let index = first + local;
  let hash = hashimoto(local, index);
  if (index < params.nonce_count) {
    digests[index] = hash;
  }
}

fn cache_item(item: u32) -> array<vec4u, 4> {
  let at = item * 4;
  return array<vec4u, 4>(cache[at], cache[at + 1], cache[at + 2], cache[at + 3]);
}

// Item `index` of the dataset: an item of the cache, mixed with 256 others that it selects itself.
@compute @workgroup_size(WORKGROUP)
fn fill(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = part.first_item + (group.y * groups.x + group.x) * WORKGROUP + local;
  if (index >= 2 * PAGES) {
    return;
  }
  var start = cache_item(index % CACHE_ITEMS);
  start[0].x ^= index;
  var mix = keccak_512_of_item(start);
  for (var row = 0u; row < PARENTS; row += 16) {
    for (var quad = 0u; quad < 4; quad++) {
      for (var word = 0u; word < 4; word++) {
        let j = row + quad * 4 + word;
        let parent = cache_item(fnv(index ^ j, mix[quad][word]) % CACHE_ITEMS);
        for (var i = 0u; i < 4; i++) {
          mix[i] = fnv_each(mix[i], parent[i]);
        }
      }
    }
  }
  let item = keccak_512_of_item(mix);
  for (var i = 0u; i < 4; i++) {
    new_dataset[index * 4 + i] = item[i];
  }
}
