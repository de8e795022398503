// What a network said about each photo of a split, as `vizsla evaluate --predictions FILE` writes
// it (docs/predictions.schema.json), and what the report makes of it. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/status.h"
#include "src/report/classification_report.h"

namespace vizsla {

// How many of the most wrong photos the report shows; so many get a thumbnail.
inline constexpr size_t kShownMistakes = 24;

struct PhotoPrediction {
  std::string photo;  // its id in the data set
  int label = 0;      // position in the classes
  int predicted = 0;  // the most probable class, the smaller position among equals
  double label_probability = 0;
  double predicted_probability = 0;
  std::string thumbnail;  // a small JPEG; empty: none was made
};

struct Predictions {
  EvaluationView evaluation;
  std::vector<PhotoPrediction> photos;
};

// One for each photo, without thumbnails. Sizes and ranges as MakeClassificationReport wants them.
std::vector<PhotoPrediction> PredictionsOf(std::span<const float> probabilities,
                                           std::span<const int> labels,
                                           const std::vector<std::string>& photo_ids,
                                           size_t class_count);

// Positions of the wrong ones, the most wrong first: the smallest probability of the true class,
// which is the highest loss; then the most confident. At most `count`.
std::vector<size_t> MostWrong(const std::vector<PhotoPrediction>& photos, size_t count);

// rows[i][j]: photos of class i that were taken for class j.
std::vector<std::vector<int64_t>> ConfusionMatrix(const std::vector<PhotoPrediction>& photos,
                                                  size_t class_count);

struct ConfusedPair {
  int label = 0;
  int predicted = 0;
  int64_t photos = 0;
  double share = 0;  // of the label's photos
};
// Most photos first, then the larger share, then by class. At most `count`.
std::vector<ConfusedPair> MostConfused(const std::vector<std::vector<int64_t>>& confusion,
                                       size_t count);

std::string ToJsonText(const Predictions& predictions);
// InvalidArgument names the field.
absl::StatusOr<Predictions> PredictionsFromJsonText(std::string_view text);

}  // namespace vizsla
