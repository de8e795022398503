// Adam against LibTorch's own; gradients of a group of one.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "src/nn/batch_norm.h"
#include "src/train/adam.h"
#include "src/train/foreign_errors.h"
#include "src/train/gradient_reducer.h"

namespace vizsla {
namespace {

NamedTensors Parameters() {
  torch::manual_seed(3);
  NamedTensors parameters;
  parameters.emplace_back("a", torch::randn({7, 5}).requires_grad_());
  parameters.emplace_back("b", torch::randn({5}).requires_grad_());
  parameters.emplace_back(
      "c",
      torch::randn({4, 3, 2, 2}).to(torch::MemoryFormat::ChannelsLast).detach().requires_grad_());
  return parameters;
}

torch::Tensor Loss(const NamedTensors& p, int step) {
  return ((p[0].second.matmul(p[1].second) - step).pow(2).sum() * 100) +
         (p[2].second * p[2].second.sin()).sum() * 1e-3;
}

TEST(AdamTest, FollowsLibTorch) {
  NamedTensors ours = Parameters();
  NamedTensors theirs = Parameters();
  Adam adam(ours, {.learning_rate = 0.01});
  torch::optim::Adam reference({theirs[0].second, theirs[1].second, theirs[2].second},
                               torch::optim::AdamOptions(0.01));
  for (int step = 0; step < 100; ++step) {
    adam.ClearGradients();
    Loss(ours, step % 7).backward();
    adam.Step();
    reference.zero_grad();
    Loss(theirs, step % 7).backward();
    reference.step();
    for (size_t i = 0; i < ours.size(); ++i) {
      ASSERT_LT((ours[i].second - theirs[i].second).abs().max().item<float>(), 1e-6)
          << "step " << step << ", parameter " << ours[i].first;
    }
  }
}

TEST(AdamTest, ResumesExactly) {
  NamedTensors whole = Parameters();
  Adam adam(whole, {});
  for (int step = 0; step < 5; ++step) {
    adam.ClearGradients();
    Loss(whole, step).backward();
    adam.Step();
  }
  NamedTensors copy;
  for (auto& [name, tensor] : whole) {
    copy.emplace_back(name, tensor.detach().clone().requires_grad_());
  }
  Adam resumed(copy, {});
  ASSERT_TRUE(resumed.LoadState(ToViews(adam.State()).views, adam.steps(), "here").ok());
  EXPECT_EQ(resumed.steps(), 5);
  for (int step = 5; step < 10; ++step) {
    for (auto& [optimizer, parameters] : {std::pair(&adam, &whole), std::pair(&resumed, &copy)}) {
      optimizer->ClearGradients();
      Loss(*parameters, step).backward();
      optimizer->Step();
    }
  }
  for (size_t i = 0; i < whole.size(); ++i) {
    EXPECT_TRUE(torch::equal(whole[i].second, copy[i].second)) << whole[i].first;
  }
}

TEST(AdamTest, LeavesParametersWithoutGradientAlone) {
  NamedTensors parameters = Parameters();
  const torch::Tensor before = parameters[1].second.detach().clone();
  Adam adam(parameters, {});
  adam.Step();
  EXPECT_TRUE(torch::equal(parameters[1].second, before));
}

TEST(AdamTest, StateOfAnotherShapeIsRefused) {
  Adam adam(Parameters(), {});
  const absl::Status status = adam.LoadState({}, 3, "resume checkpoint");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(adam.steps(), 0);
}

TEST(GradientReducerTest, AGroupOfOneKeepsItsGradients) {
  const auto local = MakeLocalCommunicator();
  VotingGroup group(*local);
  NamedTensors parameters = Parameters();
  GradientReducer reducer(parameters, group);
  reducer.BeginBackward();
  Loss(parameters, 1).backward();
  const torch::Tensor gradient = parameters[0].second.grad();
  ASSERT_TRUE(reducer.Finish().ok());
  EXPECT_TRUE(parameters[0].second.grad().is_same(gradient));
}

TEST(ForeignErrors, BecomeStatuses) {
  const auto caught = [](auto body) {
    return CatchAll([&]() -> absl::Status {
      body();
      return absl::OkStatus();
    });
  };
  const absl::Status shape = caught([] {
    (void)torch::zeros({2, 3}).matmul(torch::zeros({2, 3}));
  });
  EXPECT_EQ(shape.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(std::string(shape.message()).find('\n'), std::string::npos);
  EXPECT_NE(std::string(shape.message()).find("mat1 and mat2"), std::string::npos) << shape;
  const absl::Status memory = caught([] { (void)torch::zeros({int64_t{1} << 50}); });
  EXPECT_EQ(memory.code(), absl::StatusCode::kResourceExhausted) << memory;
  EXPECT_EQ(caught([] { throw std::bad_alloc(); }).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(caught([] { throw ReductionError(absl::AbortedError("x")); }), absl::AbortedError("x"));
  // What a faulted GPU says: no other trial can use it in this process.
  for (const char* text : {"CUDA error: an illegal memory access was encountered\nmore",
                           "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"}) {
    EXPECT_EQ(caught([&] { throw std::runtime_error(text); }).code(), absl::StatusCode::kAborted);
  }
  EXPECT_EQ(caught([] { throw std::runtime_error("CUDA error: out of memory"); }).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(caught([] {}).ok());
}

}  // namespace
}  // namespace vizsla
