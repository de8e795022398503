#include "src/train/recorded_step.h"

#include <bit>

#include "src/base/log.h"
#include "src/nn/tensors.h"

namespace vizsla {
namespace {

// Full batches, and the last one of an epoch.
constexpr size_t kMostRecordings = 2;

}  // namespace

RecordedStep::RecordedStep(Model& model) : dropouts_(model.Dropouts()) {
  for (const auto& [name, parameter] : model.TrainableParameters()) {
    parameters_.push_back(parameter);
  }
}

bool RecordedStep::Run(const torch::Tensor& input, std::span<const int64_t> labels,
                       const StreamKey& dropout, const Passes& passes) {
  const int64_t rows = input.size(0);
  if (recordings_.size() == kMostRecordings && !recordings_.contains(rows)) return false;
  Recording& recording = recordings_[rows];
  if (recording.seen++ == 0) {
    DeviceGraph::WatchMemory(input.device());
    return false;
  }
  if (recording.failed) return false;
  if (TryRun(recording, input, labels, dropout, passes)) return true;
  recording = Recording();
  recording.failed = true;
  return false;
}

bool RecordedStep::TryRun(Recording& recording, const torch::Tensor& input,
                          std::span<const int64_t> labels, const StreamKey& dropout,
                          const Passes& passes) try {
  std::vector<int64_t> numbers(labels.begin(), labels.end());
  for (const Dropout& layer : dropouts_) {
    numbers.push_back(std::bit_cast<int64_t>(layer->MaskKey(dropout).value()));
  }
  const torch::Tensor sent = ToDevice(numbers, input.device());
  if (recording.graph == nullptr && !Record(recording, input, sent, passes)) return false;
  recording.input.copy_(input);
  recording.numbers.copy_(sent);
  for (size_t i = 0; i < parameters_.size(); ++i) {
    parameters_[i].mutable_grad() = recording.gradients[i];
  }
  recording.graph->Replay();
  return true;
} catch (const c10::Error& error) {
  if (!IsOutOfMemory(error)) throw;
  log::warn("a recorded step did not fit into the GPU's memory: it is asked for piece by piece");
  return false;
}

bool RecordedStep::Record(Recording& recording, const torch::Tensor& input,
                          const torch::Tensor& numbers, const Passes& passes) {
  // Those that the passes make are then where each replay puts them.
  for (torch::Tensor& parameter : parameters_) parameter.mutable_grad() = torch::Tensor();
  const int64_t rows = input.size(0);
  recording.graph = DeviceGraph::Record(input.device(), [&] {
    recording.input = torch::empty_like(input);
    recording.numbers = torch::empty_like(numbers);
    SetMaskKeys(recording.numbers, rows);
    passes(recording.input, recording.numbers.narrow(0, 0, rows));
  });
  SetMaskKeys(torch::Tensor(), rows);
  if (recording.graph == nullptr) return false;
  for (const torch::Tensor& parameter : parameters_) {
    recording.gradients.push_back(parameter.grad());
  }
  return true;
}

void RecordedStep::SetMaskKeys(const torch::Tensor& numbers, int64_t rows) {
  for (size_t i = 0; i < dropouts_.size(); ++i) {
    dropouts_[i]->SetKeyOnDevice(
        numbers.defined() ? numbers.select(0, rows + static_cast<int64_t>(i)) : torch::Tensor());
  }
}

}  // namespace vizsla
