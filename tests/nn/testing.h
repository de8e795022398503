// What the tests of src/nn share.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "src/base/file.h"
#include "src/nn/model.h"
#include "tests/reference_python.h"

namespace vizsla {

inline TrainingPlan TransferPlan(int image_size = 64) {
  TrainingPlan plan;
  plan.initial_weights = InitialWeights::kRandom;
  plan.image_size = image_size;
  plan.pooling = Pooling::kAverage;
  plan.dense = {16, 8};
  plan.dropout_hidden = 0.5;
  plan.dropout = 0.5;
  return plan;
}

// As ResolvePlan fills it in, with another head.
inline TrainingPlan ScratchPlan(const std::string& network, int image_size,
                                std::vector<int64_t> dense) {
  TrainingPlan plan;
  plan.network = network;
  plan.scratch = DefaultScratchOptions(network);
  plan.initial_weights = InitialWeights::kRandom;
  plan.image_size = image_size;
  plan.pooling = Pooling::kFlatten;
  plan.dense = std::move(dense);
  plan.unfreeze = "all";
  return plan;
}

inline std::shared_ptr<Model> Build(const TrainingPlan& plan, int classes = 5, uint64_t seed = 1,
                                    Padding padding = Padding::kSymmetric) {
  auto model = BuildModel(plan, padding, classes, StreamKey(seed));
  EXPECT_TRUE(model.ok()) << model.status();
  return *model;
}

// Deterministic and the same on every LibTorch.
inline torch::Tensor RandomTensor(std::vector<int64_t> sizes, uint64_t seed) {
  torch::Tensor x = torch::empty(sizes);
  RandomStream stream{StreamKey(seed)};
  for (int64_t i = 0; i < x.numel(); ++i) {
    x.data_ptr<float>()[i] = static_cast<float>(stream.Normal());
  }
  return x;
}

inline double MaxDifference(const torch::Tensor& a, const torch::Tensor& b) {
  EXPECT_EQ(a.sizes(), b.sizes());
  if (a.numel() == 0) return 0;
  return (a.detach().to(torch::kFloat64) - b.detach().to(torch::kFloat64))
      .abs()
      .max()
      .item<double>();
}

inline torch::Tensor Named(const NamedTensors& tensors, const std::string& name) {
  for (const auto& [key, tensor] : tensors) {
    if (key == name) return tensor;
  }
  ADD_FAILURE() << "no tensor " << name;
  return torch::zeros({});
}

enum class PythonOutcome { kDone, kMissingModule, kFailed };

// Runs a shell command that is Python; what it says goes to the file `log`.
inline PythonOutcome RunPythonCommand(const std::string& command, const std::string& log) {
  if (std::system((command + " >" + log + " 2>&1").c_str()) == 0) return PythonOutcome::kDone;
  const auto said = ReadFile(log);
  if (said.ok() && (said->find("No module named") != std::string::npos ||
                    said->find("not found") != std::string::npos)) {
    return PythonOutcome::kMissingModule;
  }
  ADD_FAILURE() << (said.ok() ? *said : "no log");
  return PythonOutcome::kFailed;
}

// Runs a script with the reference Python in the folder.
inline PythonOutcome RunPython(const std::string& folder, const std::string& script) {
  EXPECT_TRUE(WriteFileAtomically(folder + "/script.py", script).ok());
  return RunPythonCommand("cd " + folder + " && " + ReferencePython() + " script.py", "log");
}

#define PYTHON_OR_SKIP(folder, script)                                        \
  do {                                                                        \
    const PythonOutcome outcome = RunPython(folder, script);                  \
    if (outcome == PythonOutcome::kMissingModule) {                           \
      GTEST_SKIP() << "needs Debian's python3-torch and python3-torchvision"; \
    }                                                                         \
    ASSERT_EQ(outcome, PythonOutcome::kDone);                                 \
  } while (false)

}  // namespace vizsla
