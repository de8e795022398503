#include "src/report/classification_report.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "src/base/str_cat.h"

namespace vizsla {
namespace {

constexpr size_t kTop = 5;

double Ratio(double part, double whole) { return whole == 0 ? 0 : part / whole; }

// How many classes stand before `label` when sorted by probability, the smaller position first.
size_t PlaceOf(std::span<const float> row, size_t label) {
  size_t before = 0;
  for (size_t i = 0; i < row.size(); ++i) {
    if (row[i] > row[label] || (row[i] == row[label] && i < label)) ++before;
  }
  return before;
}

absl::Status CheckInputs(std::span<const float> probabilities, std::span<const int> labels,
                         size_t class_count) {
  if (labels.empty()) return absl::InvalidArgumentError("there are no photos to judge");
  if (class_count == 0 || probabilities.size() != labels.size() * class_count) {
    return absl::InvalidArgumentError(StrCat(probabilities.size(), " probabilities do not make ",
                                             labels.size(), " photos of ", class_count,
                                             " classes"));
  }
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0 || static_cast<size_t>(labels[i]) >= class_count) {
      return absl::InvalidArgumentError(
          StrCat("photo ", i, ": label ", labels[i], " is outside the ", class_count, " classes"));
    }
  }
  for (size_t i = 0; i < probabilities.size(); ++i) {
    if (!(probabilities[i] >= 0 && probabilities[i] <= 1.0001F)) {
      return absl::InvalidArgumentError(StrCat("photo ", i / class_count, ", class ",
                                               i % class_count, ": ", probabilities[i],
                                               " is no probability"));
    }
  }
  return absl::OkStatus();
}

void Average(ClassificationReport& report) {
  report.macro_average.name = "macro average";
  report.weighted_average.name = "weighted average";
  const double count = static_cast<double>(report.classes.size());
  for (const ClassScores& scores : report.classes) {
    const double weight = static_cast<double>(scores.support) / report.photos;
    report.macro_average.precision += scores.precision / count;
    report.macro_average.recall += scores.recall / count;
    report.macro_average.f1 += scores.f1 / count;
    report.weighted_average.precision += scores.precision * weight;
    report.weighted_average.recall += scores.recall * weight;
    report.weighted_average.f1 += scores.f1 * weight;
  }
  report.macro_average.support = report.photos;
  report.weighted_average.support = report.photos;
}

}  // namespace

absl::StatusOr<ClassificationReport> MakeClassificationReport(
    std::span<const float> probabilities, std::span<const int> labels,
    const std::vector<std::string>& classes) {
  const size_t class_count = classes.size();
  VIZSLA_RETURN_IF_ERROR(CheckInputs(probabilities, labels, class_count));

  ClassificationReport report;
  report.photos = static_cast<int64_t>(labels.size());
  std::vector<int64_t> hits(class_count);
  std::vector<int64_t> predicted(class_count);
  std::vector<int64_t> support(class_count);
  int64_t right = 0;
  int64_t among_top = 0;
  double loss = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    const std::span<const float> row = probabilities.subspan(i * class_count, class_count);
    const size_t label = static_cast<size_t>(labels[i]);
    const size_t guess = std::max_element(row.begin(), row.end()) - row.begin();
    ++support[label];
    ++predicted[guess];
    if (guess == label) {
      ++hits[label];
      ++right;
    }
    if (PlaceOf(row, label) < kTop) ++among_top;
    loss -= std::log(
        static_cast<double>(std::clamp(row[label], std::numeric_limits<float>::min(), 1.0F)));
  }
  report.loss = loss / report.photos;
  report.accuracy = static_cast<double>(right) / report.photos;
  report.top5_accuracy = static_cast<double>(among_top) / report.photos;
  for (size_t c = 0; c < class_count; ++c) {
    ClassScores scores;
    scores.name = classes[c];
    scores.support = support[c];
    scores.precision = Ratio(hits[c], predicted[c]);
    scores.recall = Ratio(hits[c], support[c]);
    scores.f1 = Ratio(2.0 * hits[c], predicted[c] + support[c]);
    report.classes.push_back(std::move(scores));
  }
  Average(report);
  return report;
}

}  // namespace vizsla
