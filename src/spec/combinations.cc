#include "src/spec/combinations.h"

#include <algorithm>
#include <map>
#include <set>

#include "src/study/init_from.h"
#include "src/study/take_over.h"

namespace vizsla {
namespace {

constexpr int64_t kMostUnreduced = 10000;
// Sources of each network and initial weights, draws of a stage on each source, and plans of a
// stage altogether: a fraction of a second.
constexpr int64_t kMostSources = 200;
constexpr int64_t kMostDraws = 500;
constexpr int64_t kMostPlans = 100000;

// Combinations depend on words, booleans and on how small integers are: numbers and lists that no
// condition looks at are represented by one value, integers by their ends.
SearchSpace Reduce(const SearchSpace& space, std::set<std::string> kept) {
  for (const Parameter& parameter : space.parameters) {
    for (const Condition& condition : parameter.conditions) kept.insert(condition.parent);
  }
  SearchSpace reduced = space;
  for (Parameter& parameter : reduced.parameters) {
    if (kept.contains(parameter.name)) continue;
    if (auto* floats = std::get_if<FloatDomain>(&parameter.domain)) {
      *floats = FloatDomain{floats->low, floats->low, false, std::nullopt};
    } else if (auto* integers = std::get_if<IntDomain>(&parameter.domain)) {
      const int64_t last = *CountValues(parameter.domain) - 1;
      if (last > 1) {
        *integers = IntDomain{integers->low, integers->low + integers->step * last, false,
                              integers->step * last};
      }
    } else {
      auto& choices = std::get<CategoricalDomain>(parameter.domain).choices;
      const bool words = std::holds_alternative<std::string>(choices[0]) ||
                         std::holds_alternative<bool>(choices[0]) ||
                         std::holds_alternative<int64_t>(choices[0]);
      if (!words) choices.resize(1);
    }
  }
  return reduced;
}

// The space once for each value of the word `name`, which has only that value there.
std::vector<SearchSpace> SplitBy(const SearchSpace& space, std::string_view name) {
  const Parameter* found = space.Find(name);
  if (found == nullptr) return {space};
  const size_t place = static_cast<size_t>(found - space.parameters.data());
  std::vector<SearchSpace> parts;
  for (const ParameterValue& value : std::get<CategoricalDomain>(found->domain).choices) {
    parts.push_back(space);
    parts.back().parameters[place].domain = CategoricalDomain{{value}};
  }
  return parts;
}

// What the stages' conditions look at in a source.
std::set<std::string> OuterParents(const StudySpec& spec) {
  std::set<std::string> names;
  for (const Stage& stage : spec.stages) {
    for (const Parameter& parameter : stage.space.parameters) {
      for (const Condition& condition : parameter.conditions) names.insert(condition.parent);
    }
  }
  return names;
}

// The catalog's messages begin with "parameter NAME: ".
ImpossibleTrial Refused(int stage, std::optional<size_t> entry, const absl::Status& status) {
  constexpr std::string_view kPrefix = "parameter ";
  const std::string message(status.message());
  const size_t colon = message.find(": ");
  if (!message.starts_with(kPrefix) || colon == std::string::npos) {
    return {stage, entry, "", message};
  }
  return {stage, entry, message.substr(kPrefix.size(), colon - kPrefix.size()),
          message.substr(colon + 2)};
}

// Looks at stage after stage; the possible trials of those before are the sources of the next.
class Search {
 public:
  Search(const StudySpec& spec, const WeightsTraits& traits) : spec_(spec), traits_(traits) {}

  std::optional<ImpossibleTrial> Run() {
    CollectFirstStage();
    for (int stage = 1; stage <= StageCount(spec_); ++stage) {
      plans_ = 0;
      if (auto problem = CheckEnqueue(stage)) return problem;
      if (stage == 1) continue;
      if (auto problem = CheckSpace(stage)) return problem;
    }
    return std::nullopt;
  }

 private:
  absl::Status Resolve(int stage, const Configuration& configuration) {
    ++plans_;
    return ResolvePlan(configuration, StageOf(spec_, stage).budget, traits_).status();
  }

  void CollectFirstStage() {
    for (size_t i = 0; i < spec_.enqueue.size(); ++i) {
      if (IsComplete(spec_, {1, i})) sources_.push_back(spec_.enqueue[i].configuration);
    }
    if (spec_.budget.trials > 0 &&
        spec_.budget.trials <= static_cast<int64_t>(spec_.enqueue.size())) {
      return;
    }
    all_sources_ = WalkCombinations(spec_.space, OuterParents(spec_), kMostSources,
                                    [&](const Configuration& configuration) {
                                      if (Resolve(1, configuration).ok()) {
                                        sources_.push_back(configuration);
                                      }
                                      return true;
                                    });
  }

  // The trials that the entry may start from; null: it starts from nothing.
  std::optional<std::vector<Configuration>> SourcesOf(int stage, const EnqueuedTrial& trial) {
    const bool fresh = stage == 1 && trial.init_from.kind == InitFrom::Kind::kNone;
    if (fresh) return std::nullopt;
    const auto enqueued = FindEnqueued(spec_, trial.init_from, stage);
    if (!enqueued) return sources_;
    const EnqueuedTrial& source = StageOf(spec_, enqueued->stage).enqueue[enqueued->entry];
    if (IsComplete(spec_, *enqueued)) return {{source.configuration}};
    std::vector<Configuration> result;
    const auto before = SourcesOf(enqueued->stage, source);  // never nullopt: it is not complete
    for (const Configuration& configuration : *before) {
      result.push_back(TakeOver(spec_, enqueued->stage, configuration, source.configuration));
    }
    return result;
  }

