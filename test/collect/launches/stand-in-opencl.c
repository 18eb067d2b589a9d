typedef unsigned int u32;
typedef unsigned long size;

int clEnqueueNDRangeKernel(void *queue, void *kernel, u32 dims, const size *offset,
                           const size *global, const size *local, u32 events, const void *wait,
                           void *event) {
  (void)queue, (void)kernel, (void)dims, (void)offset, (void)global, (void)local;
  (void)events, (void)wait, (void)event;
  return 0;
}

void *clCreateKernel(void *program, const char *name, int *error) {
  (void)program, (void)name, (void)error;
  return (void *)0x77;
}
