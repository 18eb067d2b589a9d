// other: Monte Carlo pricing of an Asian option. A counter-based integer generator (Philox 4x32, 10 rounds), Box-Muller,
// 64 steps a path. Integer work at full load with no memory traffic that is no mining.
#include "harness.cuh"

__device__ __forceinline__ uint4 philox(uint4 c, uint32_t k0, uint32_t k1) {
#pragma unroll
  for (int round = 0; round < 10; round++) {
    const uint32_t high0 = __umulhi(0xD2511F53u, c.x), low0 = 0xD2511F53u * c.x;
    const uint32_t high1 = __umulhi(0xCD9E8D57u, c.z), low1 = 0xCD9E8D57u * c.z;
    c = make_uint4(high1 ^ c.y ^ k0, low1, high0 ^ c.w ^ k1, low0);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return c;
}

__device__ __forceinline__ float even(uint32_t x) { return ((float)(x >> 8) + 0.5f) * (1.0f / 16777216.0f); }

__global__ void __launch_bounds__(256) montecarlo_paths(uint64_t base, uint32_t paths, double* sum) {
  const uint64_t id = blockIdx.x * (uint64_t)blockDim.x + threadIdx.x;
  float total = 0;
  for (uint32_t path = 0; path < paths; path++) {
    const uint64_t n = base + path;
    float logPrice = 0, mean = 0;
    for (uint32_t step = 0; step < 16; step++) {
      const uint4 r = philox(make_uint4((uint32_t)n, (uint32_t)(n >> 32), (uint32_t)id, step), 0x1234567u, 0x89abcdeu);
      const float radius[2] = {sqrtf(-2.0f * __logf(even(r.x))), sqrtf(-2.0f * __logf(even(r.z)))};
      const float turn[2] = {6.2831853f * even(r.y), 6.2831853f * even(r.w)};
#pragma unroll
      for (int k = 0; k < 2; k++) {
        logPrice += 0.025f * radius[k] * __cosf(turn[k]) - 0.0003f;
        mean += __expf(logPrice);
        logPrice += 0.025f * radius[k] * __sinf(turn[k]) - 0.0003f;
        mean += __expf(logPrice);
      }
    }
    total += fmaxf(mean * (1.0f / 64.0f) - 1.0f, 0.0f);
  }
#pragma unroll
  for (int k = 16; k; k >>= 1) total += __shfl_xor_sync(0xffffffffu, total, k);
  if ((threadIdx.x & 31) == 0) atomicAdd(sum, (double)total);
}

WORKLOAD_MAIN {
  const Options o = parse(argc, argv);
  double* const sum = allocate<double>(1);
  CHECK(cudaMemset(sum, 0, sizeof(double)));
  const int grid = multiprocessors() * 16, block = 256;
  drive(o, "montecarlo_paths", grid, block, "path", (double)grid * block, 4, 0,
        [&](uint64_t base, uint32_t n) { montecarlo_paths<<<grid, block, 0, work_stream()>>>(base, n, sum); });
  return 0;
}
