// mining-like: BLAKE3 over 80-byte headers, hashed twice. 32-bit integer work, no memory traffic.
#include "harness.cuh"
#include "blake.h"

__global__ void __launch_bounds__(256) blake3_search(uint64_t base, uint32_t rounds, uint32_t* hits) {
  const uint32_t id = blockIdx.x * blockDim.x + threadIdx.x;
  uint32_t found = 0;
  for (uint32_t i = 0; i < rounds; i++) {
    uint32_t cv[8], block[16];
    blake3_iv(cv);
#pragma unroll
    for (int k = 0; k < 16; k++) block[k] = k * 0x9e3779b9u + 1;
    block[0] = (uint32_t)(base + i) * (gridDim.x * blockDim.x) + id;
    blake3_compress(cv, block, 64, 1);       // chunk start
#pragma unroll
    for (int k = 0; k < 16; k++) block[k] = k < 4 ? k * 0x85ebca6bu + 3 : 0;
    blake3_compress(cv, block, 16, 2 | 8);   // chunk end, root
#pragma unroll
    for (int k = 0; k < 16; k++) block[k] = k < 8 ? cv[k & 7] : 0;
    blake3_iv(cv);
    blake3_compress(cv, block, 32, 1 | 2 | 8);
    found += cv[7] < 16u;
  }
  if (found) atomicAdd(hits, found);
}

WORKLOAD_MAIN {
  const Options o = parse(argc, argv);
  uint32_t* const hits = counter();
  const int grid = multiprocessors() * 16, block = 256;
  drive(o, "blake3_search", grid, block, "hash", (double)grid * block, 4, 0,
        [&](uint64_t base, uint32_t n) { blake3_search<<<grid, block, 0, work_stream()>>>(base, n, hits); });
  return 0;
}
