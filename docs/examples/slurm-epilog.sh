#!/bin/sh
# Slurm epilog: takes back what slurm-prolog.sh wrote down when the job is over.
# A file without a line says that its GPU is nobody's.
set -u
umask 022
dir=${GPU_ASSAY_JOBS:-/run/gpu-assay/jobs}

[ -n "${SLURM_JOB_ID:-}" ] && [ -d "$dir" ] || exit 0
(
  flock -w 5 9 || exit 0
  for file in "$dir"/*; do
    [ -f "$file" ] && grep -qF "\"job\":\"$SLURM_JOB_ID\"" "$file" || continue
    grep -vF "\"job\":\"$SLURM_JOB_ID\"" "$file" > "$dir/.new"
    mv -f "$dir/.new" "$file"
  done
) 9> "$dir/.lock"
exit 0
