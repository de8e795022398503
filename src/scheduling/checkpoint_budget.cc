#include "src/scheduling/checkpoint_budget.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <iterator>
#include <map>
#include <tuple>

#include "src/scheduling/stage_policy.h"
#include "src/study/objective.h"
#include "src/study/trial_groups.h"

namespace vizsla {
namespace {

struct Candidate {
  CheckpointDrop drop;
  int study_order = 0;  // finished, stopped, active
  int64_t rank = 0;     // from 1; 0: none
};

int OrderOf(StudyState state) {
  switch (state) {
    case StudyState::kFinished:
      return 0;
    case StudyState::kStopped:
      return 1;
    case StudyState::kActive:
      break;
  }
  return 2;
}

bool HasEnded(const std::vector<const Trial*>& runs) {
  return std::all_of(runs.begin(), runs.end(),
                     [](const Trial* run) { return IsFinished(run->state); });
}

// What trials to come may start from: those of the current stage and of later ones, enqueued ones,
// and runs to come of configurations that started from something.
class SourcesToCome {
 public:
  explicit SourcesToCome(const BudgetedStudy& entry) {
    const StudySpec& spec = entry.study.spec;
    if (entry.study.state == StudyState::kFinished || !HasSources(spec)) return;
    std::vector<TrialGroup> groups = GroupTrials(entry.trials);
    for (TrialGroup& group : groups) group.fresh.clear();  // final runs are of no stage
    AddBestOfStages(entry, groups);
    if (!spec.objective.further.empty()) {
      // With several objectives a trial that trains dominates others, until it diverges.
      std::erase_if(groups, [](const TrialGroup& group) { return !HasEnded(group.search); });
      AddBestOfStages(entry, groups);
    }
    for (int stage = 1; stage <= StageCount(spec); ++stage) {
      for (const EnqueuedTrial& trial : StageOf(spec, stage).enqueue) {
        if (trial.init_from.kind != InitFrom::Kind::kTrial) continue;
        names_.insert(trial.init_from.name);
        numbers_.insert(trial.init_from.number);
      }
    }
    for (const Trial& trial : entry.trials) {
      if (IsWaiting(trial)) numbers_.insert(trial.warm_start.trial);
      // A final run starts as its configuration did.
      if (spec.final_runs.top > 0 && MayWin(trial)) hashes_.insert(trial.warm_start.checkpoint);
    }
    names_.erase("");
    hashes_.erase("");
  }

  bool Has(const Trial& trial) const {
    return numbers_.contains(trial.number) || names_.contains(trial.name) ||
           hashes_.contains(trial.best_checkpoint);
  }

 private:
  // Stage by stage: the better trials of a stage take no places among the sources of its own. Also
  // for trials of the first one that wait for the best.
  void AddBestOfStages(const BudgetedStudy& entry, std::vector<TrialGroup>& groups) {
    const StudySpec& spec = entry.study.spec;
    SortByRank(spec.objective, groups);
    const int last = std::max(2, StageCount(spec));
    for (int stage = std::max(2, CurrentStage(entry.trials)); stage <= last; ++stage) {
      const bool is_there = stage <= StageCount(spec);
      int left = is_there ? spec.stages[static_cast<size_t>(stage - 2)].top : 1;
      for (const TrialGroup& group : groups) {
        if (left == 0) break;
        if (group.first().stage >= stage) continue;
        const Trial* const source = SourceRun(spec.objective, group);
        if (source == nullptr) continue;
        numbers_.insert(source->number);
        --left;
      }
    }
  }

