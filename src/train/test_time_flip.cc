#include "src/train/test_time_flip.h"

#include <cmath>

namespace vizsla {

std::vector<PhotoView> EvaluationViews(int64_t first_photo, int64_t end_photo, bool flips) {
  std::vector<PhotoView> views;
  for (const bool flip : {false, true}) {
    if (flip && !flips) break;
    for (int64_t photo = first_photo; photo < end_photo; ++photo) {
      views.push_back({.photo = static_cast<uint32_t>(photo),
                       .view = {.flip = flip},
                       .view_number = flip ? 1 : 0});
    }
  }
  return views;
}

torch::Tensor CombineViews(const torch::Tensor& logits, bool flips) {
  if (!flips) return logits;
  const int64_t photos = logits.size(0) / 2;
  const torch::Tensor logarithms = torch::log_softmax(logits, 1);
  return torch::logaddexp(logarithms.narrow(0, 0, photos), logarithms.narrow(0, photos, photos)) -
         std::log(2.0);
}

}  // namespace vizsla
