#!/usr/bin/env bash
# A picture of a report's page as Chromium shows it, without a desktop and without the network.
#
#   deploy/report-screenshot.sh REPORT [PICTURE.png] [WIDTHxHEIGHT]     default: REPORT.png 1440x6000
#
# REPORT is the folder that `vizsla report -o` wrote. What lies below HEIGHT is cut off. Exit code 77, as test programs
# say "skipped", when there is no Chromium (Debian: apt-get install chromium).
set -euo pipefail
fail() { printf 'report-screenshot: %s\n' "$2" >&2; exit "$1"; }

if [ $# -lt 1 ] || [ $# -gt 3 ]; then fail 2 "usage: $0 REPORT [PICTURE.png] [WIDTHxHEIGHT]"; fi
report=${1%/}
picture=${2:-$report.png}
size=${3:-1440x6000}
[[ $size =~ ^[1-9][0-9]*x[1-9][0-9]*$ ]] || fail 2 "'$size' is no size; write it as 1440x6000"
[ -f "$report/index.html" ] || fail 1 "$report/index.html is not there; vizsla report -o $report writes it"
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
[ -n "$browser" ] || fail 77 "no chromium here"

# As an address: what means something there is escaped.
address=$(realpath "$report/index.html")
address=${address//%/%25}
address=${address//#/%23}
address=${address//\?/%3F}
address=${address// /%20}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
options=(--headless --disable-gpu --disable-dev-shm-usage --hide-scrollbars --no-first-run
  --user-data-dir="$scratch/profile" --window-size="${size/x/,}" --screenshot="$scratch/page.png")
# Chromium refuses its sandbox to root (in a container).
if [ "$(id -u)" -eq 0 ]; then options+=(--no-sandbox); fi
HOME=$scratch timeout 120 "$browser" "${options[@]}" "file://$address" >"$scratch/log" 2>&1 || {
  cat "$scratch/log" >&2
  fail 1 "$browser failed"
}
[ -s "$scratch/page.png" ] || { cat "$scratch/log" >&2; fail 1 "$browser made no picture"; }
mkdir -p "$(dirname "$picture")"
cp "$scratch/page.png" "$picture"
echo "$picture"
