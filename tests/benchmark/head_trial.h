// A trial of a head on rows that are there already, without its validation and reports.
#pragma once

#include <torch/torch.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "src/comm/communicator.h"
#include "src/nn/model.h"
#include "src/train/streams.h"
#include "src/train/training_step.h"
#include "tests/benchmark/photos_without_pixels.h"

namespace vizsla {

class HeadTrial {
 public:
  static constexpr int kClasses = 120;

  // `rows`: photos x 1280, on the device of the trial, as a frozen MobileNetV2 gives them.
  HeadTrial(const TrainingPlan& plan, int64_t number, const torch::Tensor& rows,
            const TrainingStepOptions& options)
      : plan_(plan),
        rows_(rows),
        labels_(static_cast<size_t>(rows.size(0)), kClasses),
        model_(*BuildModel(plan_, Padding::kSymmetric, kClasses, StreamKey(1))),
        transport_(MakeLocalCommunicator()),
        group_(*transport_),
        cached_(*CachedInput::For(plan_)),
        streams_(1, number) {
    model_->to(rows.device());
    model_->train();
    data_.train = &labels_;
    data_.class_count = kClasses;
    step_.emplace(plan_, data_, *model_, group_, rows.device(), options);
  }

  // The gathering of its rows, the passes, the update and the tally.
  void Step() {
    const int64_t steps_an_epoch = rows_.size(0) / plan_.batch_size;
    const int64_t epoch = step_number_ / steps_an_epoch;
    const int64_t step = step_number_ % steps_an_epoch;
    if (step == 0) batches_.emplace(plan_, streams_, static_cast<int>(epoch) + 1, labels_);
    const StepRows rows = batches_->RowsOf(step, 0, 1);
    const absl::Status status =
        step_->Run(rows, Gather(rows.views), &cached_, streams_.Dropout(step_number_), 1, tally_);
    if (!status.ok()) std::abort();
    ++step_number_;
  }

  int64_t recorded_steps() const { return step_->recorded_steps(); }

 private:
  torch::Tensor Gather(std::span<const PhotoView> views) const {
    if (!rows_.is_cpu()) {  // as src/train/device_rows.h does
      std::vector<int64_t> numbers;
      for (const PhotoView& view : views) numbers.push_back(view.photo);
      return rows_.index_select(0, ToDevice(numbers, rows_.device()));
    }
    torch::Tensor input = torch::empty({plan_.batch_size, rows_.size(1)});
    for (size_t i = 0; i < views.size(); ++i) {
      std::memcpy(input.data_ptr<float>() + static_cast<int64_t>(i) * rows_.size(1),
                  rows_.data_ptr<float>() + views[i].photo * rows_.size(1),
                  static_cast<size_t>(rows_.size(1)) * sizeof(float));
    }
    return input;
  }

  const TrainingPlan plan_;
  const torch::Tensor rows_;
  const PhotosWithoutPixels labels_;
  TrainingData data_;
  std::shared_ptr<Model> model_;
  std::unique_ptr<Communicator> transport_;
  VotingGroup group_;
  CachedInput cached_;
  TrialStreams streams_;
  std::optional<TrainingStep> step_;
  std::optional<EpochBatches> batches_;
  int64_t step_number_ = 0;
  Tally tally_;
};

}  // namespace vizsla
