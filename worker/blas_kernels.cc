#include "worker/blas_kernels.h"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace vizsla {
namespace {

constexpr const char* kVariable = "OPENBLAS_CORETYPE";

// Of OpenBLAS's names for x86-64 those whose kernels do without AVX2.
constexpr std::array<std::string_view, 17> kOlderThanAvx2 = {
    "Prescott", "Banias",  "Atom",         "Core2",     "Penryn",    "Dunnington",
    "Nehalem",  "Athlon",  "Opteron",      "Barcelona", "Nano",      "Sandybridge",
    "Bobcat",   "Generic", "Opteron_SSE3", "Bulldozer", "Piledriver"};

VectorUnits UnitsOfThisProcessor() {
  VectorUnits units;
#if defined(__x86_64__)
  __builtin_cpu_init();
  units.avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  units.avx512 = units.avx2 && __builtin_cpu_supports("avx512f") &&
                 __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512bw") &&
                 __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
  return units;
}

}  // namespace

std::optional<std::string> BetterBlasKernels(std::string_view chosen, VectorUnits units) {
  if (std::find(kOlderThanAvx2.begin(), kOlderThanAvx2.end(), chosen) == kOlderThanAvx2.end()) {
    return std::nullopt;
  }
  if (units.avx512) return "SkylakeX";
  if (units.avx2) return "Haswell";
  return std::nullopt;
}

void UseProcessorsBlasKernels(char** argv) {
  if (std::getenv(kVariable) != nullptr) return;
  // Absent when LibTorch brings another BLAS.
  using CoreName = char* (*)();
  const auto core_name = reinterpret_cast<CoreName>(::dlsym(RTLD_DEFAULT, "openblas_get_corename"));
  if (core_name == nullptr) return;
  const std::optional<std::string> better = BetterBlasKernels(core_name(), UnitsOfThisProcessor());
  if (!better) return;
  ::setenv(kVariable, better->c_str(), /*overwrite=*/0);
  // By its own name, for whoever looks at a list of processes.
  std::error_code unknown;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", unknown);
  if (!unknown) ::execv(program.c_str(), argv);
  // Slower, but right: what could not be started anew goes on as it is.
}

}  // namespace vizsla
