// What a GPU is asked to do, recorded once and then asked again in one call (a CUDA graph): a
// training step of a small network is a thousand requests, which take the processor longer than the
// GPU needs for the work.
#pragma once

#include <torch/torch.h>

#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace vizsla {

class DeviceGraph {
 public:
  virtual ~DeviceGraph() = default;

  // Runs `work` on the processor, while the GPU does nothing of it. To replay it is to do all of it
  // again, with the same tensors in the same memory: `work` gets its inputs from tensors that
  // somebody fills beforehand, and its results are tensors that stay where they are as long as
  // somebody holds them; tensors that it makes and drops are the recording's. The thread has a
  // DeviceStream, and all that `work` does has been done once before (libraries set up what they
  // need, which cannot be recorded). Null when it cannot be recorded: no GPU, or something in it
  // waits for the GPU, or reads memory of the processor (ToDevice), or there is no room, or
  // recording is forbidden. A recording keeps about as much memory as the work took, as long as it
  // lives; twice as much must be free, and a sixteenth of the card beside. One line of log says
  // why, and nothing has happened. Thread-safe; recordings take turns.
  static std::unique_ptr<DeviceGraph> Record(const torch::Device& device,
                                             const std::function<void()>& work);

  // Before the work is done unrecorded: Record looks at how much memory it has taken.
  static void WatchMemory(const torch::Device& device);

  // Whether this process may record from now on; it may at first. On a LibTorch later than 2.11,
  // whose recordings have not been tried, nothing is recorded.
  static void Allow(bool allowed);

  // In the stream of the thread. Does not wait for the GPU. LibTorch's exceptions travel through.
  virtual void Replay() = 0;

  // Whether this thread is recording: the processor's memory must not be read then.
  static bool IsRecording();
};

// Whether memory, the device's or LibTorch's share of it, did not suffice.
bool IsOutOfMemory(const c10::Error& error);

// A function of one tensor, recorded when it is called a second time with the same sizes; of two
// sizes at most (full batches and the last one). For functions without gradients. Not thread-safe.
class ReplayedFunction {
 public:
  using Function = std::function<torch::Tensor(const torch::Tensor&)>;
  explicit ReplayedFunction(Function function) : function_(std::move(function)) {}

  // The result stays valid until the next call. LibTorch's exceptions travel through.
  torch::Tensor operator()(const torch::Tensor& x);

 private:
  struct Recording {
    bool failed = false;
    torch::Tensor input, output;
    std::unique_ptr<DeviceGraph> graph;  // null: the function has been called once, or failed
  };

  const Function function_;
  std::map<std::vector<int64_t>, Recording> recordings_;  // by sizes
};

}  // namespace vizsla
