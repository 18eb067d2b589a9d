/* A libcudart: its launches are launches of the driver, by a handle of the driver's. */
typedef unsigned int u32;
typedef struct {
  u32 x, y, z;
} dim3;

#ifdef BYPASS
/* One that reaches the driver by another way than what it exports. */
static int launch(void *f, dim3 g, dim3 b) {
  (void)f, (void)g, (void)b;
  return 0;
}
#else
int cuLaunchKernel(void *f, u32 gx, u32 gy, u32 gz, u32 bx, u32 by, u32 bz, u32 shared, void *stream,
                   void **params, void **extra);
static int launch(void *f, dim3 g, dim3 b) {
  return cuLaunchKernel(f, g.x, g.y, g.z, b.x, b.y, b.z, 0, 0, 0, 0);
}
#endif

int cudaLaunchKernel(const void *f, dim3 grid, dim3 block, void **args, unsigned long shared,
                     void *stream) {
  (void)args, (void)shared, (void)stream;
  return launch((void *)((unsigned long)f ^ 0x10), grid, block);
}
