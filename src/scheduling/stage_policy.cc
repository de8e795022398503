#include "src/scheduling/stage_policy.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "src/base/check.h"
#include "src/study/init_from.h"
#include "src/study/take_over.h"
#include "src/study/trial_groups.h"

namespace vizsla {
namespace {

using Kind = WarmStart::Kind;

bool MayBeSource(const Trial& trial) {
  return IsFinished(trial.state) && MayWin(trial) && !trial.best_checkpoint.empty();
}

std::string Describe(const Trial& trial) {
  return trial.name.empty() ? StrCat("trial ", trial.number)
                            : StrCat("trial ", trial.number, " (", trial.name, ")");
}

const Trial* FindNumber(std::span<const Trial> trials, int64_t number) {
  const auto found = std::find_if(trials.begin(), trials.end(),
                                  [&](const Trial& trial) { return trial.number == number; });
  return found == trials.end() ? nullptr : &*found;
}

std::string NeverCameToBe(int64_t source) {
  return StrCat("its source, trial ", source, ", never came to be");
}

// Whether the trial waits for the best one, itself or through those that it waits for.
bool WaitsForBest(std::span<const Trial> trials, const Trial& trial) {
  const Trial* at = &trial;
  for (size_t steps = 0; at != nullptr && IsWaiting(*at) && steps <= trials.size(); ++steps) {
    if (WantsBest(at->warm_start.kind)) return true;
    at = FindNumber(trials, at->warm_start.trial);
  }
  return false;
}

Trial Decided(const Study& study, const Trial& trial, const Trial& source) {
  Trial decided = trial;
  decided.warm_start.trial = source.number;
  if (trial.warm_start.kind != Kind::kBestConfiguration) {
    decided.warm_start.checkpoint = source.best_checkpoint;
  }
  decided.configuration =
      TakeOver(study.spec, trial.stage, source.configuration, trial.configuration);
  return decided;
}

// Nullopt: it goes on waiting.
std::optional<Trial> DecideNamed(const Study& study, std::span<const Trial> trials,
                                 const Trial& trial, Timestamp now) {
  const int64_t number = trial.warm_start.trial;
  const Trial* source = FindNumber(trials, number);
  if (source == nullptr) {
    return EndInfeasible(trial, NeverCameToBe(number), now);
  }
  if (!IsFinished(source->state)) return std::nullopt;
  if (MayBeSource(*source)) return Decided(study, trial, *source);
  return EndInfeasible(trial,
                       StrCat("its source, ", Describe(*source), ", ended as ",
                              ToText(source->state), MayWin(*source) ? " without a checkpoint" : "",
                              source->reason.empty() ? "" : StrCat(": ", source->reason)),
                       now);
}

std::optional<Trial> DecideBest(const Study& study, std::span<const Trial> trials,
                                const Trial& trial, bool sampled_out, Timestamp now) {
  std::vector<Trial> sources;
  if (trial.stage > 1) {
    sources = SourcesOfStage(study, trial.stage, trials);
  } else {
    const bool others_go_on = std::any_of(trials.begin(), trials.end(), [&](const Trial& other) {
      return !IsFinished(other.state) && other.state != TrialState::kPaused &&
             !WaitsForBest(trials, other);
    });
    if (others_go_on || !sampled_out) return std::nullopt;
    sources = SourcesOfStage(study, 2, trials);
  }
  if (sources.empty()) {
    return EndInfeasible(trial, "no trial ended with a score and a checkpoint to start from", now);
  }
  return Decided(study, trial, sources.front());
}

}  // namespace

bool WantsBest(WarmStart::Kind kind) {
  return kind == Kind::kBest || kind == Kind::kBestConfiguration;
}

bool HasSources(const StudySpec& spec) {
  return !spec.stages.empty() ||
         std::any_of(spec.enqueue.begin(), spec.enqueue.end(), [](const EnqueuedTrial& trial) {
           return trial.init_from.kind != InitFrom::Kind::kNone;
         });
}

int CurrentStage(std::span<const Trial> trials) {
  int stage = 1;
  for (const Trial& trial : trials) stage = std::max(stage, trial.stage);
  return stage;
}

bool AnyOpen(std::span<const Trial> trials) {
  return std::any_of(trials.begin(), trials.end(), [](const Trial& trial) {
    return trial.state == TrialState::kQueued || trial.state == TrialState::kRunning;
  });
}

std::vector<Trial> PausedSources(std::span<const Trial> trials) {
  std::set<int64_t> wanted;
  for (const Trial& trial : trials) {
    if (IsFinished(trial.state) || trial.state == TrialState::kPaused) continue;
    if (!IsWaiting(trial)) return {};
    wanted.insert(trial.warm_start.trial);
  }
  std::vector<Trial> sources;
  for (const Trial& trial : trials) {
    if (trial.state == TrialState::kPaused && wanted.contains(trial.number)) {
      sources.push_back(trial);
    }
  }
  return sources;
}

const Trial* SourceRun(const Objective& objective, const TrialGroup& group) {
  if (!HasRank(group)) return nullptr;
  const Trial& run = Representative(objective, group);
  return run.score && std::isfinite(*run.score) && MayBeSource(run) ? &run : nullptr;
}

std::vector<Trial> SourcesOfStage(const Study& study, int stage, std::span<const Trial> trials) {
  // Configurations by their means; each is stood for by its run with the best score.
  std::vector<TrialGroup> groups = GroupTrials(trials);
  for (TrialGroup& group : groups) group.fresh.clear();  // final runs are of no stage
  SortByRank(study.spec.objective, groups);
  std::vector<Trial> sources;
  for (const TrialGroup& group : groups) {
    if (group.first().stage >= stage) continue;
    const Trial* const run = SourceRun(study.spec.objective, group);
    if (run != nullptr) sources.push_back(*run);
  }
  return sources;
}

WarmStart StartFrom(const Stage& stage, const Trial& source) {
  if (!stage.init_weights) return {Kind::kBestConfiguration, source.number, ""};
  return {Kind::kBest, source.number, source.best_checkpoint};
}

std::vector<Trial> MakeEnqueued(const Study& study, int stage, std::span<const Trial> trials,
                                int64_t first, Timestamp now) {
  // Enqueued trials are the first ones of their stage.
  std::map<int, int64_t> first_of_stage = {{1, 1}, {stage, first}};
  for (const Trial& trial : trials) {
    const auto [known, added] = first_of_stage.emplace(trial.stage, trial.number);
    if (!added) known->second = std::min(known->second, trial.number);
  }
  std::vector<Trial> result;
  for (const EnqueuedTrial& enqueued : StageOf(study.spec, stage).enqueue) {
    Trial trial;
    trial.study = study.id;
    trial.number = first + static_cast<int64_t>(result.size());
    trial.stage = stage;
    trial.name = enqueued.name;
    trial.notes = enqueued.notes;
    trial.configuration = enqueued.configuration;
    trial.created_at = now;
    switch (enqueued.init_from.kind) {
      case InitFrom::Kind::kNone:
        if (stage > 1) trial.warm_start.kind = Kind::kBestConfiguration;
        break;
      case InitFrom::Kind::kBest:
        trial.warm_start.kind = Kind::kBest;
        break;
      case InitFrom::Kind::kTrial:
        trial.warm_start.kind = Kind::kTrial;
        trial.warm_start.trial = enqueued.init_from.number;
        if (const auto place = FindEnqueued(study.spec, enqueued.init_from, stage)) {
          trial.warm_start.trial =
              first_of_stage.at(place->stage) + static_cast<int64_t>(place->entry);
        } else if (FindNumber(trials, trial.warm_start.trial) == nullptr) {
          // All that an entry may mean by a number is there by now. Later the number would be
          // taken: by the entry itself, or by one that waits for it.
          trial = EndInfeasible(trial, NeverCameToBe(trial.warm_start.trial), now);
        }
        break;
    }
    result.push_back(std::move(trial));
  }
  return result;
}

std::vector<Trial> DecideWaiting(const Study& study, std::span<const Trial> given, bool sampled_out,
                                 Timestamp now) {
  std::vector<Trial> trials(given.begin(), given.end());
  std::vector<Trial> changed;
  // The end of one may decide the next.
  for (bool again = true; again;) {
    again = false;
    for (Trial& trial : trials) {
      if (!IsWaiting(trial)) continue;
      const std::optional<Trial> decided = WantsBest(trial.warm_start.kind)
                                               ? DecideBest(study, trials, trial, sampled_out, now)
                                               : DecideNamed(study, trials, trial, now);
      if (!decided) continue;
      trial = *decided;
      changed.push_back(trial);
      again = true;
    }
  }
  return changed;
}

Trial EndInfeasible(const Trial& trial, const std::string& reason, Timestamp now) {
  VIZSLA_CHECK(CanMove(trial.state, TrialState::kInfeasible));
  Trial ended = trial;
  ended.state = TrialState::kInfeasible;
  ended.reason = reason;
  ended.finished_at = now;
  return ended;
}

}  // namespace vizsla
