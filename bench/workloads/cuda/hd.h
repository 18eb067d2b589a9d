// One set of hash functions for both sides: device code under nvcc, plain C++ for the host check.
#pragma once
#include <cstdint>
#include <cstring>

#ifdef __CUDACC__
#define HD __host__ __device__ __forceinline__
#else
#define HD static inline
#endif
#ifdef __CUDA_ARCH__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL
#endif

HD uint32_t rotr32(uint32_t x, int n) { return (x >> n) | (x << (32 - n)); }
HD uint64_t rotr64(uint64_t x, int n) { return (x >> n) | (x << (64 - n)); }
HD uint64_t rotl64(uint64_t x, int n) { return n == 0 ? x : (x << n) | (x >> (64 - n)); }
HD uint32_t swap32(uint32_t x) {
  return (x << 24) | ((x << 8) & 0x00ff0000u) | ((x >> 8) & 0x0000ff00u) | (x >> 24);
}
// FNV-1 step on words, the mixer of the memory-hard kernels.
HD uint32_t fnv(uint32_t a, uint32_t b) { return (a * 0x01000193u) ^ b; }

// x % divisor without a division, which would bind a memory-hard kernel to the arithmetic units. The quotient by
// reciprocal_of(divisor), floor(2^32 / divisor), is at most one too small.
HD uint32_t reciprocal_of(uint32_t divisor) { return (uint32_t)(0x100000000ull / divisor); }
HD uint32_t remainder_of(uint32_t x, uint32_t divisor, uint32_t reciprocal) {
#ifdef __CUDA_ARCH__
  const uint32_t quotient = __umulhi(x, reciprocal);
#else
  const uint32_t quotient = (uint32_t)(((uint64_t)x * reciprocal) >> 32);
#endif
  const uint32_t left = x - quotient * divisor;
  return left >= divisor ? left - divisor : left;
}
