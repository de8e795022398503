#include "src/train/cache_eviction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vizsla {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

CacheOnDisk Idle(const std::string& name, uint64_t bytes, int used_at) {
  return {.name = name,
          .bytes = bytes,
          .last_use = std::chrono::system_clock::time_point(std::chrono::seconds(used_at))};
}

CacheOnDisk Used(const std::string& name, uint64_t bytes, uint64_t promised) {
  CacheOnDisk cache = Idle(name, bytes, 0);
  cache.promised_bytes = promised;
  cache.in_use = true;
  return cache;
}

constexpr CacheRoom kRoom = {.budget = 100, .disk_free = 1000};

TEST(PlanEviction, TakesNothingWhenAllFits) {
  const EvictionPlan plan = PlanEviction({Idle("a", 40, 1), Used("new", 0, 60)}, kRoom);
  EXPECT_TRUE(plan.fits);
  EXPECT_THAT(plan.goes, IsEmpty());
}

TEST(PlanEviction, TheLeastRecentlyUsedGoFirstAndNoMoreThanNeeded) {
  const std::vector<CacheOnDisk> idle = {Idle("young", 30, 9), Idle("old", 20, 1),
                                         Idle("middle", 30, 5)};
  const auto with = [&](uint64_t wanted) {
    std::vector<CacheOnDisk> caches = idle;
    caches.push_back(Used("new", 0, wanted));
    return PlanEviction(caches, kRoom);
  };
  EXPECT_THAT(with(20).goes, IsEmpty());
  EXPECT_THAT(with(21).goes, ElementsAre("old"));
  EXPECT_THAT(with(40).goes, ElementsAre("old"));
  EXPECT_THAT(with(41).goes, ElementsAre("old", "middle"));
  EXPECT_THAT(with(100).goes, ElementsAre("old", "middle", "young"));
}

TEST(PlanEviction, NothingGoesInVain) {
  const EvictionPlan plan =
      PlanEviction({Idle("a", 30, 1), Used("b", 50, 60), Used("new", 5, 50)}, kRoom);
  EXPECT_FALSE(plan.fits);
  EXPECT_THAT(plan.goes, IsEmpty());
  EXPECT_EQ(plan.kept_used, 110u);
  EXPECT_EQ(plan.missing, 10u);
}

TEST(PlanEviction, WhatIsInUseStaysHoweverOldItIs) {
  const EvictionPlan plan =
      PlanEviction({Used("ancient", 50, 0), Idle("a", 30, 7), Used("new", 0, 40)}, kRoom);
  EXPECT_TRUE(plan.fits);
  EXPECT_THAT(plan.goes, ElementsAre("a"));
}

TEST(PlanEviction, PromisesCountWhileSomebodyWaitsForThem) {
  CacheOnDisk half_filled = Idle("half", 10, 1);
  half_filled.promised_bytes = 90;
  EXPECT_THAT(PlanEviction({half_filled, Used("new", 0, 90)}, kRoom).goes, IsEmpty());
  half_filled.in_use = true;
  EXPECT_FALSE(PlanEviction({half_filled, Used("new", 0, 90)}, kRoom).fits);
}

TEST(PlanEviction, TheDiskLimitsTheGrowthOfAllThatAreFilled) {
  const CacheRoom small_disk = {.budget = 1000, .disk_free = 50};
  const std::vector<CacheOnDisk> caches = {Idle("a", 30, 1), Idle("b", 30, 2),
                                           Used("theirs", 10, 40), Used("new", 0, 40)};
  EXPECT_THAT(PlanEviction(caches, small_disk).goes, ElementsAre("a"));  // 70 - 50 = 20
  EXPECT_FALSE(PlanEviction(caches, {.budget = 1000, .disk_free = 5}).fits);
}

TEST(PlanEviction, EqualTimesGoByName) {
  EXPECT_THAT(PlanEviction({Idle("b", 50, 1), Idle("a", 50, 1), Used("new", 0, 50)}, kRoom).goes,
              ElementsAre("a"));
}

}  // namespace
}  // namespace vizsla
