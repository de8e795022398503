#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test; ends with ctest's summary.
#
#   deploy/test.sh [ctest arguments, for instance -L unit or -R worker]
#
# Tests on real photos run when VIZSLA_REAL_DATA names their folder, or ../shared/data exists. What was
# skipped, and why, is listed before the summary.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${VIZSLA_REAL_DATA:-}" ] && [ -d ../shared/data ]; then
  VIZSLA_REAL_DATA=$(cd ../shared/data && pwd)
  export VIZSLA_REAL_DATA
fi
deploy/install-deps.sh --tests
deploy/build.sh release
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

results=build/release/Testing
mkdir -p "$results"
status=0
ctest --preset release "$@" | tee "$results/summary.log" || status=$?
# GoogleTest counts a skipped case as passed and ctest shows no output of a passed program.
skipped=$(grep -hA1 ': Skipped$' "$results"/Temporary/LastTest.log 2>/dev/null | grep -v -e ': Skipped$' -e '^--$' |
  sort | uniq -c || true)
if [ -n "$skipped" ]; then
  printf '\nSkipped cases, and what they need:\n%s\n\n' "$skipped"
  sed -n '/tests passed/,$p' "$results/summary.log"
fi
exit "$status"
