// mining-like: double SHA-256 over 80-byte headers. Pure integer work, no memory traffic. Fixed input, results dropped.
#include "harness.cuh"
#include "sha256.h"

struct Work { uint32_t mid[8], tail[3]; };

__global__ void __launch_bounds__(256) sha256d_search(Work work, uint64_t base, uint32_t rounds, uint32_t* hits) {
  const uint32_t id = blockIdx.x * blockDim.x + threadIdx.x;
  uint32_t found = 0;
  for (uint32_t i = 0; i < rounds; i++) {
    uint32_t out[8];
    sha256d_tail(work.mid, work.tail, (uint32_t)(base + i) * (gridDim.x * blockDim.x) + id, out);
    found += out[7] < 16u;
  }
  if (found) atomicAdd(hits, found);
}

WORKLOAD_MAIN {
  const Options o = parse(argc, argv);
  Work work{};
  uint32_t w[16];
  for (uint32_t i = 0; i < 16; i++) w[i] = i * 0x01234567u + 0x89abcdefu;
  sha256_init(work.mid);
  sha256_compress(work.mid, w);
  for (uint32_t i = 0; i < 3; i++) work.tail[i] = i * 0x2545f491u + 7;
  uint32_t* const hits = counter();
  const int grid = multiprocessors() * 16, block = 256;
  drive(o, "sha256d_search", grid, block, "hash", (double)grid * block, 4, 0,
        [&](uint64_t base, uint32_t n) { sha256d_search<<<grid, block, 0, work_stream()>>>(work, base, n, hits); });
  return 0;
}
