#include "src/scheduling/lineage.h"

#include <variant>

#include "src/scheduling/explore.h"
#include "src/scheduling/run_reports.h"

namespace vizsla {

absl::StatusOr<std::vector<EpochReport>> AncestorReports(TrialReader& reader, const Trial& trial) {
  std::vector<EpochReport> history;
  Lineage at = trial.lineage;
  while (at.parent != 0) {
    VIZSLA_ASSIGN_OR_RETURN(const Trial parent, reader.FindTrial(trial.study, at.parent));
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<EpochReport> reports, reader.ListReports(parent.id));
    const auto run = UpToEpoch(reports, at.parent_epoch);
    history.insert(history.begin(), run.begin(), run.end());
    at = parent.lineage;
  }
  return history;
}

Trial MakeSuccessor(const Study& study, const Trial& loser, const Trial& source, int64_t number,
                    Timestamp now) {
  const StageView stage = StageOf(study.spec, source.stage);
  const auto& options = std::get<PopulationOptions>(stage.pruner);
  Trial trial;
  trial.study = study.id;
  trial.number = number;
  trial.stage = source.stage;
  const StreamKey key =
      StreamKey(study.spec.seed).With("explore").With(static_cast<uint64_t>(number));
  // At the ends of ranges nothing may change, and a copy that equals its parent explores nothing.
  constexpr uint64_t kTries = 20;
  for (uint64_t attempt = 0; attempt < kTries; ++attempt) {
    trial.configuration = Explore(stage.space, options, source.configuration, key.With(attempt));
    if (trial.configuration != source.configuration) break;
  }
  trial.warm_start = source.warm_start;
  trial.lineage = {source.number, source.last_checkpoint_epoch, MemberOf(loser),
                   source.last_checkpoint};
  trial.epoch = source.last_checkpoint_epoch;
  trial.rung = trial.epoch / options.interval;
  trial.created_at = now;
  return trial;
}

}  // namespace vizsla
