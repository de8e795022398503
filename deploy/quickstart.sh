#!/usr/bin/env bash
# From a fresh Debian 12 to a tested model: installs, builds, generates photos, searches with mpirun, shows
# the leaderboard, pulls the best checkpoint and evaluates it once on the sealed test split.
#
#   deploy/quickstart.sh [FOLDER]      default: build/quickstart
#
# Idempotent: a second run finds everything built and the search finished, and shows the board again.
set -euo pipefail
repository=$(cd "$(dirname "$0")/.." && pwd)
cd "$repository"
step() { printf '\n=== %s\n' "$*"; }

step "1/7 install"
deploy/install-deps.sh
step "2/7 build"
deploy/build.sh release programs
export PATH="$repository/build/release/bin:$PATH"

folder=${1:-$repository/build/quickstart}
mkdir -p "$folder"
cd "$folder"
step "3/7 generate photos in $folder/demo"
if [ ! -d demo ]; then  # drawn beside it and moved: an interrupted run leaves no half of it
  rm -rf demo.part
  vizsla dataset synthesize demo.part/ --classes 8 --per-class 60
  mv demo.part demo
fi
vizsla dataset inspect demo/ -o inspect/

step "4/7 what the search will cost"
vizsla submit "$repository/search_spaces/quickstart.yaml" --data demo/ --dry-run

step "5/7 search with two ranks"
# As root (in a container), Open MPI wants to be told that this is meant.
if [ "$(id -u)" -eq 0 ]; then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi
mpirun --oversubscribe --mca odls_base_sigkill_timeout 30 -np 2 \
  vizsla-worker --search "$repository/search_spaces/quickstart.yaml" --data demo/

step "6/7 leaderboard"
vizsla leaderboard

step "7/7 pull the best and test it"
vizsla pull quickstart -o best/ --force
vizsla evaluate best/ --data demo/ --split test
vizsla predict best/ --data demo/ --submission submission.csv
cat <<DONE

The database is $folder/vizsla.db; try from there:
  export PATH=$repository/build/release/bin:\$PATH; cd $folder
  vizsla studies; vizsla trial best; vizsla leaderboard --json
DONE
