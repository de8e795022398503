// The parts of a training step on a GPU: the fused optimizers, the sums that wait there, the
// gradients that travel through the host, the loss scale.
#include <gtest/gtest.h>

#include "src/train/gradient_reducer.h"
#include "src/train/step_sums.h"
#include "src/train/weight_update.h"

namespace vizsla {
namespace {

const torch::Device kGpu(torch::kCUDA, 0);

NamedTensors Parameters(const torch::Device& device) {
  torch::manual_seed(3);
  NamedTensors parameters;
  for (auto& [name, tensor] :
       NamedTensors{{"head.dense1.weight", torch::randn({7, 5})},
                    {"head.dense1.bias", torch::randn({5})},
                    {"backbone.conv.weight",
                     torch::randn({4, 3, 2, 2}).contiguous(torch::MemoryFormat::ChannelsLast)}}) {
    parameters.emplace_back(name, tensor.to(device).detach().requires_grad_());
  }
  return parameters;
}

void ExpectNear(const torch::Tensor& a, const torch::Tensor& b, double tolerance) {
  EXPECT_LT((a.detach().cpu() - b.detach().cpu()).abs().max().item<double>(), tolerance);
}

// One parameter's gradient in another memory format, one missing in the second step.
void SetGradients(const NamedTensors& parameters, int step) {
  torch::manual_seed(step);
  for (const auto& [name, tensor] : parameters) {
    const torch::Tensor gradient = torch::randn(tensor.sizes()).to(tensor.device());
    torch::Tensor(tensor).mutable_grad() =
        step == 2 && name == "head.dense1.bias" ? torch::Tensor() : gradient;
  }
}

TEST(GpuOptimizerTest, StepsAsOnTheCpu) {
  using Kind = OptimizerPlan::Kind;
  for (const Kind kind : {Kind::kAdam, Kind::kAdamW, Kind::kSgd, Kind::kRmsprop}) {
    SCOPED_TRACE(std::string(ToText(kind)));
    TrainingPlan plan;
    plan.optimizer = {.kind = kind,
                      .learning_rate = 0.01,
                      .backbone_learning_rate = 0.002,
                      .momentum = kind == Kind::kSgd || kind == Kind::kRmsprop ? 0.9 : 0,
                      .weight_decay = kind == Kind::kAdamW || kind == Kind::kSgd ? 0.1 : 0};
    plan.clip_norm = 3;
    plan.ema_decay = 0.9;
    const NamedTensors cpu = Parameters(torch::kCPU), gpu = Parameters(kGpu);
    WeightUpdate on_cpu(cpu, plan), on_gpu(gpu, plan);
    for (int step = 1; step <= 10; ++step) {
      SetGradients(cpu, step);
      SetGradients(gpu, step);
      on_cpu.Apply(1.0 / step);
      on_gpu.Apply(1.0 / step);
    }
    for (size_t i = 0; i < cpu.size(); ++i) ExpectNear(gpu[i].second, cpu[i].second, 1e-5);
    const NamedTensors cpu_state = on_cpu.State(), gpu_state = on_gpu.State();
    for (size_t i = 0; i < cpu_state.size(); ++i) {
      EXPECT_EQ(cpu_state[i].first, gpu_state[i].first);
      ExpectNear(gpu_state[i].second, cpu_state[i].second, 1e-5);
    }
  }
}

TEST(GpuLossScaleTest, AnOverflowSkipsTheStep) {
  TrainingPlan plan;
  plan.precision = Precision::kFloat16;
  const NamedTensors parameters = Parameters(kGpu);
  WeightUpdate update(parameters, plan);
  ASSERT_NE(update.loss_scale(), nullptr);
  const torch::Tensor before = parameters[0].second.detach().clone();
  SetGradients(parameters, 1);
  torch::Tensor(parameters[1].second.grad())[2] = INFINITY;
  update.Apply(1);
  EXPECT_TRUE(torch::equal(parameters[0].second, before));
  EXPECT_EQ(update.steps(), 0);
  EXPECT_EQ(update.loss_scale()->value(), 32768);
  SetGradients(parameters, 1);
  update.Apply(1);
  EXPECT_FALSE(torch::equal(parameters[0].second, before));
  EXPECT_EQ(update.steps(), 1);
}

TEST(GpuStepSumsTest, CountAsOnTheCpu) {
  torch::manual_seed(1);
  StepSums on_cpu, on_gpu;
  Tally cpu, gpu;
  for (int step = 0; step < 40; ++step) {
    torch::Tensor logits = torch::randn({9, 4});
    logits[1].fill_(0.5);               // all equal: the lowest class is on top
    if (step == 3) logits[2][1] = NAN;  // never right
    const torch::Tensor labels =
        torch::tensor(std::vector<int64_t>{0, step % 2, 1, 3, 2, 1, 0, 1, 2});
    const torch::Tensor loss = torch::tensor(0.25f * static_cast<float>(step));
    on_cpu.Add(loss, logits, labels, 4, cpu, 16);
    on_gpu.Add(loss.to(kGpu), logits.to(kGpu), labels.to(kGpu), 4, gpu, 16);
  }
  on_cpu.CollectInto(cpu);
  on_gpu.CollectInto(gpu);
  EXPECT_EQ(gpu.loss, cpu.loss);
  EXPECT_EQ(gpu.correct, cpu.correct);
  on_gpu.CollectInto(gpu);
  EXPECT_EQ(gpu.loss, cpu.loss) << "collected twice";
}

// Two ranks with the same gradients.
class Twins : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 2; }
  absl::Status Barrier() override { return absl::OkStatus(); }
  absl::Status Broadcast(std::span<std::byte>, int) override { return absl::OkStatus(); }
  absl::Status AllReduceSum(std::span<float> values) override { return Double(values); }
  absl::Status AllReduceSum(std::span<double> values) override { return Double(values); }
  absl::Status StartAllReduceSum(std::span<float> values) override { return Double(values); }
  absl::Status StartAllReduceSum(std::span<Bfloat16>) override {
    return absl::UnimplementedError("not needed");
  }
  void PollSums() override {}
  absl::Status FinishSums() override { return absl::OkStatus(); }
  absl::Status AllReduceMax(std::span<int64_t>) override { return absl::OkStatus(); }
  absl::Status AllGather(std::span<const std::byte>, std::span<std::byte>) override {
    return absl::UnimplementedError("not needed");
  }

 private:
  template <typename T>
  static absl::Status Double(std::span<T> values) {
    for (T& value : values) value *= 2;
    return absl::OkStatus();
  }
};

TEST(GpuReducerTest, SumsWhatIsOnTheGpu) {
  Twins twins;
  VotingGroup group(twins);
  const NamedTensors parameters = Parameters(kGpu);
  GradientReducer reducer(parameters, group);
  reducer.BeginBackward();
  SetGradients(parameters, 2);
  const torch::Tensor own = parameters[0].second.grad().clone();
  const torch::Tensor of_convolution = parameters[2].second.grad().clone();
  ASSERT_TRUE(reducer.Finish().ok());
  EXPECT_TRUE(torch::equal(parameters[0].second.grad(), 2 * own));
  EXPECT_TRUE(torch::equal(parameters[2].second.grad(), 2 * of_convolution));
  EXPECT_EQ(parameters[1].second.grad().abs().max().item<float>(), 0);
}

}  // namespace
}  // namespace vizsla