  std::optional<ImpossibleTrial> CheckEnqueue(int stage) {
    const auto& enqueue = StageOf(spec_, stage).enqueue;
    for (size_t i = 0; i < enqueue.size(); ++i) {
      const auto sources = SourcesOf(stage, enqueue[i]);
      if (!sources) continue;  // checked by itself, as part of the first stage
      absl::Status refused;
      bool possible = false;
      for (const Configuration& source : *sources) {
        const absl::Status status =
            Resolve(stage, TakeOver(spec_, stage, source, enqueue[i].configuration));
        possible = status.ok() || plans_ > kMostPlans;
        if (possible) break;
        refused.Update(status);
      }
      const bool all_known = all_sources_ || FindEnqueued(spec_, enqueue[i].init_from, stage);
      if (!possible && all_known && !refused.ok()) return Refused(stage, i, refused);
    }
    return std::nullopt;
  }

  std::optional<ImpossibleTrial> CheckSpace(int stage) {
    const SearchSpace& space = StageOf(spec_, stage).space;
    std::map<std::string, absl::Status> draws;  // the stage's own part, and how it went
    std::set<std::string> active;
    std::vector<Configuration> possible;
    for (const Configuration& source : sources_) {
      const SearchSpace on_source = SpaceOn(space, source);
      const bool all = WalkCombinations(
          on_source, OuterParents(spec_), kMostDraws, [&](const Configuration& drawn) {
            Configuration own = drawn;
            std::erase_if(own,
                          [&](const auto& entry) { return space.Find(entry.first) == nullptr; });
            for (const auto& [name, value] : own) active.insert(name);
            Configuration whole = Vary(spec_, stage, source, drawn);
            const absl::Status status = Resolve(stage, whole);
            const auto [known, added] = draws.emplace(ToJsonText(own), status);
            if (!added && status.ok()) known->second = status;
            if (status.ok()) possible.push_back(std::move(whole));
            return plans_ <= kMostPlans;
          });
      all_sources_ = all_sources_ && all;
    }
    if (all_sources_) {
      for (const auto& [draw, status] : draws) {
        if (status.ok()) continue;
        ImpossibleTrial problem = Refused(stage, std::nullopt, status);
        absl::StrAppend(&problem.reason, " (in ", draw, ", whatever the trial starts from)");
        return problem;
      }
      for (const Parameter& parameter : space.parameters) {
        if (active.contains(parameter.name)) continue;
        return ImpossibleTrial{stage, std::nullopt, parameter.name,
                               "is never active: no trial of the stages before has what its "
                               "condition names"};
      }
    }
    // Of these, too, a part is enough, evenly taken.
    const size_t step = possible.size() / kMostSources + 1;
    for (size_t i = 0; i < possible.size(); i += step) sources_.push_back(possible[i]);
    all_sources_ = all_sources_ && step == 1;
    return std::nullopt;
  }

  const StudySpec& spec_;
  const WeightsTraits& traits_;
  std::vector<Configuration> sources_;
  bool all_sources_ = true;  // that there can be
  int64_t plans_ = 0;        // resolved for this stage
};

}  // namespace

WeightsTraits AssumedTraits(const WeightsSpec& weights) {
  return {"", weights.padding.empty() ? "tf_same" : weights.padding,
          weights.preprocessing.empty() ? "tf" : weights.preprocessing};
}

bool WalkCombinations(const SearchSpace& space, const std::set<std::string>& kept, int64_t most,
                      const std::function<bool(const Configuration&)>& look) {
  SearchSpace reduced = space;
  if (CountConfigurations(space).value_or(kMostUnreduced + 1) > std::min(most, kMostUnreduced)) {
    reduced = Reduce(space, kept);
  }
  // What is allowed depends on these two most, and the first parameter moves slowest: one walk over
  // the whole of a large space would end before it met the second network.
  bool all = true;
  for (const SearchSpace& of_network : SplitBy(reduced, "network")) {
    for (const SearchSpace& part : SplitBy(of_network, "initial_weights")) {
      std::optional<Configuration> configuration = FirstConfiguration(part);
      for (int64_t seen = 0; configuration && seen < most; ++seen) {
        if (!look(*configuration)) return false;
        configuration = NextConfiguration(part, *configuration);
      }
      all = all && !configuration;
    }
  }
  return all;
}

std::optional<ImpossibleTrial> FindImpossible(const StudySpec& spec, const WeightsTraits& traits) {
  const bool plain = spec.stages.empty() &&
                     std::all_of(spec.enqueue.begin(), spec.enqueue.end(), [](const auto& trial) {
                       return trial.init_from.kind == InitFrom::Kind::kNone;
                     });
  if (plain) return std::nullopt;
  return Search(spec, traits).Run();
}

}  // namespace vizsla
