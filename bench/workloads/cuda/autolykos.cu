// mining-like: memory-hard k-sum, autolykos2-style. 32 random 32-byte reads per hash from a table of --gb 10^9 bytes,
// summed as 256-bit numbers, BLAKE2b at both ends. The table is rebuilt every 12 seconds, as on a new block.
#include "harness.cuh"
#include "blake.h"

__global__ void fill_table(ulonglong2* table, uint64_t items, uint64_t height) {  // one item: 32 bytes
  const uint64_t stride = gridDim.x * (uint64_t)blockDim.x;
  for (uint64_t i = blockIdx.x * (uint64_t)blockDim.x + threadIdx.x; i < items; i += stride) {
    uint64_t m[16] = {i, height}, out[4];
    blake2b_256(m, 16, out);
    table[i * 2] = make_ulonglong2(out[0], out[1]);
    table[i * 2 + 1] = make_ulonglong2(out[2], out[3]);
  }
}

__global__ void __launch_bounds__(128) autolykos_search(const ulonglong2* __restrict__ table, uint32_t items, uint32_t reciprocal,
                                                        uint64_t base, uint32_t rounds, uint32_t* hits) {
  const uint64_t id = blockIdx.x * (uint64_t)blockDim.x + threadIdx.x;
  uint32_t found = 0;
  for (uint32_t r = 0; r < rounds; r++) {
    uint64_t m[16] = {11, 22, 33, 44, (base + r) * (gridDim.x * (uint64_t)blockDim.x) + id}, seed[4];
    blake2b_256(m, 40, seed);
    uint64_t sum[4] = {0, 0, 0, 0};
#pragma unroll 8
    for (int k = 0; k < 32; k++) {  // the k-th index starts at the k-th byte of the doubled digest
      const int word = (k >> 3) & 3, shift = (k & 7) * 8;
      uint64_t low = 0, high = 0;
#pragma unroll
      for (int q = 0; q < 4; q++) {
        if (q == word) low = seed[q];
        if (q == ((word + 1) & 3)) high = seed[q];
      }
      const uint64_t bits = shift ? (low >> shift) | (high << (64 - shift)) : low;
      const uint32_t index = remainder_of((uint32_t)bits, items, reciprocal);
      const ulonglong2 a = __ldg(&table[(uint64_t)index * 2]), b = __ldg(&table[(uint64_t)index * 2 + 1]);
      uint64_t carry;
      sum[0] += a.x; carry = sum[0] < a.x;
      sum[1] += carry; carry = sum[1] < carry; sum[1] += a.y; carry += sum[1] < a.y;
      sum[2] += carry; carry = sum[2] < carry; sum[2] += b.x; carry += sum[2] < b.x;
      sum[3] += carry + b.y;
    }
    uint64_t last[16] = {sum[0], sum[1], sum[2], sum[3]}, out[4];
    blake2b_256(last, 32, out);
    found += (out[3] >> 40) == 0;
  }
  if (found) atomicAdd(hits, found);
}

WORKLOAD_MAIN {
  const Options o = parse(argc, argv);
  const uint64_t items = (uint64_t)(o.gb * 1e9 / 32);
  ulonglong2* const table = allocate<ulonglong2>(items * 2);
  uint32_t* const hits = counter();
  const int sms = multiprocessors(), grid = sms * 16, block = 128;
  uint64_t height = 1;
  fill_table<<<sms * 16, 256, 0, work_stream()>>>(table, items, height);
  CHECK(cudaStreamSynchronize(work_stream()));
  double rebuilt = elapsed();
  drive(o, "autolykos_search", grid, block, "hash", (double)grid * block, 2, 0, [&](uint64_t base, uint32_t n) {
    if (elapsed() - rebuilt > 12) {
      fill_table<<<sms * 16, 256, 0, work_stream()>>>(table, items, ++height);
      rebuilt = elapsed();
    }
    autolykos_search<<<grid, block, 0, work_stream()>>>(table, (uint32_t)items, reciprocal_of((uint32_t)items), base, n, hits);
  });
  return 0;
}
