// mining-like: random-program proof of work, kawpow-style. Each period has its own sequence of integer operations,
// shared-memory cache reads and wide reads of a table of --gb 10^9 bytes. The sequences are drawn at compile time, one
// kernel a period, and the host moves to the next every six seconds, as a miner does when the period changes.
#include "harness.cuh"
#include "keccak.h"

constexpr int kRegisters = 32, kMath = 18, kCache = 11, kCacheWords = 4096, kLanes = 16;

struct Step { int kind, a, b, to, op, merge, turn; };  // kind: 0 math, 1 cache
struct Program { Step steps[kMath + kCache]; int loads[4]; };

constexpr uint32_t draw(uint32_t& x) {
  x ^= x << 13; x ^= x >> 17; x ^= x << 5;
  return x;
}

constexpr Program make_program(int period) {
  Program p{};
  uint32_t x = 0x6d2b79f5u + 0x9e3779b9u * (uint32_t)(period + 1);
  for (int i = 0; i < kMath + kCache; i++) {
    Step& s = p.steps[i];
    s.kind = i % 29 < 22 ? i & 1 : 0;
    s.a = (int)(draw(x) % kRegisters);
    s.b = (int)(draw(x) % kRegisters);
    s.to = (int)(draw(x) % kRegisters);
    s.op = (int)(draw(x) % 11);
    s.merge = (int)(draw(x) % 4);
    s.turn = (int)(draw(x) % 31) + 1;
  }
  for (int i = 0; i < 4; i++) p.loads[i] = (int)(draw(x) % kRegisters);
  return p;
}

template <int P> struct Period { static constexpr Program program = make_program(P); };

template <int OP> __device__ __forceinline__ uint32_t math(uint32_t a, uint32_t b) {
  if constexpr (OP == 0) return a + b;
  else if constexpr (OP == 1) return a * b;
  else if constexpr (OP == 2) return __umulhi(a, b);
  else if constexpr (OP == 3) return min(a, b);
  else if constexpr (OP == 4) return __funnelshift_l(a, a, b);
  else if constexpr (OP == 5) return __funnelshift_r(a, a, b);
  else if constexpr (OP == 6) return a & b;
  else if constexpr (OP == 7) return a | b;
  else if constexpr (OP == 8) return a ^ b;
  else if constexpr (OP == 9) return __clz(a) + __clz(b);
  else return __popc(a) + __popc(b);
}

template <int KIND, int TURN> __device__ __forceinline__ uint32_t merge(uint32_t a, uint32_t b) {
  if constexpr (KIND == 0) return a * 33 + b;
  else if constexpr (KIND == 1) return (a ^ b) * 33;
  else if constexpr (KIND == 2) return __funnelshift_l(a, a, TURN) ^ b;
  else return __funnelshift_r(a, a, TURN) ^ b;
}

template <int P, int I> __device__ __forceinline__ void steps(uint32_t (&mix)[kRegisters], const uint32_t* cache) {
  if constexpr (I < kMath + kCache) {
    constexpr Step s = Period<P>::program.steps[I];
    uint32_t value;
    if constexpr (s.kind == 1) value = cache[mix[s.a] % kCacheWords];
    else value = math<s.op>(mix[s.a], mix[s.b]);
    mix[s.to] = merge<s.merge, s.turn>(mix[s.to], value);
    steps<P, I + 1>(mix, cache);
  }
}

