/*
 * Part of stub.c: profiling counters, the driver's buffers, traffic, engines, health. What the script
 * does not name is not supported.
 */

#define U32_CALL(symbol, key)                                        \
  int symbol(void *handle, uint32_t *out) {                          \
    ENTER(symbol, indexOf(handle));                                  \
    if (!text(indexOf(handle), key, NULL)) return NOT_SUPPORTED;     \
    *out = (uint32_t)number(indexOf(handle), key, 0);                \
    return OK;                                                       \
  }

/* Engine use in percent, over a period of the driver's own. */
#define ENGINE_CALL(symbol, key)                                     \
  int symbol(void *handle, uint32_t *out, uint32_t *periodUs) {      \
    ENTER(symbol, indexOf(handle));                                  \
    if (!text(indexOf(handle), key, NULL)) return NOT_SUPPORTED;     \
    *out = (uint32_t)number(indexOf(handle), key, 0);                \
    *periodUs = 200000;                                              \
    return OK;                                                       \
  }

U32_CALL(nvmlDeviceGetMaxPcieLinkGeneration, "maxPcieGeneration")
U32_CALL(nvmlDeviceGetMaxPcieLinkWidth, "maxPcieWidth")
U32_CALL(nvmlDeviceGetPcieReplayCounter, "pcieReplays")
#ifndef WITHOUT_nvmlDeviceGetEncoderUtilization
ENGINE_CALL(nvmlDeviceGetEncoderUtilization, "encoder")
#endif
ENGINE_CALL(nvmlDeviceGetDecoderUtilization, "decoder")
#ifndef WITHOUT_nvmlDeviceGetJpgUtilization
ENGINE_CALL(nvmlDeviceGetJpgUtilization, "jpg")
#endif
ENGINE_CALL(nvmlDeviceGetOfaUtilization, "ofa")

int nvmlDeviceGetPcieThroughput(void *handle, int counter, uint32_t *out) {
  ENTER(nvmlDeviceGetPcieThroughput, indexOf(handle));
  (void)counter;
  *out = 1;
  return OK;
}

int nvmlDeviceGetTotalEccErrors(void *handle, int type, int counter, uint64_t *out) {
  const char *key = type == 0 ? "eccCorrected" : "eccUncorrected";
  ENTER(nvmlDeviceGetTotalEccErrors, indexOf(handle));
  if (counter != 0) return INVALID;
  if (!text(indexOf(handle), key, NULL)) return NOT_SUPPORTED;
  *out = number(indexOf(handle), key, 0);
  return OK;
}

int nvmlDeviceGetRemappedRows(void *handle, uint32_t *corrected, uint32_t *uncorrected,
                              uint32_t *pending, uint32_t *failure) {
  ENTER(nvmlDeviceGetRemappedRows, indexOf(handle));
  if (!text(indexOf(handle), "remappedCorrected", NULL)) return NOT_SUPPORTED;
  *corrected = (uint32_t)number(indexOf(handle), "remappedCorrected", 0);
  *uncorrected = (uint32_t)number(indexOf(handle), "remappedUncorrected", 0);
  *pending = *failure = 1;
  return OK;
}

/*
 * The driver's buffers: `buffer0` is `timestampUs:value` entries apart by blanks, `bufferType0` their type.
 * With `bufferRepeat 100` each stands for a hundred, a millisecond apart.
 */
struct bufferSample { uint64_t timestamp; union { double d; uint64_t u; } value; };

#ifndef WITHOUT_nvmlDeviceGetSamples
int nvmlDeviceGetSamples(void *handle, int type, uint64_t lastSeen, uint32_t *valueType, uint32_t *count,
                         struct bufferSample *out) {
  int device = indexOf(handle);
  char key[32];
  uint32_t capacity = *count, held = 0, given = 0;
  ENTER(nvmlDeviceGetSamples, device);
  snprintf(key, sizeof key, "bufferType%d", type);
  *valueType = (uint32_t)number(device, key, 1);
  snprintf(key, sizeof key, "bufferResult%d", type);
  int result = (int)number(device, key, OK);
  if (result) return result;
  snprintf(key, sizeof key, "buffer%d", type);
  const char *at = text(device, key, NULL);
  if (!at) return NOT_SUPPORTED;
  unsigned long long repeats = number(device, "bufferRepeat", 1);
  for (char *end; *at; at = end) {
    struct bufferSample one;
    one.timestamp = strtoull(at, &end, 10);
    if (*valueType == 0) one.value.d = strtod(end + 1, &end);
    else one.value.u = (uint64_t)strtoll(end + 1, &end, 0);
    for (unsigned long long i = 0; i < repeats; i++, held++, one.timestamp += 1000)
      if (out && given < capacity && (one.timestamp > lastSeen || number(device, "garbage", 0)))
        out[given++] = one;
    while (*end == ' ') end++;
  }
  /* Without a place to write to, it tells how many the buffer may hold, new or not. */
  *count = out ? given : (uint32_t)number(device, "bufferRoom", held);
  return out && given == 0 ? NOT_FOUND : OK;
}
#endif

/* Profiling counters: `gpm 1` switches them on, `gpm5 41.5` is metric 5, `gpmResult5 3` its own result. */
enum { GPM_METRICS = 333, GPM_MAX_LIVE = 64 };
struct gpmSample { int device; int instance; long serial; };
struct gpmMetric { uint32_t id, result; double value; char *names[3]; };
struct gpmMetricsGet {
  uint32_t version, count;
  struct gpmSample *older, *newer;
  struct gpmMetric metrics[GPM_METRICS];
};

