#include "src/submission/look_ahead.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "src/search/sampler.h"
#include "src/study/init_from.h"
#include "src/study/take_over.h"

namespace vizsla {
namespace {

class Outlook {
 public:
  explicit Outlook(const StudySpec& spec) : spec_(spec) {}

  absl::Status AddStage(int stage, int64_t trials) {
    const StageView view = StageOf(spec_, stage);
    const int64_t enqueued = static_cast<int64_t>(view.enqueue.size());
    const int64_t sampled = std::clamp<int64_t>(trials - enqueued, 0, kMostLookedAt);
    if (stage == 1) {
      // What waits for the best one of this stage comes after all that may be it.
      AddEnqueued(1, /*complete=*/true);
      VIZSLA_RETURN_IF_ERROR(Sample(1, {}, enqueued + 1, sampled).status());
      sources_ = trials_;
      AddEnqueued(1, /*complete=*/false);
      sources_ = trials_;
      return absl::OkStatus();
    }
    AddEnqueued(stage, /*complete=*/false);
    VIZSLA_RETURN_IF_ERROR(SampleOnSources(stage, sampled));
    sources_ = trials_;
    return absl::OkStatus();
  }

  std::vector<ExpectedTrial> Take() && { return std::move(trials_); }

 private:
  void AddEnqueued(int stage, bool complete) {
    for (size_t i = 0; i < StageOf(spec_, stage).enqueue.size(); ++i) {
      const EnqueuedPlace place{stage, i};
      if (IsComplete(spec_, place) == complete) trials_.push_back({stage, WholeOf(place)});
    }
  }

  // The configuration of an enqueued trial.
  const Configuration& WholeOf(const EnqueuedPlace& place) {
    if (const auto known = enqueued_.find(place); known != enqueued_.end()) return known->second;
    const EnqueuedTrial& trial = StageOf(spec_, place.stage).enqueue[place.entry];
    Configuration whole = trial.configuration;
    if (const auto named = FindEnqueued(spec_, trial.init_from, place.stage)) {
      whole = TakeOver(spec_, place.stage, WholeOf(*named), whole);
    } else if (!IsComplete(spec_, place) && !sources_.empty()) {
      const ExpectedTrial& source = sources_[place.entry % sources_.size()];
      whole = TakeOver(spec_, place.stage, source.configuration, whole);
    }
    return enqueued_.emplace(place, std::move(whole)).first->second;
  }

  // Adds at most `count` trials, numbered from `first`; how many there were.
  absl::StatusOr<int64_t> Sample(int stage, const Configuration& source, int64_t first,
                                 int64_t count) {
    const StageView view = StageOf(spec_, stage);
    const SearchSpace space = stage == 1 ? view.space : SpaceOn(view.space, source);
    VIZSLA_ASSIGN_OR_RETURN(
        const auto sampler,
        MakeSampler(view.sampler, space, DirectionsOf(spec_.objective), spec_.seed));
    const auto observe = [&](int64_t number, const Configuration& configuration) {
      Trial trial;
      trial.number = number;
      trial.configuration = configuration;
      sampler->Observe(trial);
    };
    if (stage == 1) {
      for (size_t i = 0; i < trials_.size(); ++i) {
        observe(static_cast<int64_t>(i) + 1, trials_[i].configuration);
      }
    }
    for (int64_t i = 0; i < count; ++i) {
      VIZSLA_ASSIGN_OR_RETURN(const std::optional<Configuration> next, sampler->Suggest(first + i));
      if (!next) return i;
      observe(first + i, *next);
      trials_.push_back({stage, stage == 1 ? *next : Vary(spec_, stage, source, *next)});
    }
    return count;
  }

  // A later stage's space depends on the source: a few of them stand for all.
  absl::Status SampleOnSources(int stage, int64_t count) {
    constexpr size_t kSources = 16;
    const size_t turns = std::min(kSources, sources_.size());
    for (size_t turn = 0; turn < turns; ++turn) {
      const Configuration& source = sources_[turn * sources_.size() / turns].configuration;
      const int64_t share = count / static_cast<int64_t>(turns - turn);
      const int64_t first = static_cast<int64_t>(trials_.size()) + 1;
      VIZSLA_ASSIGN_OR_RETURN(const int64_t added, Sample(stage, source, first, share));
      count -= added;
    }
    return absl::OkStatus();
  }

  const StudySpec& spec_;
  std::vector<ExpectedTrial> trials_;
  std::vector<ExpectedTrial> sources_;  // those that may win before the next ones begin
  std::map<EnqueuedPlace, Configuration> enqueued_;
};

}  // namespace

absl::StatusOr<std::vector<ExpectedTrial>> LookAhead(const StudySpec& spec,
                                                     const std::vector<int64_t>& trials) {
  Outlook outlook(spec);
  for (int stage = 1; stage <= StageCount(spec); ++stage) {
    VIZSLA_RETURN_IF_ERROR(outlook.AddStage(stage, trials[static_cast<size_t>(stage - 1)]));
  }
  return std::move(outlook).Take();
}

}  // namespace vizsla
