/*
 * A program that launches: `program MODE ROUNDS PAUSE_US [NAME]`. It says its pid, and waits PAUSE_US
 * between two rounds; 0 rounds are without end.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef unsigned int u32;
typedef unsigned long size;
typedef struct {
  u32 x, y, z;
} dim3;
struct launch_config {
  u32 grid[3], block[3], shared;
  void *stream;
};

__attribute__((visibility("default"))) void _Z9vectorAddPKfS0_Pfi(void) {}

static void *must(void *library, const char *name) {
  void *found = library ? dlsym(library, name) : 0;
  if (!found) {
    fprintf(stderr, "%s: %s\n", name, dlerror());
    exit(1);
  }
  return found;
}

static void *load(const char *variable) {
  const char *path = getenv(variable);
  return path ? dlopen(path, RTLD_NOW | RTLD_GLOBAL) : 0;
}

int main(int count, char **args) {
  if (count < 4) return 2;
  const char *mode = args[1];
  long rounds = atol(args[2]), pause = atol(args[3]);
  const char *name = count > 4 ? args[4] : "a_kernel";
  void *driver = load("DRIVER"), *runtime = load("RUNTIME"), *opencl = load("OPENCL");
  if (getenv("HIDE")) unlink(getenv("DRIVER"));
  printf("%d\n", getpid());
  fflush(stdout);
  if (getenv("WAIT")) raise(SIGSTOP);

  int (*launch)(void *, u32, u32, u32, u32, u32, u32, u32, void *, void **, void **) = 0;
  int (*launch_ex)(const struct launch_config *, void *, void **, void **) = 0;
  int (*graph)(void *, void *) = 0;
  int (*function)(void **, void *, const char *) = 0;
  int (*by_runtime)(const void *, dim3, dim3, void **, unsigned long, void *) = 0;
  int (*enqueue)(void *, void *, u32, const size *, const size *, const size *, u32, const void *,
                 void *) = 0;
  if (driver) {
    launch = must(driver, "cuLaunchKernel");
    launch_ex = must(driver, "cuLaunchKernelEx");
    graph = must(driver, "cuGraphLaunch");
    function = must(driver, "cuModuleGetFunction");
  }
  if (runtime) by_runtime = must(runtime, "cudaLaunchKernel");
  if (opencl) enqueue = must(opencl, "clEnqueueNDRangeKernel");

  struct launch_config config = {{9, 8, 7}, {6, 5, 4}, 0, 0};
  dim3 grid = {11, 12, 13}, block = {14, 15, 16};
  size global[3] = {1000, 10, 1}, local[3] = {256, 2, 1};
  void *known = (void *)0x99;
  for (long round = 0; rounds == 0 || round < rounds; round++) {
    if (!strcmp(mode, "driver")) {
      launch(known, 10, 20, 30, 40, 50, 60, 0, 0, 0, 0);
      launch(known, 10, 20, 30, 40, 50, 60, 0, 0, 0, 0);
      launch_ex(&config, known, 0, 0);
      graph(known, 0);
    } else if (!strcmp(mode, "named")) {
      void *f = 0;
      function(&f, 0, name);
      launch(f, 1, 1, 1, 32, 1, 1, 0, 0, 0, 0);
    } else if (!strcmp(mode, "runtime")) {
      by_runtime((void *)_Z9vectorAddPKfS0_Pfi, grid, block, 0, 0, 0);
    } else if (!strcmp(mode, "opencl")) {
      enqueue(0, known, 2, 0, global, local, 0, 0, 0);
      enqueue(0, known, 1, 0, global, 0, 0, 0, 0);
    } else if (!strcmp(mode, "cost") || !strcmp(mode, "runtime-cost")) {
      /* Processor time a call in nanoseconds, and when (milliseconds since the epoch) the batch ended. */
      struct timespec from, to, now;
      int is_runtime = mode[0] == 'r', calls = 2000;
      void *stub = (void *)_Z9vectorAddPKfS0_Pfi;
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
      for (int i = 0; i < calls; i++)
        if (is_runtime)
          by_runtime(stub, grid, block, 0, 0, 0);
        else
          launch(known, 1, 1, 1, 32, 1, 1, 0, 0, 0, 0);
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
      clock_gettime(CLOCK_REALTIME, &now);
      double taken = (to.tv_sec - from.tv_sec) * 1e9 + (to.tv_nsec - from.tv_nsec);
      printf("%f %f\n", taken / calls, now.tv_sec * 1e3 + now.tv_nsec / 1e6);
      fflush(stdout);
    } else {
      launch(known, 1, 1, 1, 32, 1, 1, 0, 0, 0, 0);
    }
    if (pause > 0) usleep(pause);
  }
  return 0;
}
