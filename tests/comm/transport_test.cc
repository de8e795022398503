#include "src/comm/transport.h"

#include <gtest/gtest.h>

#include <vector>

namespace vizsla {
namespace {

RankDevice OnGpu(int gpu) {
  RankDevice rank{.has_nccl = true, .on_gpu = true};
  rank.gpu.back() = static_cast<std::byte>(gpu);
  return rank;
}

RankDevice OnCpu() { return {.has_nccl = true, .on_gpu = false}; }

TransportDecision Chosen(TransportChoice asked, const std::vector<RankDevice>& group) {
  const auto decision = ChooseTransport(asked, group);
  EXPECT_TRUE(decision.ok()) << decision.status();
  return decision.ok() ? *decision : TransportDecision{};
}

std::string Refusal(const std::vector<RankDevice>& group) {
  const auto decision = ChooseTransport(TransportChoice::kNccl, group);
  EXPECT_EQ(decision.status().code(), absl::StatusCode::kFailedPrecondition);
  return std::string(decision.status().message());
}

TEST(TransportTest, NcclWhereEachRankHasAGpu) {
  for (const TransportChoice asked : {TransportChoice::kAuto, TransportChoice::kNccl}) {
    const TransportDecision decision = Chosen(asked, {OnGpu(1), OnGpu(0), OnGpu(7)});
    EXPECT_TRUE(decision.nccl);
    EXPECT_EQ(decision.reason, "");
  }
}

TEST(TransportTest, MpiWhereTheUserSaysSo) {
  const TransportDecision decision = Chosen(TransportChoice::kMpi, {OnGpu(0), OnGpu(1)});
  EXPECT_FALSE(decision.nccl);
  EXPECT_EQ(decision.reason, "");
}

TEST(TransportTest, TheLogNeedsNoReasonOnTheCpuOrAlone) {
  for (const std::vector<RankDevice>& group :
       {std::vector<RankDevice>{OnCpu(), OnCpu()}, {OnGpu(0)}, {OnCpu()}}) {
    const TransportDecision decision = Chosen(TransportChoice::kAuto, group);
    EXPECT_FALSE(decision.nccl);
    EXPECT_EQ(decision.reason, "");
  }
}

struct Case {
  std::vector<RankDevice> group;
  std::string reason;
};

TEST(TransportTest, SaysWhyNot) {
  RankDevice without = OnGpu(1);
  without.has_nccl = false;
  const std::vector<Case> cases = {
      {{OnGpu(0), OnGpu(3), OnGpu(0)},
       "ranks 0 and 2 of the trial group share a GPU, and NCCL needs one a rank"},
      {{OnGpu(0), OnCpu()}, "rank 1 of the trial group has no GPU"},
      {{OnGpu(0), without},
       "this program was built without NCCL (deploy/gpu.md says how to build it)"},
  };
  for (const Case& example : cases) {
    const TransportDecision decision = Chosen(TransportChoice::kAuto, example.group);
    EXPECT_FALSE(decision.nccl);
    EXPECT_EQ(decision.reason, example.reason);
    EXPECT_EQ(Refusal(example.group), "--transport nccl: " + example.reason);
  }
}

TEST(TransportTest, RefusesNcclWhereItHasNoUse) {
  EXPECT_EQ(Refusal({OnGpu(0)}),
            "--transport nccl: a trial group of one rank sends no gradients (--ranks-per-trial is "
            "1)");
  EXPECT_EQ(Refusal({OnCpu(), OnCpu()}), "--transport nccl: rank 0 of the trial group has no GPU");
  EXPECT_EQ(
      Refusal({RankDevice{}, RankDevice{}}),
      "--transport nccl: this program was built without NCCL (deploy/gpu.md says how to build "
      "it)");
}

}  // namespace
}  // namespace vizsla
