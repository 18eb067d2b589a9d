// other: gravitational n-body, all pairs, 65536 bodies in single precision.
#include "harness.cuh"

__global__ void __launch_bounds__(256) nbody_step(const float4* __restrict__ from, float4* to, float4* velocity, int n, float dt) {
  __shared__ float4 tile[256];
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  const float4 me = from[i];
  float ax = 0, ay = 0, az = 0;
  for (int start = 0; start < n; start += 256) {
    tile[threadIdx.x] = from[start + threadIdx.x];
    __syncthreads();
#pragma unroll 16
    for (int k = 0; k < 256; k++) {
      const float4 other = tile[k];
      const float x = other.x - me.x, y = other.y - me.y, z = other.z - me.z;
      const float inverse = rsqrtf(x * x + y * y + z * z + 1e-3f);
      const float pull = other.w * inverse * inverse * inverse;
      ax += x * pull; ay += y * pull; az += z * pull;
    }
    __syncthreads();
  }
  float4 v = velocity[i];
  v.x += ax * dt; v.y += ay * dt; v.z += az * dt;
  velocity[i] = v;
  to[i] = make_float4(me.x + v.x * dt, me.y + v.y * dt, me.z + v.z * dt, me.w);
}

__global__ void nbody_start(float4* bodies, float4* velocity) {
  const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
  uint32_t x = i * 0x9e3779b9u + 1;
  float v[3];
  for (float& f : v) { x ^= x << 13; x ^= x >> 17; x ^= x << 5; f = (x >> 8) * (2.0f / 16777216.0f) - 1.0f; }
  bodies[i] = make_float4(v[0], v[1], v[2], 1e-5f);
  velocity[i] = make_float4(0, 0, 0, 0);
}

WORKLOAD_MAIN {
  const Options o = parse(argc, argv);
  const int n = 65536, block = 256, grid = n / block;
  float4* bodies[2];
  for (auto& b : bodies) b = allocate<float4>(n);
  float4* const velocity = allocate<float4>(n);
  nbody_start<<<grid, block, 0, work_stream()>>>(bodies[0], velocity);
  int side = 0;
  drive(o, "nbody_step", grid, block, "step", 1, 1, 256, [&](uint64_t, uint32_t steps) {
    for (uint32_t i = 0; i < steps; i++, side ^= 1) nbody_step<<<grid, block, 0, work_stream()>>>(bodies[side], bodies[side ^ 1], velocity, n, 1e-3f);
  });
  return 0;
}
