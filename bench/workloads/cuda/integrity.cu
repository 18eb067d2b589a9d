// other: SHA-256 of stored data, as a backup or a store of builds does: --gb 10^9 bytes in chunks of 4 KiB, one digest
// each, all kept. The same arithmetic as sha256d, but every byte is read once and there is nothing to search for.
#include "harness.cuh"
#include "sha256.h"

constexpr int kWords = 1024;  // of a chunk: 4 KiB

__global__ void integrity_start(uint32_t* data, uint64_t words) {
  const uint64_t stride = gridDim.x * (uint64_t)blockDim.x;
  for (uint64_t i = blockIdx.x * (uint64_t)blockDim.x + threadIdx.x; i < words; i += stride)
    data[i] = (uint32_t)((i + 1) * 0x9e3779b97f4a7c15ull >> 32);
}

// A warp stages 16 words of each of its 32 chunks in shared memory, so that reads are whole lines; each lane then hashes one.
__global__ void __launch_bounds__(128) integrity_digest(const uint32_t* __restrict__ data, uint32_t* digests, uint64_t chunks) {
  __shared__ uint32_t staged[4][32][17];
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  const uint64_t first = (blockIdx.x * 4ull + warp) * 32;
  if (first >= chunks) return;
  uint32_t s[8];
  sha256_init(s);
  for (int at = 0; at < kWords; at += 16) {
    __syncwarp();
    for (int i = lane; i < 32 * 16; i += 32)
      staged[warp][i / 16][i % 16] = swap32(data[(first + i / 16) * kWords + at + i % 16]);
    __syncwarp();
    uint32_t w[16];
#pragma unroll
    for (int i = 0; i < 16; i++) w[i] = staged[warp][lane][i];
    sha256_compress(s, w);
  }
  uint32_t w[16] = {0x80000000u};
  w[15] = kWords * 32;
  sha256_compress(s, w);
#pragma unroll
  for (int i = 0; i < 8; i++) digests[(first + lane) * 8 + i] = swap32(s[i]);
}

WORKLOAD_MAIN {
  const Options o = parse(argc, argv);
  const uint64_t chunks = (uint64_t)(o.gb * 1e9 / 4096) & ~127ull, words = chunks * kWords;
  uint32_t* const data = allocate<uint32_t>(words);
  uint32_t* const digests = allocate<uint32_t>(chunks * 8);
  integrity_start<<<multiprocessors() * 16, 256, 0, work_stream()>>>(data, words);
  CHECK(cudaStreamSynchronize(work_stream()));
  const int grid = (int)(chunks / 128), block = 128;
  drive(o, "integrity_digest", grid, block, "byte", (double)words * 4, 1, 64, [&](uint64_t, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) integrity_digest<<<grid, block, 0, work_stream()>>>(data, digests, chunks);
  });
  return 0;
}
