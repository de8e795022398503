#include "src/spec/combinations.h"

#include <algorithm>
#include <map>
#include <set>

#include "src/catalog/warm_start_fits.h"
#include "src/spec/parse_parameters.h"
#include "src/study/init_from.h"
#include "src/study/planned_trials.h"
#include "src/study/take_over.h"

namespace vizsla {
namespace {

constexpr int64_t kMostUnreduced = 10000;
// Sources of each network and initial weights that the first stage draws, draws of a later stage on
// each source, trials of a stage that are kept as sources, and plans of a stage altogether: a
// fraction of a second.
constexpr int64_t kMostSources = 200;
constexpr size_t kMostKept = 2000;
constexpr int64_t kMostDraws = 500;
constexpr int64_t kMostPlans = 100000;

enum class End { kLow, kHigh };

// The number of a range or of a list of numbers that stands for all of them.
void ReduceToEnd(End end, FloatDomain& floats) {
  const std::optional<int64_t> count = CountValues(floats);
  const double high = count ? std::get<double>(ValueAt(floats, *count - 1)) : floats.high;
  const double value = end == End::kLow ? floats.low : high;
  floats = FloatDomain{value, value, false, std::nullopt};
}

void ReduceToEnds(IntDomain& integers) {
  const int64_t last = *CountValues(integers) - 1;
  if (last <= 1) return;
  integers =
      IntDomain{integers.low, integers.low + integers.step * last, false, integers.step * last};
}

// Values are ordered within their type: of the numbers one is left, of the lists the shortest and
// the longest; words, booleans and integers stay.
void ReduceChoices(End end, std::vector<ParameterValue>& choices) {
  if (std::holds_alternative<double>(choices[0])) {
    const auto [low, high] = std::minmax_element(choices.begin(), choices.end());
    choices = {end == End::kLow ? *low : *high};
  } else if (std::holds_alternative<IntList>(choices[0])) {
    const auto shorter = [](const ParameterValue& left, const ParameterValue& right) {
      return std::get<IntList>(left).size() < std::get<IntList>(right).size();
    };
    const auto [shortest, longest] = std::minmax_element(choices.begin(), choices.end(), shorter);
    if (shortest == longest) {
      choices.resize(1);
    } else {
      choices = {*shortest, *longest};
    }
  }
}

// Combinations depend on words and booleans, on how small integers and how long lists are, and on
// whether numbers are zero: what no condition looks at is represented by its ends, the numbers all
// by the same one.
SearchSpace Reduce(const SearchSpace& space, End end, std::set<std::string> kept) {
  for (const Parameter& parameter : space.parameters) {
    for (const Condition& condition : parameter.conditions) kept.insert(condition.parent);
  }
  SearchSpace reduced = space;
  for (Parameter& parameter : reduced.parameters) {
    if (kept.contains(parameter.name)) continue;
    if (auto* floats = std::get_if<FloatDomain>(&parameter.domain)) {
      ReduceToEnd(end, *floats);
    } else if (auto* integers = std::get_if<IntDomain>(&parameter.domain)) {
      ReduceToEnds(*integers);
    } else {
      ReduceChoices(end, std::get<CategoricalDomain>(parameter.domain).choices);
    }
  }
  return reduced;
}

// The space itself when it is small, otherwise what represents it.
std::vector<SearchSpace> Representatives(const SearchSpace& space,
                                         const std::set<std::string>& kept, int64_t most) {
  if (CountConfigurations(space).value_or(kMostUnreduced + 1) <= std::min(most, kMostUnreduced)) {
    return {space};
  }
  std::vector<SearchSpace> spaces = {Reduce(space, End::kLow, kept)};
  SearchSpace high = Reduce(space, End::kHigh, kept);
  if (high != spaces[0]) spaces.push_back(std::move(high));
  return spaces;
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

// What is looked at in a source: by the stages' conditions, and by a trial that starts from its
// weights.
std::set<std::string> LookedAtInSources(const StudySpec& spec) {
  const auto decisive = WarmStartParameters();
  std::set<std::string> names(decisive.begin(), decisive.end());
  for (const Stage& stage : spec.stages) {
    for (const Parameter& parameter : stage.space.parameters) {
      for (const Condition& condition : parameter.conditions) names.insert(condition.parent);
    }
  }
  return names;
}

ImpossibleTrial Refused(int stage, std::optional<size_t> entry, const absl::Status& status) {
  auto [parameter, reason] = spec::SplitMessage(status);
  return {stage, entry, std::move(parameter), std::move(reason)};
}

// A trial that others may start from.
struct Source {
  int stage = 1;
  Configuration configuration;
};

struct Sources {
  std::vector<Source> some;
  bool all = true;  // whether there can be no others
};

// Trials of one stage that the catalog allows.
struct Possible {
  std::set<Configuration> trials;
  bool all = true;  // as above
};

// Of many a part is enough, evenly taken.
void AddSources(int stage, const Possible& possible, Sources& sources) {
  const size_t step = possible.trials.size() / kMostKept + 1;
  size_t place = 0;
  for (const Configuration& configuration : possible.trials) {
    if (place++ % step == 0) sources.some.push_back({stage, configuration});
  }
  sources.all = sources.all && possible.all && step == 1;
}

// Looks at stage after stage; the possible trials of those before are the sources of the next.
class Search {
 public:
  Search(const StudySpec& spec, const WeightsTraits& traits)
      : spec_(spec), traits_(traits), kept_(LookedAtInSources(spec)) {}

  std::optional<ImpossibleTrial> Run() {
    CollectFirstStage();
    for (int stage = 1; stage <= StageCount(spec_); ++stage) {
      plans_ = 0;
      Possible possible;
      if (auto problem = CheckEnqueue(stage, possible)) return problem;
      if (stage > 1) {
        if (auto problem = CheckSpace(stage, possible)) return problem;
      }
      AddSources(stage, possible, sources_);
    }
    return std::nullopt;
  }

 private:
  absl::StatusOr<TrainingPlan> Resolve(int stage, const Configuration& configuration) {
    ++plans_;
    return ResolvePlan(configuration, StageOf(spec_, stage).budget, traits_);
  }

  // `weights`: the plan of the trial whose weights this one starts from; nullopt: of none.
  absl::Status Check(int stage, const Configuration& configuration,
                     const std::optional<TrainingPlan>& weights) {
    VIZSLA_ASSIGN_OR_RETURN(const TrainingPlan plan, Resolve(stage, configuration));
    return weights ? WarmStartFits(*weights, plan) : absl::OkStatus();
  }

  // Nullopt: the source is impossible itself, which is said at its own place.
  std::optional<TrainingPlan> PlanOf(const Source& source) {
    absl::StatusOr<TrainingPlan> plan = Resolve(source.stage, source.configuration);
    if (!plan.ok()) return std::nullopt;
    return *std::move(plan);
  }

  void CollectFirstStage() {
    for (size_t i = 0; i < spec_.enqueue.size(); ++i) {
      if (IsComplete(spec_, {1, i})) sources_.some.push_back({1, spec_.enqueue[i].configuration});
    }
    if (!SamplerMayDraw(StageOf(spec_, 1))) return;
    sources_.all =
        WalkCombinations(spec_.space, kept_, kMostSources, [&](const Configuration& configuration) {
          if (Resolve(1, configuration).ok()) {
            sources_.some.push_back({1, configuration});
          }
          return true;
        });
  }

  // The trials that the entry may start from; nullopt: it starts from nothing.
  std::optional<Sources> SourcesOf(int stage, const EnqueuedTrial& trial) const {
    const bool fresh = stage == 1 && trial.init_from.kind == InitFrom::Kind::kNone;
    if (fresh) return std::nullopt;
    const auto enqueued = FindEnqueued(spec_, trial.init_from, stage);
    if (!enqueued) return sources_;
    const EnqueuedTrial& source = StageOf(spec_, enqueued->stage).enqueue[enqueued->entry];
    if (IsComplete(spec_, *enqueued)) return Sources{{{1, source.configuration}}, true};
    auto result = SourcesOf(enqueued->stage, source);  // never nullopt: it is not complete
    for (Source& before : result->some) {
      before = {enqueued->stage,
                TakeOver(spec_, enqueued->stage, before.configuration, source.configuration)};
    }
    return result;
  }

  // Calls attempt(source, weights) for each source that is possible itself; `weights` as Check
  // takes them. False when some were not seen to the end: too many plans, or attempt said so.
  template <typename Attempt>
  bool TryEach(const Sources& sources, bool takes_weights, const Attempt& attempt) {
    bool all = sources.all;
    for (const Source& source : sources.some) {
      if (plans_ > kMostPlans) return false;
      std::optional<TrainingPlan> weights;
      if (takes_weights) {
        weights = PlanOf(source);
        if (!weights) continue;
      }
      all = attempt(source, weights) && all;
    }
    return all;
  }

  std::optional<ImpossibleTrial> CheckEnqueue(int stage, Possible& possible) {
    const auto& enqueue = StageOf(spec_, stage).enqueue;
    for (size_t i = 0; i < enqueue.size(); ++i) {
      const auto sources = SourcesOf(stage, enqueue[i]);
      if (!sources) continue;  // checked by itself, as part of the first stage
      const bool takes_weights = enqueue[i].init_from.kind != InitFrom::Kind::kNone;
      absl::Status refused;
      bool is_possible = false;
      const bool all =
          TryEach(*sources, takes_weights, [&](const auto& source, const auto& weights) {
            Configuration whole =
                TakeOver(spec_, stage, source.configuration, enqueue[i].configuration);
            const absl::Status status = Check(stage, whole, weights);
            refused.Update(status);
            if (status.ok()) {
              is_possible = true;
              possible.trials.insert(std::move(whole));
            }
            return true;
          });
      if (!is_possible && all && !refused.ok()) return Refused(stage, i, refused);
      possible.all = possible.all && all;
    }
    return std::nullopt;
  }

  std::optional<ImpossibleTrial> CheckSpace(int stage, Possible& possible) {
    const SearchSpace& space = StageOf(spec_, stage).space;
    const bool takes_weights = spec_.stages[static_cast<size_t>(stage - 2)].init_weights;
    std::map<std::string, absl::Status> draws;  // the stage's own part, and how it went
    std::set<std::string> active;
    const bool all = TryEach(sources_, takes_weights, [&](const auto& source, const auto& weights) {
      const SearchSpace on_source = SpaceOn(space, source.configuration);
      return WalkCombinations(on_source, kept_, kMostDraws, [&](const Configuration& drawn) {
        Configuration own = drawn;
        std::erase_if(own, [&](const auto& entry) { return space.Find(entry.first) == nullptr; });
        for (const auto& [name, value] : own) active.insert(name);
        Configuration whole = Vary(spec_, stage, source.configuration, drawn);
        const absl::Status status = Check(stage, whole, weights);
        const auto [known, added] = draws.emplace(ToJsonText(own), status);
        if (!added && status.ok()) known->second = status;
        if (status.ok()) possible.trials.insert(std::move(whole));
        return plans_ <= kMostPlans;
      });
    });
    possible.all = possible.all && all;
    if (!all) return std::nullopt;
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
    return std::nullopt;
  }

  const StudySpec& spec_;
  const WeightsTraits& traits_;
  const std::set<std::string> kept_;  // names that no walk may reduce
  Sources sources_;
  int64_t plans_ = 0;  // resolved for this stage
};

}  // namespace

WeightsTraits AssumedTraits(const WeightsSpec& weights) {
  return {"", weights.padding.empty() ? "tf_same" : weights.padding,
          weights.preprocessing.empty() ? "tf" : weights.preprocessing};
}

bool WalkCombinations(const SearchSpace& space, const std::set<std::string>& kept, int64_t most,
                      const std::function<bool(const Configuration&)>& look) {
  // What is allowed depends on these two most, and the first parameter moves slowest: one walk over
  // the whole of a large space would end before it met the second network.
  bool all = true;
  for (const SearchSpace& representative : Representatives(space, kept, most)) {
    for (const SearchSpace& of_network : SplitBy(representative, "network")) {
      for (const SearchSpace& part : SplitBy(of_network, "initial_weights")) {
        std::optional<Configuration> configuration = FirstConfiguration(part);
        for (int64_t seen = 0; configuration && seen < most; ++seen) {
          if (!look(*configuration)) return false;
          configuration = NextConfiguration(part, *configuration);
        }
        all = all && !configuration;
      }
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
