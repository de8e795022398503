// What probabilities are worth against labels, by the definitions of scikit-learn's
// classification_report, log_loss and top_k_accuracy_score. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/base/status.h"
#include "src/report/table.h"

namespace vizsla {

// Of one class, or an average over classes. A ratio of nothing (no prediction, no photo) is 0.
struct ClassScores {
  std::string name;
  double precision = 0;
  double recall = 0;
  double f1 = 0;
  int64_t support = 0;  // photos of the class
};

struct ClassificationReport {
  int64_t photos = 0;
  double loss = 0;  // mean cross-entropy in nats
  double accuracy = 0;
  double top5_accuracy =
      0;  // the label is among the five (or, with fewer classes, all) most probable
  std::vector<ClassScores> classes;  // in the order of the class names
  ClassScores macro_average;         // each class counts the same
  ClassScores weighted_average;      // each class counts by its support
};

// `probabilities` is photos x classes, row-major; `labels` are positions in `classes`. The most
// probable class is predicted, the smaller position among equals. A probability of 0 counts as the
// smallest normal float (1.2e-38), so that the loss is finite. InvalidArgument: sizes that do not
// fit, no photos, a label out of range, a probability that is not in [0, 1] (NaN).
absl::StatusOr<ClassificationReport> MakeClassificationReport(
    std::span<const float> probabilities, std::span<const int> labels,
    const std::vector<std::string>& classes);

// One evaluation of a pulled model, as `vizsla evaluate` shows it.
struct EvaluationView {
  std::string study;
  int64_t trial = 0;
  std::string trial_name;  // may be empty
  int epoch = 0;
  std::string split;  // "test", "validation" or "train"
  std::string model_hash;
  ClassificationReport report;
  int64_t unreadable_photos = 0;       // of the split; not part of the figures
  std::optional<int64_t> test_uses;    // of the study, this one included; absent for validation
  std::optional<double> search_score;  // what the search reported for the selected epoch
  std::string objective;               // name of that metric
};

// Table per class, then averages and the figures of all photos. With options.color the worst
// classes stand out.
std::string RenderEvaluation(const EvaluationView& evaluation, const RenderOptions& options);
// docs/evaluate.schema.json.
nlohmann::ordered_json EvaluationToJson(const EvaluationView& evaluation);

}  // namespace vizsla
