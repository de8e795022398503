// Adam's arithmetic over plain arrays; a unit of its own, so that it is compiled for the processor
// it runs on and without errno for square roots (which would keep the loop from being vectorised).
#pragma once

#include <cstdint>

namespace vizsla {

struct AdamFactors {
  float keep;          // what weight decay leaves of the parameter; 1 without it
  float beta1, rest1;  // rest = 1 - beta
  float beta2, rest2;
  float step;             // learning rate / (1 - beta1^t)
  float root_correction;  // sqrt(1 - beta2^t)
  float eps;
};

// parameter, mean and square are updated in place; the four arrays of `count` do not overlap.
void UpdateAdam(float* parameter, const float* gradient, float* mean, float* square, int64_t count,
                const AdamFactors& factors);

}  // namespace vizsla
