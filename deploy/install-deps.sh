#!/usr/bin/env bash
# Installs what Vizsla needs on Debian 12, from Debian's own packages, by name.
#
#   deploy/install-deps.sh           what the programs need
#   deploy/install-deps.sh --tests   besides: the independent references the tests compare with
#
# Idempotent: when everything is there it does not call apt at all. Without root it names the
# packages that are missing and the command to ask an administrator for.
set -euo pipefail

packages=(
  # tools
  g++ cmake ninja-build ccache pkg-config git python3
  # base libraries
  libabsl-dev libspdlog-dev libfmt-dev libyaml-cpp-dev libcli11-dev nlohmann-json3-dev libzip-dev
  libssl-dev zlib1g-dev
  # samplers: Sobol's direction numbers, linear algebra
  libboost-dev libeigen3-dev
  # storage and transport
  libsqlite3-dev libgrpc++-dev libgrpc-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc
  libopenmpi-dev openmpi-bin
  # the coordinator's metrics, and its allocator (optional: without it the C library's)
  prometheus-cpp-dev libcurl4-openssl-dev libtcmalloc-minimal4
  # pictures
  libopencv-dev libjpeg62-turbo-dev gnuplot-nox
  # training: the reference BLAS that LibTorch would otherwise pull in is 20 times slower
  libtorch-dev libopenblas0-pthread
  # small, and configuring the build looks for them also when only the programs are built
  libgtest-dev libgmock-dev libbenchmark-dev
)
test_packages=(
  clang-format clang-tidy
  python3-torch python3-torchvision python3-sklearn python3-numpy python3-jsonschema python3-grpcio
  python3-prometheus-client
)

for argument in "$@"; do
  case "$argument" in
    --tests) packages+=("${test_packages[@]}") ;;
    -h|--help) sed -n '2,8p' "$0" | sed 's/^# \{0,1\}//'; exit 0 ;;
    *) echo "install-deps.sh: unknown argument '$argument' (try --help)" >&2; exit 2 ;;
  esac
done

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "install-deps: all ${#packages[@]} packages are installed"
  exit 0
fi

if [ "$(id -u)" -eq 0 ]; then
  as_root=()
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
  as_root=(sudo -n)
else
  cat >&2 <<MESSAGE
install-deps: ${#missing[@]} packages are missing and this user may not install them.
Ask an administrator for:
  apt-get install --no-install-recommends ${missing[*]}
MESSAGE
  exit 1
fi

echo "install-deps: installing ${#missing[@]} packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/tmp/vizsla-install-deps.$$.log 2>&1 || {
  tail -n 30 "/tmp/vizsla-install-deps.$$.log" >&2
  echo "install-deps: apt-get failed; the whole log is /tmp/vizsla-install-deps.$$.log" >&2
  exit 1
}
rm -f "/tmp/vizsla-install-deps.$$.log"
echo "install-deps: done"
