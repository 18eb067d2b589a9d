#!/bin/sh
# Slurm prolog: writes down for gpu-assay which job was given which GPU of this node.
# In slurm.conf: Prolog=/etc/slurm/slurm-prolog.sh, Epilog=/etc/slurm/slurm-epilog.sh, PrologFlags=Alloc
#
# One file a GPU, named by Slurm's number for it, holding one JSON object a line: a GPU that is shared
# by several jobs (shards, MPS) has several lines. slurmd runs this as root, so the files are root's.
# A failing prolog drains the node: whatever goes wrong here, the job must start.
set -u
umask 022
dir=${GPU_ASSAY_JOBS:-/run/gpu-assay/jobs}

[ -n "${SLURM_JOB_GPUS:-}" ] || exit 0
mkdir -p "$dir" || exit 0

# Only what cannot end a JSON text early is written; the rest becomes "_".
plain() { printf '%s' "$1" | tr -c 'A-Za-z0-9._@+-' '_'; }

line=$(printf '{"job":"%s","scheduler":"slurm","user":"%s","uid":%d,"account":"%s","partition":"%s"}' \
  "$(plain "$SLURM_JOB_ID")" "$(plain "${SLURM_JOB_USER:-}")" "${SLURM_JOB_UID:-65534}" \
  "$(plain "${SLURM_JOB_ACCOUNT:-}")" "$(plain "${SLURM_JOB_PARTITION:-}")")

(
  # Two jobs may start at once on a shared GPU. The lock's name is none of a GPU's, so it is not read.
  flock -w 5 9 || exit 0
  for gpu in $(printf '%s' "$SLURM_JOB_GPUS" | tr ',' ' '); do
    case $gpu in *[!A-Za-z0-9.-]*) continue ;; esac
    {
      [ ! -f "$dir/$gpu" ] || grep -vF "\"job\":\"$SLURM_JOB_ID\"" "$dir/$gpu"
      printf '%s\n' "$line"
    } > "$dir/.new" && mv -f "$dir/.new" "$dir/$gpu"
  done
) 9> "$dir/.lock"
exit 0
