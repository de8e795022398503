#include "src/train/trainer.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "src/base/log.h"
#include "src/nn/autocast.h"
#include "src/nn/device_stream.h"
#include "src/nn/model.h"
#include "src/train/autoencoder.h"
#include "src/train/batch_tensors.h"
#include "src/train/checkpoint.h"
#include "src/train/cost_metrics.h"
#include "src/train/device_rows.h"
#include "src/train/epoch_batches.h"
#include "src/train/feature_phase.h"
#include "src/train/foreign_errors.h"
#include "src/train/learning_rate.h"
#include "src/train/plan_fingerprint.h"
#include "src/train/prefetcher.h"
#include "src/train/streams.h"
#include "src/train/training_step.h"
#include "src/train/trial_bundle.h"
#include "src/train/trial_model.h"
#include "src/train/validation.h"
#include "src/train/voting_group.h"

namespace vizsla {
namespace {

using SteadyClock = std::chrono::steady_clock;

// One call of RunTrial. Statuses and exceptions travel up to Run, which casts the vote that tells
// the other ranks.
class TrialRun {
 public:
  TrialRun(const TrialAssignment& assignment, const TrainingData& data,
           const TrainerOptions& options, Communicator& group, TrialHooks& hooks)
      : assignment_(assignment),
        plan_(assignment.plan),
        data_(data),
        options_(options),
        group_(group),
        hooks_(hooks),
        streams_(assignment.study_seed, assignment.trial_number),
        early_stopping_(EarlyStoppingOf(plan_, assignment.early_stopping)),
        costs_(assignment.objective, plan_, data.class_count),
        device_(torch::kCPU) {}
  ~TrialRun() {
    // It may read what is not this trial's alone.
    if (stream_) stream_->Wait();
  }

  absl::StatusOr<TrialResult> Run() {
    const Tf32Scope tf32(plan_.precision == Precision::kTf32);
    absl::StatusOr<TrialResult> result = CatchAll([&] { return RunPhases(); });
    if (result.ok()) return result;
    const absl::Status failure = group_.Agree(result.status());
    if (!group_.transport().ok()) return group_.transport();
    if (!coordinator_.ok()) return coordinator_;
    const std::string reason(failure.message());
    switch (failure.code()) {
      case absl::StatusCode::kAborted:
        return failure;
      case absl::StatusCode::kResourceExhausted:
        return TrialResult{AttemptOutcome::kInfeasible, StrCat(reason, "; ", WhatTookMemory()), "",
                           0};
      case absl::StatusCode::kOutOfRange:
        return TrialResult{AttemptOutcome::kInfeasible, reason, "", 0, impossible_};
      default:
        return TrialResult{AttemptOutcome::kFailed, reason, "", 0};
    }
  }

 private:
  // ---- Phases

  absl::StatusOr<TrialResult> RunPhases() {
    std::optional<TrialBundle::SetUpTurn> turn;
    if (options_.bundle != nullptr) turn.emplace(*options_.bundle);
    VIZSLA_RETURN_IF_ERROR(SetUp());
    VIZSLA_RETURN_IF_ERROR(group_.Agree(absl::OkStatus()));
    if (StartsWithPretraining()) {
      DropIdleDeviceRows(device_);
      VIZSLA_ASSIGN_OR_RETURN(position_.pretrain_loss,
                              PretrainEncoder(plan_, data_, streams_, device_, *model_, group_,
                                              hooks_, options_.gradient_type));
      if (group_.agreed() != Directive::kContinue) return Leave();
    }
    VIZSLA_RETURN_IF_ERROR(SetUpTraining());
    VIZSLA_RETURN_IF_ERROR(group_.Agree(absl::OkStatus()));
    VIZSLA_ASSIGN_OR_RETURN(features_, PrepareFeatures(assignment_, data_, options_,
                                                       frozen_weights_, *model_, group_, hooks_));
    if (!features_) DropIdleDeviceRows(device_);
    validation_.emplace(plan_, data_, features_ ? &*features_ : nullptr, *model_, group_, device_);
    turn.reset();
    last_upload_ = SteadyClock::now();
    if (!reports_.empty() && ShouldStop(early_stopping_, reports_)) return StoppedEarly();
    while (position_.epochs < plan_.epochs) {
      if (group_.agreed() != Directive::kContinue) return Leave();
      VIZSLA_ASSIGN_OR_RETURN(std::optional<TrialResult> end, RunEpoch());
      if (end) return *std::move(end);
    }
    return TrialResult{};
  }

