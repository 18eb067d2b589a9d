/**
 * The default configuration with comments: what `assay config print` prints. A test checks that it
 * is valid and says the same as the schema's own defaults.
 */
export const DEFAULT_CONFIG_TEXT = `# gpu-assay configuration. Every setting is optional; these are the defaults.
# Durations and sizes carry their unit: 250ms, 10s, 5m, 2h, 7d; 512MiB, 20GB.

# node: gpu-node-17            # name in ledger, reports and alerts; the host name by default

windowLength: 10s              # length of a labelled slice of time

collect:
  interval: 1s                 # time between two readings
  fast:                        # sampled faster while a label is unsure or an incident is pending
    interval: 100ms
    hold: 20s                  # for this long after the last reason
    budget: 0.1                # of all time at most; 0 never
  procRoot: /proc              # where the host's /proc is mounted
  pids: auto                   # or trusted: the driver's process ids are those of procRoot, unchecked
  sysRoot: /sys                # and where its /sys is
  nvml:
    enabled: true
    # library: /usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1
  nvidiaSmi:                   # only where the NVML library cannot be loaded
    enabled: true
    # path: /usr/bin/nvidia-smi
  dcgm: {}
    # url: http://127.0.0.1:9400/metrics   # a dcgm-exporter, for devices nothing else here sees
  drm:                         # AMD and Intel, through /sys and /proc
    enabled: true
  registries:                  # who says whose a container or a GPU is; docs/registries.md
    interval: 10s
    labels: []                 # of containers, to keep: [team, example.org.]
    kubelet:
      enabled: true
      socket: /var/lib/kubelet/pod-resources/kubelet.sock
      logRoot: /var/log        # of pods and containers: their names are read, no log
    docker:
      enabled: true
      socket: /var/run/docker.sock
    podman:
      enabled: true
      socket: /run/podman/podman.sock
      userRoot: /run/user      # where users have sockets of their own
    containerd:
      enabled: true
      socket: /run/containerd/containerd.sock
    jobs:                      # files that a scheduler's prolog writes, one a GPU
      enabled: true
      directory: /run/gpu-assay/jobs
      scheduler: slurm         # of jobs that do not say theirs
  host:                        # the processes around those on a GPU; docs/host.md
    enabled: true
    interval: 5s
    sockets: true              # and their connections
  launches:                    # kernel launches of GPU processes, traced by bpftrace; docs/launches.md
    mode: off                  # or on-doubt, interval
    window: 2s                 # how long one look lasts
    interval: 1m               # from one look to the next, at least
    # path: /usr/bin/bpftrace

owners:                        # who GPU time belongs to; docs/attribution.md
  rules: []                    # before the built-in ones, in this order
  # - name: pbs
  #   when:
  #     cgroup: "/pbs_jobs.service/jobid/\${job}/**"
  #   owner: { kind: job, id: "pbs:\${job}" }
  teams: []                    # the first that fits an owner counts
  # - when: { namespace: "vision-*" }   # or user, account, owner
  #   team: vision
  #   costCentre: "4100"

probe:                         # short kernels of our own on the GPUs; docs/probes.md
  mode: off                    # or idle-only, on-doubt, interval
  interval: 1m                 # from one round to the next
  budget: 0.001                # of each GPU's time at most, as measured: 60 ms a minute

ledger:
  # maxSize: 20GB              # the ledger file never grows beyond this
  maxQueuedBatches: 2000       # kept in memory while the disk cannot be written
  signEvery: 10m               # the head of the chain of records, by the node's key; docs/ledger.md
  anchor:                      # that head, told outside of the ledger
    every: 1h
    log: true                  # a line of the daemon's log
    # file: /mnt/audit/node17-anchors.jsonl   # on another machine, or a medium that only appends
    # webhook: on-call         # one of alert.webhooks
  keep:                        # each from 1d on, or forever; sums of whole hours always are; docs/ledger.md
    detail: 90d                # slices, evidence, processes, contexts
    segments: 400d             # stretches of one owner and label
    outbox: 30d                # messages that were delivered or given up

prices:
  # file: /etc/gpu-assay/prices.yaml   # docs/billing.md explains the format

billing: {}                    # who bills, in FOCUS; the node's name where nothing is said
  # billingAccountId: research-cluster
  # billingAccountName: Research cluster
  # provider: Example University          # who makes the GPUs available
  # publisher: Example University         # and who publishes the service
  # invoiceIssuer: Example University IT
  # region: eu-central-example

alert:
  mining:
    dwell: 2m                  # mining-like time before an alert
    clear: 5m                  # quiet time before it is resolved
    minConfidence: 0.8
  hidden:                      # busy time that no visible process explains
    enabled: true
    dwell: 5m
  tunnel:                      # ssh -R and the like beside GPU work
    enabled: true
    dwell: 1m
  network:                     # pool connections, probing, destinations that are not allowed
    enabled: true
    dwell: 30s
  budgets: []
  # - owner: user:alice
  #   limit: 250.00            # in the price list's currency
  #   period: month            # or day
  webhooks: []
  # - name: on-call
  #   url: https://alerts.example.org/gpu-assay
  #   secretFile: /etc/gpu-assay/webhook.secret   # or secretEnv: NAME_OF_VARIABLE
  #   allowInsecure: false     # plain http to another host
  timeout: 15s

indicators:                    # lists of miners and tunnels; docs/evidence.md
  files: []                    # more of them, beside what assay indicators update has kept

egress: []                     # where owners may connect to; of others nothing is said
# - owner: "job:*"             # an owner key; * stands for anything
#   allow: [10.0.0.0/8, example.org, ":443"]

serve:
  enabled: true
  listen: 127.0.0.1:9836

context:                       # what runs and agents say they do; docs/run-context.md
  otlp:                        # OTLP over HTTP at serve.listen: /v1/traces, /v1/logs
    enabled: false             # anybody who reaches the address may send, but for a token
    # tokenFile: /etc/gpu-assay/context.token   # or tokenEnv: NAME_OF_VARIABLE
  # file: /var/log/agents/context.jsonl         # JSON lines, or a directory of them

log:
  level: info
`;
