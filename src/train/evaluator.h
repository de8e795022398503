// Predictions of a finished model, for `vizsla evaluate` and `vizsla predict`.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "src/base/status.h"
#include "src/catalog/training_plan.h"
#include "src/dataset/batch_source.h"
#include "src/weights/tensor_file.h"

namespace vizsla {

struct Predictions {
  int class_count = 0;
  std::vector<float> probabilities;  // photo_count x class_count, row-major, softmax
};

// Runs the network of `plan` with the complete weights in `model` (every parameter and buffer,
// names as the trainer writes them) over all photos of the source, without augmentation, in
// inference mode; with plan.test_time_flip the mean of a photo's probabilities and its mirror
// image's. In the plan's precision, or in float32 where the device has it not
// (CheckPrecision). InvalidArgument lists missing, unexpected and wrong-shaped names. `progress`
// gets (done, total).
absl::StatusOr<Predictions> Predict(const TrainingPlan& plan, Padding padding, int class_count,
                                    const TensorFile& model, const BatchSource& source,
                                    const std::string& device,
                                    const std::function<void(size_t, size_t)>& progress);

}  // namespace vizsla
