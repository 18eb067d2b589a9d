// mining-like: memory-hard, ethash-style. 64 dependent random reads of 128 bytes per hash from a table of --gb 10^9
// bytes, FNV mixing, Keccak at both ends. Eight lanes share one hash so that each read is one 128-byte line.
#include "harness.cuh"
#include "keccak.h"

__global__ void fill_table(uint4* table, uint64_t items) {  // one item: 64 bytes
  const uint64_t stride = gridDim.x * (uint64_t)blockDim.x;
  for (uint64_t i = blockIdx.x * (uint64_t)blockDim.x + threadIdx.x; i < items; i += stride) {
    const uint64_t in[4] = {i, i ^ 0x5bd1e995ull, 0x0123456789abcdefull, ~i};
    uint64_t s[25];
    keccak_block<4, 9>(in, s);
#pragma unroll
    for (int k = 0; k < 4; k++)
      table[i * 4 + k] = make_uint4((uint32_t)s[2 * k], (uint32_t)(s[2 * k] >> 32), (uint32_t)s[2 * k + 1],
                                    (uint32_t)(s[2 * k + 1] >> 32));
  }
}

__device__ __forceinline__ uint32_t pick(const uint4& v, int k) { return k == 0 ? v.x : k == 1 ? v.y : k == 2 ? v.z : v.w; }

__global__ void __launch_bounds__(128) ethash_search(const uint4* __restrict__ table, uint32_t pages, uint32_t reciprocal, uint64_t base,
                                                     uint32_t rounds, uint32_t* hits) {
  const uint64_t id = blockIdx.x * (uint64_t)blockDim.x + threadIdx.x;
  const int lane = threadIdx.x & 7;
  uint32_t found = 0;
  for (uint32_t r = 0; r < rounds; r++) {
    const uint64_t in[5] = {0x1111111122222222ull, 0x3333333344444444ull, 0x5555555566666666ull, 0x7777777788888888ull,
                            (base + r) * (gridDim.x * (uint64_t)blockDim.x) + id};
    uint64_t s[25];
    keccak_block<5, 9>(in, s);
    uint64_t digest[4] = {0, 0, 0, 0};
    for (int owner = 0; owner < 8; owner++) {  // the group works on each member's hash in turn
      uint32_t words[16];
#pragma unroll
      for (int k = 0; k < 8; k++) {
        const uint64_t v = __shfl_sync(0xffffffffu, s[k], owner, 8);
        words[2 * k] = (uint32_t)v;
        words[2 * k + 1] = (uint32_t)(v >> 32);
      }
      uint4 mix = make_uint4(0, 0, 0, 0);
#pragma unroll
      for (int q = 0; q < 4; q++)
        if ((lane & 3) == q) mix = make_uint4(words[4 * q], words[4 * q + 1], words[4 * q + 2], words[4 * q + 3]);
      const uint32_t first = words[0];
      for (int i = 0; i < 64; i += 4) {
#pragma unroll
        for (int k = 0; k < 4; k++) {
          uint32_t page = remainder_of(fnv((uint32_t)(i + k) ^ first, pick(mix, k)), pages, reciprocal);
          page = __shfl_sync(0xffffffffu, page, (i >> 2) & 7, 8);
          const uint4 v = __ldg(&table[(uint64_t)page * 8 + lane]);
          mix.x = fnv(mix.x, v.x); mix.y = fnv(mix.y, v.y); mix.z = fnv(mix.z, v.z); mix.w = fnv(mix.w, v.w);
        }
      }
      const uint32_t folded = fnv(fnv(fnv(mix.x, mix.y), mix.z), mix.w);
#pragma unroll
      for (int k = 0; k < 4; k++) {
        const uint32_t low = __shfl_sync(0xffffffffu, folded, 2 * k, 8), high = __shfl_sync(0xffffffffu, folded, 2 * k + 1, 8);
        if (lane == owner) digest[k] = ((uint64_t)high << 32) | low;
      }
    }
    uint64_t last[12], out[25];
#pragma unroll
    for (int k = 0; k < 12; k++) last[k] = k < 8 ? s[k] : digest[k - 8];
    keccak_block<12, 17>(last, out);
    found += (out[0] >> 40) == 0;
  }
  if (found) atomicAdd(hits, found);
}

WORKLOAD_MAIN {
  const Options o = parse(argc, argv);
  const uint64_t items = (uint64_t)(o.gb * 1e9 / 128) * 2;
  uint4* const table = allocate<uint4>(items * 4);
  uint32_t* const hits = counter();
  const uint32_t pages = (uint32_t)(items / 2);
  const int sms = multiprocessors();
  fill_table<<<sms * 16, 256, 0, work_stream()>>>(table, items);
  CHECK(cudaStreamSynchronize(work_stream()));
  const int grid = sms * 16, block = 128;
  drive(o, "ethash_search", grid, block, "hash", (double)grid * block, 1, 0, [&](uint64_t base, uint32_t n) {
    ethash_search<<<grid, block, 0, work_stream()>>>(table, pages, reciprocal_of(pages), base, n, hits);
  });
  return 0;
}
