// What every CUDA workload shares: options, the lines it prints, refusals, launch sizing, duty cycles and random pauses.
//
// Lines on stdout, one JSON object each: "imported" (with --wait; then a line on stdin lets it touch the device), "ready",
// "phase", "kernel", "done", or "refused" with a reason where this machine cannot run it (exit code 4).
#pragma once
#include <cuda_runtime.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include "rhythm.h"

struct Options {
  double seconds = 25;   // after ready
  double duty = 1;       // share of the time that works
  double period = 20;    // seconds of one duty cycle
  double pauses = 0;     // mean seconds of a pause; above 0, spells of work and pauses have random lengths
  double launchMs = 20;  // aimed length of one launch
  double sleepMs = 0;    // pause after each launch
  double gb = 4;         // size of the table, 10^9 bytes
  bool quiet = false;    // no lines on stdout (when run inside another process)
};

inline double seconds_of(clockid_t which) {
  timespec t;
  clock_gettime(which, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
inline double wall() { return seconds_of(CLOCK_REALTIME); }       // for the lines
inline double elapsed() { return seconds_of(CLOCK_MONOTONIC); }  // for lengths of time

// Ends the process. Inside another process nobody else's exit handlers may run from this thread.
[[noreturn]] inline void leave(int code) {
  fflush(stdout);
  fflush(stderr);
#ifdef AS_LIBRARY
  _exit(code);
#else
  exit(code);
#endif
}

[[noreturn]] inline void refuse(const char* reason) {
  printf("{\"event\":\"refused\",\"t\":%.3f,\"reason\":\"%s\"}\n", wall(), reason);
  leave(4);
}

inline void check(cudaError_t error, const char* file, int line) {
  if (error == cudaSuccess) return;
  fprintf(stderr, "%s:%d: %s\n", file, line, cudaGetErrorString(error));
  if (error == cudaErrorNoDevice || error == cudaErrorInsufficientDriver) refuse("no CUDA device that this program can use");
  if (error == cudaErrorMemoryAllocation) refuse("out of device memory");
  if (error == cudaErrorNoKernelImageForDevice || error == cudaErrorUnsupportedPtxVersion)
    refuse("compiled for another kind of device");
  leave(3);
}
#define CHECK(call) check((call), __FILE__, __LINE__)

template <class T>
T* allocate(uint64_t count) {
  const uint64_t bytes = count * sizeof(T);
  size_t free = 0, total = 0;
  CHECK(cudaMemGetInfo(&free, &total));
  if (free < bytes + (64u << 20)) {
    char reason[120];
    snprintf(reason, sizeof reason, "needs %.1f GB of device memory, %.1f GB are free", (double)bytes / 1e9, (double)free / 1e9);
    refuse(reason);
  }
  T* made = nullptr;
  CHECK(cudaMalloc(reinterpret_cast<void**>(&made), bytes));
  return made;
}

inline uint32_t* counter() {
  uint32_t* made = allocate<uint32_t>(1);
  CHECK(cudaMemset(made, 0, 4));
  return made;
}

inline void pause_for(double seconds) {
  if (seconds <= 0) return;
  timespec t;
  t.tv_sec = (time_t)seconds;
  t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
  nanosleep(&t, nullptr);
}

// SIGTERM ends the loop early, with its throughput still printed. Left alone when run inside another process.
inline volatile sig_atomic_t& told_to_stop() {
  static volatile sig_atomic_t flag = 0;
  return flag;
}
inline void on_term(int) { told_to_stop() = 1; }

inline volatile unsigned long long& launches_so_far() {
  static volatile unsigned long long count = 0;
  return count;
}

inline double number(const char* text, double least, double most, const char* option) {
  char* end = nullptr;
  const double value = strtod(text, &end);
  if (end == text || *end || !(value >= least && value <= most)) {
    fprintf(stderr, "%s takes a number from %g to %g\n", option, least, most);
    leave(2);
  }
  return value;
}

inline Options parse(int argc, char** argv) {
  struct Field { const char* name; double* to; double least, most; };
  Options o;
  bool wait = false;
  const Field fields[] = {{"--seconds", &o.seconds, 0, 1e6},   {"--duty", &o.duty, 0.01, 1},
                          {"--period", &o.period, 0.1, 3600},  {"--pauses", &o.pauses, 0, 3600},
                          {"--launch-ms", &o.launchMs, 0.01, 1000}, {"--sleep-ms", &o.sleepMs, 0, 1000},
                          {"--gb", &o.gb, 0.1, 120}};
  for (int i = 1; i < argc; i++) {
    bool known = !strcmp(argv[i], "--quiet") || !strcmp(argv[i], "--wait");
    if (!strcmp(argv[i], "--quiet")) o.quiet = true;
    if (!strcmp(argv[i], "--wait")) wait = true;
    for (const Field& field : fields)
      if (!known && !strcmp(argv[i], field.name) && i + 1 < argc) {
        *field.to = number(argv[i + 1], field.least, field.most, argv[i]);
        i++;
        known = true;
      }
    if (!known) {
      fprintf(stderr, "unknown option or no value: %s\n", argv[i]);
      leave(2);
    }
  }
  if (!o.quiet) signal(SIGTERM, on_term);
  if (wait) {
    printf("{\"event\":\"imported\",\"t\":%.3f}\n", wall());
    fflush(stdout);
    if (getchar() == EOF) leave(1);
  }
  return o;
}

// All work goes to one stream of its own that waits for no other, at the lowest priority: inside another process it must
// not fall in line with that process's kernels.
inline cudaStream_t work_stream() {
  static cudaStream_t stream = [] {
    int least = 0, greatest = 0;
    cudaStream_t made;
    CHECK(cudaDeviceGetStreamPriorityRange(&least, &greatest));
    CHECK(cudaStreamCreateWithPriority(&made, cudaStreamNonBlocking, least));
    return made;
  }();
  return stream;
}

inline int multiprocessors() {
  int count = 0;
  CHECK(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, 0));
  return count;
}

// Calls launch(base, amount) until the time is up. `amount` is the work of one launch in the workload's own unit;
// it is grown from `least` until a launch takes about launchMs, and `atMost` bounds it (0: no bound).
template <class Launch>
double drive(const Options& o, const char* kernel, dim3 grid, int block, const char* unit, double unitsPerAmount,
             uint32_t least, uint32_t atMost, Launch launch) {
  uint32_t amount = least;
  uint64_t base = 1;
  cudaEvent_t from, to, slot[2];
  CHECK(cudaEventCreate(&from));
  CHECK(cudaEventCreate(&to));
  for (auto& event : slot) CHECK(cudaEventCreateWithFlags(&event, cudaEventBlockingSync | cudaEventDisableTiming));
  for (int attempt = 0; attempt < 8; attempt++) {
    CHECK(cudaEventRecord(from, work_stream()));
    launch(base, amount);
    CHECK(cudaGetLastError());
    CHECK(cudaEventRecord(to, work_stream()));
    CHECK(cudaEventSynchronize(to));
    float ms = 0;
    CHECK(cudaEventElapsedTime(&ms, from, to));
    base += amount;
    if (attempt < 2) continue;  // the first launches run at low clocks
    if (ms > 0.8 * o.launchMs && ms < 1.25 * o.launchMs) break;
    double wanted = amount * (o.launchMs / (ms > 0.001f ? (double)ms : 0.001));
    if (wanted > amount * 16.0) wanted = amount * 16.0;
    if (wanted < 1) wanted = 1;
    if (wanted > 1e9) wanted = 1e9;
    amount = (uint32_t)wanted;
    if (atMost && amount > atMost) amount = atMost;
  }
  const double began = elapsed();
  if (!o.quiet) { printf("{\"event\":\"ready\",\"t\":%.3f}\n", wall()); fflush(stdout); }
  Rhythm rhythm(o.duty, o.period, o.pauses);
  unsigned long long launches = 0;
  double total = 0;
  bool on = o.duty >= 1, told = on;  // a duty cycle begins with a phase line
  while (elapsed() - began < o.seconds && !told_to_stop()) {
    const bool wanted = rhythm.works(elapsed() - began);
    if (wanted != on || !told) {
      on = wanted;
      told = true;
      CHECK(cudaStreamSynchronize(work_stream()));
      if (!o.quiet) { printf("{\"event\":\"phase\",\"on\":%s,\"t\":%.3f}\n", on ? "true" : "false", wall()); fflush(stdout); }
    }
    if (!on) { pause_for(0.02); continue; }
    cudaEvent_t& event = slot[launches & 1];
    if (launches >= 2) CHECK(cudaEventSynchronize(event));  // at most two launches wait
    launch(base, amount);
    CHECK(cudaGetLastError());
    CHECK(cudaEventRecord(event, work_stream()));
    base += amount;
    total += amount;
    launches_so_far() = ++launches;
    if (o.sleepMs > 0) {
      CHECK(cudaEventSynchronize(event));
      pause_for(o.sleepMs * 1e-3);
    }
  }
  CHECK(cudaStreamSynchronize(work_stream()));
  const double took = elapsed() - began;
  if (!o.quiet) {
    printf("{\"event\":\"kernel\",\"t\":%.3f,\"name\":\"%s\",\"grid\":[%u,%u,%u],\"block\":[%d,1,1],\"count\":%llu,\"seconds\":%.3f}\n",
           wall(), kernel, grid.x, grid.y, grid.z, block, launches, took);
    printf("{\"event\":\"done\",\"t\":%.3f,\"throughput\":%.6g,\"unit\":\"%s/s\"}\n", wall(), total * unitsPerAmount / took, unit);
    fflush(stdout);
  }
  return total * unitsPerAmount / took;
}

// As a program: main(). As a shared library (-DAS_LIBRARY): campaign_main(), called from inside another process, and what
// that process may ask and tell meanwhile.
#ifdef AS_LIBRARY
extern "C" void campaign_stop() { told_to_stop() = 1; }
extern "C" unsigned long long campaign_launches() { return launches_so_far(); }
#define WORKLOAD_MAIN extern "C" int campaign_main(int argc, char** argv)
#else
#define WORKLOAD_MAIN int main(int argc, char** argv)
#endif
