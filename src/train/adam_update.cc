#include "src/train/adam_update.h"

#include <cmath>

#include "src/base/for_each_cpu.h"

namespace vizsla {

VIZSLA_FOR_EACH_CPU void UpdateAdam(float* __restrict parameter, const float* __restrict gradient,
                                    float* __restrict mean, float* __restrict square, int64_t count,
                                    const AdamFactors& factors) {
  const AdamFactors f = factors;
  for (int64_t i = 0; i < count; ++i) {
    const float g = gradient[i];
    const float m = f.beta1 * mean[i] + f.rest1 * g;
    const float v = f.beta2 * square[i] + f.rest2 * (g * g);
    mean[i] = m;
    square[i] = v;
    parameter[i] =
        f.keep * parameter[i] - f.step * (m / (std::sqrt(v) / f.root_correction + f.eps));
  }
}

}  // namespace vizsla