  // The model with its initial weights.
  absl::Status SetUp() {
    // Means of gradients that have become zero decay through the denormal numbers, where a
    // processor is many times slower. Threads that LibTorch starts later inherit this.
    at::globalContext().setFlushDenormal(true);
    device_ = torch::Device(options_.device);
    stream_.emplace(device_);
    // No other worker of this kind can do it either.
    if (const absl::Status status = CheckPrecision(plan_.precision, device_); !status.ok()) {
      return absl::OutOfRangeError(status.message());
    }
    // A trial repeats itself; cuDNN's fastest convolutions do not.
    at::globalContext().setDeterministicCuDNN(true);
    VIZSLA_RETURN_IF_ERROR(CheckTrialData(plan_, data_));
    absl::StatusOr<TrialModel> made = MakeTrialModel(assignment_, data_, streams_.Initialization());
    impossible_ = absl::IsOutOfRange(made.status());
    VIZSLA_RETURN_IF_ERROR(made.status());
    model_ = std::move(made->model);
    identity_ = std::move(made->identity);
    frozen_weights_ = std::move(made->frozen_weights);
    model_->to(device_);
    model_->FrozenStateChanged();
    if (group_.size() > 1 && plan_.sync_batch_norm) {
      model_->SetBatchNormReduction(
          [this](std::span<double> values) { return group_.Sum(values); });
    }
    return absl::OkStatus();
  }

  // A checkpoint, of this trial or of the one it starts from, holds the encoder already.
  bool StartsWithPretraining() const {
    return plan_.initial_weights == InitialWeights::kAutoencoder &&
           assignment_.init_checkpoint.empty() && assignment_.resume_checkpoint.empty();
  }

  // From those weights, or from where an earlier attempt has stopped.
  absl::Status SetUpTraining() {
    training_.emplace(plan_, data_, *model_, group_, device_,
                      TrainingStepOptions{.memory = options_.memory,
                                          .reducer = {.type = options_.gradient_type}});
    if (!assignment_.resume_checkpoint.empty()) {
      CheckpointIdentity identity = identity_;
      if (assignment_.parent) {
        identity.plan = PlanFingerprint(assignment_.parent->plan);
        identity.trial_number = assignment_.parent->number;
      }
      VIZSLA_ASSIGN_OR_RETURN(position_, RestoreLast(assignment_.resume_checkpoint, identity,
                                                     *model_, training_->update()));
      // The parent may have left in the middle of an epoch, in an order of photos that is not this
      // trial's: that epoch begins anew.
      if (assignment_.parent) {
        position_.step = 0;
        position_.train = Tally{};
      }
      // The sums of the unfinished epoch are of all ranks; one of them carries them on.
      if (!group_.is_leader()) position_.train = Tally{};
    }
    for (const EpochReport& report : assignment_.history) {
      if (report.epoch <= position_.epochs) reports_.push_back(report);
    }
    return absl::OkStatus();
  }

  // One epoch and its report; a result when the trial ends with it, or in it.
  absl::StatusOr<std::optional<TrialResult>> RunEpoch() {
    const auto start = SteadyClock::now();
    const int epoch = position_.epochs + 1;
    VIZSLA_RETURN_IF_ERROR(Train(epoch));
    if (group_.agreed() != Directive::kContinue && position_.step < TrainSteps()) {
      VIZSLA_ASSIGN_OR_RETURN(TrialResult result, Leave());
      return std::optional(std::move(result));
    }
    VIZSLA_RETURN_IF_ERROR(group_.Sum(position_.train.values()));
    VIZSLA_RETURN_IF_ERROR(AverageLocalStatistics());
    VIZSLA_ASSIGN_OR_RETURN(std::optional<ScoredEpoch> scored, Score(epoch));
    if (!scored) return std::optional(Ended(Directive::kCancel));
    scored->report.duration = std::chrono::duration_cast<Milliseconds>(SteadyClock::now() - start);
    position_.epochs = epoch;
    position_.step = 0;
    position_.train = Tally{};
    std::string last_checkpoint;
    if (group_.is_leader()) {
      absl::StatusOr<std::string> sent = Report(scored->report, scored->best_checkpoint);
      if (!sent.ok()) return LostCoordinator(sent.status());
      last_checkpoint = *std::move(sent);
    }
    reports_.push_back(std::move(scored->report));
    VIZSLA_RETURN_IF_ERROR(group_.Agree(absl::OkStatus()));
    return EndAfterEpoch(last_checkpoint);
  }

