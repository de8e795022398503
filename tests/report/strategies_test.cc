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

TEST(Strategies, SayHowANetworkWasTrained) {
  EXPECT_EQ(ApproachOf({}), "transfer");  // the catalog's defaults
  EXPECT_EQ(ApproachOf(Make({{"network", "scratch_v2"}})), "scratch");
  EXPECT_EQ(ApproachOf(Make({{"network", "mobilenet_v2"}, {"unfreeze", "none"}})), "transfer");
  EXPECT_EQ(ApproachOf(Make({{"unfreeze", "block_16_expand"}})), "fine-tuned from block_16_expand");
  EXPECT_EQ(ApproachOf(Make({{"unfreeze", "all"}})), "fine-tuned whole");
  EXPECT_EQ(ApproachOf(Make({{"initial_weights", "random"}})), "from random weights");
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

  board.study.study.spec.objective.direction = Direction::kMinimize;
  EXPECT_EQ(CompareStrategies(board)[0].best->trial.number, 1);
  board.rows.clear();
  EXPECT_TRUE(CompareStrategies(board).empty());
}

}  // namespace
}  // namespace vizsla
