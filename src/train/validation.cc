#include "src/train/validation.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "src/nn/autocast.h"
#include "src/train/batch_tensors.h"
#include "src/train/loss.h"
#include "src/train/prefetcher.h"
#include "src/train/streams.h"
#include "src/train/test_time_flip.h"

namespace vizsla {
namespace {

// Rows of a batch of a rank. What comes out of a backbone that is frozen whole is small; photos,
// and the maps where a backbone is cut, are not.
constexpr int64_t kRowsPastTheBackbone = 256;
constexpr int64_t kRows = 64;
// Whose logits a GPU may still be at work on while further ones are asked for.
constexpr size_t kRoundsInFlight = 16;

}  // namespace

Validation::Validation(const TrainingPlan& plan, const TrainingData& data,
                       const TrialFeatures* features, Model& model, VotingGroup& group,
                       torch::Device device)
    : plan_(plan),
      data_(data),
      features_(features),
      model_(model),
      group_(group),
      device_(device) {}

int64_t Validation::photos_a_round() const {
  const bool small = features_ != nullptr && BackboneIsFrozen(plan_);
  const int64_t rows = small ? kRowsPastTheBackbone : kRows;
  return plan_.test_time_flip ? rows / 2 : rows;
}

int64_t Validation::rounds() const {
  const int64_t largest_share = (photos() + group_.size() - 1) / group_.size();
  return (largest_share + photos_a_round() - 1) / photos_a_round();
}

absl::StatusOr<Tally> Validation::Run(const std::function<void(int64_t)>& progress) {
  torch::NoGradGuard no_grad;
  model_.eval();
  const RowRange mine = RowsOfRank(photos(), group_.rank(), group_.size());
  const auto views_of = [&](int64_t round) {
    const int64_t first = std::min(mine.begin + round * photos_a_round(), mine.end);
    return EvaluationViews(first, std::min(first + photos_a_round(), mine.end),
                           plan_.test_time_flip);
  };
  std::optional<Prefetcher> prefetcher;
  if (features_ == nullptr) {
    prefetcher.emplace(*data_.validation, 0, rounds(), views_of, RenderThreads(device_));
  }
  Tally tally;
  struct Result {
    std::vector<PhotoView> views;
    torch::Tensor logits;
  };
  std::vector<Result> results;
  const auto read_results = [&] {
    for (const Result& result : results) {
      WithValues(result.logits, [&](std::span<const float> values) {
        AddLogits(values, LabelsOf(*data_.validation, result.views), data_.class_count, tally);
      });
    }
    results.clear();
  };
  for (int64_t round = 0; round < rounds(); ++round) {
    std::vector<PhotoView> views;
    torch::Tensor logits;
    const Autocast autocast(plan_.precision, device_);
    if (features_ != nullptr) {
      views = views_of(round);
      logits = features_->input.Logits(model_, features_->validation.Gather(views));
    } else {
      VIZSLA_ASSIGN_OR_RETURN(Prefetcher::Batch * batch, prefetcher->Next());
      views = batch->views;
      if (!views.empty()) logits = model_.forward(ToImages(*batch, plan_.image_size, device_));
    }
    if (!views.empty()) {
      if (plan_.test_time_flip) views.resize(views.size() / 2);
      results.push_back(
          {std::move(views), CombineViews(logits.to(torch::kFloat32), plan_.test_time_flip)});
    }
    // Images are large, and their pinned memory is held as long.
    if (!device_.is_cuda() || features_ == nullptr || results.size() == kRoundsInFlight ||
        round + 1 == rounds()) {
      read_results();
    }
    progress(round + 1);
    VIZSLA_RETURN_IF_ERROR(group_.Agree(absl::OkStatus()));
    if (group_.agreed() == Directive::kCancel) return tally;
  }
  VIZSLA_RETURN_IF_ERROR(group_.Sum(tally.values()));
  return tally;
}

}  // namespace vizsla
