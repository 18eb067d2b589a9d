// mining-like: generalised-birthday search, equihash-style. BLAKE2b makes entries of 32 bytes in 4096 buckets; four
// rounds find pairs that agree on the next bits within a bucket and scatter their exclusive-or into new buckets.
#include "harness.cuh"
#include "blake.h"

constexpr int kBuckets = 4096, kCapacity = 1280, kThreads = 256, kHeads = 1024;
constexpr uint32_t kEntries = 1u << 22;  // 1024 a bucket on average

struct Entry { uint32_t w[8]; };

__device__ __forceinline__ void put(Entry* to, uint32_t* counts, const Entry& e, int round) {
  const uint32_t bucket = (e.w[round] >> 20) & (kBuckets - 1);
  const uint32_t at = atomicAdd(&counts[bucket], 1u);
  if (at < kCapacity) to[(uint64_t)bucket * kCapacity + at] = e;
}

__global__ void __launch_bounds__(kThreads) equihash_fill(Entry* to, uint32_t* counts, uint64_t base) {
  const uint32_t id = blockIdx.x * blockDim.x + threadIdx.x;
  uint64_t m[16] = {7, 77, 777, base, id}, out[4];
  blake2b_256(m, 40, out);
  Entry e;
#pragma unroll
  for (int i = 0; i < 4; i++) { e.w[2 * i] = (uint32_t)out[i]; e.w[2 * i + 1] = (uint32_t)(out[i] >> 32); }
  put(to, counts, e, 0);
}

// One block a bucket: chain entries by their next 10 bits in shared memory, then pair each with those behind it.
__global__ void __launch_bounds__(kThreads) equihash_round(const Entry* from, const uint32_t* fromCounts, Entry* to,
                                                           uint32_t* counts, int round) {
  __shared__ int heads[kHeads];
  __shared__ int next[kCapacity];
  const uint32_t bucket = blockIdx.x;
  const int n = min(fromCounts[bucket], (uint32_t)kCapacity);
  const Entry* mine = from + (uint64_t)bucket * kCapacity;
  for (int i = threadIdx.x; i < kHeads; i += blockDim.x) heads[i] = -1;
  __syncthreads();
  for (int i = threadIdx.x; i < n; i += blockDim.x) next[i] = atomicExch(&heads[(mine[i].w[round] >> 10) & (kHeads - 1)], i);
  __syncthreads();
  for (int i = threadIdx.x; i < n; i += blockDim.x) {
    const Entry a = mine[i];
    int made = 0;
    for (int j = next[i]; j >= 0 && made < 4; j = next[j], made++) {
      Entry x;
#pragma unroll
      for (int k = 0; k < 8; k++) x.w[k] = a.w[k] ^ mine[j].w[k];
      put(to, counts, x, round + 1);
    }
    if (made == 0) {  // keep the lists full so that every round has the same load
      Entry x = a;
      x.w[round + 1] = a.w[round + 1] * 0x9e3779b9u + i;
      put(to, counts, x, round + 1);
    }
  }
}

WORKLOAD_MAIN {
  const Options o = parse(argc, argv);
  Entry* lists[2];
  for (auto& list : lists) list = allocate<Entry>((uint64_t)kBuckets * kCapacity);
  uint32_t* const counts = allocate<uint32_t>(5 * kBuckets);
  drive(o, "equihash_round", kBuckets, kThreads, "run", 1, 1, 64, [&](uint64_t base, uint32_t n) {
    for (uint32_t run = 0; run < n; run++) {
      CHECK(cudaMemsetAsync(counts, 0, 5 * kBuckets * 4, work_stream()));
      equihash_fill<<<kEntries / kThreads, kThreads, 0, work_stream()>>>(lists[0], counts, base + run);
      for (int round = 0; round < 4; round++)
        equihash_round<<<kBuckets, kThreads, 0, work_stream()>>>(lists[round & 1], counts + round * kBuckets, lists[(round + 1) & 1],
                                               counts + (round + 1) * kBuckets, round);
    }
  });
  return 0;
}
