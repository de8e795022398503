// A trial on 1, 2 and 3 ranks of a real mpirun: the same losses, and decisions that reach everyone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cmath>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "src/base/file.h"

namespace vizsla {
namespace {

using nlohmann::json;

std::vector<json> RunJob(const std::string& scenario, int ranks) {
  auto folder = TemporaryDirectory::Create();
  EXPECT_TRUE(folder.ok());
  const std::string command = StrCat(
      "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 timeout 200 mpirun ",
      "--oversubscribe -np ", ranks, " ", VIZSLA_TRAIN_PROGRAM, " ", scenario, " ", folder->path());
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  std::vector<json> results;
  for (int rank = 0; rank < ranks; ++rank) {
    auto text = ReadFile(StrCat(folder->path(), "/rank-", rank, ".json"));
    EXPECT_TRUE(text.ok()) << text.status();
    results.push_back(text.ok() ? json::parse(*text) : json::object());
  }
  return results;
}

void ExpectTogether(const std::vector<json>& ranks, const std::string& outcome,
                    const std::string& reason) {
  for (const json& rank : ranks) {
    EXPECT_EQ(rank.at("ok"), true) << rank.at("message");
    if (!rank.at("ok")) continue;
    EXPECT_EQ(rank.at("outcome"), outcome);
    EXPECT_EQ(rank.at("reason"), reason);
    EXPECT_EQ(rank.at("collectives"), ranks[0].at("collectives"));
  }
}

// The tolerance is of float sums in another order, carried through 18 steps of Adam.
void ExpectSameReports(const json& a, const json& b, double tolerance) {
  ASSERT_EQ(a.at("reports").size(), 3u);
  ASSERT_EQ(b.at("reports").size(), 3u);
  for (size_t epoch = 0; epoch < 3; ++epoch) {
    for (const char* loss : {"train_loss", "val_loss", "pretrain_loss"}) {
      ASSERT_EQ(a["reports"][epoch].contains(loss), b["reports"][epoch].contains(loss));
      if (!a["reports"][epoch].contains(loss)) continue;
      const double expected = a["reports"][epoch][loss].get<double>();
      EXPECT_NEAR(b["reports"][epoch][loss].get<double>(), expected, tolerance * (1 + expected))
          << loss << ", epoch " << epoch + 1;
    }
  }
}

class RanksTest : public ::testing::TestWithParam<const char*> {};

TEST_P(RanksTest, AgreeWithOneRank) {
  const std::vector<json> one = RunJob(GetParam(), 1);
  ExpectTogether(one, "completed", "");
  for (const int ranks : {2, 3}) {
    const std::vector<json> several = RunJob(GetParam(), ranks);
    ExpectTogether(several, "completed", "");
    ExpectSameReports(one[0], several[0], 5e-4);
  }
}

INSTANTIATE_TEST_SUITE_P(Scenarios, RanksTest,
                         ::testing::Values("plain", "cached", "drawn_views", "unfrozen", "mixed",
                                           "regularized", "clipped", "averaged", "scratch",
                                           "autoencoder"),
                         [](const auto& info) { return std::string(info.param); });

TEST(Ranks, ShareTheWorkOfTheCache) {
  const std::vector<json> ranks = RunJob("cached", 2);
  EXPECT_EQ(ranks[0].at("filled").get<int>() + ranks[1].at("filled").get<int>(), 2 * 42);
  const std::vector<json> drawn = RunJob("drawn_views", 2);
  EXPECT_EQ(drawn[0].at("filled").get<int>() + drawn[1].at("filled").get<int>(), 5 * 42);
}

TEST(Ranks, LocalStatisticsAreAnotherComputation) {
  const std::vector<json> synchronised = RunJob("plain", 2);
  const std::vector<json> local = RunJob("local-statistics", 2);
  ExpectTogether(local, "completed", "");
  EXPECT_GT(std::abs(synchronised[0]["reports"][0]["train_loss"].get<double>() -
                     local[0]["reports"][0]["train_loss"].get<double>()),
            1e-2)
      << "the tolerance of AgreeWithOneRank would not see unsynchronised statistics";
}

// With three ranks, one has no row in the last batch of an epoch.
TEST(Ranks, LocalStatisticsAreAveragedIntoTheModelThatIsScored) {
  const std::vector<json> ranks = RunJob("local-statistics", 3);
  ExpectTogether(ranks, "completed", "");
  const json& best = ranks[0].at("best");
  EXPECT_NEAR(best.at("evaluated").get<double>(), best.at("reported").get<double>(), 1e-4);
}

TEST(Ranks, AResumedTrialOfTwoEqualsTheUndisturbedOne) {
  const std::vector<json> undisturbed = RunJob("plain", 2);
  const std::vector<json> resumed = RunJob("resume", 2);
  ExpectTogether(resumed, "completed", "");
  ExpectSameReports(undisturbed[0], resumed[0], 1e-6);
}

TEST(Ranks, APruneReachesAllAtTheSameStep) {
  const std::vector<json> ranks = RunJob("prune-in-step", 3);
  ExpectTogether(ranks, "pruned", "pruned after epoch 1");
  EXPECT_EQ(ranks[0].at("reports").size(), 1u);
}

TEST(Ranks, APreemptionLeavesOneCheckpoint) {
  const std::vector<json> ranks = RunJob("preempt-in-step", 2);
  ExpectTogether(ranks, "preempted", "preempted after epoch 1");
  EXPECT_EQ(ranks[0].at("last_checkpoint_stored"), true);
}

TEST(Ranks, APauseReachesAll) {
  ExpectTogether(RunJob("pause-after-report", 2), "paused", "paused after epoch 2");
}

TEST(Ranks, AFailureOfOneIsTheFailureOfAll) {
  const std::vector<json> ranks = RunJob("broken-photo", 3);
  for (const json& rank : ranks) {
    EXPECT_EQ(rank.at("outcome"), "failed");
    EXPECT_EQ(rank.at("reason"), "rank 2: broken photo");
  }
}

// Nothing pins the unlabelled photos; with others, ranks would count other steps and wait for ever.
TEST(Ranks, PretrainOnTheSamePhotosOrNotAtAll) {
  const std::pair<const char*, const char*> cases[] = {
      {"autoencoder-other-photos", "13 each, but not the same"},
      {"autoencoder-fewer-photos", "from 12 to 13"},
      {"autoencoder-no-photos", "from 0 to 13"}};
  for (const auto& [scenario, difference] : cases) {
    const std::vector<json> ranks = RunJob(scenario, 2);
    ExpectTogether(ranks, "failed",
                   StrCat("the ranks of the trial have different unlabelled photos (", difference,
                          "): the data set must be the same on all hosts"));
    EXPECT_TRUE(ranks[0].at("reports").empty());
  }
}

TEST(Ranks, ALostCoordinatorEndsAll) {
  const std::vector<json> ranks = RunJob("lost-coordinator", 2);
  EXPECT_EQ(ranks[0].at("ok"), false);
  EXPECT_EQ(ranks[0].at("message"), "no answer");
  EXPECT_EQ(ranks[1].at("ok"), false);
  EXPECT_EQ(ranks[1].at("message"), "rank 0 lost the coordinator: no answer");
}

// Whichever rank runs out of memory, and wherever in its step.
TEST(Memory, AccumulatedStepsAreThoseOfTheWholeBatch) {
  const std::vector<json> whole = RunJob("memory-whole", 1);
  for (const int ranks : {1, 2, 3}) {
    for (const char* scenario : {"memory-micro", "memory-forward", "memory-backward"}) {
      const std::vector<json> parts = RunJob(scenario, ranks);
      ExpectTogether(parts, "completed", "");
      ExpectSameReports(whole[0], parts[0], 5e-4);
    }
  }
}

// The statistics of the step that failed are forgotten, also those of its first norms.
TEST(Memory, ARepeatedStepLeavesNoTraceInTheStatistics) {
  for (const int ranks : {1, 2}) {
    const std::vector<json> small = RunJob("memory-norm-micro", ranks);
    for (const char* scenario : {"memory-norm-forward", "memory-norm-backward"}) {
      const std::vector<json> repeated = RunJob(scenario, ranks);
      ExpectTogether(repeated, "completed", "");
      if (ranks == 2) ExpectSameReports(small[0], repeated[0], 1e-6);
    }
  }
}

TEST(Memory, TheTrialEndsWhereTheUserSaysSo) {
  const std::string asked =
      "the trial asked for batch_size 8 on 2 ranks, image_size 32, precision float32";
  ExpectTogether(RunJob("memory-infeasible", 2), "infeasible", "out of memory; " + asked);
}

TEST(Memory, ARowThatDoesNotFitEndsTheTrial) {
  const std::string asked =
      "the trial asked for batch_size 8 on 2 ranks, image_size 32, precision float32";
  ExpectTogether(RunJob("memory-never", 2), "infeasible", "out of memory; " + asked);
}

TEST(Ranks, DivergeTogether) {
  ExpectTogether(RunJob("diverge", 2), "diverged", "a metric of epoch 1 is not a finite number");
}

}  // namespace
}  // namespace vizsla
