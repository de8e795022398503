#!/usr/bin/env bash
# Builds, and measures what training costs beside plain PyTorch on this machine: docs/results.md.
#
#   deploy/benchmark.sh [--only search,features,...] [other options of tests/benchmark/training_benchmark.py]
#
# The search of 40 heads wants real photos and weights: VIZSLA_REAL_DATA names their folder (dog-breeds.zip and
# mobilenet_v2_keras_imagenet.safetensors), or ../shared/data has them. Nothing else should run meanwhile.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${VIZSLA_REAL_DATA:-}" ] && [ -d ../shared/data ]; then VIZSLA_REAL_DATA=$(cd ../shared/data && pwd); fi
deploy/install-deps.sh --tests
deploy/build.sh release
inputs=()
if [ -n "${VIZSLA_REAL_DATA:-}" ]; then
  inputs=(--data "$VIZSLA_REAL_DATA/dog-breeds.zip"
    --weights "$VIZSLA_REAL_DATA/mobilenet_v2_keras_imagenet.safetensors")
fi
exec /usr/bin/python3 tests/benchmark/training_benchmark.py --bin build/release/bin --folder build \
  --json build/training_benchmark.json "${inputs[@]}" "$@"
