// The factor on the loss that keeps float16's small gradients from vanishing, as
// torch.amp.GradScaler chooses it: halved after a step whose gradients overflowed, which is
// skipped, and doubled after 2000 in a row that did not. Pure; value type.
#pragma once

#include <cstdint>

namespace vizsla {

class LossScale {
 public:
  double value() const { return value_; }
  // Steps in a row that did not overflow, since the last change.
  int64_t good_steps() const { return good_steps_; }
  void Restore(double value, int64_t good_steps) {
    value_ = value;
    good_steps_ = good_steps;
  }

  // After each step.
  void Update(bool overflowed) {
    if (overflowed) {
      value_ *= 0.5;
      good_steps_ = 0;
    } else if (++good_steps_ == kGrowthInterval) {
      // As PyTorch: what float32 cannot hold is no scale.
      if (value_ * 2 < 0x1.0p128) value_ *= 2;
      good_steps_ = 0;
    }
  }

  static constexpr int64_t kGrowthInterval = 2000;

 private:
  double value_ = 65536;
  int64_t good_steps_ = 0;
};

}  // namespace vizsla