static long gpmLive, gpmPeak, gpmSerial, gpmOlder, gpmNewer;
static char gpmAsked[256];

/* Samples allocated and not given back; the most there ever were; the last two compared; the last metrics asked for. */
long assay_stub_gpm(int which) {
  long figures[] = {gpmLive, gpmPeak, gpmOlder, gpmNewer};
  return figures[which];
}
const char *assay_stub_gpm_asked(void) { return gpmAsked; }

#ifndef WITHOUT_nvmlGpmQueryDeviceSupport
int nvmlGpmQueryDeviceSupport(void *handle, uint32_t *support) {
  ENTER(nvmlGpmQueryDeviceSupport, indexOf(handle));
  if (support[0] != 1) return VERSION;
  support[1] = (uint32_t)number(indexOf(handle), "gpm", 0);
  return OK;
}
#endif

int nvmlGpmSampleAlloc(struct gpmSample **out) {
  ENTER(nvmlGpmSampleAlloc, -1);
  *out = calloc(1, sizeof **out);
  gpmLive++;
  if (gpmLive > gpmPeak) gpmPeak = gpmLive;
  return OK;
}

int nvmlGpmSampleFree(struct gpmSample *sample) {
  ENTER(nvmlGpmSampleFree, -1);
  free(sample);
  gpmLive--;
  return OK;
}

static void takeSample(void *handle, int instance, struct gpmSample *sample) {
  sample->device = indexOf(handle);
  sample->instance = instance;
  sample->serial = ++gpmSerial;
}

int nvmlGpmSampleGet(void *handle, struct gpmSample *sample) {
  ENTER(nvmlGpmSampleGet, indexOf(handle));
  takeSample(handle, -1, sample);
  return OK;
}

int nvmlGpmMigSampleGet(void *handle, uint32_t instance, struct gpmSample *sample) {
  ENTER(nvmlGpmMigSampleGet, indexOf(handle));
  takeSample(handle, (int)instance, sample);
  return OK;
}

#ifndef WITHOUT_nvmlGpmMetricsGet
int nvmlGpmMetricsGet(struct gpmMetricsGet *get) {
  ENTER(nvmlGpmMetricsGet, -1);
  if (get->version != 1) return VERSION;
  if (get->count > GPM_METRICS || get->older->device != get->newer->device ||
      get->older->instance != get->newer->instance || get->older->serial >= get->newer->serial)
    return INVALID;
  int device = get->newer->device;
  gpmOlder = get->older->serial;
  gpmNewer = get->newer->serial;
  gpmAsked[0] = 0;
  for (uint32_t i = 0; i < get->count; i++) {
    struct gpmMetric *metric = &get->metrics[i];
    char key[32];
    size_t length = strlen(gpmAsked);
    snprintf(gpmAsked + length, sizeof gpmAsked - length, "%u ", metric->id);
    snprintf(key, sizeof key, "gpmSkip%u", metric->id);
    if (number(device, key, 0)) continue;
    snprintf(key, sizeof key, "gpmResult%u", metric->id);
    metric->result = (uint32_t)number(device, key, OK);
    snprintf(key, sizeof key, "gpm%u", metric->id);
    metric->value = strtod(text(device, key, "0"), NULL);
  }
  /* As a driver with the largest header does: it writes to all of its own array. */
  for (uint32_t i = get->count; i < GPM_METRICS; i++) get->metrics[i].result = NOT_SUPPORTED;
  return OK;
}
#endif

/* Driver errors: `xids` is `device:code` entries apart by blanks, each delivered once and in order. */
struct event { void *device; uint64_t type, data; uint32_t gpuInstance, computeInstance; };
struct eventSet { uint64_t watched; };
static long eventsDelivered, eventSetsLive;

/* Event sets that were made and not given back. */
long assay_stub_event_sets(void) { return eventSetsLive; }

#ifndef WITHOUT_nvmlEventSetCreate
int nvmlEventSetCreate(struct eventSet **out) {
  ENTER(nvmlEventSetCreate, -1);
  *out = calloc(1, sizeof **out);
  eventSetsLive++;
  return OK;
}
#endif

int nvmlEventSetFree(struct eventSet *set) {
  ENTER(nvmlEventSetFree, -1);
  free(set);
  eventSetsLive--;
  return OK;
}

int nvmlDeviceRegisterEvents(void *handle, uint64_t types, struct eventSet *set) {
  ENTER(nvmlDeviceRegisterEvents, indexOf(handle));
  if (types & 8) set->watched |= 1ULL << indexOf(handle);
  return OK;
}

int nvmlEventSetWait_v2(struct eventSet *set, struct event *out, uint32_t timeoutMs) {
  ENTER(nvmlEventSetWait_v2, -1);
  if (timeoutMs) usleep(timeoutMs * 1000);
  for (int i = 0; i < 64; i++)
    if ((set->watched >> i & 1) && number(i, "lost", 0)) return 15;
  long at = 0;
  char *end;
  for (const char *entry = text(-1, "xids", ""); *entry; entry = end, at++) {
    uint32_t device = (uint32_t)strtoul(entry, &end, 10);
    uint64_t code = strtoull(end + 1, &end, 0);
    while (*end == ' ') end++;
    if (at < eventsDelivered) continue;
    eventsDelivered++;
    if (!(set->watched >> device & 1)) continue;
    struct event event = {(void *)(intptr_t)(FIRST_HANDLE + device), number(-1, "eventType", 8), code, 1, 1};
    *out = event;
    return OK;
  }
  return 10;
}