template <int P>
__global__ void __launch_bounds__(256) progpow_search(const uint4* __restrict__ table, uint32_t pages, uint32_t reciprocal, uint64_t base,
                                                      uint32_t rounds, uint32_t* hits) {
  __shared__ uint32_t cache[kCacheWords];
  for (int i = threadIdx.x; i < kCacheWords / 4; i += blockDim.x) ((uint4*)cache)[i] = table[i];
  __syncthreads();
  constexpr Program program = Period<P>::program;
  const uint64_t id = blockIdx.x * (uint64_t)blockDim.x + threadIdx.x;
  const int lane = threadIdx.x & (kLanes - 1);
  uint32_t found = 0;
  for (uint32_t r = 0; r < rounds; r++) {
    const uint64_t in[5] = {1, 2, 3, 4, (base + r) * (gridDim.x * (uint64_t)blockDim.x) + id};
    uint64_t s[25];
    keccak_block<5, 17>(in, s);
    uint64_t digest = 0;
#pragma unroll 1
    for (int owner = 0; owner < kLanes; owner++) {
      const uint64_t seed = __shfl_sync(0xffffffffu, s[0], owner, kLanes);
      uint32_t mix[kRegisters];
      uint32_t x = fnv((uint32_t)seed, lane + 1), y = fnv((uint32_t)(seed >> 32), lane + 0x51ed27u);
#pragma unroll
      for (int k = 0; k < kRegisters; k++) {
        x = fnv(x, y + k); y = rotr32(y, 7) * 0x85ebca6bu + x;
        mix[k] = x ^ y;
      }
#pragma unroll 1
      for (int loop = 0; loop < 64; loop++) {
        const uint32_t drawn = __shfl_sync(0xffffffffu, mix[0], loop & (kLanes - 1), kLanes);
        const uint32_t page = remainder_of(drawn, pages, reciprocal);
        const uint4 v = __ldg(&table[(uint64_t)page * kLanes + (lane ^ (loop & (kLanes - 1)))]);
        steps<P, 0>(mix, cache);
        mix[0] = merge<0, 1>(mix[0], v.x);
        mix[program.loads[1]] = merge<1, 1>(mix[program.loads[1]], v.y);
        mix[program.loads[2]] = merge<2, 9>(mix[program.loads[2]], v.z);
        mix[program.loads[3]] = merge<3, 5>(mix[program.loads[3]], v.w);
      }
      uint32_t folded = 0x811c9dc5u;
#pragma unroll
      for (int k = 0; k < kRegisters; k++) folded = fnv(folded, mix[k]);
#pragma unroll
      for (int k = 1; k < kLanes; k <<= 1) folded = fnv(folded, __shfl_xor_sync(0xffffffffu, folded, k, kLanes));
      if (lane == owner) digest = folded;
    }
    const uint64_t last[5] = {s[0], s[1], s[2], s[3], digest};
    uint64_t out[25];
    keccak_block<5, 17>(last, out);
    found += (out[0] >> 40) == 0;
  }
  if (found) atomicAdd(hits, found);
}

__global__ void fill_table(uint4* table, uint64_t items) {
  const uint64_t stride = gridDim.x * (uint64_t)blockDim.x;
  for (uint64_t i = blockIdx.x * (uint64_t)blockDim.x + threadIdx.x; i < items; i += stride) {
    const uint64_t in[2] = {i, ~i};
    uint64_t s[25];
    keccak_block<2, 9>(in, s);
#pragma unroll
    for (int k = 0; k < 4; k++)
      table[i * 4 + k] = make_uint4((uint32_t)s[2 * k], (uint32_t)(s[2 * k] >> 32), (uint32_t)s[2 * k + 1],
                                    (uint32_t)(s[2 * k + 1] >> 32));
  }
}

WORKLOAD_MAIN {
  const Options o = parse(argc, argv);
  const uint64_t pages = (uint64_t)(o.gb * 1e9 / 256), items = pages * 4;
  uint4* const table = allocate<uint4>(items * 4);
  uint32_t* const hits = counter();
  const int sms = multiprocessors(), grid = sms * 8, block = 256;
  fill_table<<<sms * 16, 256, 0, work_stream()>>>(table, items);
  CHECK(cudaStreamSynchronize(work_stream()));
  const uint32_t count = (uint32_t)pages;
  const double start = elapsed();
  drive(o, "progpow_search", grid, block, "hash", (double)grid * block, 1, 0, [&](uint64_t base, uint32_t n) {
    const int period = (int)((elapsed() - start) / 6) % 4;
    if (period == 0) progpow_search<0><<<grid, block, 0, work_stream()>>>(table, count, reciprocal_of(count), base, n, hits);
    else if (period == 1) progpow_search<1><<<grid, block, 0, work_stream()>>>(table, count, reciprocal_of(count), base, n, hits);
    else if (period == 2) progpow_search<2><<<grid, block, 0, work_stream()>>>(table, count, reciprocal_of(count), base, n, hits);
    else progpow_search<3><<<grid, block, 0, work_stream()>>>(table, count, reciprocal_of(count), base, n, hits);
  });
  return 0;
}
