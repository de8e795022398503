// The scratch networks against scratch_reference.py, which writes them with torch.nn from the
// campaign's description: the same state dict, the same numbers, the same gradients.
#include <filesystem>
#include <map>
#include <string>

#include "tests/nn/testing.h"

namespace vizsla {
namespace {

constexpr int kClasses = 7;
constexpr std::string_view kState = "state.";

class ScratchParityTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    static const TemporaryDirectory* const folder =
        new TemporaryDirectory(*TemporaryDirectory::Create("scratch"));
    const std::string path = StrCat(folder->path(), "/", GetParam(), ".pth");
    if (!std::filesystem::exists(path)) {
      const PythonOutcome outcome = RunPythonCommand(
          StrCat(ReferencePython(), " " VIZSLA_SOURCE_DIR "/tests/nn/scratch_reference.py ",
                 GetParam(), " ", path),
          path + ".log");
      if (outcome == PythonOutcome::kMissingModule) GTEST_SKIP() << "needs Debian's python3-torch";
      ASSERT_EQ(outcome, PythonOutcome::kDone);
    }
    auto file = TensorFile::Open(path);
    ASSERT_TRUE(file.ok()) << file.status();
    reference_ = *file;
  }

  torch::Tensor Expected(const std::string& name) const {
    const auto found = reference_->tensors().find(name);
    if (found == reference_->tensors().end()) {
      ADD_FAILURE() << "no tensor " << name;
      return torch::zeros({});
    }
    return ToTensor(found->second).clone();
  }

  // The plan as the catalogue fills it in, but for dropout, whose masks are not PyTorch's.
  TrainingPlan Plan() const {
    Budget budget;
    budget.epochs = 1;
    const auto plan = ResolvePlan({{"network", std::string(GetParam())},
                                   {"image_size", Expected("x").size(3)},
                                   {"block_dropout", 0.0},
                                   {"dropout_hidden", 0.0},
                                   {"dropout", 0.0}},
                                  budget, WeightsTraits());
    EXPECT_TRUE(plan.ok()) << plan.status();
    return plan.ok() ? *plan : TrainingPlan();
  }

  // With the reference's state: missing, unexpected and misshapen tensors are errors.
  std::shared_ptr<Model> Load() const {
    const auto model = Build(Plan(), kClasses);
    std::map<std::string, TensorView> state;
    for (const auto& [name, view] : reference_->tensors()) {
      if (name.starts_with(kState)) state.emplace(name.substr(kState.size()), view);
    }
    const absl::Status loaded = model->LoadState(state, "the reference");
    EXPECT_TRUE(loaded.ok()) << loaded;
    EXPECT_EQ(model->StateDict().size(), state.size());
    return model;
  }

  std::shared_ptr<const TensorFile> reference_;
};

TEST_P(ScratchParityTest, Inference) {
  const auto model = Load();
  model->eval();
  const torch::NoGradGuard no_gradients;
  const torch::Tensor logits = Expected("logits");
  ASSERT_GT((logits[0] - logits[1]).abs().max().item<double>(), 1e-2);  // images matter
  EXPECT_LT(MaxDifference(model->forward(Expected("x")), logits), 1e-4);
}

// In float64: in float32 rounding puts values on other sides of ReLU's corner, which moves
// gradients.
TEST_P(ScratchParityTest, Training) {
  const auto model = Load();
  const TrainingPlan plan = Plan();
  model->to(torch::kFloat64);
  model->train();
  model->BeginStep(StreamKey(1), 0);
  const torch::Tensor logits = model->forward(Expected("x").to(torch::kFloat64));
  EXPECT_LT(MaxDifference(logits, Expected("train.logits")), 1e-9);
  torch::Tensor loss = torch::nn::functional::cross_entropy(logits, torch::arange(4));
  const double without_penalty = loss.item<double>();
  loss = loss + model->HeadPenalty(plan.l1, plan.l2, plan.l2_bias);
  EXPECT_EQ(loss.item<double>() > without_penalty + 1, std::string(GetParam()) == "scratch_v3");
  const double expected_loss = Expected("train.loss").item<double>();
  EXPECT_NEAR(loss.item<double>(), expected_loss, 1e-9 * expected_loss);
  loss.backward();
  for (const auto& [name, parameter] : model->TrainableParameters()) {
    const torch::Tensor expected = Expected("grad." + name);
    ASSERT_TRUE(parameter.grad().defined()) << name;
    EXPECT_GT(expected.abs().max().item<double>(), 0) << name;
    EXPECT_LT(MaxDifference(parameter.grad(), expected),
              1e-8 * (1 + expected.abs().max().item<double>()))
        << name;
  }
  size_t statistics = 0;
  for (const auto& [name, view] : reference_->tensors()) {
    if (!name.starts_with("after.")) continue;
    const torch::Tensor expected = Expected(name);
    EXPECT_LT(MaxDifference(Named(model->StateDict(), name.substr(6)), expected),
              1e-9 * (1 + expected.abs().max().item<double>()))
        << name;
    ++statistics;
  }
  EXPECT_EQ(statistics, 3u * (std::string(GetParam()) == "scratch_v3" ? 1 : 3));
}

INSTANTIATE_TEST_SUITE_P(, ScratchParityTest,
                         ::testing::Values("scratch_v1", "scratch_v2", "scratch_v3"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace vizsla