  std::set<std::string> names_;
  std::set<int64_t> numbers_;
  std::set<std::string> hashes_;
};

// While runs of a configuration go on nobody knows its place; the weights that stand for it when
// they have ended are those of its best run, which may have ended already. Nullptr: none.
const Trial* BestSoFar(const Objective& objective, const std::vector<const Trial*>& runs) {
  if (HasEnded(runs)) return nullptr;
  std::vector<const Trial*> ended;
  std::copy_if(runs.begin(), runs.end(), std::back_inserter(ended),
               [](const Trial* run) { return IsFinished(run->state); });
  if (ended.empty()) return nullptr;
  return &Representative(objective, {.search = std::move(ended), .fresh = {}});
}

void Sort(const BudgetInput& input, const BudgetedStudy& entry, std::vector<Candidate>& candidates,
          std::set<std::string>& wanted) {
  wanted.insert({entry.study.inputs.split_hash, entry.study.inputs.weights_hash});
  const Objective& objective = entry.study.spec.objective;
  std::vector<TrialGroup> groups = GroupTrials(entry.trials);
  SortByRank(objective, groups);
  const SourcesToCome sources(entry);
  const int64_t keep = std::max(1, input.keep_best);
  int64_t rank = 0, places = 0;
  for (const TrialGroup& group : groups) {
    // What `pull` would take of the configuration.
    const Trial& best = Representative(objective, group);
    const bool ranked = MayWin(best) && best.score.has_value();
    if (ranked) ++rank;
    // One that trains may yet diverge, and keeps its checkpoints anyway.
    if (ranked && IsFinished(best.state)) ++places;
    const bool kept = ranked && places <= keep;
    for (const auto* runs : {&group.search, &group.fresh}) {
      const Trial* const best_so_far = BestSoFar(objective, *runs);
      for (const Trial* run : *runs) {
        if (!IsFinished(run->state)) {
          wanted.insert({run->best_checkpoint, run->last_checkpoint, run->warm_start.checkpoint,
                         run->lineage.checkpoint});
        } else if ((kept && run == &best) || run == best_so_far || sources.Has(*run)) {
          wanted.insert(run->best_checkpoint);
        } else if (!run->best_checkpoint.empty()) {
          candidates.push_back({{run->study, run->id, run->number, run->best_checkpoint},
                                OrderOf(entry.study.state),
                                ranked ? rank : 0});
        }
      }
    }
  }
}

auto OrderOf(const Candidate& candidate) {
  const bool ranked = candidate.rank > 0;
  return std::tuple(candidate.study_order, ranked, -candidate.rank, candidate.drop.study,
                    candidate.drop.number);
}

}  // namespace

int64_t TotalBytes(std::span<const StoredArtifact> stored) {
  int64_t total = 0;
  for (const StoredArtifact& artifact : stored) total += artifact.bytes;
  return total;
}

BudgetPlan PlanDrops(const BudgetInput& input) {
  BudgetPlan plan;
  plan.bytes_before = TotalBytes(input.stored);
  plan.bytes_after = plan.bytes_before;
  if (plan.bytes_before <= input.budget_bytes) return plan;

  std::vector<Candidate> candidates;
  std::set<std::string> wanted = input.being_read;
  for (const BudgetedStudy& entry : input.studies) Sort(input, entry, candidates, wanted);
  std::map<std::string, int64_t> bytes;
  for (const StoredArtifact& artifact : input.stored) {
    if (artifact.used_at + kFreshlyUsed > input.now) wanted.insert(artifact.hash);
    bytes[artifact.hash] = artifact.bytes;
  }
  // Equal weights are one file: it goes with the last trial that names it.
  std::map<std::string, int64_t> names;
  std::erase_if(candidates, [&](const Candidate& candidate) {
    return wanted.contains(candidate.drop.hash) || !bytes.contains(candidate.drop.hash);
  });
  for (const Candidate& candidate : candidates) ++names[candidate.drop.hash];
  std::sort(candidates.begin(), candidates.end(),
            [](const Candidate& a, const Candidate& b) { return OrderOf(a) < OrderOf(b); });
  for (Candidate& candidate : candidates) {
    if (plan.bytes_after <= input.budget_bytes) break;
    if (--names[candidate.drop.hash] == 0) plan.bytes_after -= bytes[candidate.drop.hash];
    plan.drops.push_back(std::move(candidate.drop));
  }
  return plan;
}

std::string BytesText(int64_t bytes) {
  constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return StrCat(bytes, bytes == 1 ? " byte" : " bytes");
  double amount = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  for (; amount >= 1024 && unit + 1 < kUnits.size(); ++unit) amount /= 1024;
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f %s", amount, kUnits[unit]);
  return text;
}

}  // namespace vizsla
