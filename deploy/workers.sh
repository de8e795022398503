#!/usr/bin/env bash
# Works on a coordinator's studies with several jobs on this host, one for each trial group: a job that crashes takes
# only its own trial with it, and is started again.
#
#   deploy/workers.sh JOBS [--ranks-per-trial N] --coordinator HOST:PORT --data DATA [other options of vizsla-worker]
#
# Each job is `mpirun -np N vizsla-worker`. The host's cores are divided among the ranks unless --threads-per-rank says
# otherwise, and its GPUs (nvidia-smi, or CUDA_VISIBLE_DEVICES) are dealt out in turn. A job that ends by itself (nothing
# left: 0; wrong usage: 2) is not started again; one that was refused (1: no coordinator, no study) or crashed is, after
# 1, 2, 4 ... 60 seconds, and no more after ten failures that each came within five minutes. SIGTERM and Ctrl-C
# drain all jobs: each finishes its step, stores its checkpoint and gives its trial back. The exit code is that of the
# first job that was given up, or 0.
set -euo pipefail
usage() { sed -n '2,15p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2; }

say() { printf 'workers: %s\n' "$*" >&2; }

[[ ${1:-} =~ ^[1-9][0-9]*$ ]] || usage
jobs=$1
shift
ranks=1 threads=
for ((i = 1; i <= $#; i++)); do
  value=${*:i+1:1}
  case "${!i}" in
    --ranks-per-trial) ranks=$value ;;
    --ranks-per-trial=*) ranks=${!i#*=} ;;
    --threads-per-rank | --threads-per-rank=*) threads=given ;;
  esac
done
[[ $ranks =~ ^[1-9][0-9]*$ ]] || usage
options=("$@")
if [ -z "$threads" ]; then
  threads=$(($(nproc) / (jobs * ranks)))
  options+=(--threads-per-rank "$((threads > 0 ? threads : 1))")
fi

worker=$(command -v vizsla-worker || echo "$(cd "$(dirname "$0")/.." && pwd)/build/release/bin/vizsla-worker")
if [ ! -x "$worker" ]; then say "there is no vizsla-worker on the PATH or at $worker"; exit 2; fi
if [ "$(id -u)" -eq 0 ]; then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi

gpus=()
if [ -n "${CUDA_VISIBLE_DEVICES:-}" ]; then
  IFS=, read -ra gpus <<<"$CUDA_VISIBLE_DEVICES"
elif command -v nvidia-smi >/dev/null; then
  mapfile -t gpus < <(nvidia-smi --query-gpu=index --format=csv,noheader 2>/dev/null || true)
fi
gpus_of() {  # the GPUs of job $1
  local chosen=() r
  for ((r = 0; r < ranks; r++)); do chosen+=("${gpus[(($1 * ranks + r)) % ${#gpus[@]}]}"); done
  (IFS=,; echo "${chosen[*]}")
}

# To the ranks themselves: mpirun, on its own SIGTERM, lets its whole grace time pass before they hear of it.
drain() {  # mpirun $1
  local started
  started=$(cat "/proc/$1/task/"*/children 2>/dev/null || true)
  # shellcheck disable=SC2086  # several process ids
  kill -TERM ${started:-$1} 2>/dev/null || true
}

run_job() {  # keeps job $1 running; its exit code is the last one's
  local job=$1 failures=0 wait_s=1 started status child=
  local draining=
  trap 'draining=1; [ -z "$child" ] || drain "$child"' TERM
  if [ ${#gpus[@]} -gt 0 ]; then export CUDA_VISIBLE_DEVICES; CUDA_VISIBLE_DEVICES=$(gpus_of "$job"); fi
  while :; do
    started=$SECONDS
    # In the background, so that a signal is seen at once. No grace time: drain does without, and a broken job is gone
    # sooner.
    mpirun --oversubscribe -np "$ranks" "$worker" "${options[@]}" </dev/null &
    child=$!
    status=0
    wait "$child" || status=$?
    while kill -0 "$child" 2>/dev/null; do status=0; wait "$child" || status=$?; done
    if [ -n "$draining" ] || [ "$status" -eq 0 ]; then return 0; fi
    if [ "$status" -eq 2 ]; then return 2; fi
    if ((SECONDS - started >= 300)); then failures=0 wait_s=1; fi
    failures=$((failures + 1))
    if ((failures == 10)); then
      say "job $((job + 1)) has failed ten times (exit code $status): given up"
      return "$status"
    fi
    say "job $((job + 1)) has ended with exit code $status; it is started again in $wait_s s"
    child=
    sleep "$wait_s" &
    wait $! || true
    if [ -n "$draining" ]; then return 0; fi
    wait_s=$((wait_s * 2 < 60 ? wait_s * 2 : 60))
  done
}

children=()
# Ctrl-C reaches the jobs from the terminal too; a second SIGTERM does no harm.
trap 'kill -TERM "${children[@]}" 2>/dev/null || true' TERM INT
for ((job = 0; job < jobs; job++)); do
  run_job "$job" &
  children+=($!)
done
result=0
for child in "${children[@]}"; do
  status=0
  wait "$child" || status=$?
  while kill -0 "$child" 2>/dev/null; do status=0; wait "$child" || status=$?; done
  if [ "$result" -eq 0 ]; then result=$status; fi
done
exit "$result"