  struct ScoredEpoch {
    EpochReport report;
    std::string best_checkpoint;  // leader: its bytes when the epoch becomes the best
  };
  // Validates; nullopt: cancelled meanwhile.
  absl::StatusOr<std::optional<ScoredEpoch>> Score(int epoch) {
    const AveragedWeights averaged(training_->update().average());
    VIZSLA_ASSIGN_OR_RETURN(const Tally validation, validation_->Run([&](int64_t rounds) {
      Progress(epoch, TrainSteps() + rounds);
    }));
    if (group_.agreed() == Directive::kCancel) return std::optional<ScoredEpoch>();
    ScoredEpoch scored{.report = MakeReport(epoch, validation), .best_checkpoint = ""};
    if (group_.is_leader()) {
      // The other ranks' reports are compared by nothing that costs are.
      costs_.AddTo(scored.report.metrics, *model_, device_);
      if (!HasDiverged(scored.report) &&
          BecomesBest(assignment_.objective, OwnReports(), scored.report)) {
        scored.best_checkpoint = SerializeBest(*model_, identity_, epoch);
      }
    }
    return std::optional(std::move(scored));
  }

  // What the rules and the agreed directive say after the last report; nullopt: the trial goes on.
  absl::StatusOr<std::optional<TrialResult>> EndAfterEpoch(const std::string& last_checkpoint) {
    const Directive directive = group_.agreed();
    if (directive == Directive::kCancel) return std::optional(Ended(directive));
    if (HasDiverged(reports_.back())) {
      return std::optional(TrialResult{
          AttemptOutcome::kDiverged,
          StrCat("a metric of epoch ", position_.epochs, " is not a finite number"), "", 0});
    }
    if (directive == Directive::kPrune) return std::optional(Ended(directive));
    if (ShouldStop(early_stopping_, reports_)) return std::optional(StoppedEarly());
    if (position_.epochs == plan_.epochs) return std::optional(TrialResult{});
    if (directive == Directive::kContinue) return std::optional<TrialResult>();
    VIZSLA_ASSIGN_OR_RETURN(TrialResult result, Leave(last_checkpoint));
    return std::optional(std::move(result));
  }

  std::span<const EpochReport> OwnReports() const {
    const auto first = std::find_if(reports_.begin(), reports_.end(), [&](const auto& report) {
      return report.epoch > assignment_.parent_epoch;
    });
    return {first, reports_.end()};
  }

  // `position_` is at the end of the epoch, with sums over all ranks.
  EpochReport MakeReport(int epoch, const Tally& validation) const {
    EpochReport report;
    report.epoch = epoch;
    report.attempt = assignment_.attempt;
    report.metrics = {{"train_loss", position_.train.mean_loss()},
                      {"train_accuracy", position_.train.accuracy()},
                      {"val_loss", validation.mean_loss()},
                      {"val_accuracy", validation.accuracy()},
                      {"val_top5_accuracy", validation.top5_accuracy()}};
    if (position_.pretrain_loss) report.metrics["pretrain_loss"] = *position_.pretrain_loss;
    return report;
  }

  // ---- Ends

  TrialResult StoppedEarly() const {
    return {AttemptOutcome::kCompleted,
            StrCat("stopped early after epoch ", position_.epochs, ": ", early_stopping_.metric,
                   " has not improved for ", early_stopping_.patience, " epochs"),
            "", 0};
  }

