// The optimizers of a plan behind one interface, with PyTorch's semantics (torch.optim). Our own,
// because their state must be stored and restored exactly, and because one pass over the memory
// makes a step of Adam on a small head several times cheaper than a dozen tensor operations a
// parameter.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "src/catalog/training_plan.h"
#include "src/nn/tensors.h"

namespace vizsla {

// Two groups of parameters: `head.*` learns with plan.learning_rate, all else with
// plan.backbone_learning_rate. Weight decay is of tensors with more than one dimension (kernels),
// not of biases and batch norms. Not thread-safe. Float32 parameters on any device. LibTorch's
// exceptions travel through.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  // From the parameters' gradients, with both learning rates times `factor`; a parameter without a
  // gradient stays as it is.
  void Step(double factor = 1);
  void ClearGradients();

  // "optimizer.exp_avg.NAME" and so on: PyTorch's names of the state for each parameter. Shares
  // this memory: copying into it restores it; with steps() it is all that there is to restore.
  NamedTensors State() const;
  int64_t steps() const { return steps_; }
  void set_steps(int64_t steps) { steps_ = steps; }

 protected:
  struct Parameter {
    std::string name;
    torch::Tensor tensor;
    double learning_rate = 0;
    double weight_decay = 0;
    std::vector<torch::Tensor> state;  // one for each name of state; zeros at first
  };
  Optimizer(NamedTensors parameters, const OptimizerPlan& plan,
            std::vector<std::string> names_of_state);

 private:
  // All updates of the parameters that have gradients in few operations, where the device has them;
  // false, and nothing done, where it has not. For GPUs, where launching costs more than the
  // arithmetic.
  virtual bool UpdateTogether(std::vector<Parameter>& parameters, double factor) { return false; }
  // One parameter's update at this learning rate, without autograd; steps() counts it already.
  virtual void Update(Parameter& parameter, const torch::Tensor& gradient, double rate) = 0;

  const std::vector<std::string> names_of_state_;
  std::vector<Parameter> parameters_;
  int64_t steps_ = 0;
};

// The parameters share the model's memory; names are those of the state dict.
std::unique_ptr<Optimizer> MakeOptimizer(NamedTensors parameters, const OptimizerPlan& plan);

}  // namespace vizsla
