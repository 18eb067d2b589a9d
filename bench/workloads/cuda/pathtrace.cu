// other: a path tracer: spheres in a box, four bounces, 1920x1080, frame after frame into one accumulated picture, with
// the picture copied to the host every 32 samples, as a renderer shows its progress.
#include "harness.cuh"

constexpr int kWidth = 1920, kHeight = 1080, kSpheres = 64;

struct Ray { float3 from, to; };

__device__ __forceinline__ float3 add(float3 a, float3 b) { return make_float3(a.x + b.x, a.y + b.y, a.z + b.z); }
__device__ __forceinline__ float3 scale(float3 a, float f) { return make_float3(a.x * f, a.y * f, a.z * f); }
__device__ __forceinline__ float dot(float3 a, float3 b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
__device__ __forceinline__ float3 unit(float3 a) { return scale(a, rsqrtf(dot(a, a))); }

__device__ __forceinline__ float drawn(uint32_t& state) {
  state ^= state << 13; state ^= state >> 17; state ^= state << 5;
  return (float)(state >> 8) * (1.0f / 16777216.0f);
}

__global__ void __launch_bounds__(256) pathtrace_frame(float4* picture, uint32_t frame) {
  __shared__ float4 spheres[kSpheres];
  if (threadIdx.x < kSpheres) {
    uint32_t state = threadIdx.x * 0x9e3779b9u + 7;
    for (int i = 0; i < 8; i++) drawn(state);
    const float x = drawn(state) * 8 - 4, y = drawn(state) * 4 - 2, z = drawn(state) * 6 + 4;
    spheres[threadIdx.x] = make_float4(x, y, z, 0.2f + 0.4f * drawn(state));
  }
  __syncthreads();
  const uint32_t pixel = blockIdx.x * blockDim.x + threadIdx.x;
  if (pixel >= kWidth * kHeight) return;
  uint32_t state = (pixel * 0x85ebca6bu) ^ (frame * 0xc2b2ae35u) ^ 0x27d4eb2fu;
  state |= 1;
  for (int i = 0; i < 4; i++) drawn(state);
  const float x = ((float)(pixel % kWidth) + drawn(state)) / kHeight - 0.5f * kWidth / kHeight;
  const float y = ((float)(pixel / kWidth) + drawn(state)) / kHeight - 0.5f;
  Ray ray = {make_float3(0, 0, -2), unit(make_float3(x, y, 1))};
  float3 light = make_float3(0, 0, 0), colour = make_float3(1, 1, 1);
  for (int bounce = 0; bounce < 4; bounce++) {
    float nearest = 1e20f;
    int hit = -1;
    for (int i = 0; i < kSpheres; i++) {
      const float4 s = spheres[i];
      const float3 to = make_float3(s.x - ray.from.x, s.y - ray.from.y, s.z - ray.from.z);
      const float along = dot(to, ray.to), inside = s.w * s.w - dot(to, to) + along * along;
      if (inside > 0) {
        const float at = along - sqrtf(inside);
        if (at > 1e-3f && at < nearest) { nearest = at; hit = i; }
      }
    }
    if (hit < 0) {  // the sky
      light = add(light, scale(make_float3(colour.x * 0.7f, colour.y * 0.8f, colour.z), 0.6f + 0.4f * ray.to.y));
      break;
    }
    const float4 s = spheres[hit];
    ray.from = add(ray.from, scale(ray.to, nearest));
    const float3 normal = unit(make_float3(ray.from.x - s.x, ray.from.y - s.y, ray.from.z - s.z));
    colour = make_float3(colour.x * (0.5f + 0.4f * (hit & 1)), colour.y * 0.7f, colour.z * (0.5f + 0.4f * (hit & 2) / 2));
    const float turn = 6.2831853f * drawn(state), up = 2 * drawn(state) - 1, flat = sqrtf(fmaxf(0.0f, 1 - up * up));
    // a sum of the normal and a random direction is spread by the cosine; the added part keeps it from vanishing
    ray.to = unit(add(scale(normal, 1.001f), make_float3(flat * __cosf(turn), flat * __sinf(turn), up)));
  }
  float4 old = picture[pixel];
  picture[pixel] = make_float4(old.x + light.x, old.y + light.y, old.z + light.z, old.w + 1);
}

WORKLOAD_MAIN {
  const Options o = parse(argc, argv);
  const uint64_t pixels = (uint64_t)kWidth * kHeight;
  float4* const picture = allocate<float4>(pixels);
  CHECK(cudaMemset(picture, 0, pixels * sizeof(float4)));
  float4* shown = nullptr;
  CHECK(cudaMallocHost(reinterpret_cast<void**>(&shown), pixels * sizeof(float4)));
  const int block = 256, grid = (int)((pixels + block - 1) / block);
  drive(o, "pathtrace_frame", grid, block, "sample", (double)pixels, 1, 64, [&](uint64_t base, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
      pathtrace_frame<<<grid, block, 0, work_stream()>>>(picture, (uint32_t)(base + i));
      if ((base + i) % 32 == 0)
        CHECK(cudaMemcpyAsync(shown, picture, pixels * sizeof(float4), cudaMemcpyDeviceToHost, work_stream()));
    }
  });
  return 0;
}