  TrialResult Ended(Directive directive) const {
    const std::string when = position_.epochs == 0 ? std::string("in the first epoch")
                                                   : StrCat("after epoch ", position_.epochs);
    switch (directive) {
      case Directive::kPrune:
        return {AttemptOutcome::kPruned, StrCat("pruned ", when), "", 0};
      case Directive::kPause:
        return {AttemptOutcome::kPaused, StrCat("paused ", when), "", 0};
      case Directive::kPreempt:
        return {AttemptOutcome::kPreempted, StrCat("preempted ", when), "", 0};
      default:
        return {AttemptOutcome::kCancelled, StrCat("cancelled ", when), "", 0};
    }
  }

  // As the agreed directive says; pause and preemption with a checkpoint of this very step.
  absl::StatusOr<TrialResult> Leave(std::string last_checkpoint = "") {
    TrialResult result = Ended(group_.agreed());
    const bool resumes =
        result.outcome == AttemptOutcome::kPaused || result.outcome == AttemptOutcome::kPreempted;
    if (!resumes || position_.global_step == 0) return result;
    if (position_.step > 0) {
      VIZSLA_RETURN_IF_ERROR(group_.Sum(position_.train.values()));
      VIZSLA_RETURN_IF_ERROR(AverageLocalStatistics());
    }
    if (group_.is_leader() && last_checkpoint.empty()) {
      absl::StatusOr<std::string> hash = UploadLast();
      if (hash.ok()) last_checkpoint = *std::move(hash);
      if (!hash.ok() && result.outcome == AttemptOutcome::kPaused) {
        return LostCoordinator(hash.status());
      }
    }
    VIZSLA_RETURN_IF_ERROR(group_.Agree(absl::OkStatus()));
    result.last_checkpoint = last_checkpoint;
    result.last_checkpoint_epoch = last_checkpoint.empty() ? 0 : position_.epochs;
    return result;
  }

  // What a user would make smaller.
  std::string WhatTookMemory() const {
    return StrCat("the trial asked for batch_size ", plan_.batch_size, " on ", group_.size(),
                  group_.size() == 1 ? " rank" : " ranks", ", image_size ", plan_.image_size,
                  ", precision ", ToText(plan_.precision));
  }

  // ---- Leader

  absl::Status LostCoordinator(const absl::Status& why) {
    coordinator_ = why;
    return absl::AbortedError(StrCat("rank 0 lost the coordinator: ", why.message()));
  }

  // The checkpoints of an epoch first, then its report. The hash of `last`, or empty.
  absl::StatusOr<std::string> Report(EpochReport& report, const std::string& best_checkpoint) {
    if (!best_checkpoint.empty()) {
      VIZSLA_ASSIGN_OR_RETURN(report.checkpoint_hash, hooks_.UploadCheckpoint(best_checkpoint));
    }
    std::string last;
    const bool goes_on = !HasDiverged(report) && report.epoch < plan_.epochs;
    const int every = assignment_.checkpoint_epochs;
    const bool is_due = SteadyClock::now() - last_upload_ >= assignment_.checkpoint_interval ||
                        (every > 0 && report.epoch % every == 0);
    if (goes_on && is_due) {
      // Without it a later attempt has more to repeat; no reason to stop this one.
      absl::StatusOr<std::string> hash = UploadLast();
      if (hash.ok()) last = *std::move(hash);
    }
    VIZSLA_ASSIGN_OR_RETURN(const Directive directive, hooks_.ReportEpoch(report, last));
    group_.Propose(directive);
    return last;
  }

  absl::StatusOr<std::string> UploadLast() {
    absl::StatusOr<std::string> hash =
        hooks_.UploadCheckpoint(SerializeLast(*model_, training_->update(), identity_, position_));
    if (!hash.ok()) {
      log::warn("{}", StrCat("trial ", assignment_.trial_number, ": the checkpoint after epoch ",
                             position_.epochs, " could not be stored: ", hash.status().message()));
    }
    last_upload_ = SteadyClock::now();
    return hash;
  }

  void Progress(int epoch, int64_t done) {
    if (!group_.is_leader()) return;
    group_.Propose(hooks_.Progress(epoch, done, TrainSteps() + validation_->rounds()));
  }

  // ---- Training

