// Test-time augmentation by mirroring: the prediction for a photo is the mean of the probabilities
// of the photo and of its mirror image.
#pragma once

#include <torch/torch.h>

#include <vector>

#include "src/dataset/batch_source.h"

namespace vizsla {

// The photos as they are; when `flips`, then all of them mirrored.
std::vector<PhotoView> EvaluationViews(int64_t first_photo, int64_t end_photo, bool flips);

// Logits of EvaluationViews in, what the metrics are computed of out: the photos' logits; when
// `flips`, the logarithms of the averaged probabilities, whose softmax they are.
torch::Tensor CombineViews(const torch::Tensor& logits, bool flips);

}  // namespace vizsla
