#include "src/study/init_from.h"

#include <algorithm>
#include <set>

#include "src/base/str_cat.h"
#include "src/study/closest_word.h"
#include "src/study/planned_trials.h"

namespace vizsla {
namespace {

using Kind = InitFrom::Kind;

const EnqueuedTrial& At(const StudySpec& spec, const EnqueuedPlace& place) {
  return StageOf(spec, place.stage).enqueue[place.entry];
}

// Of all stages, so that a name of a later stage can be told from an unknown one.
std::vector<EnqueuedPlace> FindByName(const StudySpec& spec, const std::string& name) {
  std::vector<EnqueuedPlace> places;
  for (int stage = 1; stage <= StageCount(spec); ++stage) {
    const auto& enqueue = StageOf(spec, stage).enqueue;
    for (size_t i = 0; i < enqueue.size(); ++i) {
      if (enqueue[i].name == name) places.push_back({stage, i});
    }
  }
  return places;
}

std::string SuggestName(const StudySpec& spec, int stage, const std::string& name) {
  std::vector<std::string> names;
  for (int i = 1; i <= stage; ++i) {
    for (const EnqueuedTrial& trial : StageOf(spec, i).enqueue) {
      if (!trial.name.empty()) names.push_back(trial.name);
    }
  }
  return Suggestion(name, names);
}

// Empty when the name or the number can be followed.
std::string ProblemOfReference(const StudySpec& spec, const EnqueuedPlace& place) {
  const InitFrom& init_from = At(spec, place).init_from;
  if (init_from.name.empty()) {
    const int64_t enqueued = static_cast<int64_t>(spec.enqueue.size());
    if (init_from.number < 1) return StrCat("there is no trial ", init_from.number);
    if (place.stage == 1 && init_from.number > enqueued) {
      return StrCat("there is no enqueued trial ", init_from.number, ": they are 1 to ", enqueued);
    }
    const int64_t limit = std::max(spec.budget.trials, enqueued) * spec.repeats;
    if (spec.budget.trials > 0 && init_from.number > limit) {
      return StrCat("there is no trial ", init_from.number, ": the first stage's are 1 to ", limit);
    }
  } else {
    const std::vector<EnqueuedPlace> places = FindByName(spec, init_from.name);
    if (places.empty()) {
      return StrCat("no enqueued trial is called '", init_from.name, "'",
                    SuggestName(spec, place.stage, init_from.name));
    }
    if (places.size() > 1) {
      return StrCat(places.size(), " enqueued trials are called '", init_from.name, "'");
    }
    if (places[0].stage > place.stage) {
      return StrCat("'", init_from.name, "' is of a later stage");
    }
  }
  return FindEnqueued(spec, init_from, place.stage) == place ? "is the trial itself" : "";
}

// The trials that this one waits for, one after another, as long as they are of its own stage; the
// last one starts from something else, or stands there already.
std::vector<EnqueuedPlace> ChainOf(const StudySpec& spec, const EnqueuedPlace& start) {
  std::vector<EnqueuedPlace> chain = {start};
  std::set<EnqueuedPlace> seen = {start};
  for (;;) {
    const EnqueuedPlace& last = chain.back();
    const auto next = FindEnqueued(spec, At(spec, last).init_from, last.stage);
    if (!next || next->stage != start.stage) return chain;
    chain.push_back(*next);
    if (!seen.insert(*next).second) return chain;
  }
}

bool IsCircle(const std::vector<EnqueuedPlace>& chain) {
  return chain.size() > 1 && std::count(chain.begin(), chain.end(), chain.back()) > 1;
}

// `best` of the first stage looks at all its trials but those that wait for it themselves.
std::string ProblemOfBest(const StudySpec& spec) {
  if (SamplerMayDraw(StageOf(spec, 1))) return "";
  for (size_t i = 0; i < spec.enqueue.size(); ++i) {
    if (IsComplete(spec, {1, i})) return "";
  }
  return "no trial is left to be the best one: all of the study wait for it";
}

}  // namespace

std::optional<EnqueuedPlace> FindEnqueued(const StudySpec& spec, const InitFrom& init_from,
                                          int stage) {
  if (init_from.kind != Kind::kTrial) return std::nullopt;
  if (init_from.name.empty()) {
    const size_t entry = static_cast<size_t>(init_from.number) - 1;
    if (init_from.number < 1 || entry >= spec.enqueue.size()) return std::nullopt;
    return EnqueuedPlace{1, entry};
  }
  const std::vector<EnqueuedPlace> places = FindByName(spec, init_from.name);
  if (places.size() != 1 || places[0].stage > stage) return std::nullopt;
  return places[0];
}

std::optional<InitFromProblem> FindInitFromProblem(const StudySpec& spec) {
  std::vector<EnqueuedPlace> places;
  for (int stage = 1; stage <= StageCount(spec); ++stage) {
    for (size_t i = 0; i < StageOf(spec, stage).enqueue.size(); ++i) places.push_back({stage, i});
  }
  for (const EnqueuedPlace& place : places) {
    if (At(spec, place).init_from.kind != Kind::kTrial) continue;
    if (std::string reason = ProblemOfReference(spec, place); !reason.empty()) {
      return InitFromProblem{place, std::move(reason)};
    }
  }
  for (const EnqueuedPlace& place : places) {
    if (At(spec, place).init_from.kind == Kind::kTrial && IsCircle(ChainOf(spec, place))) {
      return InitFromProblem{place, "forms a circle: the trial waits for itself"};
    }
    if (place.stage == 1 && At(spec, place).init_from.kind == Kind::kBest) {
      if (std::string reason = ProblemOfBest(spec); !reason.empty()) {
        return InitFromProblem{place, std::move(reason)};
      }
    }
  }
  return std::nullopt;
}

bool IsComplete(const StudySpec& spec, const EnqueuedPlace& place) {
  return place.stage == 1 && At(spec, ChainOf(spec, place).back()).init_from.kind != Kind::kBest;
}

std::vector<size_t> InOrderOfSources(const StudySpec& spec) {
  std::vector<size_t> order;
  std::set<size_t> placed;
  for (size_t i = 0; i < spec.enqueue.size(); ++i) {
    const std::vector<EnqueuedPlace> chain = ChainOf(spec, {1, i});
    for (auto place = chain.rbegin(); place != chain.rend(); ++place) {
      if (placed.insert(place->entry).second) order.push_back(place->entry);
    }
  }
  return order;
}

}  // namespace vizsla
