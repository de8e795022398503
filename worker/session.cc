#include "worker/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "src/base/file.h"
#include "src/base/log.h"
#include "src/base/log_scope.h"
#include "src/catalog/changes_in_training.h"
#include "src/catalog/sharing_trials.h"
#include "src/rpc/convert.h"
#include "src/rpc/retry.h"
#include "src/train/feature_cache.h"
#include "worker/drain.h"
#include "worker/fetch_weights.h"
#include "worker/rpc_hooks.h"

namespace vizsla {
namespace {

using std::chrono::milliseconds;

// How long an idle leader sleeps at most: the other ranks wait in a broadcast meanwhile, which has
// a deadline, and a drain is to be noticed.
constexpr milliseconds kLongestIdle{2000};
constexpr milliseconds kShortestIdle{100};
constexpr size_t kProblemsLogged = 10;
// How long a worker that waits keeps feature caches open that no trial of it has asked for.
constexpr std::chrono::minutes kFeaturesKept{10};

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

void SleepUnlessDraining(milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (!DrainRequested() && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(milliseconds(50));
  }
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

Session::Session(Communicator& group, CoordinatorLink* link, NodeData& data, SessionOptions options)
    : group_(group), link_(link), data_(data), options_(std::move(options)) {}

absl::Status Session::Register() {
  VIZSLA_ASSIGN_OR_RETURN(
      const std::vector<std::string> hashes,
      AvailableWeights(*link_, data_.index().fingerprint, options_.study, data_.weights()));
  WorkerInfo worker;
  worker.name = options_.worker_name;
  worker.ranks = group_.size();
  worker.dataset_fingerprints = {data_.index().fingerprint};
  worker.weights_hashes = hashes;
  worker.study = options_.study;
  return link_->Register(worker);
}

absl::Status Session::Run() {
  if (is_leader()) {
    // An error travels to the group with the first task.
    if (const absl::Status status = Register(); !status.ok()) {
      GroupTask task{.kind = GroupTask::Kind::kFail, .reason = std::string(status.message())};
      VIZSLA_RETURN_IF_ERROR(ShareTask(group_, task));
      return status;
    }
  }
  for (;;) {
    GroupTask task;
    absl::Status failed;
    if (is_leader()) {
      absl::StatusOr<GroupTask> next = NextTask();
      failed = next.status();
      if (next.ok()) {
        task = *std::move(next);
      } else {
        task = {.kind = GroupTask::Kind::kFail, .reason = std::string(failed.message())};
      }
    }
    VIZSLA_RETURN_IF_ERROR(ShareTask(group_, task));
    switch (task.kind) {
      case GroupTask::Kind::kIdle:
        // Other jobs of the node may want the room.
        CloseIdleFeatureCaches(kFeaturesKept);
        break;
      case GroupTask::Kind::kTrain:
        VIZSLA_RETURN_IF_ERROR(Train(task));
        break;
      case GroupTask::Kind::kLeave:
        return absl::OkStatus();
      case GroupTask::Kind::kFail:
        return is_leader() ? failed : absl::UnavailableError(task.reason);
    }
  }
}

absl::StatusOr<GroupTask> Session::NextTask() {
  if (DrainRequested()) return GroupTask{.kind = GroupTask::Kind::kLeave};
  VIZSLA_ASSIGN_OR_RETURN(Acquired acquired, link_->Acquire());
  if (acquired.leases.empty()) {
    if (acquired.nothing_left && !options_.wait) {
      log::info("leaving: {}", acquired.explanation);
      return GroupTask{.kind = GroupTask::Kind::kLeave};
    }
    if (acquired.explanation != idle_explanation_) {
      idle_explanation_ = acquired.explanation;
      if (!idle_explanation_.empty()) log::info("waiting: {}", idle_explanation_);
    }
    SleepUnlessDraining(std::clamp(acquired.retry_after, kShortestIdle, kLongestIdle));
    // A new study may want weights that we can fetch.
    if (options_.wait && acquired.nothing_left) VIZSLA_RETURN_IF_ERROR(Register());
    return GroupTask{};
  }
  idle_explanation_.clear();
  lease_ = std::make_unique<LeaseGrant>(std::move(acquired.leases.front()));
  const LogScope scope({lease_->study.spec.name, lease_->trial.number, lease_->attempt.value()});
  keeper_ = link_->Keep(*lease_);
  GroupTask task{.kind = GroupTask::Kind::kTrain};
  if (const absl::Status fetched = Fetch(*lease_, task); !fetched.ok()) {
    // Damaged or missing artifacts: the next attempt may find them whole, and the crash counter
    // ends it if not.
    if (IsTransient(fetched)) return fetched;
    log::error("trial {}: {}", lease_->trial.number, std::string(fetched.message()));
    TrialResult result;
    result.outcome = AttemptOutcome::kCrashed;
    result.reason = std::string(fetched.message());
    VIZSLA_RETURN_IF_ERROR(Finish(*lease_, result));
    return GroupTask{};
  }
  task.lease = ToProto(*lease_, milliseconds(0)).SerializeAsString();
  return task;
}

absl::Status Session::Fetch(const LeaseGrant& lease, GroupTask& task) {
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

absl::Status Session::Train(const GroupTask& task) {
  VIZSLA_ASSIGN_OR_RETURN(const LeaseGrant lease, ParseLease(task.lease));
  VIZSLA_ASSIGN_OR_RETURN(const TrialResult result, RunLease(lease, task));
  ++trials_trained_;
  if (!is_leader()) return absl::OkStatus();
  return Finish(lease, result);
}

absl::Status Session::ShareWeights(const std::string& hash, absl::Status* mine) {
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

absl::StatusOr<TrialData> Session::OpenData(const LeaseGrant& lease, const GroupTask& task) {
  if (!task.split.empty()) {
    VIZSLA_RETURN_IF_ERROR(data_.SetSplit(lease.study.inputs.split_hash, task.split));
  }
  VIZSLA_ASSIGN_OR_RETURN(const TrainingPlan plan, data_.Resolve(lease.study, lease.trial));
  auto last_line = std::chrono::steady_clock::now();
  return data_.Open(lease.study, plan, [&](size_t done, size_t total) {
    if (!is_leader()) return;
    keeper_->SetProgress({0, static_cast<int64_t>(done), static_cast<int64_t>(total)});
    const auto now = std::chrono::steady_clock::now();
    if (now - last_line < std::chrono::seconds(3)) return;
    last_line = now;
    log::info("photos: {} of {} decoded ({} %)", done, total, 100 * done / total);
  });
}

absl::StatusOr<std::optional<ParentTrial>> Session::ResolveParent(const LeaseGrant& lease) {
  if (!lease.parent) return std::optional<ParentTrial>();
  Trial trial = lease.trial;
  trial.configuration = lease.parent->configuration;
  VIZSLA_RETURN_IF_ERROR(CheckChangesInTraining(trial.configuration, lease.trial.configuration));
  VIZSLA_ASSIGN_OR_RETURN(TrainingPlan plan, data_.Resolve(lease.study, trial));
  return std::optional<ParentTrial>({std::move(plan), lease.parent->number});
}

absl::StatusOr<TrialResult> Session::RunLease(const LeaseGrant& lease, const GroupTask& task) {
  const LogScope scope({lease.study.spec.name, lease.trial.number, lease.attempt.value()});
  absl::Status kept;
  VIZSLA_RETURN_IF_ERROR(ShareWeights(lease.study.inputs.weights_hash, &kept));
  absl::StatusOr<TrialData> data = kept.ok() ? OpenData(lease, task) : kept;
  const absl::Status opened = Vote(group_, data.status());
  if (absl::IsInvalidArgument(opened)) {
    return TrialResult{AttemptOutcome::kInfeasible, std::string(opened.message()), "", 0};
  }
  if (absl::IsCancelled(opened)) {
    return TrialResult{AttemptOutcome::kPreempted, "the worker was told to stop", "", 0};
  }
  if (!opened.ok()) {
    // This node cannot (a full disk, a photo that has changed): no fault of the trial.
    if (is_leader()) {
      link_->CompleteBriefly(
          lease, {.outcome = AttemptOutcome::kPreempted, .reason = std::string(opened.message())});
      lease_.reset();
    }
    return opened;
  }
  const absl::StatusOr<std::optional<ParentTrial>> parent = ResolveParent(lease);
  if (!parent.ok()) {
    return TrialResult{AttemptOutcome::kInfeasible, std::string(parent.status().message()), "", 0};
  }
  TrialAssignment assignment;
  assignment.plan = data->plan;
  assignment.parent = *parent;
  assignment.parent_epoch = lease.trial.lineage.parent_epoch;
  assignment.checkpoint_epochs = CheckpointEpochs(lease);
  assignment.study_seed = lease.study.spec.seed;
  assignment.trial_number = lease.trial.number;
  assignment.attempt = lease.attempt;
  assignment.objective = lease.study.spec.objective;
  assignment.early_stopping = lease.study.spec.early_stopping;
  assignment.checkpoint_interval = lease.study.spec.checkpoint_interval;
  assignment.history = lease.history;
  assignment.resume_checkpoint = task.checkpoint;
  assignment.init_checkpoint = task.init;
  assignment.sharing_trials =
      ExpectedSharingTrials(lease.study.spec, lease.trial.stage, lease.trial.number);
  if (is_leader()) {
    LogStart(lease, *data, !task.checkpoint.empty());
    RpcHooks hooks(link_->patient(), *lease_, data->plan.epochs, *keeper_);
    auto result = RunTrial(assignment, data->training, options_.trainer, group_, hooks);
    coordinator_failed_ = !result.ok() && result.status() == hooks.failure();
    return result;
  }
  NoHooks hooks;
  return RunTrial(assignment, data->training, options_.trainer, group_, hooks);
}

void Session::LogStart(const LeaseGrant& lease, const TrialData& data, bool resumes) {
  std::string line = fmt::format("attempt {} on {} ({} rank{}, {}): {}", lease.attempt.value(),
                                 options_.worker_name, group_.size(), group_.size() == 1 ? "" : "s",
                                 options_.trainer.device, ToJsonText(lease.trial.configuration));
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

absl::Status Session::Finish(const LeaseGrant& lease, const TrialResult& result) {
  const LogScope scope({lease.study.spec.name, lease.trial.number, lease.attempt.value()});
  Completion completion;
  completion.outcome = result.outcome;
  completion.reason = result.reason;
  completion.last_checkpoint = result.last_checkpoint;
  completion.last_checkpoint_epoch = result.last_checkpoint_epoch;
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
  const absl::Status status = link_->Complete(lease, completion);
  keeper_.reset();
  lease_.reset();
  return status;
}

void Session::LastWords(const std::string& reason) {
  if (!is_leader() || lease_ == nullptr) return;
  // A coordinator that could not store what the trial has reached is no fault of the trial.
  const auto outcome = coordinator_failed_ ? AttemptOutcome::kPreempted : AttemptOutcome::kCrashed;
  link_->CompleteBriefly(*lease_, {.outcome = outcome, .reason = reason});
}

}  // namespace vizsla
