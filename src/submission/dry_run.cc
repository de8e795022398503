#include "src/submission/dry_run.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "src/catalog/backbones.h"
#include "src/catalog/cached_rows.h"
#include "src/study/planned_trials.h"
#include "src/submission/look_ahead.h"
#include "src/submission/plan_size.h"

namespace vizsla {
namespace {

// Multiply-adds of one photo, relative to those of the network and the size (160 pixels) that the
// rates were measured on.
double WorkFactor(const TrainingPlan& plan) {
  TrainingPlan measured;
  measured.image_size = 160;
  measured.network = IsScratchNetwork(plan.network) ? "scratch_v1" : "mobilenet_v2";
  if (IsScratchNetwork(plan.network)) measured.scratch = DefaultScratchOptions(measured.network);
  return static_cast<double>(GraphOf(plan)->MultiplyAdds(plan.image_size)) /
         static_cast<double>(GraphOf(measured)->MultiplyAdds(measured.image_size));
}

double HeadSeconds(const TrainingPlan& plan, int classes, double photos, const DryRunRates& rates) {
  const double floats = static_cast<double>(HeadFloats(plan, classes));
  const double steps = std::ceil(photos / plan.batch_size);
  const double arithmetic = 6.0 * floats * plan.batch_size / rates.flops_per_second;
  const double optimizer = 28.0 * floats / rates.bytes_per_second;  // seven passes of four bytes
  return steps * (rates.step_overhead_seconds + arithmetic + optimizer);
}

// Of one epoch on one core. With cached rows the forward pass, too, is only of what trains.
double EpochSeconds(const TrainingPlan& plan, bool rows_are_cached, const DryRunPhotos& photos,
                    const DryRunRates& rates) {
  const double train = static_cast<double>(photos.train);
  const double validation = static_cast<double>(photos.validation);
  const double work = WorkFactor(plan);
  if (IsScratchNetwork(plan.network)) {
    return (train + validation / 3) * work / rates.scratch_images_per_second;
  }
  const double trained_share = TrainedShareOfBackbone(plan);
  const double forward = (train + validation) * work * (rows_are_cached ? trained_share : 1) /
                         rates.forward_images_per_second;
  const double backward =
      train * work * trained_share *
      std::max(0.0, 1 / rates.training_images_per_second - 1 / rates.forward_images_per_second);
  return HeadSeconds(plan, photos.classes, train, rates) + forward + backward;
}

// The rows that the plan's trials train on, computed once for all of them. Nullopt: they compute
// what is frozen for every batch.
std::optional<CachedRows> SharedRows(const TrainingPlan& plan, const DryRunPhotos& photos) {
  if (!TrainRowsAreShared(plan)) return std::nullopt;
  std::optional<CachedRows> rows = CachedRowsOf(plan);
  const uint64_t bytes = LargestCacheBytes(*rows, plan, static_cast<uint64_t>(photos.train),
                                           static_cast<uint64_t>(photos.validation));
  if (bytes > kLargestFeatureCache) return std::nullopt;
  return rows;
}

// Rows with the same key are the same rows: network, image size, preprocessing, channel order, and
// what they hold, and of which views.
using FeatureKey = std::tuple<std::string, int, std::string, bool, std::string, std::string>;

struct FeatureSet {
  int64_t trials = 0;
  int train_views = 0;
  int validation_views = 0;
  uint64_t row_bytes = 0;
  double seconds_per_row = 0;
};

std::chrono::seconds Ceil(double seconds) {
  return std::chrono::seconds(static_cast<int64_t>(std::ceil(seconds)));
}

std::string Bytes(uint64_t bytes) {
  char text[32];
  if (bytes < 1'000'000) {
    std::snprintf(text, sizeof(text), "%.0f kB", std::ceil(static_cast<double>(bytes) / 1e3));
  } else if (bytes < 1'000'000'000) {
    std::snprintf(text, sizeof(text), "%.0f MB", std::ceil(static_cast<double>(bytes) / 1e6));
  } else {
    std::snprintf(text, sizeof(text), "%.1f GB", static_cast<double>(bytes) / 1e9);
  }
  return text;
}

std::string Duration(std::chrono::seconds time) {
  const double seconds = static_cast<double>(time.count());
  char text[32];
  if (seconds < 90) {
    std::snprintf(text, sizeof(text), "%.0f s", seconds);
  } else if (seconds < 90 * 60) {
    std::snprintf(text, sizeof(text), "%.0f min", std::ceil(seconds / 60));
  } else if (seconds < 48 * 3600) {
    std::snprintf(text, sizeof(text), "%.1f h", seconds / 3600);
  } else {
    std::snprintf(text, sizeof(text), "%.1f days", seconds / 86400);
  }
  return text;
}

}  // namespace

absl::StatusOr<DryRunEstimate> EstimateStudy(const StudySpec& spec, const DryRunPhotos& photos,
                                             const WeightsTraits& traits,
                                             const DryRunRates& rates) {
  WeightsTraits assumed = traits;
  if (assumed.padding.empty()) assumed.padding = ToText(Padding::kTfSame);
  if (assumed.preprocessing.empty()) assumed.preprocessing = "tf";

  DryRunEstimate estimate;
  std::vector<int64_t> planned;
  for (int stage = 1; stage <= StageCount(spec); ++stage) {
    const int64_t enqueued = static_cast<int64_t>(StageOf(spec, stage).enqueue.size());
    const auto trials = PlanTrials(spec, stage);
    planned.push_back(trials ? trials->count : enqueued);
    estimate.trials += planned.back();
    estimate.enqueued += enqueued;
  }
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<ExpectedTrial> expected, LookAhead(spec, planned));
  estimate.looked_at = static_cast<int64_t>(expected.size());
  if (expected.empty()) {
    return absl::InvalidArgumentError("the study would have no trials: raise budget.trials");
  }
  estimate.trials = CountRuns(spec, estimate.trials);
  estimate.enqueued *= spec.repeats;

