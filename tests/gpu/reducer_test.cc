// Gradients that are summed in the GPU's memory: in what order streams see them.
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "src/comm/nccl_communicator.h"
#include "src/train/gradient_reducer.h"
#include "tests/comm/forwarding_communicator.h"
#include "tests/gpu/testing.h"

namespace vizsla {
namespace {

// NCCL on one rank, said to be two of which the other one adds nothing: all of the way that a sum
// takes, and a result that is known.
class TwoOfWhichOneIsSilent : public testing::ForwardingCommunicator {
 public:
  using ForwardingCommunicator::ForwardingCommunicator;
  int rank() const override { return 0; }
  int size() const override { return 2; }
  absl::Status StartAllReduceSum(std::span<float>) override {
    return absl::UnimplementedError("gradients were copied to the host");
  }
  absl::Status StartAllReduceSum(std::span<Bfloat16>) override {
    return absl::UnimplementedError("gradients were copied to the host");
  }
  absl::Status AllGather(std::span<const std::byte>, std::span<std::byte>) override {
    return absl::UnimplementedError("not needed");
  }
};

NamedTensors Parameters() {
  torch::manual_seed(5);
  NamedTensors parameters;
  for (const auto& [name, rows] : std::vector<std::pair<std::string, int64_t>>{
           {"first", 2048}, {"second", 2048}, {"third", 2048}, {"last", 7}}) {
    parameters.emplace_back(name,
                            (0.02 * torch::randn({rows, 2048})).to(kGpu).detach().requires_grad_());
  }
  return parameters;
}

// Deep enough that the GPU is far behind the thread that gives it work.
torch::Tensor Loss(const NamedTensors& parameters, int step) {
  torch::manual_seed(50 + step);
  torch::Tensor x = torch::randn({256, 2048}).to(kGpu);
  for (const auto& [name, parameter] : parameters) {
    if (name != "last") {
      for (int i = 0; i < 4; ++i) x = x.matmul(parameter).tanh();
    }
  }
  return x.matmul(parameters.back().second.t()).square().mean();
}

void SumsAreThoseOfTheRank(GradientType type, double tolerance) {
  const auto alone = MakeLocalCommunicator();
  const auto nccl = MakeNcclCommunicator(*alone, {});
  ASSERT_TRUE(nccl.ok()) << nccl.status();
  TwoOfWhichOneIsSilent two(**nccl);
  VotingGroup group(two);
  const NamedTensors parameters = Parameters(), reference = Parameters();
  GradientReducer reducer(parameters, group,
                          {.buckets = {1, 20 << 20}, .overlap = true, .type = type});
  ASSERT_TRUE(group.Agree(absl::OkStatus()).ok());
  for (int step = 0; step < 5; ++step) {
    for (const auto* tensors : {&parameters, &reference}) {
      for (const auto& [name, tensor] : *tensors) {
        torch::Tensor(tensor).mutable_grad() = torch::Tensor();
      }
    }
    reducer.BeginBackward();
    Loss(parameters, step).backward();
    ASSERT_TRUE(reducer.Finish().ok());
    Loss(reference, step).backward();
    for (size_t i = 0; i < parameters.size(); ++i) {
      const torch::Tensor got = parameters[i].second.grad();
      const torch::Tensor expected = reference[i].second.grad();
      EXPECT_LE(((got - expected).norm() / expected.norm()).item<double>(), tolerance)
          << parameters[i].first << ", step " << step;
    }
  }
}

TEST(GpuReducerTest, BucketsNeverLeaveTheGpu) {
  SumsAreThoseOfTheRank(GradientType::kFloat32, 1e-5);
}

TEST(GpuReducerTest, SumsOfBfloat16) { SumsAreThoseOfTheRank(GradientType::kBfloat16, 4e-3); }

}  // namespace
}  // namespace vizsla
