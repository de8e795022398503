#include "src/report/runs.h"

#include <gmock/gmock.h>

#include "tests/report/example_board.h"

namespace vizsla {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr TrialState kCompleted = TrialState::kCompleted;

// Two finalists, the second one still in its final runs, and one that was not selected.
LeaderboardView RunsBoard() {
  LeaderboardView board = ExampleBoard();
  board.rows.resize(3);
  for (LeaderboardRowView& row : board.rows) row.trial = ExampleTrial(1, kCompleted, 0.875);
  board.rows[0].trial = ExampleTrial(9, kCompleted, 0.75);
  board.rows[0].trial.repeat_of = 2;
  board.rows[0].trial.final_run = true;
  board.rows[0].rank = 1;
  board.rows[0].search_runs = RunsSummary{{2, 3}, kCompleted, 2, 0.8125, 0.0625};
  board.rows[0].final_runs = RunsSummary{{8, 9}, kCompleted, 2, 0.7, 0.125};
  board.rows[1].trial.number = 4;
  board.rows[1].search_runs = RunsSummary{{4, 5}, kCompleted, 2, 0.8, 0.03125};
  board.rows[1].final_runs = RunsSummary{{10, 11}, TrialState::kRunning, 1, {}, {}};
  board.rows[2].trial.number = 6;
  board.rows[2].search_runs = RunsSummary{{6, 7}, TrialState::kDiverged, 1, {}, {}};
  board.total_trials = 11;
  board.total_rows = 5;
  return board;
}

TEST(Runs, AreShownAsMeanIntervalAndCount) {
  EXPECT_EQ(RunsText({{1, 2, 3}, kCompleted, 3, 0.8125, 0.015625}), "0.8125 ± 0.0156 (3)");
  EXPECT_EQ(RunsText({{1}, kCompleted, 1, 0.8125, {}}), "0.8125 (1)");
  EXPECT_EQ(RunsText({{1, 2}, TrialState::kRunning, 1, {}, {}}), "-");
}

TEST(Runs, ARowIsRankedByItsFinalRunsOnceTheyHaveEnded) {
  const LeaderboardView board = RunsBoard();
  EXPECT_EQ(ScoreOfRow(board.rows[0]), 0.7);
  EXPECT_EQ(ScoreTextOfRow(board.rows[0]), "0.7000 ± 0.1250 (2)");
  EXPECT_EQ(ScoreOfRow(board.rows[1]), 0.8);
  EXPECT_EQ(StateOfRow(board.rows[1]), TrialState::kRunning);
  EXPECT_EQ(ScoreOfRow(board.rows[2]), std::nullopt);
  EXPECT_EQ(StateOfRow(board.rows[2]), TrialState::kDiverged);
  EXPECT_EQ(ScoreOfRow(ExampleBoard().rows[0]), 0.78125) << "a plain trial";
}

TEST(Runs, HaveTheirColumnsOnTheLeaderboard) {
  const std::string text = RenderLeaderboard(RunsBoard(), {});
  EXPECT_THAT(text, HasSubstr("final val_accuracy"));
  EXPECT_THAT(text, HasSubstr("0.7000 ± 0.1250 (2)"));
  EXPECT_THAT(text, HasSubstr("0.8125 ± 0.0625 (2)"));
  EXPECT_THAT(text, HasSubstr("trial 6 diverged: one of the runs 6, 7 of its configuration"));
  EXPECT_THAT(text, HasSubstr("... and 2 more")) << "configurations, not trials";
  EXPECT_THAT(RenderLeaderboard(ExampleBoard(), {}), Not(HasSubstr("final")));
}

TEST(Runs, AreInJsonAndCsv) {
  const nlohmann::ordered_json json = LeaderboardToJson(RunsBoard());
  EXPECT_EQ(json[0]["repeat_of"], 2);
  EXPECT_EQ(json[0]["final_run"], true);
  EXPECT_EQ(json[0]["search_runs"]["mean"], 0.8125);
  EXPECT_EQ(json[0]["final_runs"]["trials"], nlohmann::ordered_json({8, 9}));
  EXPECT_EQ(json[0]["final_runs"]["half_width"], 0.125);
  EXPECT_EQ(json[1]["final_runs"]["state"], "running");
  EXPECT_EQ(json[1]["final_runs"]["mean"], nullptr);
  EXPECT_EQ(json[2]["final_runs"], nullptr);
  EXPECT_EQ(LeaderboardToJson(ExampleBoard())[0]["search_runs"], nullptr);
  const std::string csv = LeaderboardToCsv(RunsBoard());
  EXPECT_THAT(csv, HasSubstr(",mean,half_width,n,final_mean,final_half_width,final_n,"));
  EXPECT_THAT(csv, HasSubstr(",0.8125,0.0625,2,0.7,0.125,2,"));
  EXPECT_THAT(LeaderboardToCsv(ExampleBoard()), Not(HasSubstr("half_width")));
}

TEST(Runs, OfATrialAreOnItsPage) {
  TrialView view;
  view.study.spec.name = "dogs";
  view.trial = ExampleTrial(5, kCompleted, 0.5);
  view.runs = {5};
  EXPECT_THAT(RenderTrialHeader(view, {}), Not(HasSubstr("configuration")));
  view.runs = {5, 6, 9};
  EXPECT_THAT(RenderTrialHeader(view, {}),
              HasSubstr("first run; runs of this configuration: 5, 6, 9\n"));
  view.trial.repeat_of = 5;
  EXPECT_THAT(RenderTrialHeader(view, {}), HasSubstr("repeat of trial 5; runs"));
  view.trial.final_run = true;
  EXPECT_THAT(RenderTrialHeader(view, {}), HasSubstr("final run of trial 5; runs"));
  EXPECT_EQ(TrialToJson(view)["runs"], nlohmann::ordered_json({5, 6, 9}));
}

}  // namespace
}  // namespace vizsla