  std::map<FeatureKey, FeatureSet> sets;
  double training_seconds = 0;
  double checkpoint_bytes = 0;
  double largest_trained_bytes = 0;
  for (const auto& [stage, configuration] : expected) {
    const absl::StatusOr<TrainingPlan> resolved =
        ResolvePlan(configuration, StageOf(spec, stage).budget, assumed);
    if (!resolved.ok()) {
      if (estimate.impossible++ == 0) {
        estimate.impossible_reason = std::string(resolved.status().message());
      }
      continue;
    }
    const TrainingPlan& plan = *resolved;
    const uint64_t pixels =
        static_cast<uint64_t>(plan.image_size) * static_cast<uint64_t>(plan.image_size);
    estimate.decoded_cache_bytes[plan.image_size] =
        static_cast<uint64_t>(photos.train + photos.validation) * 3 * pixels;
    const double trained_bytes = 4.0 * static_cast<double>(TrainedFloats(plan, photos.classes));
    checkpoint_bytes += trained_bytes;
    largest_trained_bytes = std::max(largest_trained_bytes, trained_bytes);
    const std::optional<CachedRows> rows = SharedRows(plan, photos);
    training_seconds += plan.epochs * EpochSeconds(plan, rows.has_value(), photos, rates);
    if (!rows) continue;
    ++estimate.sharing_trials;
    const auto set_of = [&](const ViewSet& views) -> FeatureSet& {
      FeatureSet& set = sets[{plan.network, plan.image_size, plan.preprocessing.name,
                              plan.preprocessing.bgr, rows->content, views.Family()}];
      set.row_bytes = rows->row_floats * sizeof(float);
      set.seconds_per_row =
          WorkFactor(plan) * (1 - TrainedShareOfBackbone(plan)) / rates.forward_images_per_second;
      return set;
    };
    const ViewSet train_views = *TrainViews(plan);
    const ViewSet validation_views = ValidationViews(plan);
    FeatureSet& train = set_of(train_views);
    ++train.trials;
    train.train_views = std::max(train.train_views, train_views.count());
    FeatureSet& validation = set_of(validation_views);
    if (&validation != &train) ++validation.trials;
    validation.validation_views = std::max(validation.validation_views, validation_views.count());
  }

