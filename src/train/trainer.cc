#include "src/train/trainer.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>

#include "src/nn/model.h"
#include "src/nn/weights_import.h"
#include "src/train/adam.h"
#include "src/train/checkpoint.h"
#include "src/train/feature_phase.h"
#include "src/train/foreign_errors.h"
#include "src/train/gradient_reducer.h"
#include "src/train/prefetcher.h"
#include "src/train/streams.h"
#include "src/train/tally.h"
#include "src/train/voting_group.h"
#include "src/train/warn.h"

namespace vizsla {
namespace {

using SteadyClock = std::chrono::steady_clock;

// Rows of a validation batch of a rank: cached features are small, photos are not.
constexpr int64_t kValidationRowsCached = 256;
constexpr int64_t kValidationRows = 64;

absl::Status CheckSource(const BatchSource* source, const char* name, const TrainingData& data,
                         const TrainingPlan& plan) {
  if (source == nullptr || source->photo_count() == 0) {
    return absl::InvalidArgumentError(StrCat("there are no ", name, " photos"));
  }
  if (source->image_size() != plan.image_size) {
    return absl::InvalidArgumentError(StrCat("the ", name, " photos are ", source->image_size(),
                                             " pixels wide, the trial's ", plan.image_size));
  }
  for (uint32_t i = 0; i < source->photo_count(); ++i) {
    if (source->label(i) < 0 || source->label(i) >= data.class_count) {
      return absl::InvalidArgumentError(StrCat("photo ", i, " of the ", name,
                                               " photos is of class ", source->label(i),
                                               ", but there are ", data.class_count));
    }
  }
  return absl::OkStatus();
}

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
        device_(torch::kCPU) {}

  absl::StatusOr<TrialResult> Run() {
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
      case absl::StatusCode::kOutOfRange:
        return TrialResult{AttemptOutcome::kInfeasible, reason, "", 0};
      default:
        return TrialResult{AttemptOutcome::kFailed, reason, "", 0};
    }
  }

 private:
  // ---- Phases

  absl::StatusOr<TrialResult> RunPhases() {
    VIZSLA_RETURN_IF_ERROR(SetUp());
    VIZSLA_RETURN_IF_ERROR(group_.Agree(absl::OkStatus()));
    VIZSLA_ASSIGN_OR_RETURN(features_,
                            PrepareFeatures(assignment_, data_, options_, *model_, group_, hooks_));
    last_upload_ = SteadyClock::now();
    if (!reports_.empty() && ShouldStop(assignment_.early_stopping, reports_))
      return StoppedEarly();
    while (position_.epochs < plan_.epochs) {
      if (group_.agreed() != Directive::kContinue) return Leave();
      VIZSLA_ASSIGN_OR_RETURN(std::optional<TrialResult> end, RunEpoch());
      if (end) return *std::move(end);
    }
    return TrialResult{};
  }

