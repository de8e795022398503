#!/bin/bash
# Tests and benchmarks that need a GPU, one after the other; none stops the next.
#   deploy/gpu-tests.sh [BIN [OUT]]
# BIN: the folder of gpu_test, comm_nccl_test, train_step_benchmark, device_heads_benchmark and, if it is there, comm_nccl_mpi_test
# (default build/gpu/bin). OUT: where logs go (default: gpu-results beside BIN). Ends with 1 when a test failed; without a GPU the tests say that they are skipped.
# VIZSLA_PEER_PYTHON (default python3): a Python with torch and torchvision, for PyTorch's own step times.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
bin=${1:-$root/build/gpu/bin}
out=${2:-$(dirname "$bin")/gpu-results}
python=${VIZSLA_PEER_PYTHON:-python3}
benchmarks=${VIZSLA_BENCHMARKS:-$root/tests/benchmark}
device=${VIZSLA_GPU:-cuda:0}
read -ra rows <<<"${VIZSLA_ROWS:-}"  # which step times: "--network resnet50 --precision bfloat16"
mkdir -p "$out"
failed=0

# run NAME SECONDS COMMAND...: its output goes to OUT/NAME.log, its end to the screen.
run() {
  local name=$1 limit=$2 start=$SECONDS status
  shift 2
  timeout --kill-after=5 "$limit" "$@" >"$out/$name.log" 2>&1
  status=$?
  case $status in
    0) echo "PASSED  $name ($((SECONDS - start)) s)" ;;
    77) echo "SKIPPED $name: $(tail -n 1 "$out/$name.log")" ;;
    124 | 137) echo "TIMEOUT $name after $limit s"; failed=1 ;;
    *) echo "FAILED  $name (exit code $status, $((SECONDS - start)) s)"; failed=1 ;;
  esac
  if [ "$status" != 0 ] && [ "$status" != 77 ]; then
    grep -E '^\[  FAILED  \]|Failure$|error|Error' "$out/$name.log" | head -n 12
    tail -n 4 "$out/$name.log"
  fi
}

{
  nvidia-smi
  nproc
  uname -r
  ldd "$bin/gpu_test" | grep -E 'not found|libtorch|nccl|cudart|libstdc'
} >"$out/environment.log" 2>&1
grep -m 1 -E 'NVIDIA [A-Z]+[0-9]+' "$out/environment.log"
grep 'not found' "$out/environment.log"

run nccl 20 "$bin/comm_nccl_test"
# Two ranks with a GPU each, where there are two and an mpirun; as root only where the user allows it to mpirun.
if [ -x "$bin/comm_nccl_mpi_test" ] && command -v mpirun >"$out/mpirun.log" &&
  { [ "$(id -u)" != 0 ] || [ "${OMPI_ALLOW_RUN_AS_ROOT:-}" = 1 ]; }; then
  run nccl_two_ranks 40 mpirun --oversubscribe -np 2 "$bin/comm_nccl_mpi_test"
fi
run gpu_test "${VIZSLA_TESTS_LIMIT:-480}" "$bin/gpu_test"
if [ "${VIZSLA_ONLY_TESTS:-}" = 1 ]; then exit $failed; fi
run heads "${VIZSLA_STEPS_LIMIT:-65}" "$bin/device_heads_benchmark" --device "$device" --seconds "${VIZSLA_SECONDS:-0.4}"
run ours "${VIZSLA_STEPS_LIMIT:-65}" "$bin/train_step_benchmark" --device "$device" \
  --seconds "${VIZSLA_SECONDS:-0.4}" "${rows[@]}"
run eager "${VIZSLA_STEPS_LIMIT:-65}" "$python" "$benchmarks/train_step_peer.py" eager --device "$device" \
  --seconds "${VIZSLA_SECONDS:-0.4}" "${rows[@]}"
run compile "${VIZSLA_COMPILE_LIMIT:-60}" "$python" "$benchmarks/train_step_peer.py" compile --device "$device" \
  --seconds "${VIZSLA_SECONDS:-0.4}" "${rows[@]}"
"$python" "$benchmarks/train_step_ratios.py" "$out/ours.log" "$out/eager.log" "$out/compile.log" | tee "$out/ratios.md"
exit $failed
