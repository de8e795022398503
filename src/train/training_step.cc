#include "src/train/training_step.h"

#include <utility>
#include <vector>

#include "src/base/log.h"
#include "src/nn/autocast.h"
#include "src/nn/device_stream.h"
#include "src/train/class_weights.h"
#include "src/train/device_rows.h"
#include "src/train/foreign_errors.h"

namespace vizsla {
namespace {

// Steps that the processor may be ahead of a GPU. Each holds its batch in pinned memory, which is
// large where it is images.
int StepsInFlight(const CachedInput* cached) { return cached != nullptr ? 16 : 4; }

}  // namespace

TrainingStep::TrainingStep(const TrainingPlan& plan, const TrainingData& data, Model& model,
                           VotingGroup& group, torch::Device device, TrainingStepOptions options)
    : plan_(plan),
      data_(data),
      model_(model),
      group_(group),
      device_(device),
      loss_(*data.train, plan.label_smoothing,
            WeightsOfClasses(plan.class_weights, *data.train, data.class_count), device),
      memory_(std::move(options.memory)),
      micro_batches_(memory_.micro_batch),
      statistics_(model.TrainedState()),
      reducer_(model.TrainableParameters(), group, options.reducer),
      update_(model.TrainableParameters(), plan) {
  if (options.fuse_head && HeadStep::Fits(plan, device, group.size())) {
    head_step_.emplace(plan, model,
                       WeightsOfClasses(plan.class_weights, *data.train, data.class_count));
  }
  // A pass that synchronises batch norms, or sends gradients, talks to other ranks. What a loss
  // scale does next, the processor decides.
  if (options.record && device.is_cuda() && group.size() == 1 && !update_.loss_scale() &&
      !memory_.before_pass) {
    recorded_.emplace(model);
  }
}

absl::Status TrainingStep::Run(const StepRows& rows, const torch::Tensor& input,
                               const CachedInput* cached, const StreamKey& dropout,
                               double learning_rate_factor, Tally& tally) {
  if (head_step_ && cached != nullptr) {
    return CatchAll([&] { return RunFused(rows, input, dropout, learning_rate_factor, tally); });
  }
  if (recorded_ && MayBeRecorded(rows)) {
    bool done = false;
    VIZSLA_RETURN_IF_ERROR(CatchAll([&]() -> absl::Status {
      done = RunRecorded(rows, input, cached, dropout, learning_rate_factor, tally);
      return absl::OkStatus();
    }));
    if (done) return absl::OkStatus();
  }
  for (;;) {
    std::vector<Output> outputs;
    const absl::Status status = CatchAll([&] {
      return TakeStep({rows, input, cached, dropout}, learning_rate_factor, outputs);
    });
    if (status.ok()) {
      return CatchAll([&]() -> absl::Status {
        for (const Output& output : outputs) {
          sums_.Add(output.loss, output.logits, output.labels, data_.class_count, tally,
                    StepsInFlight(cached));
        }
        tally.rows += static_cast<double>(rows.views.size());
        return absl::OkStatus();
      });
    }
    const absl::Status failure = undoable_ ? group_.AgreeToRetry(status) : group_.Agree(status);
    if (!MayRepeat(failure, rows.global_count)) return failure;
  }
}

absl::Status TrainingStep::RunFused(const StepRows& rows, const torch::Tensor& input,
                                    const StreamKey& dropout, double learning_rate_factor,
                                    Tally& tally) {
  const std::vector<int64_t> labels = LabelsOf(*data_.train, rows.views);
  const HeadStep::Result result = head_step_->Run(input, labels, dropout);
  update_.Apply(learning_rate_factor);
  tally.loss += result.loss;
  tally.correct += static_cast<double>(
      CountCorrect({result.logits.data_ptr<float>(), static_cast<size_t>(result.logits.numel())},
                   labels, data_.class_count));
  tally.rows += static_cast<double>(labels.size());
  return absl::OkStatus();
}

bool TrainingStep::MayBeRecorded(const StepRows& rows) const {
  // One row alone is normalised by numbers that the processor computes.
  return rows.views.size() > 1 && !rows.views.front().mixed_in &&
         micro_batches_.Parts(rows.global_count, /*ranks=*/1) == 1;
}

bool TrainingStep::RunRecorded(const StepRows& rows, const torch::Tensor& input,
                               const CachedInput* cached, const StreamKey& dropout,
                               double learning_rate_factor, Tally& tally) {
  const auto passes = [&](const torch::Tensor& recorded_input, const torch::Tensor& labels) {
    model_.BeginStep(dropout, /*first_row=*/0);
    const Output output =
        ForwardAndBackward(recorded_input, cached, {.labels = labels, .partners = {}},
                           rows.global_count, /*with_penalty=*/true, nullptr);
    sums_.AddOnDevice(output.loss, output.logits, labels);
  };
  if (!recorded_->Run(input, LabelsOf(*data_.train, rows.views), dropout, passes)) return false;
  update_.Apply(learning_rate_factor);
  sums_.StepAdded(tally, StepsInFlight(cached));
  ++recorded_steps_;
  tally.rows += static_cast<double>(rows.views.size());
  return true;
}

bool TrainingStep::MayRepeat(const absl::Status& failure, int64_t global_count) {
  // All that is asked here is the same on all ranks.
  if (!absl::IsResourceExhausted(failure) || !group_.transport().ok() || !group_.may_retry()) {
    return false;
  }
  if (recorded_) {
    // Without it the step may fit as it is. A group of one: nobody else has to agree.
    recorded_.reset();
    Undo();
    log::warn("{}", StrCat(failure.message(), "; steps are not recorded from now on"));
    return true;
  }
  if (memory_.on_out_of_memory != OnOutOfMemory::kHalve ||
      !micro_batches_.Halve(global_count, group_.size())) {
    return false;
  }
  Undo();
  if (group_.is_leader()) {
    log::warn("{}", StrCat(failure.message(), "; a rank computes ", micro_batches_.rows_at_once(),
                           " rows at once from now on, and accumulates their gradients"));
  }
  return true;
}

void TrainingStep::Undo() {
  group_.Retry();
  reducer_.Abandon();
  statistics_.Restore();
  update_.ClearGradients();
  DropIdleDeviceRows(device_);
  GiveBackDeviceMemory(device_);
}

absl::Status TrainingStep::TakeStep(const Input& input, double learning_rate_factor,
                                    std::vector<Output>& outputs) {
  undoable_ = true;
  const int64_t parts = micro_batches_.Parts(input.rows.global_count, group_.size());
  const auto own_rows = static_cast<int64_t>(input.rows.views.size());
  for (bool again = false;; again = true) {
    const LossScale* scale = update_.loss_scale();
    // Gradients that overflow at a scale of 1 do so without one: the step is skipped as any other.
    const bool searches = scale != nullptr && update_.steps() == 0 && scale->value() > 1;
    update_.ClearGradients();
    outputs.clear();
    if (again) {
      statistics_.Restore();
    } else if (searches || recorded_ || memory_.on_out_of_memory == OnOutOfMemory::kHalve) {
      statistics_.Remember();
    }
    for (int64_t part = 0; part < parts; ++part) {
      outputs.push_back(Pass(input, MicroBatches::Part(own_rows, part, parts), part == parts - 1));
    }
    VIZSLA_RETURN_IF_ERROR(reducer_.Finish());
    undoable_ = false;
    // Every rank has the same gradients, and decides the same.
    if (update_.Apply(learning_rate_factor) || !searches) return absl::OkStatus();
    undoable_ = true;
  }
}

TrainingStep::Output TrainingStep::Pass(const Input& input, RowRange part, bool is_last) {
  const int64_t count = part.end - part.begin;
  const auto views = std::span(input.rows.views)
                         .subspan(static_cast<size_t>(part.begin), static_cast<size_t>(count));
  const bool is_whole = views.size() == input.rows.views.size();
  const torch::Tensor rows = is_whole ? input.tensor : input.tensor.narrow(0, part.begin, count);
  if (memory_.before_pass) memory_.before_pass(count, false);
  model_.BeginStep(input.dropout, input.rows.mine.begin + part.begin);
  // Gradients are summed over the ranks and the parts: one of them brings the penalty.
  return ForwardAndBackward(rows, input.cached, loss_.TargetsOf(views), input.rows.global_count,
                            /*with_penalty=*/is_last && group_.is_leader(), [&] {
                              if (memory_.before_pass) memory_.before_pass(count, true);
                              if (is_last) reducer_.BeginBackward();
                            });
}

TrainingStep::Output TrainingStep::ForwardAndBackward(
    const torch::Tensor& rows, const CachedInput* cached, const LossTargets& targets,
    int64_t global_count, bool with_penalty, const std::function<void()>& before_backward) {
  torch::Tensor logits;
  {
    const Autocast autocast(plan_.precision, device_);
    logits = cached != nullptr ? cached->Logits(model_, rows) : model_.forward(rows);
  }
  const torch::Tensor loss = loss_.Sum(logits, targets);
  torch::Tensor trained = loss / static_cast<double>(global_count);
  if (with_penalty && (plan_.l1 > 0 || plan_.l2 > 0 || plan_.l2_bias > 0)) {
    trained = trained + model_.HeadPenalty(plan_.l1, plan_.l2, plan_.l2_bias);
  }
  if (before_backward) before_backward();
  const LossScale* scale = update_.loss_scale();
  (scale != nullptr ? trained * scale->value() : trained).backward();
  return {loss.detach(), logits.detach(), targets.labels};
}

}  // namespace vizsla
