#include "src/report/strategies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/report/example_board.h"

namespace vizsla {
namespace {

using Words = std::vector<std::pair<std::string, std::string>>;

Configuration Make(const Words& words) {
  Configuration configuration;
  for (const auto& [name, value] : words) configuration[name] = value;
  return configuration;
}

Trial Trained(const Words& words, const WarmStart& start = {}) {
  Trial trial;
  trial.configuration = Make(words);
  trial.warm_start = start;
  return trial;
}

const WarmStart kWarm = {WarmStart::Kind::kBest, 3, std::string(64, 'c')};

TEST(Strategies, SayHowANetworkWasTrained) {
  EXPECT_EQ(ApproachOf(Trained({})), "transfer");  // the catalog's defaults
  EXPECT_EQ(ApproachOf(Trained({{"network", "scratch_v2"}})), "scratch");
  EXPECT_EQ(ApproachOf(Trained({{"network", "scratch_v2"}, {"initial_weights", "autoencoder"}})),
            "scratch after autoencoder");
  EXPECT_EQ(ApproachOf(Trained({{"network", "mobilenet_v2"}, {"unfreeze", "none"}})), "transfer");
  EXPECT_EQ(ApproachOf(Trained({{"unfreeze", "block_16_expand"}})),
            "fine-tuned from block_16_expand");
  EXPECT_EQ(ApproachOf(Trained({{"unfreeze", "all"}})), "fine-tuned whole");
  EXPECT_EQ(ApproachOf(Trained({{"initial_weights", "random"}})), "from random weights");
  EXPECT_EQ(ApproachOf(Trained({{"unfreeze", "all"}}, kWarm)), "fine-tuned whole, warm start");
  // A configuration alone is no start.
  EXPECT_EQ(ApproachOf(Trained({}, {WarmStart::Kind::kBestConfiguration, 3, ""})), "transfer");
}

LeaderboardRowView Row(int64_t number, TrialState state, std::optional<double> score,
                       const Words& words, const std::string& name = "") {
  LeaderboardRowView row;
  row.trial = ExampleTrial(number, state, score);
  row.trial.configuration = Make(words);
  row.trial.name = name;
  return row;
}

TEST(Strategies, TheBestOfEachGroupStandsForIt) {
  LeaderboardView board = ExampleBoard();
  board.rows = {
      Row(1, TrialState::kCompleted, 0.5, {{"network", "mobilenet_v2"}}),
      Row(2, TrialState::kCompleted, 0.7, {}),  // the same strategy, by default
      Row(3, TrialState::kDiverged, 0.99, {}),  // cannot win
      Row(4, TrialState::kCompleted, 0.6, {}, "final"),
      Row(5, TrialState::kCompleted, 0.8, {{"unfreeze", "block_16_expand"}}),
      Row(6, TrialState::kFailed, std::nullopt, {{"network", "scratch_v1"}}),
  };
  const std::vector<Strategy> strategies = CompareStrategies(board);
  ASSERT_EQ(strategies.size(), 4U);
  EXPECT_EQ(ToText(strategies[0]), "mobilenet_v2, fine-tuned from block_16_expand");
  EXPECT_EQ(ToText(strategies[1]), "mobilenet_v2, transfer");
  EXPECT_EQ(strategies[1].best->trial.number, 2);
  EXPECT_EQ(strategies[1].trials, 3);
  EXPECT_EQ(ToText(strategies[2]), "mobilenet_v2, transfer: final");
  EXPECT_EQ(ToText(strategies[3]), "scratch_v1, scratch");
  EXPECT_EQ(strategies[3].best, nullptr);

  // Other weights to start from are another strategy; what never got a source is none.
  LeaderboardView starts = ExampleBoard();
  const Words scratch = {{"network", "scratch_v2"}};
  starts.rows = {Row(1, TrialState::kCompleted, 0.5, scratch),
                 Row(2, TrialState::kCompleted, 0.6,
                     {{"network", "scratch_v2"}, {"initial_weights", "autoencoder"}}),
                 Row(3, TrialState::kCompleted, 0.7, scratch),
                 Row(4, TrialState::kInfeasible, std::nullopt, {})};
  starts.rows[2].trial.warm_start = kWarm;
  starts.rows[3].trial.warm_start = {WarmStart::Kind::kBest, 0, ""};
  const std::vector<Strategy> by_start = CompareStrategies(starts);
  ASSERT_EQ(by_start.size(), 3U);
  EXPECT_EQ(ToText(by_start[0]), "scratch_v2, scratch, warm start");
  EXPECT_EQ(ToText(by_start[1]), "scratch_v2, scratch after autoencoder");
  EXPECT_EQ(ToText(by_start[2]), "scratch_v2, scratch");

  board.study.study.spec.objective.direction = Direction::kMinimize;
  EXPECT_EQ(CompareStrategies(board)[0].best->trial.number, 1);
  board.rows.clear();
  EXPECT_TRUE(CompareStrategies(board).empty());
}

}  // namespace
}  // namespace vizsla
