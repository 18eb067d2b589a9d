// mining-like: Keccak-256 over 80-byte headers. 64-bit integer work, no memory traffic.
#include "harness.cuh"
#include "keccak.h"

__global__ void __launch_bounds__(256) keccak256_search(uint64_t base, uint32_t rounds, uint32_t* hits) {
  const uint64_t id = blockIdx.x * (uint64_t)blockDim.x + threadIdx.x;
  uint32_t found = 0;
  for (uint32_t i = 0; i < rounds; i++) {
    uint64_t in[10], state[25];
#pragma unroll
    for (int k = 0; k < 9; k++) in[k] = 0x0123456789abcdefull * (k + 1);
    in[9] = (base + i) * (gridDim.x * (uint64_t)blockDim.x) + id;
    keccak_block<10, 17>(in, state);
    found += (state[3] >> 36) == 0;
  }
  if (found) atomicAdd(hits, found);
}

WORKLOAD_MAIN {
  const Options o = parse(argc, argv);
  uint32_t* const hits = counter();
  const int grid = multiprocessors() * 16, block = 256;
  drive(o, "keccak256_search", grid, block, "hash", (double)grid * block, 4, 0,
        [&](uint64_t base, uint32_t n) { keccak256_search<<<grid, block, 0, work_stream()>>>(base, n, hits); });
  return 0;
}
