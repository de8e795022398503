// The passes of training steps on a GPU, recorded (src/nn/device_graph.h) and replayed: one request
// in place of the thousand that forward, loss and backward are.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <vector>

#include "src/nn/device_graph.h"
#include "src/nn/model.h"

namespace vizsla {

// Of one trial, on one rank that has a DeviceStream. Steps differ in their input, labels and
// dropout masks, which are put where the recording reads them; a recording is of a number of rows,
// and the results are those of the same work unrecorded. Not thread-safe. LibTorch's exceptions
// travel through. A replay takes no memory; what lacks memory before the first one gives the
// recording up.
class RecordedStep {
 public:
  // `model` is on the device.
  explicit RecordedStep(Model& model);

  // Forward, loss and backward of rows and their labels (int64), all on the device; adds nothing to
  // gradients that are there.
  using Passes = std::function<void(const torch::Tensor& input, const torch::Tensor& labels)>;

  // True: the passes have been asked for, with the masks that `dropout` names, and the parameters
  // have their gradients. False: nothing has been done, and the caller does it without a recording:
  // at the first time with so many rows, which sets up the libraries, and where recording has
  // failed. `passes` must be the same function of its arguments each time.
  bool Run(const torch::Tensor& input, std::span<const int64_t> labels, const StreamKey& dropout,
           const Passes& passes);

 private:
  struct Recording {
    int seen = 0;  // steps of so many rows
    bool failed = false;
    torch::Tensor input;
    torch::Tensor numbers;  // labels, then the keys of the masks
    std::unique_ptr<DeviceGraph> graph;
    std::vector<torch::Tensor> gradients;  // of the model's trainable parameters; may be undefined
  };

  // False: the GPU's memory did not suffice, and it has been asked for nothing.
  bool TryRun(Recording& recording, const torch::Tensor& input, std::span<const int64_t> labels,
              const StreamKey& dropout, const Passes& passes);
  bool Record(Recording& recording, const torch::Tensor& input, const torch::Tensor& numbers,
              const Passes& passes);
  // The layers draw the masks of the keys behind the labels; of their own step again without.
  void SetMaskKeys(const torch::Tensor& numbers, int64_t rows);

  std::vector<torch::Tensor> parameters_;
  std::vector<Dropout> dropouts_;
  std::map<int64_t, Recording> recordings_;  // by rows
};

}  // namespace vizsla