  absl::Status SetUp() {
    // Means of gradients that have become zero decay through the denormal numbers, where a
    // processor is many times slower. Threads that LibTorch starts later inherit this.
    at::globalContext().setFlushDenormal(true);
    device_ = torch::Device(options_.device);
    VIZSLA_RETURN_IF_ERROR(CheckSource(data_.train, "train", data_, plan_));
    VIZSLA_RETURN_IF_ERROR(CheckSource(data_.validation, "validation", data_, plan_));
    if (plan_.pretrained && data_.weights == nullptr) {
      return absl::InvalidArgumentError(
          "the trial starts from pretrained weights, but the study has none");
    }
    absl::StatusOr<std::shared_ptr<Model>> model =
        BuildModel(plan_, data_.padding, data_.class_count, streams_.Initialization());
    // No other worker can build it either: impossible, not failed.
    if (!model.ok()) return absl::OutOfRangeError(model.status().message());
    model_ = *std::move(model);
    if (plan_.pretrained) {
      VIZSLA_RETURN_IF_ERROR(ImportBackbone(*data_.weights, "the study's weights", *model_));
    }
    model_->to(device_);
    model_->FrozenStateChanged();
    if (group_.size() > 1 && plan_.sync_batch_norm) {
      model_->SetBatchNormReduction(
          [this](std::span<double> values) { return group_.Sum(values); });
    }
    adam_ = std::make_unique<Adam>(model_->TrainableParameters(),
                                   AdamOptions{.learning_rate = plan_.learning_rate});
    reducer_ = std::make_unique<GradientReducer>(model_->TrainableParameters(), group_);

    identity_ = {.plan = PlanFingerprint(plan_),
                 .pretrained = plan_.pretrained,
                 .weights_hash = plan_.pretrained ? data_.weights_hash : "",
                 .class_count = data_.class_count,
                 .padding = std::string(ToText(data_.padding)),
                 .study_seed = assignment_.study_seed,
                 .trial_number = assignment_.trial_number};
    if (!assignment_.resume_checkpoint.empty()) {
      VIZSLA_ASSIGN_OR_RETURN(
          position_, RestoreLast(assignment_.resume_checkpoint, identity_, *model_, *adam_));
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
    Tally validation;
    VIZSLA_RETURN_IF_ERROR(Validate(epoch, validation));
    if (group_.agreed() == Directive::kCancel) return std::optional(Ended(Directive::kCancel));
    VIZSLA_RETURN_IF_ERROR(group_.Sum(validation.values()));

    EpochReport report;
    report.epoch = epoch;
    report.attempt = assignment_.attempt;
    report.metrics = {{"train_loss", position_.train.mean_loss()},
                      {"train_accuracy", position_.train.accuracy()},
                      {"val_loss", validation.mean_loss()},
                      {"val_accuracy", validation.accuracy()},
                      {"val_top5_accuracy", validation.top5_accuracy()}};
    report.duration = std::chrono::duration_cast<Milliseconds>(SteadyClock::now() - start);
    position_ = {.epochs = epoch, .step = 0, .global_step = position_.global_step, .train = {}};

    std::string last_checkpoint;
    if (group_.is_leader()) {
      absl::StatusOr<std::string> sent = Report(report);
      if (!sent.ok()) {
        coordinator_ = sent.status();
        return absl::AbortedError(StrCat("rank 0 lost the coordinator: ", sent.status().message()));
      }
      last_checkpoint = *std::move(sent);
    }
    const bool diverged = HasDiverged(report);
    reports_.push_back(std::move(report));
    VIZSLA_RETURN_IF_ERROR(group_.Agree(absl::OkStatus()));

    const Directive directive = group_.agreed();
    if (directive == Directive::kCancel) return std::optional(Ended(directive));
    if (diverged) {
      return std::optional(
          TrialResult{AttemptOutcome::kDiverged,
                      StrCat("a metric of epoch ", epoch, " is not a finite number"), "", 0});
    }
    if (directive == Directive::kPrune) return std::optional(Ended(directive));
    if (ShouldStop(assignment_.early_stopping, reports_)) return std::optional(StoppedEarly());
    if (epoch == plan_.epochs) return std::optional(TrialResult{});
    if (directive == Directive::kContinue) return std::optional<TrialResult>();
    VIZSLA_ASSIGN_OR_RETURN(TrialResult result, Leave(last_checkpoint));
    return std::optional(std::move(result));
  }

  // ---- Ends

  TrialResult StoppedEarly() const {
    return {AttemptOutcome::kCompleted,
            StrCat("stopped early after epoch ", position_.epochs, ": ",
                   assignment_.early_stopping.metric, " has not improved for ",
                   assignment_.early_stopping.patience, " epochs"),
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
        coordinator_ = hash.status();
        return absl::AbortedError(StrCat("rank 0 lost the coordinator: ", hash.status().message()));
      }
    }
    VIZSLA_RETURN_IF_ERROR(group_.Agree(absl::OkStatus()));
    result.last_checkpoint = last_checkpoint;
    result.last_checkpoint_epoch = last_checkpoint.empty() ? 0 : position_.epochs;
    return result;
  }

  // ---- Leader

