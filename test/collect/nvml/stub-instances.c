/*
 * Part of stub.c: MIG instances, accounting, the newer call for the use of processes.
 * `gpu103.mig 2:0` puts an instance (GPU instance 2, compute instance 0) into place 3 of the first
 * card; its other keys are those of a device (`gpu103.uuid …`), and its calls are counted as of 103.
 */

#ifndef WITHOUT_nvmlDeviceGetMPSComputeRunningProcesses_v3
int nvmlDeviceGetMPSComputeRunningProcesses_v3(void *handle, uint32_t *count, unsigned char *out) {
  ENTER(nvmlDeviceGetMPSComputeRunningProcesses_v3, indexOf(handle));
  return processList(indexOf(handle), text(indexOf(handle), "mps", ""), count, out);
}
#endif

#ifndef WITHOUT_nvmlDeviceGetProcessesUtilizationInfo
struct utilizationInfo { uint64_t timestamp; uint32_t pid, sm, memory, encoder, decoder, jpeg, ofa; };
struct utilizationRequest { uint32_t version, count; uint64_t lastSeen; struct utilizationInfo *entries; };

/* `newSamples` is as `samples` of the older call. */
int nvmlDeviceGetProcessesUtilizationInfo(void *handle, struct utilizationRequest *request) {
  ENTER(nvmlDeviceGetProcessesUtilizationInfo, indexOf(handle));
  if (request->version != (24u | 1u << 24)) return VERSION;
  uint32_t found = 0;
  for (const char *at = text(indexOf(handle), "newSamples", ""); *at;) {
    uint64_t numbers[6];
    at = colons(at, numbers, 6);
    if (numbers[1] <= request->lastSeen) continue;
    struct utilizationInfo one = {numbers[1], (uint32_t)numbers[0], (uint32_t)numbers[2], (uint32_t)numbers[3],
                                  (uint32_t)numbers[4], (uint32_t)numbers[5], 0, 0};
    if (request->entries && found < request->count) request->entries[found] = one;
    found++;
  }
  uint32_t capacity = request->count;
  request->count = found;
  if (found == 0) return NOT_FOUND;
  return !request->entries || found > capacity ? TOO_SMALL : OK;
}
#endif

#ifndef WITHOUT_nvmlDeviceGetAccountingMode
NUMBER_CALL(nvmlDeviceGetAccountingMode, uint32_t, "accounting", 0)
#endif

/* `accountingPids` is pids and ranges of them (`7 100-4000`) apart by blanks, in the driver's order. */
int nvmlDeviceGetAccountingPids(void *handle, uint32_t *count, uint32_t *out) {
  ENTER(nvmlDeviceGetAccountingPids, indexOf(handle));
  uint32_t capacity = *count, found = 0;
  for (const char *at = text(indexOf(handle), "accountingPids", ""); *at;) {
    char *end;
    uint32_t from = (uint32_t)strtoul(at, &end, 10), to = from;
    if (*end == '-') to = (uint32_t)strtoul(end + 1, &end, 10);
    for (uint32_t pid = from; pid <= to; pid++, found++)
      if (out && found < capacity) out[found] = pid;
    at = end;
    while (*at == ' ') at++;
  }
  *count = found;
  return found > capacity ? TOO_SMALL : OK;
}

struct accountingStats { uint32_t gpu, memory; uint64_t maxMemory, time, start; uint32_t isRunning, reserved[5]; };

/* `account.7` is `gpu:timeMs:startUs:isRunning`; a process without it began and ended in 1970. */
int nvmlDeviceGetAccountingStats(void *handle, uint32_t pid, struct accountingStats *out) {
  char key[32];
  uint64_t numbers[4];
  ENTER(nvmlDeviceGetAccountingStats, indexOf(handle));
  snprintf(key, sizeof key, "account.%u", pid);
  colons(text(indexOf(handle), key, "10:1:1:0"), numbers, 4);
  memset(out, 0, sizeof *out);
  out->gpu = (uint32_t)numbers[0];
  out->time = numbers[1];
  out->start = numbers[2];
  out->isRunning = (uint32_t)numbers[3];
  return OK;
}

#ifndef WITHOUT_nvmlDeviceGetMigMode
int nvmlDeviceGetMigMode(void *handle, uint32_t *current, uint32_t *pending) {
  ENTER(nvmlDeviceGetMigMode, indexOf(handle));
  const char *mode = text(indexOf(handle), "migMode", NULL);
  if (!mode) return NOT_SUPPORTED;
  *current = (uint32_t)strtoul(mode, NULL, 10);
  *pending = 1 - *current;
  return OK;
}
#endif

NUMBER_CALL(nvmlDeviceGetMaxMigDeviceCount, uint32_t, "maxMig", 7)

int nvmlDeviceGetMigDeviceHandleByIndex(void *handle, uint32_t place, void **out) {
  ENTER(nvmlDeviceGetMigDeviceHandleByIndex, indexOf(handle));
  int device = FIRST_PART * (indexOf(handle) + 1) + (int)place;
  if (!part(device)) return NOT_FOUND;
  *out = (void *)(intptr_t)(FIRST_HANDLE + device);
  return OK;
}

int nvmlDeviceGetGpuInstanceId(void *handle, uint32_t *out) {
  uint64_t numbers[2];
  ENTER(nvmlDeviceGetGpuInstanceId, indexOf(handle));
  if (!part(indexOf(handle))) return INVALID;
  colons(part(indexOf(handle)), numbers, 2);
  *out = (uint32_t)numbers[0];
  return OK;
}

int nvmlDeviceGetComputeInstanceId(void *handle, uint32_t *out) {
  uint64_t numbers[2];
  ENTER(nvmlDeviceGetComputeInstanceId, indexOf(handle));
  if (!part(indexOf(handle))) return INVALID;
  colons(part(indexOf(handle)), numbers, 2);
  *out = (uint32_t)numbers[1];
  return OK;
}

/* `attributes` is `gpuSlices:computeSlices:memoryMiB`. */
int nvmlDeviceGetAttributes_v2(void *handle, uint32_t *out) {
  uint64_t numbers[3];
  ENTER(nvmlDeviceGetAttributes_v2, indexOf(handle));
  if (!part(indexOf(handle))) return NOT_SUPPORTED;
  colons(text(indexOf(handle), "attributes", "1:1:4864"), numbers, 3);
  memset(out, 0, 40);
  out[6] = (uint32_t)numbers[0];
  out[7] = (uint32_t)numbers[1];
  memcpy(out + 8, &numbers[2], 8);
  return OK;
}
