#!/usr/bin/env bash
# Configures and builds one preset, showing what it does. Used by quickstart.sh and test.sh.
#
#   deploy/build.sh [release|dev|asan-ubsan|tsan|coverage|libtorch2] [target ...]
#
# Without targets everything is built. Compiler output is cached by ccache, so a second build is quick.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-release}
shift || true

started=$SECONDS
echo "build: configuring preset '$preset'"
cmake --preset "$preset" >"/tmp/vizsla-configure.$$.log" 2>&1 || {
  cat "/tmp/vizsla-configure.$$.log" >&2
  echo "build: configuring failed" >&2
  exit 1
}
rm -f "/tmp/vizsla-configure.$$.log"
echo "build: compiling into build/$preset (the first time takes several minutes)"
# Ninja's status line would fill a log with hundreds of lines; on a terminal it redraws one.
export NINJA_STATUS='[%f/%t %es] '
cmake --build "build/$preset" --parallel "$(nproc)" ${1:+--target "$@"}
echo "build: done in $((SECONDS - started)) s"
