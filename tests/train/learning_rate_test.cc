// Schedules against torch.optim.lr_scheduler (reference_schedules.py), and Keras' plateau by cases
// worked by hand from its source.
#include "src/train/learning_rate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "src/base/file.h"
#include "tests/reference_python.h"

namespace vizsla {
namespace {

using nlohmann::json;
using Kind = SchedulePlan::Kind;

double FactorAt(const SchedulePlan& plan, int epoch, int64_t step, int64_t steps_per_epoch,
                int epochs) {
  return LearningRateFactor(
      plan, {.epoch = epoch, .step = step, .steps_per_epoch = steps_per_epoch, .epochs = epochs},
      {});
}

TEST(LearningRateTest, ConstantIsOne) {
  EXPECT_EQ(FactorAt({}, 1, 0, 5, 3), 1);
  EXPECT_EQ(FactorAt({}, 3, 4, 5, 3), 1);
}

TEST(LearningRateTest, WarmUpRisesByStepsToOne) {
  for (const Kind kind : {Kind::kConstant, Kind::kCosine, Kind::kStep, Kind::kPlateau}) {
    const SchedulePlan plan{.kind = kind, .warmup_epochs = 2};
    EXPECT_DOUBLE_EQ(FactorAt(plan, 1, 0, 5, 10), 0.1);
    EXPECT_DOUBLE_EQ(FactorAt(plan, 1, 4, 5, 10), 0.5);
    EXPECT_DOUBLE_EQ(FactorAt(plan, 2, 4, 5, 10), 1);
    EXPECT_DOUBLE_EQ(FactorAt(plan, 3, 0, 5, 10), 1) << "the schedule begins after it";
  }
  // A trial that ends in its warm-up.
  EXPECT_DOUBLE_EQ(FactorAt({.kind = Kind::kCosine, .warmup_epochs = 9}, 2, 0, 5, 3), 6.0 / 45);
}

TEST(LearningRateTest, FollowsPyTorch) {
  if (std::system((ReferencePython() + " -c 'import torch' 2>/dev/null").c_str()) != 0) {
    GTEST_SKIP() << "needs python3-torch (deploy/install-deps.sh --tests)";
  }
  auto folder = TemporaryDirectory::Create();
  ASSERT_TRUE(folder.ok());
  const std::string answer = folder->path() + "/answer.json";
  ASSERT_EQ(
      std::system(StrCat(ReferencePython(), " ", VIZSLA_REFERENCE_SCHEDULES, " ", answer).c_str()),
      0);
  const auto text = ReadFile(answer);
  ASSERT_TRUE(text.ok());
  const json cases = json::parse(*text);
  ASSERT_EQ(cases.size(), 4u);
  for (const json& c : cases) {
    SCOPED_TRACE(c.at("name").get<std::string>());
    SchedulePlan plan;
    plan.kind = c.at("kind") == "cosine" ? Kind::kCosine : Kind::kStep;
    plan.warmup_epochs = c.at("warmup_epochs");
    plan.factor = c.at("factor");
    plan.every = c.at("every");
    const int epochs = c.at("epochs");
    const int64_t steps = c.at("steps_per_epoch");
    size_t i = 0;
    for (int epoch = 1; epoch <= epochs; ++epoch) {
      for (int64_t step = 0; step < steps; ++step, ++i) {
        EXPECT_NEAR(FactorAt(plan, epoch, step, steps, epochs), c.at("factors").at(i), 1e-9)
            << "epoch " << epoch << ", step " << step;
      }
    }
    EXPECT_EQ(i, c.at("factors").size());
  }
}

std::vector<EpochReport> Losses(std::initializer_list<double> losses) {
  std::vector<EpochReport> reports;
  for (const double loss : losses) {
    EpochReport report;
    report.epoch = static_cast<int>(reports.size()) + 1;
    report.metrics = {{"val_loss", loss}};
    reports.push_back(report);
  }
  return reports;
}

// The factor in each epoch after the first, as the reports come in.
std::vector<double> PlateauFactors(const SchedulePlan& plan,
                                   const std::vector<EpochReport>& reports) {
  std::vector<double> factors;
  for (int epoch = 2; epoch <= static_cast<int>(reports.size()) + 1; ++epoch) {
    // All reports are given: those of the epoch and after it (of an attempt before) do not count.
    factors.push_back(LearningRateFactor(
        plan, {.epoch = epoch, .step = 3, .steps_per_epoch = 5, .epochs = 20}, reports));
  }
  return factors;
}

TEST(LearningRateTest, PlateauIsKeras) {
  const SchedulePlan plan{.kind = Kind::kPlateau, .factor = 0.5, .patience = 2};
  // Best 1.0; two epochs without a better one: halved, and the count begins anew.
  EXPECT_EQ(PlateauFactors(plan, Losses({1.0, 1.1, 1.2, 1.3, 1.4})),
            (std::vector<double>{1, 1, 0.5, 0.5, 0.25}));
  // An improvement resets the count.
  EXPECT_EQ(PlateauFactors(plan, Losses({1.0, 1.1, 0.9, 1.0, 0.8, 0.9, 0.9})),
            (std::vector<double>{1, 1, 1, 1, 1, 1, 0.5}));
  // The best of all counts, not the epoch before; 1e-4 and less is no improvement.
  EXPECT_EQ(PlateauFactors(plan, Losses({1.0, 2.0, 1.5})), (std::vector<double>{1, 1, 0.5}));
  EXPECT_EQ(PlateauFactors(plan, Losses({1.0, 0.99995, 0.99991})),
            (std::vector<double>{1, 1, 0.5}));
  EXPECT_EQ(PlateauFactors(plan, Losses({1.0, 0.9998, 0.9996})), (std::vector<double>{1, 1, 1}));
  // NaN never improves: the first epoch without a number counts as one.
  EXPECT_EQ(PlateauFactors(plan, Losses({std::nan(""), std::nan(""), 1.0})),
            (std::vector<double>{1, 0.5, 0.5}));
}

TEST(LearningRateTest, PlateauDoesNotSeeTheWarmUp) {
  const SchedulePlan plan{.kind = Kind::kPlateau, .warmup_epochs = 2, .factor = 0.5, .patience = 2};
  // The loss of epoch 1 would be the best.
  const std::vector<double> factors = PlateauFactors(plan, Losses({0.1, 3.0, 2.0, 1.0, 1.5, 1.5}));
  EXPECT_EQ(std::vector<double>(factors.begin() + 1, factors.end()),
            (std::vector<double>{1, 1, 1, 1, 0.5}));
}

}  // namespace
}  // namespace vizsla
