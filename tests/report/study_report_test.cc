#include "src/report/study_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "src/base/str_cat.h"
#include "tests/report/example_board.h"
#include "tests/report/markup_testing.h"

namespace vizsla {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr char kEvil[] = "<script>alert(\"1\")</script>&\x1b[2J";

StudyReport Example() {
  StudyReport report;
  report.board = ExampleBoard();
  report.board.rows[0].trial.notes = "idea: <b>flat</b>\nconclusion: none\n";
  report.board.rows[0].metrics["train_accuracy"] = 0.9;
  report.source = "/home/me/vizsla.db";
  report.made_at = FromUnixMillis(1795488800000);
  for (int epoch = 1; epoch <= 3; ++epoch) {
    EpochReport epoch_report;
    epoch_report.epoch = epoch;
    epoch_report.metrics = {{"train_loss", 2.0 / epoch},
                            {"val_loss", 2.5 / epoch},
                            {"train_accuracy", 0.3 * epoch},
                            {"val_accuracy", 0.2 * epoch}};
    report.epochs[2].push_back(epoch_report);
    if (epoch == 1) report.epochs[1].push_back(epoch_report);
  }
  EpochReport broken;
  broken.epoch = 1;
  broken.metrics = {{"train_loss", std::nan("")}, {"val_accuracy", std::nan("")}};
  report.epochs[3] = {broken};
  return report;
}

Predictions ExamplePredictions() {
  const std::vector<float> probabilities = {0.9F, 0.1F, 0.8F, 0.2F, 0.3F, 0.7F};
  const std::vector<int> labels = {0, 1, 1};
  const std::vector<std::string> classes = {"beagle", kEvil};
  Predictions predictions;
  predictions.evaluation.report = *MakeClassificationReport(probabilities, labels, classes);
  predictions.evaluation.split = "validation";
  predictions.evaluation.trial = 2;
  predictions.photos = PredictionsOf(probabilities, labels, {"a", "b\"<", "c"}, 2);
  predictions.photos[1].thumbnail = "JPEG";
  return predictions;
}

std::string PageOf(const StudyReport& report) { return RenderStudyReport(report)[0].bytes; }

std::vector<std::string> NamesOf(const std::vector<ReportFile>& files) {
  std::vector<std::string> names;
  for (const ReportFile& file : files) names.push_back(file.name);
  return names;
}

void ExpectSound(const StudyReport& report) {
  for (const ReportFile& file : RenderStudyReport(report)) {
    EXPECT_THAT(file.name, Not(HasSubstr("/")));
    if (file.name.ends_with(".jpg")) continue;
    std::string markup = file.bytes;
    // The style and the script of the page are no markup.
    for (const char* tag : {"style", "script"}) {
      const size_t from = markup.find(StrCat("<", tag, ">"));
      if (from == std::string::npos) continue;
      const size_t to = markup.find(StrCat("</", tag, ">"), from);
      markup.erase(from, to - from + std::string(tag).size() + 3);
    }
    EXPECT_EQ(MarkupTrouble(markup), "") << file.name;
    EXPECT_EQ(file.bytes.find('\x1b'), std::string::npos) << file.name;
  }
}

TEST(StudyReport, HasEverySection) {
  const std::string page = PageOf(Example());
  for (const char* id : {"overview", "leaderboard", "curves", "parameters", "importance",
                         "overfitting", "strategies", "predictions", "test-uses"}) {
    EXPECT_THAT(page, HasSubstr(StrCat("<section id=\"", id, "\">")));
    EXPECT_THAT(page, HasSubstr(StrCat("<a href=\"#", id, "\">")));
  }
  EXPECT_THAT(page, AllOf(HasSubstr("dogs"), HasSubstr(std::string(64, 'd')),
                          HasSubstr("test 10 % of the photos, validation 8 % of the rest, seed 42"),
                          HasSubstr("val_accuracy, higher is better")));
  // Reasons, gap (0.9 - 0.78125), wall time, best epoch, notes.
  EXPECT_THAT(page, AllOf(HasSubstr("train_loss is NaN, &quot;at&quot; epoch 1"),
                          HasSubstr("0.1188"), HasSubstr("1m15s"), HasSubstr("2 of 3"),
                          HasSubstr("idea: &lt;b&gt;flat&lt;/b&gt;<br/>conclusion: none</div>")));
}

TEST(StudyReport, LoadsNothing) {
  StudyReport report = Example();
  report.predictions = ExamplePredictions();
  const std::string page = PageOf(report);
  EXPECT_THAT(page, AllOf(Not(HasSubstr("http://")), Not(HasSubstr("https://")),
                          Not(HasSubstr("<link")), Not(HasSubstr("@import")),
                          Not(HasSubstr("<script src")), Not(HasSubstr("url("))));
}

TEST(StudyReport, EachPictureIsInThePageAndBesideIt) {
  const std::vector<ReportFile> files = RenderStudyReport(Example());
  EXPECT_THAT(
      NamesOf(files),
      testing::ElementsAre("index.html", "curves-best.svg", "curves-trial-2.svg",
                           "curves-trial-1.svg", "curves-trial-3.svg", "parallel-coordinates.svg",
                           "slice-dropout.svg", "overfitting.svg", "strategies.svg"));
  for (size_t i = 1; i < files.size(); ++i) {
    EXPECT_THAT(files[0].bytes, HasSubstr(StrCat("href=\"", files[i].name, "\"")));
    EXPECT_THAT(files[i].bytes, testing::StartsWith("<?xml"));
  }
}

TEST(StudyReport, IsWellFormedWhateverUsersWrote) {
  StudyReport report = Example();
  Study& study = report.board.study.study;
  study.spec.name = kEvil;
  study.notes = StrCat(kEvil, "\nsecond line");
  report.source = kEvil;
  for (LeaderboardRowView& row : report.board.rows) {
    row.trial.name = row.trial.notes = row.trial.reason = row.trial.worker = kEvil;
    row.trial.configuration[kEvil] = std::string(kEvil) + std::to_string(row.trial.number);
  }
  report.predictions = ExamplePredictions();
  report.evaluations = {{2, "test", kEvil, kEvil, {{"accuracy", 0.5}}, report.made_at}};
  ExpectSound(report);
  EXPECT_THAT(PageOf(report),
              AllOf(Not(HasSubstr("<script>alert")), HasSubstr("<br/>second line")));
}

TEST(StudyReport, PredictionsAddTheirSectionsAndPictures) {
  StudyReport report = Example();
  EXPECT_THAT(PageOf(report), HasSubstr("with --data"));
  report.predictions = ExamplePredictions();
  const std::vector<ReportFile> files = RenderStudyReport(report);
  const std::string& page = files[0].bytes;
  for (const char* id : {"confusion", "classes", "mistakes"}) {
    EXPECT_THAT(page, HasSubstr(StrCat("<section id=\"", id, "\">")));
  }
  EXPECT_THAT(page,
              AllOf(Not(HasSubstr("with --data")), HasSubstr("data:image/jpeg;base64,SlBFRw=="),
                    HasSubstr("said beagle (80.0\u00a0%)"), HasSubstr("3 photos")));
  EXPECT_THAT(NamesOf(files), testing::IsSupersetOf({"confusion.svg", "mistake-01.jpg"}));
  EXPECT_EQ(files.back().bytes, "JPEG");

  report.predictions.reset();
  report.no_predictions = "no trial has a score yet";
  EXPECT_THAT(PageOf(report), HasSubstr("There is no confusion matrix: no trial has a score yet."));
}

TEST(StudyReport, ShowsTestUsesAndTheirFigures) {
  StudyReport report = Example();
  EXPECT_THAT(PageOf(report), HasSubstr("The test split has not been used"));
  report.evaluations = {
      {2, "validation", "v", "me", {{"accuracy", 0.1111}}, report.made_at},
      {2, "test", "abcd", "me", {{"accuracy", 0.6543}, {"loss", 1.2345}}, report.made_at}};
  const std::string page = PageOf(report);
  EXPECT_THAT(page, Not(HasSubstr("0.1111")));
  // In the record, and in the strategy whose best trial it is.
  EXPECT_EQ(CountOf(page, ">0.6543<"), 2U);
  EXPECT_EQ(CountOf(page, ">1.2345<"), 2U);
}

TEST(StudyReport, DegenerateStudies) {
  StudyReport empty;
  empty.board = ExampleBoard();
  empty.board.rows.clear();
  ExpectSound(empty);
  EXPECT_THAT(PageOf(empty), HasSubstr("No trial has been made yet."));

  StudyReport queued = Example();
  queued.epochs.clear();
  for (LeaderboardRowView& row : queued.board.rows) {
    row.trial.state = TrialState::kQueued;
    row.trial.score.reset();
    row.rank = 0;
    row.metrics.clear();
  }
  ExpectSound(queued);
  EXPECT_THAT(PageOf(queued), AllOf(HasSubstr("none yet"), HasSubstr("No trial has a score yet.")));

  StudyReport one = Example();
  one.board.rows.resize(1);
  ExpectSound(one);
  EXPECT_THAT(PageOf(one), HasSubstr("Importance needs at least two completed trials"));

  StudyReport nan = Example();
  for (LeaderboardRowView& row : nan.board.rows) {
    row.trial.score = std::nan("");
    for (auto& [name, value] : row.metrics) value = std::nan("");
  }
  ExpectSound(nan);
}

TEST(StudyReport, StagesAndWhatTrialsStartFrom) {
  StudyReport report = Example();
  EXPECT_THAT(PageOf(report), Not(HasSubstr(">stage<")));
  Stage stage;
  stage.name = "fine-tune";
  stage.budget.trials = 7;
  stage.budget.epochs = 5;
  report.board.study.study.spec.stages = {stage};
  Trial& trial = report.board.rows[0].trial;
  trial.stage = 2;
  trial.warm_start = {WarmStart::Kind::kBest, 41, std::string(64, 'c')};
  EXPECT_THAT(PageOf(report),
              AllOf(HasSubstr(">stage<"), HasSubstr("stage 2 (fine-tune)"),
                    HasSubstr("7 trials of up to 5 epochs"), HasSubstr("starts from trial 41")));
}

TEST(StudyReport, SaysWhenTheLastEpochCounts) {
  StudyReport report = Example();
  Objective& objective = report.board.study.study.spec.objective;
  objective.select_by = "val_loss";
  EXPECT_THAT(PageOf(report), HasSubstr("; of the epoch with the best val_loss"));
  objective.last_epoch = true;
  EXPECT_THAT(PageOf(report), AllOf(HasSubstr("val_accuracy, higher is better; of the last epoch"),
                                    HasSubstr("at the chosen epoch"), HasSubstr("chosen: 2"),
                                    Not(HasSubstr("best epoch")), Not(HasSubstr("best val_loss"))));
}

TEST(StudyReport, SaysThatTrialsWaitForTheirSources) {
  StudyReport report = Example();
  for (LeaderboardRowView& row : report.board.rows) {
    row.trial.state = TrialState::kQueued;
    row.trial.warm_start.kind = WarmStart::Kind::kBest;
    row.trial.warm_start.trial = 0;
  }
  EXPECT_THAT(PageOf(report), HasSubstr("What the trials start from is not decided yet."));
  report.board.rows.clear();
  EXPECT_THAT(PageOf(report), Not(HasSubstr("is not decided yet")));
}

TEST(StudyReport, DrawsTrialsThatHaveRun) {
  const LeaderboardView board = ExampleBoard();
  std::vector<int64_t> numbers;
  for (const Trial* trial : FindDrawnTrials(board)) numbers.push_back(trial->number);
  EXPECT_THAT(numbers, testing::ElementsAre(2, 1, 3));  // the fourth is queued
}

TEST(StudyReport, FiveHundredTrials) {
  StudyReport report = Example();
  const LeaderboardRowView row = report.board.rows[0];
  report.board.rows.clear();
  for (int i = 1; i <= 500; ++i) {
    report.board.rows.push_back(row);
    Trial& trial = report.board.rows.back().trial;
    report.board.rows.back().rank = i;
    trial.number = i;
    trial.score = 1.0 / i;
    trial.configuration["dropout"] = i / 500.0;
    if (report.epochs.size() < kMostDrawnTrials) report.epochs[i] = report.epochs[2];
  }
  ExpectSound(report);
  const std::vector<ReportFile> files = RenderStudyReport(report);
  EXPECT_EQ(std::count_if(files.begin(), files.end(),
                          [](const auto& file) { return file.name.starts_with("curves-trial-"); }),
            50);
  EXPECT_THAT(NamesOf(files),
              AllOf(testing::Contains("importance.svg"), testing::Contains("curves-trial-50.svg")));
  EXPECT_LT(files[0].bytes.size(), 3'000'000U);
  EXPECT_THAT(files[0].bytes,
              AllOf(HasSubstr("44 more trials"), HasSubstr("The best 50 of 500 trials are drawn"),
                    HasSubstr("The best 40 of 500")));
  // Its rank and its number: the table has every trial.
  EXPECT_EQ(CountOf(files[0].bytes, "<td class=\"number\">499</td>"), 2U);
}

}  // namespace
}  // namespace vizsla
