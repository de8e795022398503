#include "src/submission/dry_run.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <tuple>
#include <vector>

#include "src/catalog/backbones.h"
#include "src/search/sampler.h"
#include "src/study/init_from.h"
#include "src/study/take_over.h"
#include "src/submission/plan_size.h"

namespace vizsla {
namespace {

constexpr int64_t kMostLookedAt = 4096;

// A trial that is looked at.
struct Candidate {
  int stage = 1;
  Configuration configuration;
};

// As the scheduler plans them: the budget, or what the space holds when that is less; enqueued
// trials are run in any case, and those outside the space use up nothing of it.
int64_t PlannedTrials(const StudySpec& spec, int stage) {
  const StageView view = StageOf(spec, stage);
  const int64_t enqueued = static_cast<int64_t>(view.enqueue.size());
  std::optional<int64_t> planned;
  if (view.budget.trials > 0) planned = view.budget.trials;
  std::optional<int64_t> available = CountConfigurations(ClosedSpace(view.space));
  if (stage > 1 && available) {
    const int64_t top = spec.stages[static_cast<size_t>(stage - 2)].top;
    if (__builtin_mul_overflow(*available, top, &*available)) available.reset();
  }
  if (available) {
    for (const EnqueuedTrial& trial : view.enqueue) {
      if (stage > 1 || !Validate(view.space, trial.configuration).ok()) ++*available;
    }
    planned = std::min(planned.value_or(*available), *available);
  }
  return std::max(planned.value_or(0), enqueued);
}

// Which trial wins nobody knows yet: those of the stages before take turns as the source.
const Configuration& TakeTurn(const std::vector<Candidate>& earlier, size_t turn) {
  return earlier[turn % earlier.size()].configuration;
}

// Enqueued configurations of the stage, then at most kMostLookedAt of those that its sampler adds.
absl::Status AddStage(const StudySpec& spec, int stage, int64_t trials,
                      std::vector<Candidate>& result) {
  const StageView view = StageOf(spec, stage);
  const std::vector<Candidate> earlier = result;
  const int64_t before = static_cast<int64_t>(result.size());
  for (size_t i = 0; i < view.enqueue.size(); ++i) {
    Configuration configuration = view.enqueue[i].configuration;
    if (const auto named = FindEnqueued(spec, view.enqueue[i].init_from, stage);
        named && IsComplete(spec, *named)) {
      configuration =
          TakeOver(spec, stage, spec.enqueue[named->entry].configuration, configuration);
    } else if (!earlier.empty()) {
      configuration = TakeOver(spec, stage, TakeTurn(earlier, i), configuration);
    }
    result.push_back({stage, std::move(configuration)});
  }
  const int64_t enqueued = static_cast<int64_t>(view.enqueue.size());
  const int64_t last = before + enqueued + std::min(trials - enqueued, kMostLookedAt);
  // A later stage's space depends on the source: a few of them stand for all.
  constexpr int64_t kSources = 16;
  const int64_t turns = stage == 1 ? 1 : std::min(kSources, before);
  for (int64_t turn = 0; turn < turns; ++turn) {
    Configuration source;
    if (stage > 1) source = TakeTurn(earlier, static_cast<size_t>(turn) * earlier.size() / turns);
    const SearchSpace space = stage == 1 ? view.space : SpaceOn(view.space, source);
    VIZSLA_ASSIGN_OR_RETURN(const auto sampler, MakeSampler(view.sampler, space, spec.seed));
    const auto observe = [&](const Configuration& configuration) {
      Trial trial;
      trial.configuration = configuration;
      sampler->Observe(trial);
    };
    if (stage == 1) {
      for (const Candidate& candidate : result) observe(candidate.configuration);
    }
    const int64_t share = (last - static_cast<int64_t>(result.size())) / (turns - turn);
    for (int64_t i = 0; i < share; ++i) {
      const int64_t number = static_cast<int64_t>(result.size()) + 1;
      VIZSLA_ASSIGN_OR_RETURN(const std::optional<Configuration> next, sampler->Suggest(number));
      if (!next) break;
      observe(*next);
      result.push_back({stage, stage == 1 ? *next : Vary(spec, stage, source, *next)});
    }
  }
  return absl::OkStatus();
}

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

// Of one epoch on one core.
double EpochSeconds(const TrainingPlan& plan, const DryRunPhotos& photos,
                    const DryRunRates& rates) {
  const double train = static_cast<double>(photos.train);
  const double validation = static_cast<double>(photos.validation);
  const double work = WorkFactor(plan);
  if (IsScratchNetwork(plan.network)) {
    return (train + validation / 3) * work / rates.scratch_images_per_second;
  }
  const double head = HeadSeconds(plan, photos.classes, train, rates);
  if (FeaturesAreShareable(plan)) return head;
  const double forward = (train + validation) * work / rates.forward_images_per_second;
  const double backward =
      train * work *
      std::max(0.0, 1 / rates.training_images_per_second - 1 / rates.forward_images_per_second);
  return head + forward + backward * TrainedShareOfBackbone(plan);
}

struct FeatureSet {
  int views = 1;
  int64_t floats = 0;
  double forward_seconds_per_view_and_photo = 0;
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
  std::vector<Candidate> candidates;
  for (int stage = 1; stage <= StageCount(spec); ++stage) {
    const int64_t trials = PlannedTrials(spec, stage);
    VIZSLA_RETURN_IF_ERROR(AddStage(spec, stage, trials, candidates));
    estimate.trials += trials;
    estimate.enqueued += static_cast<int64_t>(StageOf(spec, stage).enqueue.size());
  }
  estimate.looked_at = static_cast<int64_t>(candidates.size());
  if (candidates.empty()) {
    return absl::InvalidArgumentError("the study would have no trials: raise budget.trials");
  }

  std::map<std::tuple<std::string, int, std::string, bool>, FeatureSet> sets;
  double training_seconds = 0;
  double checkpoint_bytes = 0;
  double largest_trained_bytes = 0;
  for (const auto& [stage, configuration] : candidates) {
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
    training_seconds += plan.epochs * EpochSeconds(plan, photos, rates);
    if (!FeaturesAreShareable(plan)) continue;
    ++estimate.sharing_trials;
    FeatureSet& set = sets[{plan.network, plan.image_size, plan.preprocessing.name,
                            plan.pooling == Pooling::kFlatten}];
    set.views = std::max(set.views, CountExactViews(plan.augmentation));
    set.floats = CachedFloats(plan);
    set.forward_seconds_per_view_and_photo = WorkFactor(plan) / rates.forward_images_per_second;
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
  estimate.feature_sets = static_cast<int64_t>(sets.size());
  double feature_seconds = 0;
  for (const auto& [key, set] : sets) {
    const int64_t rows = photos.train * set.views + photos.validation;
    estimate.feature_cache_bytes +=
        static_cast<uint64_t>(rows) * 4 * static_cast<uint64_t>(set.floats);
    feature_seconds += static_cast<double>(rows) * set.forward_seconds_per_view_and_photo;
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
