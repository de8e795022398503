// The optimizers against PyTorch's own (reference_optimizers.py); clipping and averaging; gradients
// of a group of one.
#include "src/train/optimizer.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "src/nn/batch_norm.h"
#include "src/train/foreign_errors.h"
#include "src/train/gradient_reducer.h"
#include "src/train/weight_update.h"
#include "tests/train/python_reference.h"

namespace vizsla {
namespace {

using nlohmann::json;
using Kind = OptimizerPlan::Kind;

// Kernels and a bias, in both groups and memory formats.
NamedTensors Parameters() {
  torch::manual_seed(3);
  NamedTensors parameters;
  parameters.emplace_back("head.dense1.weight", torch::randn({7, 5}).requires_grad_());
  parameters.emplace_back("head.dense1.bias", torch::randn({5}).requires_grad_());
  parameters.emplace_back(
      "backbone.conv.weight",
      torch::randn({4, 3, 2, 2}).to(torch::MemoryFormat::ChannelsLast).detach().requires_grad_());
  return parameters;
}

NamedTensors Clone(const NamedTensors& parameters) {
  NamedTensors copy;
  for (const auto& [name, tensor] : parameters) {
    copy.emplace_back(name, tensor.detach().clone().requires_grad_());
  }
  return copy;
}

torch::Tensor Loss(const NamedTensors& p, int step) {
  return ((p[0].second.matmul(p[1].second) - step).pow(2).sum() * 100) +
         (p[2].second * p[2].second.sin()).sum() * 1e-3;
}

TrainingPlan PlanOf(const OptimizerPlan& optimizer, double clip_norm = 0, double ema_decay = 0) {
  TrainingPlan plan;
  plan.optimizer = optimizer;
  plan.clip_norm = clip_norm;
  plan.ema_decay = ema_decay;
  return plan;
}

const OptimizerPlan kAllOptimizers[] = {
    {.kind = Kind::kAdam, .learning_rate = 0.01, .backbone_learning_rate = 0.002},
    {.kind = Kind::kAdamW,
     .learning_rate = 0.01,
     .backbone_learning_rate = 0.002,
     .weight_decay = 0.3},
    {.kind = Kind::kSgd, .learning_rate = 0.01, .backbone_learning_rate = 0.002},
    {.kind = Kind::kSgd,
     .learning_rate = 0.01,
     .backbone_learning_rate = 0.002,
     .momentum = 0.9,
     .weight_decay = 0.3},
    {.kind = Kind::kRmsprop, .learning_rate = 0.01, .backbone_learning_rate = 0.002},
    {.kind = Kind::kRmsprop,
     .learning_rate = 0.01,
     .backbone_learning_rate = 0.002,
     .momentum = 0.8}};

TEST(OptimizerTest, FollowsPyTorch) {
  if (!HasPythonTorch()) {
    GTEST_SKIP() << "needs python3-torch (deploy/install-deps.sh --tests)";
  }
  const NamedTensors start = Parameters();
  json question;
  std::vector<TrainingPlan> plans;
  for (const OptimizerPlan& optimizer : kAllOptimizers) {
    for (const double clip_norm : {0.0, 3.0}) plans.push_back(PlanOf(optimizer, clip_norm));
  }
  for (const TrainingPlan& plan : plans) {
    question["cases"].push_back({{"optimizer", std::string(ToText(plan.optimizer.kind))},
                                 {"learning_rate", plan.optimizer.learning_rate},
                                 {"backbone_learning_rate", plan.optimizer.backbone_learning_rate},
                                 {"momentum", plan.optimizer.momentum},
                                 {"weight_decay", plan.optimizer.weight_decay},
                                 {"clip_norm", plan.clip_norm}});
  }
  for (const auto& [name, tensor] : start) question["parameters"][name] = ToJson(tensor);
  constexpr int kSteps = 12;
  std::vector<std::map<std::string, torch::Tensor>> gradients(kSteps);
  for (int step = 0; step < kSteps; ++step) {
    json asked;
    asked["factor"] = 1.0 / (1 + step);
    for (const auto& [name, tensor] : start) {
      // Some steps are below the norm that others are clipped to.
      gradients[step][name] = torch::randn_like(tensor.detach()) * (step % 3 == 0 ? 0.1 : 2);
      asked["gradients"][name] = ToJson(gradients[step][name]);
    }
    question["steps"].push_back(asked);
  }
  const json answer = AskPython(VIZSLA_REFERENCE_OPTIMIZERS, question);
  ASSERT_EQ(answer.size(), plans.size());
  for (size_t c = 0; c < plans.size(); ++c) {
    SCOPED_TRACE(question["cases"][c].dump());
    const NamedTensors ours = Clone(start);
    WeightUpdate update(ours, plans[c]);
    for (int step = 0; step < kSteps; ++step) {
      for (const auto& [name, tensor] : ours) {
        tensor.mutable_grad() = gradients[step][name].clone();
      }
      update.Apply(1.0 / (1 + step));
      for (const auto& [name, tensor] : ours) {
        const torch::Tensor theirs = TensorFrom(answer[c][step][name]);
        ASSERT_TRUE(torch::allclose(tensor, theirs, /*rtol=*/1e-6, /*atol=*/1e-6))
            << "step " << step << ", " << name << ": "
            << (tensor - theirs).abs().max().item<float>();
      }
    }
  }
}

TEST(OptimizerTest, ResumesExactly) {
  for (const OptimizerPlan& optimizer : kAllOptimizers) {
    SCOPED_TRACE(StrCat(ToText(optimizer.kind), ", momentum ", optimizer.momentum));
    const TrainingPlan plan = PlanOf(optimizer, 1.5, 0.9);
    NamedTensors whole = Parameters();
    WeightUpdate undisturbed(whole, plan);
    for (int step = 0; step < 5; ++step) {
      undisturbed.ClearGradients();
      Loss(whole, step).backward();
      undisturbed.Apply(0.5);
    }
    NamedTensors copy = Clone(whole);
    WeightUpdate resumed(copy, plan);
    ASSERT_TRUE(
        resumed.LoadState(ToViews(undisturbed.State()).views, undisturbed.steps(), "here").ok());
    EXPECT_EQ(resumed.steps(), 5);
    for (int step = 5; step < 10; ++step) {
      for (auto& [update, parameters] :
           {std::pair(&undisturbed, &whole), std::pair(&resumed, &copy)}) {
        update->ClearGradients();
        Loss(*parameters, step).backward();
        update->Apply(0.5);
      }
    }
    for (size_t i = 0; i < whole.size(); ++i) {
      EXPECT_TRUE(torch::equal(whole[i].second, copy[i].second)) << whole[i].first;
    }
    const NamedTensors a = undisturbed.State(), b = resumed.State();
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i) {
      EXPECT_TRUE(torch::equal(a[i].second, b[i].second)) << a[i].first;
    }
  }
}

TEST(OptimizerTest, LeavesParametersWithoutGradientAlone) {
  for (const OptimizerPlan& optimizer : kAllOptimizers) {
    NamedTensors parameters = Parameters();
    const torch::Tensor before = parameters[0].second.detach().clone();
    const auto ours = MakeOptimizer(parameters, optimizer);
    ours->Step();
    EXPECT_TRUE(torch::equal(parameters[0].second, before));
  }
}

TEST(OptimizerTest, NamesItsStateAsPyTorchDoes) {
  const auto names = [](const OptimizerPlan& plan) {
    std::vector<std::string> names;
    for (const auto& [name, tensor] : MakeOptimizer({Parameters()[1]}, plan)->State()) {
      names.push_back(name);
    }
    return names;
  };
  using Names = std::vector<std::string>;
  // Checkpoints of the first version have these.
  const Names adam = {"optimizer.exp_avg.head.dense1.bias",
                      "optimizer.exp_avg_sq.head.dense1.bias"};
  EXPECT_EQ(names(kAllOptimizers[0]), adam);
  EXPECT_EQ(names(kAllOptimizers[1]), adam);
  EXPECT_EQ(names(kAllOptimizers[2]), Names{});
  EXPECT_EQ(names(kAllOptimizers[3]), Names{"optimizer.momentum_buffer.head.dense1.bias"});
  EXPECT_EQ(names(kAllOptimizers[5]), (Names{"optimizer.square_avg.head.dense1.bias",
                                             "optimizer.momentum_buffer.head.dense1.bias"}));
}

TEST(WeightUpdateTest, StateOfAnotherShapeIsRefused) {
  WeightUpdate update(Parameters(), PlanOf(kAllOptimizers[0], 0, 0.9));
  EXPECT_EQ(update.LoadState({}, 3, "resume checkpoint").code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(update.steps(), 0);
}

TEST(WeightAverageTest, FollowsItsDefinition) {
  NamedTensors parameters = {{"p", torch::full({2}, 1.0).requires_grad_()}};
  WeightAverage average(parameters, 0.25);
  const auto set = [&](double value) {
    torch::NoGradGuard no_grad;
    parameters[0].second.fill_(value);
  };
  // d = 2/11, 3/12, 4/13 without the limit; 0.25 with it.
  double expected = 1;
  int64_t step = 0;
  for (const double d : {2.0 / 11, 0.25, 0.25}) {
    const double value = 3 + static_cast<double>(step);
    set(value);
    average.Update(++step);
    expected = d * expected + (1 - d) * value;
    EXPECT_NEAR(average.State()[0].second[1].item<double>(), expected, 1e-6) << step;
  }
  EXPECT_EQ(average.State()[0].first, "average.p");

  // The optimizer and the model hold the same parameter: it has the average for a while.
  const torch::Tensor held = parameters[0].second;
  {
    const AveragedWeights averaged(&average);
    EXPECT_NEAR(held[0].item<double>(), expected, 1e-6);
    EXPECT_EQ(average.State()[0].second[0].item<double>(), 5);
  }
  EXPECT_EQ(held[0].item<double>(), 5);
  EXPECT_NEAR(average.State()[0].second[0].item<double>(), expected, 1e-6);
  set(7);
  EXPECT_EQ(held[0].item<double>(), 7);
  const AveragedWeights nothing(nullptr);
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
