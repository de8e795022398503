#!/usr/bin/env bash
# Runs the hand-made campaign again, row by row, tests each row's best weights once, and prints the table beside
# the published one.
#
#   deploy/campaign.sh DATA WEIGHTS [--scratch-epochs N] [--ranks N] [--folder FOLDER] [--inception-weights FILE]
#
# DATA: a Kaggle zip or folder, or one folder a class. WEIGHTS: of MobileNetV2. Without --scratch-epochs the networks
# from scratch train as long as the campaign's did (30, 100 and 30 epochs: many hours on two cores). The InceptionV3 rows
# need weights of InceptionV3. Everything lies in FOLDER (default build/campaign); run again, it goes on where it was.
set -euo pipefail
repository=$(cd "$(dirname "$0")/.." && pwd)
usage() { sed -n '2,10p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2; }

data= weights= inception_weights= scratch_epochs= ranks=2 folder=$repository/build/campaign
while [ $# -gt 0 ]; do
  case "$1" in
    --scratch-epochs) scratch_epochs=${2:?}; shift 2 ;;
    --ranks) ranks=${2:?}; shift 2 ;;
    --folder) folder=${2:?}; shift 2 ;;
    --inception-weights) inception_weights=$(realpath "${2:?}"); shift 2 ;;
    -*) usage ;;
    *) if [ -z "$data" ]; then data=$(realpath "$1"); elif [ -z "$weights" ]; then weights=$(realpath "$1"); else usage; fi
       shift ;;
  esac
done
[ -n "$weights" ] || usage

export PATH="$repository/build/release/bin:$PATH"
if [ "$(id -u)" -eq 0 ]; then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi
mkdir -p "$folder"
cd "$folder"

# Only the scratch rows are shortened; all else stays the campaign's.
cp "$repository/search_spaces/campaign.yaml" campaign.yaml
if [ -n "$scratch_epochs" ]; then
  sed -i -E "/network: scratch_/s/epochs: [0-9]+/epochs: $scratch_epochs/" campaign.yaml
fi
search() {
  mpirun --oversubscribe --mca odls_base_sigkill_timeout 30 -np "$ranks" \
    vizsla-worker --search "$1" --data "$data" --weights "$2"
}
studies=(campaign)
search campaign.yaml "$weights"
if [ -n "$inception_weights" ]; then
  search "$repository/search_spaces/campaign_inception.yaml" "$inception_weights"
  studies+=(campaign-inception)
fi

# Each row's best weights are read on the test split once; a second run takes what the first one wrote.
for study in "${studies[@]}"; do
  vizsla leaderboard "$study" --json >"$study.json"
  for trial in $(python3 -c "
import json
print(*[row['trial'] for row in json.load(open('$study.json')) if row['objective'] is not None])"); do
    [ -f "$study-$trial.json" ] && continue
    vizsla pull "$study" --trial "$trial" -o "models/$study-$trial" --force >/dev/null
    vizsla evaluate "models/$study-$trial" --data "$data" --split test --json >"$study-$trial.part"
    mv "$study-$trial.part" "$study-$trial.json"
  done
done
python3 "$repository/deploy/campaign_table.py" "${studies[@]}"
