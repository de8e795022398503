#include "src/scheduling/retention.h"

#include <initializer_list>
#include <utility>

#include "src/scheduling/run_reports.h"

namespace vizsla {

std::set<std::string> CheckpointsToKeep(const Objective& objective, const Trial& trial,
                                        std::span<const EpochReport> reports) {
  std::set<std::string> keep;
  if (!trial.best_checkpoint.empty()) keep.insert(trial.best_checkpoint);
  if (IsFinished(trial.state)) return keep;
  if (!trial.last_checkpoint.empty()) keep.insert(trial.last_checkpoint);
  if (!trial.lineage.checkpoint.empty()) keep.insert(trial.lineage.checkpoint);
  const EpochReport* resumed = BestReport(objective, reports, trial.last_checkpoint_epoch);
  if (resumed != nullptr && !resumed->checkpoint_hash.empty()) {
    keep.insert(resumed->checkpoint_hash);
  }
  return keep;
}

Retention Retain(const Objective& objective, const Trial& before, Trial after,
                 std::span<const EpochReport> reports) {
  std::set<std::string> named;
  for (const Trial* trial : std::initializer_list<const Trial*>{&before, &after}) {
    named.insert(trial->best_checkpoint);
    named.insert(trial->last_checkpoint);
    named.insert(trial->lineage.checkpoint);
  }
  Retention result;
  result.trial = std::move(after);
  if (IsFinished(result.trial.state)) {
    result.trial.last_checkpoint.clear();
    result.trial.last_checkpoint_epoch = 0;
    result.trial.lineage.checkpoint.clear();
  }
  const std::set<std::string> keep = CheckpointsToKeep(objective, result.trial, reports);
  for (const EpochReport& report : reports) {
    if (report.checkpoint_hash.empty() || keep.contains(report.checkpoint_hash)) continue;
    named.insert(report.checkpoint_hash);
    result.cleared.push_back(report);
    result.cleared.back().checkpoint_hash.clear();
  }
  for (const std::string& hash : named) {
    if (!hash.empty() && !keep.contains(hash)) result.released.push_back(hash);
  }
  return result;
}

}  // namespace vizsla
