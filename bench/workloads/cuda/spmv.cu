// other: sparse matrix times vector, as in graph ranking and finite elements: 16 random reads of 4 bytes a row from a
// vector of a 32nd of --gb 10^9 bytes, and the matrix of that size streamed beside them. Random memory access that is no mining.
#include "harness.cuh"

constexpr int kPerRow = 16;

__global__ void spmv_start(uint32_t* columns, float* values, float* x, uint32_t rows) {
  const uint64_t stride = gridDim.x * (uint64_t)blockDim.x;
  for (uint64_t i = blockIdx.x * (uint64_t)blockDim.x + threadIdx.x; i < (uint64_t)rows * kPerRow; i += stride) {
    uint64_t v = (i + 1) * 0x9e3779b97f4a7c15ull;
    v ^= v >> 29; v *= 0xbf58476d1ce4e5b9ull; v ^= v >> 32;
    columns[i] = (uint32_t)v % rows;
    values[i] = 1.0f / kPerRow;  // rows sum to one, so the vector keeps its size for ever
    if (i < rows) x[i] = (float)(v >> 40) * (1.0f / 16777216.0f);
  }
}

// Four threads a row, four entries each.
__global__ void __launch_bounds__(256) spmv_multiply(const uint4* __restrict__ columns, const float4* __restrict__ values,
                                                     const float* __restrict__ x, float* __restrict__ y, uint32_t rows) {
  const uint64_t id = blockIdx.x * (uint64_t)blockDim.x + threadIdx.x;
  const uint64_t row = id / 4;
  float sum = 0;
  if (row < rows) {
    const uint4 c = columns[id];
    const float4 v = values[id];
    sum = v.x * __ldg(&x[c.x]) + v.y * __ldg(&x[c.y]) + v.z * __ldg(&x[c.z]) + v.w * __ldg(&x[c.w]);
  }
  sum += __shfl_xor_sync(0xffffffffu, sum, 1);
  sum += __shfl_xor_sync(0xffffffffu, sum, 2);
  if (row < rows && (id & 3) == 0) y[row] = sum;
}

WORKLOAD_MAIN {
  const Options o = parse(argc, argv);
  const uint32_t rows = (uint32_t)(o.gb * 1e9 / (kPerRow * 8)) & ~63u;
  uint32_t* const columns = allocate<uint32_t>((uint64_t)rows * kPerRow);
  float* const values = allocate<float>((uint64_t)rows * kPerRow);
  float* vectors[2];
  for (auto& vector : vectors) vector = allocate<float>(rows);
  spmv_start<<<multiprocessors() * 16, 256, 0, work_stream()>>>(columns, values, vectors[0], rows);
  CHECK(cudaStreamSynchronize(work_stream()));
  const int block = 256, grid = (int)(((uint64_t)rows * 4 + block - 1) / block);
  int side = 0;
  drive(o, "spmv_multiply", grid, block, "product", 1, 1, 256, [&](uint64_t, uint32_t n) {
    for (uint32_t i = 0; i < n; i++, side ^= 1)
      spmv_multiply<<<grid, block, 0, work_stream()>>>(reinterpret_cast<const uint4*>(columns),
                                                       reinterpret_cast<const float4*>(values), vectors[side], vectors[side ^ 1], rows);
  });
  return 0;
}
