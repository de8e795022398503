#include "src/report/leaderboard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/report/text.h"
#include "tests/report/example_board.h"

namespace vizsla {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(RenderLeaderboard, ShowsEachTrialOnALine) {
  EXPECT_EQ(RenderLeaderboard(ExampleBoard(), {}),
            "dogs  active  4 of 6 trials: 1 queued, 1 running, 1 completed, 1 diverged  ETA 3m05s\n"
            "ranked by val_accuracy (higher is better); test split used never; active for 1m01s\n"
            "\n"
            "rank  trial  name            state      val_accuracy    epoch  dropout  elapsed  ETA  "
            "worker\n"
            "   1      2  the notebook's  completed        0.7812      3/3  0.5        1m15s       "
            "host:42/0\n"
            "   2      1                  running          0.5000  2/3 75%  0.25         30s  31s\n"
            "   -      3                  diverged            NaN      1/3  0.75\n"
            "   -      4                  queued                -      0/3  1\n"
            "trial 3 diverged: train_loss is NaN, \"at\" epoch 1\n");
}

TEST(RenderLeaderboard, JoinsTheParametersWhenTheTerminalIsNarrow) {
  LeaderboardView board = ExampleBoard();
  for (int i = 0; i < 6; ++i) {
    const std::string name = "parameter_" + std::to_string(i);
    board.study.study.spec.space.parameters.push_back(
        {name, FloatDomain{.low = 0, .high = 1, .step = {}}, {}});
    board.rows[1].trial.configuration[name] = 0.5;
  }
  EXPECT_THAT(RenderLeaderboard(board, {}), Not(HasSubstr("parameters")));
  const std::string narrow = RenderLeaderboard(board, {.width = 120});
  EXPECT_THAT(narrow, HasSubstr("parameters"));
  EXPECT_THAT(narrow, HasSubstr("dropout=0.25 parameter_0=0.5"));
}

// What only enqueued trials have; "above" would stand first if it were not behind the space.
LeaderboardView BoardWithForeignParameters() {
  LeaderboardView board = ExampleBoard();
  board.rows[0].trial.configuration["unfreeze"] = std::string("all");
  board.rows[2].trial.configuration["above"] = int64_t{7};
  return board;
}

TEST(RenderLeaderboard, ShowsParametersThatTheSpaceDoesNotHave) {
  const std::string text = RenderLeaderboard(BoardWithForeignParameters(), {});
  EXPECT_THAT(text, testing::ContainsRegex("dropout +above +unfreeze +elapsed"));
  EXPECT_THAT(text, testing::ContainsRegex("completed .* 0\\.5 +all +1m15s"));
  EXPECT_THAT(text, testing::ContainsRegex("diverged .* 0\\.75 +7\n"));
  LeaderboardView alone = BoardWithForeignParameters();
  alone.rows.resize(1);
  EXPECT_THAT(RenderLeaderboard(alone, {}), testing::ContainsRegex("dropout +dense +unfreeze"));
}

TEST(RenderLeaderboard, SaysWhatIsLeftOut) {
  const std::string text = RenderLeaderboard(ExampleBoard(), {}, /*max_rows=*/1);
  EXPECT_THAT(text, HasSubstr("0.7812"));
  EXPECT_THAT(text, Not(HasSubstr("running  ")));
  EXPECT_THAT(text, HasSubstr("... and 3 more\n"));
}

// Trials 3 and 5 to 10 ended in trouble.
LeaderboardView BoardOfTroubles() {
  LeaderboardView board = ExampleBoard();
  for (int64_t number = 5; number <= 10; ++number) {
    LeaderboardRowView row;
    row.trial = ExampleTrial(number, TrialState::kFailed, std::nullopt);
    row.trial.reason = "r";
    board.rows.push_back(row);
  }
  board.rows[4].trial.reason = "no\x1b[2J";
  board.rows[5].trial.state = TrialState::kInfeasible;
  board.rows[5].trial.reason.clear();
  return board;
}

TEST(RenderLeaderboard, SaysWhyTrialsDidNotEndWell) {
  EXPECT_THAT(RenderLeaderboard(BoardOfTroubles(), {}),
              testing::EndsWith("\n"
                                "trial 3 diverged: train_loss is NaN, \"at\" epoch 1\n"
                                "trial 5 failed: no?[2J\n"
                                "trial 6 infeasible: no reason was given\n"
                                "trial 7 failed: r\n"
                                "trial 8 failed: r\n"
                                "... and 2 trials more that failed, diverged or could not run "
                                "(vizsla trial N tells why)\n"));
}

TEST(RenderLeaderboard, ReasonsShareTheRoomOfALiveBoard) {
  const LeaderboardView board = BoardOfTroubles();
  EXPECT_THAT(RenderLeaderboard(board, {}, /*max_rows=*/4),
              testing::EndsWith("... and 8 more\n"
                                "trial 3 diverged: train_loss is NaN, \"at\" epoch 1\n"
                                "... and 6 trials more that failed, diverged or could not run "
                                "(vizsla trial N tells why)\n"));
  EXPECT_THAT(RenderLeaderboard(board, {}, /*max_rows=*/2),
              testing::EndsWith("... and 9 more\n"
                                "7 trials that failed, diverged or could not run "
                                "(vizsla trial N tells why)\n"));
  EXPECT_THAT(RenderLeaderboard(board, {}, /*max_rows=*/1), testing::EndsWith("... and 9 more\n"));
  // A line that wraps would take the room of two.
  const std::string reason = "trial 3 diverged: train_loss is NaN, \"at\" epoch 1";
  EXPECT_THAT(RenderLeaderboard(board, {.width = 30}, /*max_rows=*/100),
              HasSubstr("\n" + Truncate(reason, 30) + "\n"));
  EXPECT_THAT(RenderLeaderboard(board, {.width = 30}), HasSubstr("\n" + reason + "\n"));
}

TEST(RenderLeaderboard, ShowsTheStageWhereThereAreSeveral) {
  LeaderboardView board = ExampleBoard();
  EXPECT_THAT(RenderLeaderboard(board, {}), Not(HasSubstr("stage")));
  EXPECT_THAT(LeaderboardToCsv(board), Not(HasSubstr("stage")));
  board.study.study.spec.stages.resize(1);
  board.rows[0].trial.stage = 2;
  const std::string text = RenderLeaderboard(board, {});
  EXPECT_THAT(text, testing::ContainsRegex("trial +name +stage +state"));
  EXPECT_THAT(text, testing::ContainsRegex("the notebook's +2 +completed"));
  EXPECT_THAT(text, testing::ContainsRegex(" 1 +1 +running"));
  const std::string csv = LeaderboardToCsv(board);
  EXPECT_THAT(csv, testing::StartsWith("rank,trial,name,stage,state,objective,epoch,epochs,"));
  EXPECT_THAT(csv, HasSubstr("\n1,2,the notebook's,2,completed,0.78125,3,"));
  EXPECT_THAT(csv, HasSubstr("\n2,1,,1,running,0.5,1,3,"));
}

TEST(RenderLeaderboard, SaysWhenTheLastEpochCounts) {
  LeaderboardView board = ExampleBoard();
  board.study.study.spec.objective.select_by = "val_loss";
  EXPECT_THAT(RenderLeaderboard(board, {}), HasSubstr("of the epoch with the best val_loss; test"));
  board.study.study.spec.objective.last_epoch = true;
  EXPECT_THAT(RenderLeaderboard(board, {}),
              HasSubstr("ranked by val_accuracy (higher is better) of the last epoch; test"));
}

TEST(RenderLeaderboard, OfAStudyWithoutTrialsSaysWhy) {
  LeaderboardView board = ExampleBoard();
  board.rows.clear();
  board.total_trials = 0;
  board.study.trial_counts.clear();
  EXPECT_THAT(RenderLeaderboard(board, {}), HasSubstr("No trial has been made yet"));
}

TEST(RenderLeaderboard, SaysHowOftenTestWasUsed) {
  LeaderboardView board = ExampleBoard();
  board.study.test_uses = 2;
  EXPECT_THAT(RenderLeaderboard(board, {}), HasSubstr("test split used 2 times"));
}

TEST(LeaderboardToJson, HasLowerCaseStatesAndNullForNaN) {
  const nlohmann::ordered_json json = LeaderboardToJson(ExampleBoard());
  ASSERT_EQ(json.size(), 4U);
  EXPECT_EQ(json[0]["trial"], 2);
  EXPECT_EQ(json[0]["rank"], 1);
  EXPECT_EQ(json[0]["state"], "completed");
  EXPECT_EQ(json[0]["objective"], 0.78125);
  EXPECT_EQ(json[0]["epoch"], 3);
  EXPECT_EQ(json[0]["params"]["dense"], (nlohmann::ordered_json{128, 64}));
  EXPECT_EQ(json[0]["params"]["image_size"], 160);
  EXPECT_EQ(json[1]["progress"]["steps_done"], 30);
  EXPECT_EQ(json[1]["eta_seconds"], 31.0);
  EXPECT_EQ(json[2]["state"], "diverged");
  EXPECT_TRUE(json[2]["objective"].is_null());
  EXPECT_TRUE(json[2]["rank"].is_null());
  EXPECT_TRUE(json[2]["metrics"]["val_accuracy"].is_null());
  EXPECT_TRUE(json[3]["objective"].is_null());
  EXPECT_TRUE(json[3]["eta_seconds"].is_null());
}

TEST(LeaderboardToCsv, QuotesAndKeepsAllDigits) {
  const std::string csv = LeaderboardToCsv(ExampleBoard());
  EXPECT_THAT(csv,
              testing::StartsWith(
                  "rank,trial,name,state,objective,epoch,epochs,best_epoch,params.image_size,"
                  "params.dropout,params.dense,metrics.val_accuracy,metrics.val_loss,worker,"
                  "attempt,elapsed_seconds,eta_seconds,reason\n"
                  "1,2,the notebook's,completed,0.78125,3,3,2,160,0.5,\"[128, 64]\",0.78125,0.9,"
                  "host:42/0,1,75.0,,\n"));
  EXPECT_THAT(csv, HasSubstr(",3,,diverged,NaN,"));
  EXPECT_THAT(csv, HasSubstr("\"train_loss is NaN, \"\"at\"\" epoch 1\"\n"));
}

TEST(LeaderboardToCsv, HasParametersThatTheSpaceDoesNotHave) {
  const std::string csv = LeaderboardToCsv(BoardWithForeignParameters());
  EXPECT_THAT(csv, HasSubstr(",params.image_size,params.dropout,params.dense,params.above,"
                             "params.unfreeze,metrics.val_accuracy,"));
  EXPECT_THAT(csv, HasSubstr("\n1,2,the notebook's,completed,0.78125,3,3,2,160,0.5,\"[128, 64]\","
                             ",all,0.78125,"));
  EXPECT_THAT(csv, HasSubstr(",0.75,\"[128, 64]\",7,,NaN,"));
  EXPECT_THAT(csv, HasSubstr(",0.25,\"[128, 64]\",,,0.5,"));
}

TEST(DescribeChanges, NamesOnlyWhatChanged) {
  const LeaderboardView before = ExampleBoard();
  EXPECT_THAT(DescribeChanges(before, before), IsEmpty());  // NaN is no change of NaN
  LeaderboardView after = before;
  after.rows[1].trial.epoch = 2;
  after.rows[1].trial.score = 0.75;
  after.rows[3].trial.state = TrialState::kRunning;
  EXPECT_THAT(DescribeChanges(before, after),
              ElementsAre("trial 1 running epoch 2/3 val_accuracy 0.7500 rank 2",
                          "trial 4 running epoch 0/3"));
  after = before;
  after.study.study.state = StudyState::kFinished;
  EXPECT_THAT(DescribeChanges(before, after), ElementsAre("study dogs is finished"));
}

TrialView ExamplePage() {
  const LeaderboardView board = ExampleBoard();
  TrialView view;
  view.study = board.study.study;
  view.trial = board.rows[0].trial;
  view.trial.notes = "an idea";
  for (int epoch = 1; epoch <= 3; ++epoch) {
    EpochReport report;
    report.epoch = epoch;
    report.attempt = AttemptNumber(epoch < 3 ? 1 : 2);
    report.metrics = {{"val_accuracy", 0.5 + 0.1 * epoch}, {"train_loss", 1.5}, {"zeal", 3}};
    report.duration = Milliseconds(25'000);
    report.reported_at = view.trial.created_at;
    view.epochs.push_back(report);
  }
  view.attempts = {{1, "host:42/0", "crashed", "the lease ran out", view.trial.created_at,
                    view.trial.created_at + Milliseconds(50'000)},
                   {2, "host:43/0", "running", "", view.trial.created_at, std::nullopt}};
  return view;
}

TEST(RenderTrial, ShowsEpochsAttemptsAndParameters) {
  const std::string text = RenderTrial(ExamplePage(), {});
  EXPECT_THAT(text, HasSubstr("Trial 2 of dogs (the notebook's)  completed  epoch 3/3\n"
                              "val_accuracy 0.7812 at epoch 2\n"
                              "an idea\n"));
  EXPECT_THAT(text, HasSubstr("dense       [128, 64]\n"));
  EXPECT_THAT(text, HasSubstr("epoch  train_loss  val_accuracy    zeal  time  attempt\n"));
  EXPECT_THAT(text, HasSubstr("    2      1.5000        0.7000  3.0000   25s        1  best\n"));
  EXPECT_THAT(
      text, HasSubstr("      1  crashed  2026-11-24 02:52:10   50s  host:42/0  the lease ran out"));
}

TEST(RenderTrial, CallsTheLastEpochKeptWhereItCounts) {
  TrialView view = ExamplePage();
  EXPECT_THAT(RenderTrial(view, {}), HasSubstr("  best"));
  view.study.spec.objective.last_epoch = true;
  EXPECT_THAT(RenderTrial(view, {}), AllOf(HasSubstr("  kept"), Not(HasSubstr("  best"))));
}

TEST(RenderTrial, SaysWhatItStartsFrom) {
  TrialView view = ExamplePage();
  view.study.spec.stages.resize(1);
  view.study.spec.stages[0].name = "fine-tune";
  view.study.spec.stages[0].budget.epochs = 9;
  view.trial.stage = 2;
  view.trial.warm_start = {WarmStart::Kind::kBest, 7, std::string(64, 'a')};
  EXPECT_THAT(RenderTrial(view, {}), HasSubstr("/9\nstage 2 (fine-tune)\nstarts from trial 7, "
                                               "checkpoint aaaaaaaaaaaa\n"));
  EXPECT_EQ(TrialToJson(view)["stage"], 2);
  EXPECT_EQ(TrialToJson(view)["epochs"], 9);
  EXPECT_EQ(TrialToJson(view)["init_from"]["trial"], 7);
  view.trial.warm_start = {WarmStart::Kind::kBestConfiguration, 7, ""};
  EXPECT_THAT(RenderTrial(view, {}), HasSubstr("\nvaries the configuration of trial 7\n"));
  view.trial.state = TrialState::kQueued;
  view.trial.warm_start = {WarmStart::Kind::kBest, 0, ""};
  EXPECT_THAT(RenderTrial(view, {}),
              HasSubstr("\nwaits to start from the best trial, not known yet\n"));
  EXPECT_EQ(TrialToJson(view)["init_from"]["checkpoint"], nullptr);
}

TEST(TrialToJson, HasTheHistory) {
  const nlohmann::ordered_json json = TrialToJson(ExamplePage());
  EXPECT_EQ(json["study"], "dogs");
  ASSERT_EQ(json["history"].size(), 3U);
  EXPECT_EQ(json["history"][2]["attempt"], 2);
  EXPECT_EQ(json["history"][0]["seconds"], 25.0);
  EXPECT_TRUE(json["attempts"][1]["ended_at"].is_null());
}

TEST(RenderStudies, IsATableOrASentence) {
  EXPECT_EQ(RenderStudies({}, {}), "No studies.\n");
  const std::string text = RenderStudies({ExampleBoard().study}, {});
  EXPECT_THAT(text, HasSubstr("dogs   active  4 of 6 trials: 1 queued"));
}

TEST(ToPrettyText, SurvivesBrokenUtf8) {
  EXPECT_THAT(ToPrettyText({{"name", "a\xFF"}}), HasSubstr("a\xEF\xBF\xBD"));
}

}  // namespace
}  // namespace vizsla
