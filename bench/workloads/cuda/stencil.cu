// other: heat equation on a cube, 7-point stencil, single precision, 768^3 cells, two buffers.
#include "harness.cuh"

constexpr int kSide = 768;

__global__ void __launch_bounds__(256) stencil_step(const float* __restrict__ from, float* __restrict__ to) {
  const int x = blockIdx.x * 32 + threadIdx.x % 32, y = blockIdx.y * 8 + threadIdx.x / 32;
  if (x < 1 || y < 1 || x >= kSide - 1 || y >= kSide - 1) return;
  const int z0 = blockIdx.z * 64;
  const size_t plane = (size_t)kSide * kSide;
  const size_t column = (size_t)y * kSide + x;
  for (int z = max(z0, 1); z < min(z0 + 64, kSide - 1); z++) {
    const size_t at = z * plane + column;
    const float middle = from[at];
    const float sum = from[at - 1] + from[at + 1] + from[at - kSide] + from[at + kSide] + from[at - plane] + from[at + plane];
    to[at] = middle + 0.1f * (sum - 6.0f * middle);
  }
}

__global__ void stencil_start(float* cells, size_t n) {
  for (size_t i = blockIdx.x * (size_t)blockDim.x + threadIdx.x; i < n; i += gridDim.x * (size_t)blockDim.x)
    cells[i] = (float)((uint32_t)(i * 2654435761u) >> 8) * (1.0f / 16777216.0f);
}

WORKLOAD_MAIN {
  const Options o = parse(argc, argv);
  const size_t n = (size_t)kSide * kSide * kSide;
  float* cells[2];
  for (auto& c : cells) {
    c = allocate<float>(n);
    stencil_start<<<1024, 256, 0, work_stream()>>>(c, n);
  }
  const dim3 grid(kSide / 32, kSide / 8, kSide / 64);
  int side = 0;
  drive(o, "stencil_step", grid, 256, "step", 1, 1, 256, [&](uint64_t, uint32_t steps) {
    for (uint32_t i = 0; i < steps; i++, side ^= 1) stencil_step<<<grid, 256, 0, work_stream()>>>(cells[side], cells[side ^ 1]);
  });
  return 0;
}
