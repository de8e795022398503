// The byte budget at work. Planned on a snapshot, so that no writer waits for it; what has changed
// since is looked at again in the change that lets go of the checkpoints.
#include "src/base/log.h"
#include "src/scheduling/checkpoint_budget.h"
#include "src/scheduling/scheduler_impl.h"

namespace vizsla {
namespace {

// Between two looks at the folder; after one that could do nothing, longer.
constexpr Milliseconds kInterval{std::chrono::seconds(30)};
constexpr Milliseconds kIntervalWhenStuck{std::chrono::minutes(5)};

}  // namespace

void SchedulerImpl::EnforceByteBudget() {
  if (!options_.artifact_budget_bytes) return;
  const Timestamp now = clock_.Now();
  {
    std::lock_guard lock(mutex_);
    const Milliseconds interval = budget_warning_.empty() ? kInterval : kIntervalWhenStuck;
    if (budget_checked_at_ && now - *budget_checked_at_ < interval) return;
    budget_checked_at_ = now;
  }
  const auto stored = artifacts_.ListStored();
  const absl::Status status = stored.ok() ? DropCheckpoints(*stored) : stored.status();
  if (!status.ok()) {
    log::warn("the byte budget was not looked after: {}", std::string(status.message()));
  }
}

absl::Status SchedulerImpl::DropCheckpoints(const std::vector<StoredArtifact>& stored) {
  const int64_t budget = *options_.artifact_budget_bytes;
  BudgetPlan plan;
  plan.bytes_after = TotalBytes(stored);
  if (plan.bytes_after > budget) {
    std::vector<BudgetedStudy> studies;
    VIZSLA_RETURN_IF_ERROR(store_.Read([&](TrialReader& reader) -> absl::Status {
      VIZSLA_ASSIGN_OR_RETURN(const std::vector<Study> all, reader.ListStudies());
      for (const Study& study : all) {
        std::vector<Trial>& trials = studies.emplace_back(BudgetedStudy{study, {}}).trials;
        VIZSLA_RETURN_IF_ERROR(reader.ForEachTrial(study.id, [&](const Trial& trial) {
          trials.push_back(trial);
          trials.back().configuration.clear();  // the greatest part of it, which does not count
          return absl::OkStatus();
        }));
      }
      return absl::OkStatus();
    }));
    BudgetInput input;
    input.budget_bytes = budget;
    input.keep_best = options_.keep_best;
    input.now = clock_.Now();
    input.stored = stored;
    input.studies = studies;
    for (const StoredArtifact& artifact : stored) {
      if (artifacts_.IsBeingRead(artifact.hash)) input.being_read.insert(artifact.hash);
    }
    plan = PlanDrops(input);
  }
  int64_t dropped = 0;
  if (!plan.drops.empty()) {
    VIZSLA_RETURN_IF_ERROR(Commit([&](TrialWriter& writer, Effects& effects) -> absl::Status {
      for (const CheckpointDrop& drop : plan.drops) {
        auto trial = writer.GetTrial(drop.trial);
        if (absl::IsNotFound(trial.status())) continue;
        VIZSLA_RETURN_IF_ERROR(trial.status());
        if (!IsFinished(trial->state) || trial->best_checkpoint != drop.hash) continue;
        trial->best_checkpoint.clear();
        trial->checkpoint_dropped = true;
        VIZSLA_RETURN_IF_ERROR(writer.UpdateTrial(*trial));
        ObserveChange(*trial);
        VIZSLA_ASSIGN_OR_RETURN(const auto reports, writer.ListReports(drop.trial));
        for (EpochReport report : reports) {
          if (report.checkpoint_hash != drop.hash) continue;
          report.checkpoint_hash.clear();
          VIZSLA_RETURN_IF_ERROR(writer.UpsertReport(drop.trial, report));
        }
        effects.released.push_back(drop.hash);
        effects.changed = true;
        ++dropped;
      }
      return absl::OkStatus();
    }));
    log::info("the checkpoints of {} ended trials were removed: {} of artifacts, the budget is {}",
              dropped, BytesText(plan.bytes_before), BytesText(budget));
  }
  std::string warning;
  if (plan.bytes_after > budget) {
    warning = StrCat("THE BYTE BUDGET DOES NOT HOLD: artifacts take ", BytesText(plan.bytes_after),
                     ", --artifact-budget is ", BytesText(budget),
                     ", and all that is left is needed. Uploads go on. Raise the budget, lower "
                     "--keep-best (",
                     options_.keep_best, "), or delete studies");
    log::warn("{}", warning);
  }
  std::lock_guard lock(mutex_);
  budget_warning_ = std::move(warning);
  return absl::OkStatus();
}

}  // namespace vizsla
