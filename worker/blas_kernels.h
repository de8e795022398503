// Which of OpenBLAS's kernels run. OpenBLAS knows processors by their model numbers, and gives one
// that is newer than itself kernels for SSE3 (Debian 12's 0.3.21 on an Intel Xeon of 2023: 20
// GFLOP/s a core instead of 120). What a processor can do is better asked of the processor.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vizsla {

// What the kernels below need: AVX2 is AVX2 and FMA; AVX-512 is F, CD, BW, DQ and VL.
struct VectorUnits {
  bool avx2 = false;
  bool avx512 = false;
};

// The kernels, as OPENBLAS_CORETYPE names them, that are to replace those of `chosen`
// (openblas_get_corename()); nullopt when `chosen` was made for AVX2 or later, is unknown to us, or
// the processor has nothing better. Pure.
std::optional<std::string> BetterBlasKernels(std::string_view chosen, VectorUnits units);

// To be called first in main. When OpenBLAS is the BLAS, has chosen kernels older than the
// processor, and the user has set no OPENBLAS_CORETYPE: sets it and starts this program anew in the
// same process, since OpenBLAS reads it when it is loaded. Returns in all other cases. Standard
// input must not have been read yet.
void UseProcessorsBlasKernels(char** argv);

}  // namespace vizsla
