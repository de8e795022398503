#include "src/catalog/network_cost.h"

#include <gtest/gtest.h>

namespace vizsla {
namespace {

TrainingPlan Plan(const Configuration& configuration) {
  const auto plan = ResolvePlan(configuration, {}, {"", "symmetric", "tf"});
  EXPECT_TRUE(plan.ok()) << plan.status();
  return plan.value_or(TrainingPlan());
}

// torchvision's and Keras' tables: parameters of the networks with their 1000-class heads.
TEST(CostOf, KnowsThePublishedSizes) {
  const auto cost = [](const char* network, int64_t size) {
    return CostOf(Plan({{"network", std::string(network)},
                        {"image_size", size},
                        {"dense", IntList{}},
                        {"batch_norm", false}}),
                  1000);
  };
  EXPECT_EQ(cost("mobilenet_v2", 224).parameters, 3504872);
  EXPECT_EQ(cost("resnet50", 224).parameters, 25557032);
  EXPECT_EQ(cost("densenet121", 224).parameters, 7978856);
  EXPECT_EQ(cost("efficientnet_v2_s", 224).parameters, 21458488);
  // torchvision: 0.30 and 4.09 GFLOPS, which are multiply-adds there.
  EXPECT_NEAR(static_cast<double>(cost("mobilenet_v2", 224).multiply_adds), 0.30e9, 0.005e9);
  EXPECT_NEAR(static_cast<double>(cost("resnet50", 224).multiply_adds), 4.09e9, 0.005e9);
}

TEST(CostOf, CountsTheHead) {
  const Configuration plain = {{"dense", IntList{}}, {"batch_norm", false}};
  const Configuration wide = {{"dense", IntList{64}}, {"batch_norm", true}};
  const NetworkCost without = CostOf(Plan(plain), 10);
  const NetworkCost with = CostOf(Plan(wide), 10);
  constexpr int64_t kFeatures = 1280;  // of MobileNetV2
  const int64_t linear = kFeatures * 10 + 10;
  const int64_t dense = kFeatures * 64 + 64 + 2 * 64 + 64 * 10 + 10;
  EXPECT_EQ(with.parameters - without.parameters, dense - linear);
  EXPECT_EQ(with.multiply_adds - without.multiply_adds, kFeatures * 64 + 64 * 10 - kFeatures * 10);
  // Running mean and variance, and the count of batches.
  EXPECT_EQ(with.model_bytes - without.model_bytes, 4 * (dense - linear + 2 * 64) + 8);
}

TEST(CostOf, TwoViewsCostTwice) {
  const NetworkCost one = CostOf(Plan({}), 10);
  const NetworkCost two = CostOf(Plan({{"test_time_flip", true}}), 10);
  EXPECT_EQ(two.multiply_adds, 2 * one.multiply_adds);
  EXPECT_EQ(two.parameters, one.parameters);
}

}  // namespace
}  // namespace vizsla