  // What was looked at stands for all.
  const double scale =
      static_cast<double>(estimate.trials) / static_cast<double>(estimate.looked_at);
  estimate.sharing_trials = std::llround(scale * static_cast<double>(estimate.sharing_trials));
  // The best checkpoint of a trial stays; while it runs there is `last` too, with Adam's two
  // moments.
  const double running =
      std::min<double>(std::max(1, rates.cores), static_cast<double>(estimate.trials));
  estimate.checkpoint_bytes =
      static_cast<uint64_t>(scale * checkpoint_bytes + running * 3 * largest_trained_bytes);
  // The validation photos of drawn views lie in a set of their own, and make no pass.
  estimate.feature_sets = std::count_if(
      sets.begin(), sets.end(), [](const auto& entry) { return entry.second.train_views > 0; });
  double feature_seconds = 0;
  for (const auto& [key, set] : sets) {
    const int64_t rows = photos.train * set.train_views + photos.validation * set.validation_views;
    const uint64_t bytes = static_cast<uint64_t>(rows) * set.row_bytes;
    estimate.feature_cache_bytes += bytes;
    if (set.trials > 1) estimate.reread_cache_bytes += bytes;
    feature_seconds += static_cast<double>(rows) * set.seconds_per_row;
  }
  const double cores = std::max(1, rates.cores);
  const double decoded = static_cast<double>(photos.train + photos.validation) *
                         static_cast<double>(estimate.decoded_cache_bytes.size());
  estimate.decode_time = Ceil(decoded / rates.decoded_photos_per_second / cores);
  estimate.feature_time = Ceil(feature_seconds / cores);
  // A trial runs on one rank: a few trials cannot use many cores.
  estimate.training_time =
      Ceil(scale * training_seconds / std::min(cores, static_cast<double>(estimate.trials)));
  return estimate;
}

std::string Describe(const DryRunEstimate& estimate, const DryRunPhotos& photos,
                     const DryRunRates& rates) {
  std::string text;
  const auto line = [&](const char* name, const std::string& value) {
    char label[24];
    std::snprintf(label, sizeof(label), "%-15s ", name);
    absl::StrAppend(&text, label, value, "\n");
  };
  line("photos", StrCat(photos.train, " train, ", photos.validation, " validation, ",
                        photos.classes, " classes"));
  line("trials", StrCat("at most ", estimate.trials, ", ", estimate.enqueued, " of them enqueued"));
  if (estimate.impossible > 0) {
    line("impossible", StrCat(estimate.impossible, " of ", estimate.looked_at, " looked at, e.g. ",
                              estimate.impossible_reason));
  }
  line("shared",
       StrCat(estimate.sharing_trials, " trials train on cached features, from ",
              estimate.feature_sets,
              estimate.feature_sets == 1 ? " pass over the photos" : " passes over the photos"));
  line("feature cache", Bytes(estimate.feature_cache_bytes));
  if (estimate.reread_cache_bytes > kFeatureCacheBudget) {
    line("", StrCat("more than a node's budget of ", Bytes(kFeatureCacheBudget),
                    ": without a larger --feature-cache-budget some are computed again"));
  }
  for (const auto& [size, bytes] : estimate.decoded_cache_bytes) {
    line("decoded photos", StrCat(Bytes(bytes), " at ", size, " px"));
  }
  line("checkpoints", StrCat("at most ", Bytes(estimate.checkpoint_bytes)));
  line("rough time",
       StrCat(Duration(estimate.decode_time + estimate.feature_time + estimate.training_time),
              " on ", rates.cores, rates.cores == 1 ? " core" : " cores", ": decoding ",
              Duration(estimate.decode_time), ", features ", Duration(estimate.feature_time),
              ", training ", Duration(estimate.training_time)));
  char assumed[256];
  std::snprintf(
      assumed, sizeof(assumed),
      "                assuming for one core at 160 px: %.0f photos/s decoded, %.0f images/s "
      "forward,\n                %.0f trained, %.0f trained from scratch; every epoch run\n",
      rates.decoded_photos_per_second, rates.forward_images_per_second,
      rates.training_images_per_second, rates.scratch_images_per_second);
  return text + assumed;
}

}  // namespace vizsla