  // The checkpoints of an epoch first, then its report. The hash of `last`, or empty.
  absl::StatusOr<std::string> Report(EpochReport& report) {
    std::string last;
    const bool diverged = HasDiverged(report);
    if (!diverged && BecomesBest(assignment_.objective, reports_, report)) {
      VIZSLA_ASSIGN_OR_RETURN(report.checkpoint_hash, hooks_.UploadCheckpoint(SerializeBest(
                                                          *model_, identity_, report.epoch)));
    }
    const bool goes_on = !diverged && report.epoch < plan_.epochs;
    if (goes_on && SteadyClock::now() - last_upload_ >= assignment_.checkpoint_interval) {
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
        hooks_.UploadCheckpoint(SerializeLast(*model_, *adam_, identity_, position_));
    if (!hash.ok()) {
      LogWarning(StrCat("trial ", assignment_.trial_number, ": the checkpoint after epoch ",
                        position_.epochs, " could not be stored: ", hash.status().message()));
    }
    last_upload_ = SteadyClock::now();
    return hash;
  }

  void Progress(int epoch, int64_t done) {
    if (!group_.is_leader()) return;
    group_.Propose(hooks_.Progress(epoch, done, TrainSteps() + ValidationRounds()));
  }

  // ---- Training

  bool TrainsOnFeatures() const { return features_ && features_->train != nullptr; }
  int64_t TrainRows() const { return static_cast<int64_t>(data_.train->photo_count()); }
  int64_t TrainSteps() const { return (TrainRows() + plan_.batch_size - 1) / plan_.batch_size; }

  // What this rank computes of a step's global batch.
  struct StepRows {
    int64_t global_count = 0;
    RowRange mine;  // within the global batch
    std::vector<PhotoView> views;
  };
  StepRows RowsOfStep(const std::vector<uint32_t>& order, int epoch, int64_t step) const {
    const int64_t first = step * plan_.batch_size;
    StepRows rows;
    rows.global_count = std::min<int64_t>(plan_.batch_size, TrainRows() - first);
    rows.mine = RowsOfRank(rows.global_count, group_.rank(), group_.size());
    for (int64_t i = rows.mine.begin; i < rows.mine.end; ++i) {
      const uint32_t photo = order[static_cast<size_t>(first + i)];
      rows.views.push_back({photo, streams_.Augmentation(plan_.augmentation, epoch, photo)});
    }
    return rows;
  }

  // From position_.step to the end of the epoch, or until the leader's directive.
  absl::Status Train(int epoch) {
    model_->train();
    const std::vector<uint32_t> order = streams_.Order(epoch, static_cast<size_t>(TrainRows()));
    std::optional<Prefetcher> prefetcher;
    if (!TrainsOnFeatures()) {
      prefetcher.emplace(
          *data_.train, position_.step, TrainSteps(),
          [this, &order, epoch](int64_t i) { return RowsOfStep(order, epoch, i).views; });
    }
    while (position_.step < TrainSteps()) {
      const StepRows rows = RowsOfStep(order, epoch, position_.step);
      torch::Tensor input;
      if (TrainsOnFeatures()) {
        input = GatherFeatures(*features_->train, rows.views);
      } else {
        VIZSLA_ASSIGN_OR_RETURN(Prefetcher::Batch * batch, prefetcher->Next());
        input = ToImages(*batch);
      }
      VIZSLA_RETURN_IF_ERROR(Step(rows, input));
      Progress(epoch, position_.step);
      // In a group, the step's own votes bring the directive; alone, this does, without delay.
      if (group_.size() == 1) VIZSLA_RETURN_IF_ERROR(group_.Agree(absl::OkStatus()));
      if (group_.agreed() != Directive::kContinue) break;
    }
    return absl::OkStatus();
  }

  absl::Status Step(const StepRows& rows, const torch::Tensor& input) {
    adam_->ClearGradients();
    model_->BeginStep(streams_.Dropout(position_.global_step), rows.mine.begin);
    const std::vector<int64_t> labels = LabelsOf(*data_.train, rows.views);
    const torch::Tensor logits =
        TrainsOnFeatures() ? model_->RunHead(input) : model_->forward(input);
    const torch::Tensor loss = torch::nn::functional::cross_entropy(
        logits, ToTensorOf(labels).to(device_),
        torch::nn::functional::CrossEntropyFuncOptions().reduction(torch::kSum));
    reducer_->BeginBackward();
    (loss / static_cast<double>(rows.global_count)).backward();
    VIZSLA_RETURN_IF_ERROR(reducer_->Finish());
    adam_->Step();

    Tally& tally = position_.train;
    tally.loss += loss.item<double>();
    const torch::Tensor values = logits.detach().to(torch::kCPU).contiguous();
    tally.correct += static_cast<double>(CountCorrect(ValuesOf(values), labels, data_.class_count));
    tally.rows += static_cast<double>(rows.mine.count());
    ++position_.step;
    ++position_.global_step;
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

  // ---- Validation

  int64_t ValidationBatch() const { return features_ ? kValidationRowsCached : kValidationRows; }
  // The same on every rank: each round has a vote.
  int64_t ValidationRounds() const {
    const int64_t rows = static_cast<int64_t>(data_.validation->photo_count());
    const int64_t largest = (rows + group_.size() - 1) / group_.size();
    return (largest + ValidationBatch() - 1) / ValidationBatch();
  }

  absl::Status Validate(int epoch, Tally& tally) {
    torch::NoGradGuard no_grad;
    model_->eval();
    const RowRange mine = RowsOfRank(static_cast<int64_t>(data_.validation->photo_count()),
                                     group_.rank(), group_.size());
    const auto views_of = [this, mine](int64_t round) {
      std::vector<PhotoView> views;
      const int64_t first = mine.begin + round * ValidationBatch();
      for (int64_t i = first; i < std::min(first + ValidationBatch(), mine.end); ++i) {
        views.push_back({static_cast<uint32_t>(i), View{}});
      }
      return views;
    };
    std::optional<Prefetcher> prefetcher;
    if (!features_) prefetcher.emplace(*data_.validation, 0, ValidationRounds(), views_of);
    for (int64_t round = 0; round < ValidationRounds(); ++round) {
      torch::Tensor logits;
      std::vector<PhotoView> views;
      if (features_) {
        views = views_of(round);
        logits = model_->RunHead(GatherFeatures(*features_->validation, views));
      } else {
        VIZSLA_ASSIGN_OR_RETURN(Prefetcher::Batch * batch, prefetcher->Next());
        views = batch->views;
        if (!views.empty()) logits = model_->forward(ToImages(*batch));
      }
      if (!views.empty()) {
        logits = logits.to(torch::kCPU).contiguous();
        AddLogits(ValuesOf(logits), LabelsOf(*data_.validation, views), data_.class_count, tally);
      }
      Progress(epoch, TrainSteps() + round + 1);
      VIZSLA_RETURN_IF_ERROR(group_.Agree(absl::OkStatus()));
      if (group_.agreed() == Directive::kCancel) break;
    }
    return absl::OkStatus();
  }

  // ---- Tensors

  torch::Tensor GatherFeatures(const FeatureCache& cache, std::span<const PhotoView> views) const {
    torch::Tensor rows = torch::empty(
        {static_cast<int64_t>(views.size()), static_cast<int64_t>(features_->float_count)});
    features_->Gather(cache, views, rows.data_ptr<float>());
    return rows.to(device_);
  }

  // Shares the batch's memory on the CPU.
  torch::Tensor ToImages(Prefetcher::Batch& batch) const {
    return torch::from_blob(batch.pixels.data(), {static_cast<int64_t>(batch.views.size()), 3,
                                                  plan_.image_size, plan_.image_size})
        .to(device_);
  }

  static torch::Tensor ToTensorOf(const std::vector<int64_t>& values) {
    return torch::tensor(torch::ArrayRef<int64_t>(values), torch::kInt64);
  }

  static std::span<const float> ValuesOf(const torch::Tensor& tensor) {
    return {tensor.data_ptr<float>(), static_cast<size_t>(tensor.numel())};
  }

  static std::vector<int64_t> LabelsOf(const BatchSource& source,
                                       std::span<const PhotoView> views) {
    std::vector<int64_t> labels;
    labels.reserve(views.size());
    for (const PhotoView& view : views) labels.push_back(source.label(view.photo));
    return labels;
  }

  const TrialAssignment& assignment_;
  const TrainingPlan& plan_;
  const TrainingData& data_;
  const TrainerOptions& options_;
  VotingGroup group_;
  TrialHooks& hooks_;
  const TrialStreams streams_;
  torch::Device device_;
  std::shared_ptr<Model> model_;
  std::unique_ptr<Adam> adam_;
  std::unique_ptr<GradientReducer> reducer_;
  CheckpointIdentity identity_;
  std::optional<TrialFeatures> features_;  // of the validation photos at least
  TrainingPosition position_;              // its sums are of this rank's rows
  std::vector<EpochReport> reports_;       // of all epochs up to position_.epochs
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
