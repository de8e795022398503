#include "src/scheduling/retention.h"

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

Retention Retain(const Objective& objective, const Trial& before, const Trial& after,
                 std::span<const EpochReport> reports) {
  Retention result;
  result.trial = after;
  if (IsFinished(after.state)) {
    result.trial.last_checkpoint.clear();
    result.trial.last_checkpoint_epoch = 0;
    result.trial.lineage.checkpoint.clear();
  }
  const std::set<std::string> keep = CheckpointsToKeep(objective, result.trial, reports);
  std::set<std::string> released;
  const auto release = [&](const std::string& hash) {
    if (!hash.empty() && !keep.contains(hash)) released.insert(hash);
  };
  for (const Trial* trial : {&before, &after}) {
    release(trial->best_checkpoint);
    release(trial->last_checkpoint);
    release(trial->lineage.checkpoint);
  }
  for (const EpochReport& report : reports) {
    if (report.checkpoint_hash.empty() || keep.contains(report.checkpoint_hash)) continue;
    release(report.checkpoint_hash);
    result.cleared.push_back(report);
    result.cleared.back().checkpoint_hash.clear();
  }
  result.released.assign(released.begin(), released.end());
  return result;
}

}  // namespace vizsla