  bool TrainsOnFeatures() const { return features_ && features_->train; }
  int64_t TrainSteps() const {
    return StepsPerEpoch(static_cast<int64_t>(data_.train->photo_count()), plan_.batch_size);
  }

  // From position_.step to the end of the epoch, or until the leader's directive.
  absl::Status Train(int epoch) {
    model_->train();
    const EpochBatches batches(plan_, streams_, epoch, *data_.train);
    const auto rows_of = [&](int64_t step) {
      return batches.RowsOf(step, group_.rank(), group_.size());
    };
    std::optional<Prefetcher> prefetcher;
    if (!TrainsOnFeatures()) {
      prefetcher.emplace(
          *data_.train, position_.step, TrainSteps(),
          [&](int64_t step) { return rows_of(step).views; }, RenderThreads(device_));
    }
    while (position_.step < TrainSteps()) {
      const StepRows rows = rows_of(position_.step);
      torch::Tensor input;
      if (TrainsOnFeatures()) {
        input = features_->train->Gather(rows.views);
      } else {
        VIZSLA_ASSIGN_OR_RETURN(Prefetcher::Batch * batch, prefetcher->Next());
        input = ToImages(*batch, plan_.image_size, device_);
      }
      const double factor = LearningRateFactor(plan_.schedule,
                                               {.epoch = epoch,
                                                .step = position_.step,
                                                .steps_per_epoch = TrainSteps(),
                                                .epochs = plan_.epochs},
                                               reports_);
      VIZSLA_RETURN_IF_ERROR(
          training_->Run(rows, input, TrainsOnFeatures() ? &features_->input : nullptr,
                         streams_.Dropout(position_.global_step), factor, position_.train));
      ++position_.step;
      ++position_.global_step;
      Progress(epoch, position_.step);
      // In a group, the step's own votes bring the directive; alone, this does, without delay.
      if (group_.size() == 1) VIZSLA_RETURN_IF_ERROR(group_.Agree(absl::OkStatus()));
      if (group_.agreed() != Directive::kContinue) break;
    }
    training_->CollectInto(position_.train);
    return absl::OkStatus();
  }

  // Local statistics differ from rank to rank; validation, the checkpoint and its score need one
  // model.
  absl::Status AverageLocalStatistics() {
    if (group_.size() == 1 || plan_.sync_batch_norm) return absl::OkStatus();
    torch::NoGradGuard no_grad;
    for (const auto& [name, tensor] : model_->TrainedState()) {
      if (tensor.requires_grad() || !tensor.is_floating_point()) continue;
      torch::Tensor values = tensor.to(torch::kCPU).to(torch::kFloat64).contiguous().clone();
      VIZSLA_RETURN_IF_ERROR(
          group_.Sum(std::span(values.data_ptr<double>(), static_cast<size_t>(values.numel()))));
      torch::Tensor target = tensor;
      target.copy_(values / group_.size());
    }
    return absl::OkStatus();
  }

  const TrialAssignment& assignment_;
  const TrainingPlan& plan_;
  const TrainingData& data_;
  const TrainerOptions& options_;
  VotingGroup group_;
  TrialHooks& hooks_;
  const TrialStreams streams_;
  const EarlyStopping early_stopping_;
  bool impossible_ = false;  // the trial, for any worker
  CostMetrics costs_;
  torch::Device device_;
  std::optional<DeviceStream> stream_;  // outlives what works in it
  std::shared_ptr<Model> model_;
  CheckpointIdentity identity_;
  std::string frozen_weights_;  // names the weights that do not train, in names of feature caches
  std::optional<TrainingStep> training_;
  std::optional<TrialFeatures> features_;  // of the validation photos at least
  std::optional<Validation> validation_;
  TrainingPosition position_;         // its sums are of this rank's rows
  std::vector<EpochReport> reports_;  // of all epochs up to position_.epochs
  SteadyClock::time_point last_upload_;
  absl::Status coordinator_;  // leader: why a hook failed
};

}  // namespace

absl::StatusOr<TrialResult> RunTrial(const TrialAssignment& assignment, const TrainingData& data,
                                     const TrainerOptions& options, Communicator& group,
                                     TrialHooks& hooks) {
  return TrialRun(assignment, data, options, group, hooks).Run();
}

}  // namespace vizsla
