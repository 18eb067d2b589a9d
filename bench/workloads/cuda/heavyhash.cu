// mining-like: kHeavyHash-style. Keccak, a 64x64 matrix of 4-bit numbers through byte dot products, Keccak again.
#include "harness.cuh"
#include "heavy.h"

__global__ void __launch_bounds__(256) heavyhash_search(uint64_t base, uint32_t rounds, uint32_t* hits) {
  __shared__ uint32_t matrix[1024];
  for (int i = threadIdx.x; i < 1024; i += blockDim.x) {
    uint32_t word = 0;
    for (int k = 0; k < 4; k++) word |= (uint32_t)heavy_cell(i / 16, (i % 16) * 4 + k) << (8 * k);
    matrix[i] = word;
  }
  __syncthreads();
  const uint64_t id = blockIdx.x * (uint64_t)blockDim.x + threadIdx.x;
  uint32_t found = 0;
  for (uint32_t i = 0; i < rounds; i++) {
    uint64_t in[10], s[25], out[25];
#pragma unroll
    for (int k = 0; k < 9; k++) in[k] = 0xfedcba9876543210ull * (k + 1);
    in[9] = (base + i) * (gridDim.x * (uint64_t)blockDim.x) + id;
    keccak_block<10, 17>(in, s);
    uint64_t hash[4] = {s[0], s[1], s[2], s[3]};
    heavy_multiply(matrix, hash);
    keccak_block<4, 17>(hash, out);
    found += (out[3] >> 36) == 0;
  }
  if (found) atomicAdd(hits, found);
}

WORKLOAD_MAIN {
  const Options o = parse(argc, argv);
  uint32_t* const hits = counter();
  const int grid = multiprocessors() * 16, block = 256;
  drive(o, "heavyhash_search", grid, block, "hash", (double)grid * block, 4, 0,
        [&](uint64_t base, uint32_t n) { heavyhash_search<<<grid, block, 0, work_stream()>>>(base, n, hits); });
  return 0;
}
