#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test; ends with ctest's summary.
#
#   deploy/test.sh [ctest arguments, for instance -L unit or -R worker]
#
# Tests on real photos run when VIZSLA_REAL_DATA names their folder, or ../shared/data exists; otherwise
# they say that they are skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${VIZSLA_REAL_DATA:-}" ] && [ -d ../shared/data ]; then
  VIZSLA_REAL_DATA=$(cd ../shared/data && pwd)
  export VIZSLA_REAL_DATA
fi
deploy/install-deps.sh --tests
deploy/build.sh release
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
exec ctest --preset release "$@"
