/*
 * A stand-in for the driver's management library, for tests and benchmarks on machines without a GPU.
 * It answers from a text file of `key value` lines that lies beside the shared object
 * (`<this file>.script`), read again at every init and device count. Keys may be given for one device
 * (`gpu1.power 250000`) or for all (`power 250000`); `error.<symbol> 15` makes a call fail.
 * Compile with -DWITHOUT_<symbol> to leave a symbol out, as an old driver would.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { OK = 0, INVALID = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7, VERSION = 25 };
enum { MAX_KEYS = 512, MAX_CALLS = 512, FIRST_HANDLE = 0x1000, FIRST_PART = 100 };

static struct { char key[96]; char value[4000]; } script[MAX_KEYS];
static int scriptLength;
static struct { const char *symbol; int device; long count; } calls[MAX_CALLS];
static int callsLength;
static long grown;
static char askedFields[256];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void readScript(void) {
  Dl_info self;
  char path[4096];
  if (!dladdr((void *)&readScript, &self)) return;
  snprintf(path, sizeof path, "%s.script", self.dli_fname);
  FILE *file = fopen(path, "r");
  pthread_mutex_lock(&lock);
  scriptLength = 0;
  while (file && scriptLength < MAX_KEYS &&
         fscanf(file, " %95s %3999[^\n]", script[scriptLength].key, script[scriptLength].value) == 2)
    scriptLength++;
  pthread_mutex_unlock(&lock);
  if (file) fclose(file);
}

static const char *find(const char *key) {
  for (int i = 0; i < scriptLength; i++)
    if (strcmp(script[i].key, key) == 0) return script[i].value;
  return NULL;
}

static const char *text(int device, const char *key, const char *otherwise) {
  char own[160];
  snprintf(own, sizeof own, "gpu%d.%s", device, key);
  const char *value = find(own);
  if (!value) value = find(key);
  return value ? value : otherwise;
}

static unsigned long long number(int device, const char *key, unsigned long long otherwise) {
  const char *value = text(device, key, NULL);
  return value ? strtoull(value, NULL, 0) : otherwise;
}

/* The MIG instance behind a device number from 100 on (see stub-instances.c); NULL where there is none. */
static const char *part(int device) {
  char own[32];
  snprintf(own, sizeof own, "gpu%d.mig", device);
  return device < FIRST_PART ? NULL : find(own);
}

/* Reads numbers apart by colons, 0 where there are fewer, and skips the blanks behind them. */
static const char *colons(const char *at, uint64_t *numbers, int length) {
  for (int i = 0; i < length; i++) {
    char *end = (char *)at;
    numbers[i] = i == 0 || *at == ':' ? strtoull(i == 0 ? at : at + 1, &end, 10) : 0;
    at = end;
  }
  while (*at && *at != ' ') at++;
  while (*at == ' ') at++;
  return at;
}

/* Counts the call, waits if the script says so, and gives the scripted error or OK. */
static int enter(const char *symbol, int device) {
  pthread_mutex_lock(&lock);
  int at = 0;
  while (at < callsLength && (calls[at].device != device || strcmp(calls[at].symbol, symbol) != 0)) at++;
  if (at == callsLength && at < MAX_CALLS) {
    calls[at].symbol = symbol;
    calls[at].device = device;
    calls[at].count = 0;
    callsLength++;
  }
  if (at < callsLength) calls[at].count++;
  pthread_mutex_unlock(&lock);
  char key[128];
  snprintf(key, sizeof key, "delayMs.%s", symbol);
  unsigned long long delay = number(device, key, 0);
  if (delay) usleep((useconds_t)(delay * 1000));
  if (device >= 0 && number(device, "lost", 0)) return 15;
  if (device >= FIRST_PART && number(device / FIRST_PART - 1, "lost", 0)) return 15;
  if (device >= FIRST_PART && !part(device)) return (int)number(device, "goneResult", NOT_FOUND);
  snprintf(key, sizeof key, "error.%s", symbol);
  return (int)number(device, key, OK);
}

/* How often a symbol was called for a device (-1: the calls that name none). */
long assay_stub_calls(const char *symbol, int device) {
  for (int i = 0; i < callsLength; i++)
    if (calls[i].device == device && strcmp(calls[i].symbol, symbol) == 0) return calls[i].count;
  return 0;
}

static int indexOf(void *handle) { return (int)((intptr_t)handle - FIRST_HANDLE); }

