#!/bin/bash
# What deploy/gpu-tests.sh needs on a GPU machine that has PyTorch's wheel and Ubuntu 24.04 or later, but none of
# Debian's libraries and no way to fetch them:
#   deploy/gpu-bundle.sh BUILD FOLDER
# BUILD: a build tree with gpu_test, comm_nccl_test, train_step_benchmark and device_heads_benchmark. There: bash FOLDER/run.sh
set -eu
build=$1
folder=$2
root=$(cd "$(dirname "$0")/.." && pwd)
rm -rf "$folder"
mkdir -p "$folder/bin" "$folder/lib" "$folder/deploy" "$folder/benchmark"
cp "$root/deploy/gpu-tests.sh" "$folder/deploy/"
cp "$root"/tests/benchmark/train_step_*.py "$folder/benchmark/"
for program in gpu_test comm_nccl_test train_step_benchmark device_heads_benchmark; do
  cp "$build/bin/$program" "$folder/bin/"
  strip "$folder/bin/$program"
done
# Debian's libraries but for glibc's, the compiler's and what the wheel or the driver brings.
for program in "$folder"/bin/*; do
  ldd "$program" | awk '$2 == "=>" && $3 ~ "^/(usr/)?lib/" { print $3 }'
done | sort -u |
  grep -vE '/(libc|libm|libdl|librt|libpthread|libgcc_s|libstdc\+\+|ld-linux[^/]*|libcuda|libresolv|libutil)\.so' |
  while read -r library; do cp -L "$library" "$folder/lib/"; done
cat >"$folder/run.sh" <<'RUN'
#!/bin/bash
# Runs deploy/gpu-tests.sh against the LibTorch of this machine's python3; logs go to $OUT.
here=$(cd "$(dirname "$0")" && pwd)
export PYTHONUNBUFFERED=1 OMP_NUM_THREADS=${OMP_NUM_THREADS:-8}
site=$(python3 -c 'import os, torch; print(os.path.dirname(torch.__path__[0]))')
libraries=$here/lib:$site/torch/lib
for folder in "$site"/nvidia/*/lib; do libraries=$libraries:$folder; done
python3 -c 'import torch, torchvision; print("torch", torch.__version__, "torchvision", torchvision.__version__,
  "CUDA", torch.version.cuda, torch.cuda.get_device_name(0) if torch.cuda.is_available() else "no GPU")'
# For the programs alone: python3 finds its own.
mkdir -p "${OUT:=/tmp/gpu-results}"
wrapped=$(mktemp -d)
for program in "$here"/bin/*; do
  printf '#!/bin/bash\nexport LD_LIBRARY_PATH=%q\nexec %q "$@"\n' "$libraries" "$program" >"$wrapped/${program##*/}"
  chmod +x "$wrapped/${program##*/}" "$program"
done
for program in "$here"/bin/*; do LD_LIBRARY_PATH=$libraries ldd "$program" | grep 'not found'; done | sort -u
VIZSLA_BENCHMARKS=$here/benchmark exec bash "$here/deploy/gpu-tests.sh" "$wrapped" "$OUT"
RUN
du -sh "$folder"
