#include "worker/lease_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "src/base/file.h"
#include "src/base/log.h"
#include "src/base/log_scope.h"
#include "src/catalog/changes_in_training.h"
#include "src/catalog/sharing_trials.h"
#include "src/rpc/convert.h"
#include "src/rpc/retry.h"
#include "worker/fetch_weights.h"
#include "worker/rpc_hooks.h"
#include "worker/runtime.h"

namespace vizsla {
namespace {

constexpr size_t kProblemsLogged = 10;

// Ranks that do not lead have no line to the coordinator; the trainer never asks them.
class NoHooks : public TrialHooks {
 public:
  absl::StatusOr<std::string> UploadCheckpoint(const std::string&) override {
    return absl::InternalError("only the leader uploads");
  }
  absl::StatusOr<Directive> ReportEpoch(const EpochReport&, const std::string&) override {
    return absl::InternalError("only the leader reports");
  }
  Directive Progress(int, int64_t, int64_t) override { return Directive::kContinue; }
};

LogFields FieldsOf(const LeaseGrant& lease) {
  return {lease.study.spec.name, lease.trial.number, lease.attempt.value()};
}

// After how many epochs others of its population may want to go on from the trial's checkpoint; 0:
// it is in none.
int CheckpointEpochs(const LeaseGrant& lease) {
  const StageView stage = StageOf(lease.study.spec, lease.trial.stage);
  const auto* population = std::get_if<PopulationOptions>(&stage.pruner);
  return population == nullptr ? 0 : population->interval;
}

absl::StatusOr<LeaseGrant> ParseLease(const std::string& bytes) {
  v1::Lease lease;
  if (!lease.ParseFromString(bytes)) {
    return absl::InternalError("the leader's lease cannot be read");
  }
  return FromProto(lease);
}

}  // namespace

LeaseRun::LeaseRun(Communicator& group, CoordinatorLink* link, NodeData& data, std::string worker)
    : group_(group), link_(link), data_(data), worker_(std::move(worker)) {}

absl::StatusOr<GroupTask> LeaseRun::Begin(LeaseGrant lease) {
  lease_ = std::move(lease);
  const LogScope scope(FieldsOf(*lease_));
  keeper_ = link_->Keep(*lease_);
  running_ = true;
  GroupTask task{.kind = GroupTask::Kind::kTrain};
  if (const absl::Status fetched = Fetch(*lease_, task); !fetched.ok()) {
    // Damaged or missing artifacts: the next attempt may find them whole, and the crash counter
    // ends it if not.
    if (IsTransient(fetched)) return fetched;
    log::error("trial {}: {}", lease_->trial.number, std::string(fetched.message()));
    TrialResult result;
    result.outcome = AttemptOutcome::kCrashed;
    result.reason = std::string(fetched.message());
    VIZSLA_RETURN_IF_ERROR(Finish(result));
    return GroupTask{};
  }
  task.lease = ToProto(*lease_, std::chrono::milliseconds(0)).SerializeAsString();
  return task;
}

absl::Status LeaseRun::Fetch(const LeaseGrant& lease, GroupTask& task) {
  // All ranks of the group have the same split: the leader knows what they have.
  const std::string& split_hash = lease.study.inputs.split_hash;
  if (!data_.HasSplit(split_hash)) {
    VIZSLA_ASSIGN_OR_RETURN(task.split, link_->patient().DownloadBytes(split_hash));
  }
  if (!lease.resume_checkpoint.empty()) {
    VIZSLA_ASSIGN_OR_RETURN(task.checkpoint,
                            link_->patient().DownloadBytes(lease.resume_checkpoint));
  }
  if (!lease.init_checkpoint.empty()) {
    VIZSLA_ASSIGN_OR_RETURN(task.init, link_->patient().DownloadBytes(lease.init_checkpoint));
  }
  return absl::OkStatus();
}

absl::Status LeaseRun::ShareWeights(const std::string& hash, absl::Status* mine) {
  if (hash.empty()) return absl::OkStatus();
  const absl::StatusOr<std::optional<std::string>> found = data_.weights().Find(hash);
  const bool wanted = !found.ok() || !found->has_value();
  const auto load = [&]() -> absl::StatusOr<std::string> {
    if (wanted) {
      return absl::NotFoundError(StrCat("weights ", hash, " are no longer on this node"));
    }
    return ReadFile(**found);
  };
  std::string bytes;
  VIZSLA_RETURN_IF_ERROR(ShareOnDemand(group_, wanted, load, bytes));
  if (wanted) *mine = data_.weights().Keep(hash, bytes);
  return absl::OkStatus();
}

absl::StatusOr<TrialData> LeaseRun::OpenData(const GroupTask& task) {
  if (!task.split.empty()) {
    VIZSLA_RETURN_IF_ERROR(data_.SetSplit(lease_->study.inputs.split_hash, task.split));
  }
  const absl::StatusOr<TrainingPlan> plan = data_.Resolve(lease_->study, lease_->trial);
  // It depends on the study and the configuration alone.
  impossible_ = absl::IsInvalidArgument(plan.status());
  VIZSLA_RETURN_IF_ERROR(plan.status());
  auto last_line = std::chrono::steady_clock::now();
  return data_.Open(lease_->study, *plan, [&](size_t done, size_t total) {
    if (!is_leader()) return;
    keeper_->SetProgress({0, static_cast<int64_t>(done), static_cast<int64_t>(total)});
    const auto now = std::chrono::steady_clock::now();
    if (now - last_line < std::chrono::seconds(3)) return;
    last_line = now;
    log::info("photos: {} of {} decoded ({} %)", done, total, 100 * done / total);
  });
}

absl::StatusOr<std::optional<ParentTrial>> LeaseRun::ResolveParent() {
  if (!lease_->parent) return std::optional<ParentTrial>();
  Trial trial = lease_->trial;
  trial.configuration = lease_->parent->configuration;
  VIZSLA_RETURN_IF_ERROR(CheckChangesInTraining(trial.configuration, lease_->trial.configuration));
  VIZSLA_ASSIGN_OR_RETURN(TrainingPlan plan, data_.Resolve(lease_->study, trial));
  return std::optional<ParentTrial>({std::move(plan), lease_->parent->number});
}

absl::StatusOr<bool> LeaseRun::Prepare(const GroupTask& task) {
  if (!is_leader()) {
    VIZSLA_ASSIGN_OR_RETURN(lease_, ParseLease(task.lease));
  }
  const LogScope scope(FieldsOf(*lease_));
  const auto ends = [&](AttemptOutcome outcome, const absl::Status& why) -> absl::StatusOr<bool> {
    VIZSLA_RETURN_IF_ERROR(Finish({outcome, std::string(why.message()), "", 0, impossible_}));
    return false;
  };
  impossible_ = false;
  absl::Status kept;
  VIZSLA_RETURN_IF_ERROR(ShareWeights(lease_->study.inputs.weights_hash, &kept));
  absl::StatusOr<TrialData> data = kept.ok() ? OpenData(task) : kept;
  const absl::Status opened = Vote(group_, data.status());
  if (absl::IsInvalidArgument(opened)) return ends(AttemptOutcome::kInfeasible, opened);
  if (absl::IsCancelled(opened)) {
    return ends(AttemptOutcome::kPreempted, absl::CancelledError("the worker was told to stop"));
  }
  if (!opened.ok()) {
    // This node cannot (a full disk, a photo that has changed): no fault of the trial.
    if (is_leader()) {
      link_->CompleteBriefly(*lease_, {.outcome = AttemptOutcome::kPreempted,
                                       .reason = std::string(opened.message())});
      running_ = false;
    }
    return opened;
  }
  data_of_trial_ = *std::move(data);
  absl::StatusOr<std::optional<ParentTrial>> parent = ResolveParent();
  if (!parent.ok()) return ends(AttemptOutcome::kInfeasible, parent.status());
  Assign(task, *std::move(parent));
  return true;
}

void LeaseRun::Assign(const GroupTask& task, std::optional<ParentTrial> parent) {
  assignment_.plan = data_of_trial_.plan;
  assignment_.parent = std::move(parent);
  assignment_.parent_epoch = lease_->trial.lineage.parent_epoch;
  assignment_.checkpoint_epochs = CheckpointEpochs(*lease_);
  assignment_.study_seed = lease_->study.spec.seed;
  assignment_.trial_number = lease_->trial.number;
  assignment_.attempt = lease_->attempt;
  assignment_.objective = lease_->study.spec.objective;
  assignment_.early_stopping = lease_->study.spec.early_stopping;
  assignment_.checkpoint_interval = lease_->study.spec.checkpoint_interval;
  assignment_.history = lease_->history;
  assignment_.resume_checkpoint = task.checkpoint;
  assignment_.init_checkpoint = task.init;
  assignment_.sharing_trials =
      ExpectedSharingTrials(lease_->study.spec, lease_->trial, assignment_.plan);
}

absl::Status LeaseRun::Run(const TrainerOptions& options) {
  const LogScope scope(FieldsOf(*lease_));
  if (!is_leader()) {
    NoHooks hooks;
    return RunTrial(assignment_, data_of_trial_.training, options, group_, hooks).status();
  }
  LogStart(options.device, !assignment_.resume_checkpoint.empty());
  RpcHooks hooks(link_->patient(), *lease_, assignment_.plan.epochs, *keeper_);
  const auto result = RunTrial(assignment_, data_of_trial_.training, options, group_, hooks);
  coordinator_failed_ = !result.ok() && result.status() == hooks.failure();
  if (!result.ok()) return result.status();
  return Finish(*result);
}

void LeaseRun::LogStart(const std::string& device, bool resumes) {
  const LeaseGrant& lease = *lease_;
  const TrialData& data = data_of_trial_;
  std::string line = fmt::format("attempt {} on {} ({} rank{}, {}): {}", lease.attempt.value(),
                                 worker_, group_.size(), group_.size() == 1 ? "" : "s", device,
                                 ToJsonText(lease.trial.configuration));
  if (!lease.init_checkpoint.empty()) {
    line += fmt::format("; starts from trial {}'s best checkpoint", lease.trial.warm_start.trial);
  }
  if (lease.parent) {
    line += fmt::format("; goes on from epoch {} of trial {}", lease.trial.lineage.parent_epoch,
                        lease.parent->number);
  } else if (resumes) {
    line += "; resumes from its checkpoint";
  }
  log::info("trial {} {}", lease.trial.number, line);
  keeper_->Log(std::move(line));
  if (device == "cpu" && data.plan.precision == Precision::kBfloat16 && !ProcessorHasBfloat16()) {
    constexpr const char* kSlow =
        "this processor has no instructions for bfloat16: float32 would be faster";
    log::warn("{}", kSlow);
    keeper_->Log(kSlow);
  }
  const size_t broken = data.left_out.size();
  if (broken == 0) return;
  keeper_->Log(fmt::format("{} broken photo{} left out; training on {} photos, validating on {}",
                           broken, broken == 1 ? " is" : "s are", data.train->photo_count(),
                           data.validation->photo_count()));
  for (size_t i = 0; i < std::min(broken, kProblemsLogged); ++i) {
    keeper_->Log(fmt::format("{}: {}", data.left_out[i].place, data.left_out[i].reason));
  }
  log::warn("{} broken photo{} left out (vizsla logs {} names {})", broken,
            broken == 1 ? " is" : "s are", lease.trial.number, broken == 1 ? "it" : "them");
}

absl::Status LeaseRun::Finish(const TrialResult& result) {
  if (!is_leader()) return absl::OkStatus();
  const LeaseGrant& lease = *lease_;
  Completion completion;
  completion.outcome = result.outcome;
  completion.reason = result.reason;
  completion.last_checkpoint = result.last_checkpoint;
  completion.last_checkpoint_epoch = result.last_checkpoint_epoch;
  completion.on_any_worker = result.on_any_worker;
  if (const std::string refusal = keeper_->refusal(); !refusal.empty()) {
    // Refused again if the lease is another's; otherwise this says why the attempt ended.
    completion = {.outcome = AttemptOutcome::kCrashed, .reason = refusal};
  }
  const std::string line = fmt::format("attempt {} {}{}{}", lease.attempt.value(),
                                       std::string(ToText(completion.outcome)),
                                       completion.reason.empty() ? "" : ": ", completion.reason);
  log::info("trial {} {}", lease.trial.number, line);
  keeper_->Log(line);
  keeper_->Stop();
  running_ = false;
  return link_->Complete(lease, completion);
}

void LeaseRun::LastWords(const std::string& reason) {
  if (!running_) return;
  // A coordinator that could not store what the trial has reached is no fault of the trial.
  const auto outcome = coordinator_failed_ ? AttemptOutcome::kPreempted : AttemptOutcome::kCrashed;
  link_->CompleteBriefly(*lease_, {.outcome = outcome, .reason = reason});
}

}  // namespace vizsla