#define ENTER(symbol, device)                   \
  int failed = enter(#symbol, device);          \
  if (failed) return failed

#define NUMBER_CALL(symbol, type, key, otherwise)       \
  int symbol(void *handle, type *out) {                 \
    ENTER(symbol, indexOf(handle));                     \
    *out = (type)number(indexOf(handle), key, otherwise); \
    return OK;                                          \
  }

#ifndef WITHOUT_nvmlInit_v2
int nvmlInit_v2(void) {
  readScript();
  ENTER(nvmlInit_v2, -1);
  return OK;
}
#endif

int nvmlShutdown(void) {
  ENTER(nvmlShutdown, -1);
  return OK;
}

int nvmlSystemGetDriverVersion(char *out, unsigned length) {
  ENTER(nvmlSystemGetDriverVersion, -1);
  snprintf(out, length, "%s", text(-1, "driver", "999.10"));
  return OK;
}

int nvmlDeviceGetCount_v2(unsigned *out) {
  readScript();
  ENTER(nvmlDeviceGetCount_v2, -1);
  *out = (unsigned)number(-1, "devices", 1);
  return OK;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **out) {
  ENTER(nvmlDeviceGetHandleByIndex_v2, (int)index);
  *out = (void *)(intptr_t)(FIRST_HANDLE + (int)index);
  return OK;
}

int nvmlDeviceGetName(void *handle, char *out, unsigned length) {
  ENTER(nvmlDeviceGetName, indexOf(handle));
  snprintf(out, length, "%s", text(indexOf(handle), "name", "NVML stand-in"));
  return OK;
}

int nvmlDeviceGetUUID(void *handle, char *out, unsigned length) {
  char otherwise[64];
  ENTER(nvmlDeviceGetUUID, indexOf(handle));
  snprintf(otherwise, sizeof otherwise, "GPU-stand-in-%d", indexOf(handle));
  snprintf(out, length, "%s", text(indexOf(handle), "uuid", otherwise));
  return OK;
}

#ifndef WITHOUT_nvmlDeviceGetPciInfo_v3
int nvmlDeviceGetPciInfo_v3(void *handle, unsigned char *out) {
  ENTER(nvmlDeviceGetPciInfo_v3, indexOf(handle));
  memset(out, 0, 68);
  snprintf((char *)out + 36, 32, "00000000:%02X:00.0", indexOf(handle) + 1);
  return OK;
}
#endif

#ifndef WITHOUT_nvmlDeviceGetMemoryInfo
int nvmlDeviceGetMemoryInfo(void *handle, uint64_t *out) {
  ENTER(nvmlDeviceGetMemoryInfo, indexOf(handle));
  out[0] = number(indexOf(handle), "memoryTotal", 85899345920ULL);
  out[2] = number(indexOf(handle), "memoryUsedV1", 2097152);
  out[1] = out[0] - out[2];
  return OK;
}
#endif

#ifndef WITHOUT_nvmlDeviceGetMemoryInfo_v2
int nvmlDeviceGetMemoryInfo_v2(void *handle, uint64_t *out) {
  uint32_t version;
  ENTER(nvmlDeviceGetMemoryInfo_v2, indexOf(handle));
  memcpy(&version, out, sizeof version);
  if (version != (40u | 2u << 24)) return VERSION;
  out[1] = number(indexOf(handle), "memoryTotal", 85899345920ULL);
  out[2] = 524288;
  out[4] = number(indexOf(handle), "memoryUsed", 1048576);
  out[3] = out[1] - out[2] - out[4];
  return OK;
}
#endif

int nvmlDeviceGetUtilizationRates(void *handle, uint32_t *out) {
  ENTER(nvmlDeviceGetUtilizationRates, indexOf(handle));
  out[0] = (uint32_t)number(indexOf(handle), "util", 0);
  out[1] = (uint32_t)number(indexOf(handle), "memUtil", 0);
  return OK;
}

NUMBER_CALL(nvmlDeviceGetEnforcedPowerLimit, uint32_t, "powerLimit", 700000)
#ifndef WITHOUT_nvmlDeviceGetPowerUsage
NUMBER_CALL(nvmlDeviceGetPowerUsage, uint32_t, "power", 70000)
#endif
#ifndef WITHOUT_nvmlDeviceGetTotalEnergyConsumption
NUMBER_CALL(nvmlDeviceGetTotalEnergyConsumption, uint64_t, "energy", 1000)
#endif
#ifndef WITHOUT_nvmlDeviceGetCurrentClocksEventReasons
NUMBER_CALL(nvmlDeviceGetCurrentClocksEventReasons, uint64_t, "reasons", 1)
#endif
#ifndef WITHOUT_nvmlDeviceGetCurrentClocksThrottleReasons
NUMBER_CALL(nvmlDeviceGetCurrentClocksThrottleReasons, uint64_t, "oldReasons", 2)
#endif

int nvmlDeviceGetTemperature(void *handle, int sensor, uint32_t *out) {
  ENTER(nvmlDeviceGetTemperature, indexOf(handle));
  if (sensor != 0) return INVALID;
  *out = (uint32_t)number(indexOf(handle), "temperature", 40);
  return OK;
}

int nvmlDeviceGetClockInfo(void *handle, int type, uint32_t *out) {
  ENTER(nvmlDeviceGetClockInfo, indexOf(handle));
  *out = (uint32_t)number(indexOf(handle), type == 1 ? "smClock" : type == 2 ? "memClock" : "clock", 300);
  return OK;
}

#ifndef WITHOUT_nvmlDeviceGetFieldValues
struct field { uint32_t id, scope; int64_t timestamp, latency; uint32_t type, result; uint64_t value; };

/* NVLink counters are summed over all links only where the scope says so; one link is not known here. */
static int isInScope(const struct field *field) {
  int ofLinks = (field->id >= 138 && field->id <= 141) || (field->id >= 201 && field->id <= 204);
  return !ofLinks || field->scope == 0xFFFFFFFF;
}

/* `field197 1000`, and if need be `fieldType197 3` (an nvmlValueType_t) and `fieldTime197 <microseconds>`. */
int nvmlDeviceGetFieldValues(void *handle, int count, struct field *fields) {
  ENTER(nvmlDeviceGetFieldValues, indexOf(handle));
  askedFields[0] = 0;
  if (count > (int)number(indexOf(handle), "fieldsAtMost", 64)) return INVALID;
  for (int i = 0; i < count; i++) {
    char key[32];
    snprintf(key, sizeof key, "field%u", fields[i].id);
    const char *value = isInScope(&fields[i]) ? text(indexOf(handle), key, NULL) : NULL;
    size_t length = strlen(askedFields);
    snprintf(askedFields + length, sizeof askedFields - length, "%u ", fields[i].id);
    snprintf(key, sizeof key, "fieldType%u", fields[i].id);
    fields[i].type = (uint32_t)number(indexOf(handle), key, 1);
    snprintf(key, sizeof key, "fieldTime%u", fields[i].id);
    fields[i].timestamp = (int64_t)number(indexOf(handle), key, 0);
    fields[i].result = value ? OK : (uint32_t)number(indexOf(handle), "fieldResult", NOT_SUPPORTED);
    if (value) fields[i].value = strtoull(value, NULL, 0);
  }
  return OK;
}
#endif

/* The fields of the last call. */
const char *assay_stub_fields(void) { return askedFields; }

/* `list` is `pid:memory` entries apart by blanks; memory -1 is "not available". */
static int processList(int device, const char *list, uint32_t *count, unsigned char *out) {
  uint32_t capacity = *count, found = 0;
  size_t stride = number(device, "stride", 24);
  if (grown < (long)number(device, "grow", 0)) {
    grown++;
    *count = capacity + 3;
    return TOO_SMALL;
  }
  for (const char *at = list; *at; found++) {
    char *end;
    uint32_t pid = (uint32_t)strtoul(at, &end, 10);
    int64_t memory = *end == ':' ? strtoll(end + 1, &end, 10) : 0;
    uint32_t none = 0xFFFFFFFF;
    if (found < capacity && out) {
      unsigned char *entry = out + found * stride;
      if (found == 0 && number(device, "clearRest", 0)) memset(out, 0, capacity * 24);
      memset(entry, 0, stride);
      memcpy(entry, &pid, 4);
      memcpy(entry + 8, &memory, 8);
      memcpy(entry + 16, &none, 4);
      memcpy(entry + 20, &none, 4);
    }
    at = end;
    while (*at == ' ') at++;
  }
  *count = found;
  return found > capacity ? TOO_SMALL : OK;
}

#ifndef WITHOUT_nvmlDeviceGetComputeRunningProcesses_v3
int nvmlDeviceGetComputeRunningProcesses_v3(void *handle, uint32_t *count, unsigned char *out) {
  ENTER(nvmlDeviceGetComputeRunningProcesses_v3, indexOf(handle));
  return processList(indexOf(handle), text(indexOf(handle), "compute", ""), count, out);
}
#endif

#ifndef WITHOUT_nvmlDeviceGetGraphicsRunningProcesses_v3
int nvmlDeviceGetGraphicsRunningProcesses_v3(void *handle, uint32_t *count, unsigned char *out) {
  ENTER(nvmlDeviceGetGraphicsRunningProcesses_v3, indexOf(handle));
  return processList(indexOf(handle), text(indexOf(handle), "graphics", ""), count, out);
}
#endif

#ifndef WITHOUT_nvmlDeviceGetProcessUtilization
struct sample { uint32_t pid; uint64_t timestamp; uint32_t sm, memory, encoder, decoder; };

/* `samples` is `pid:timestamp:sm:memory[:encoder:decoder]` apart by blanks; timestamp 0 is now, in microseconds. */
int nvmlDeviceGetProcessUtilization(void *handle, struct sample *out, uint32_t *count, uint64_t lastSeen) {
  ENTER(nvmlDeviceGetProcessUtilization, indexOf(handle));
  int device = indexOf(handle);
  uint32_t capacity = *count, found = 0;
  struct timeval now;
  gettimeofday(&now, NULL);
  for (const char *at = text(device, "samples", ""); *at;) {
    uint64_t numbers[6];
    at = colons(at, numbers, 6);
    struct sample one = {(uint32_t)numbers[0], numbers[1], (uint32_t)numbers[2], (uint32_t)numbers[3],
                         (uint32_t)numbers[4], (uint32_t)numbers[5]};
    if (!one.timestamp) one.timestamp = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_usec;
    if (one.timestamp > lastSeen || number(device, "garbage", 0)) {
      if (out && found < capacity) out[found] = one;
      found++;
    }
  }
  if (found == 0) return NOT_FOUND;
  *count = found;
  return !out || found > capacity ? TOO_SMALL : OK;
}
#endif

#include "stub-counters.c"
#include "stub-instances.c"
