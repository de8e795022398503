// Boards of studies of several objectives.
#include <gmock/gmock.h>

#include "src/report/front_chart.h"
#include "tests/report/example_board.h"

namespace vizsla {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

// Trial 2 is more accurate, trial 1 smaller; both stand on the front. Trial 4 is dominated.
LeaderboardView TwoObjectives() {
  LeaderboardView board = ExampleBoard();
  board.study.study.spec.objective.further = {{"parameters", Direction::kMinimize}};
  board.rows[0].front = 1;
  board.rows[0].trial.further_values = {2257984};
  board.rows[1].front = 1;
  board.rows[1].trial.further_values = {5000};
  board.rows[3].front = 2;
  board.rows[3].trial.score = 0.25;
  board.rows[3].trial.further_values = {6000};
  return board;
}

TEST(RenderLeaderboard, MarksTheFrontAndShowsAllObjectives) {
  const std::string text = RenderLeaderboard(TwoObjectives(), {});
  EXPECT_THAT(text, HasSubstr("ranked by val_accuracy (higher is better) against parameters "
                              "(lower is better)"));
  EXPECT_THAT(text, ContainsRegex("front +rank +trial .* val_accuracy +parameters +epoch"));
  EXPECT_THAT(text, ContainsRegex("\n +\\* +1 +2 .* 0\\.7812 +2257984 "));
  EXPECT_THAT(text, ContainsRegex("\n +\\* +2 +1 .* 0\\.5000 +5000 "));
  EXPECT_THAT(text, ContainsRegex("\n +2 +- +4 .* 0\\.2500 +6000 "));
  EXPECT_THAT(text, ContainsRegex("\n +- +- +3 .* NaN +- "));
  EXPECT_THAT(RenderLeaderboard(ExampleBoard(), {}), Not(HasSubstr("front")));
}

TEST(LeaderboardToJson, HasFrontAndObjectives) {
  const auto json = LeaderboardToJson(TwoObjectives());
  EXPECT_EQ(json[1]["front"], 1);
  EXPECT_EQ(json[1]["objectives"]["val_accuracy"], 0.5);
  EXPECT_EQ(json[1]["objectives"]["parameters"], 5000);
  EXPECT_TRUE(json[2]["front"].is_null());
  EXPECT_TRUE(json[2]["objectives"]["parameters"].is_null());
  EXPECT_FALSE(LeaderboardToJson(ExampleBoard())[0].contains("front"));
}

TEST(LeaderboardToCsv, HasTheFront) {
  const std::string csv = LeaderboardToCsv(TwoObjectives());
  EXPECT_THAT(csv, ::testing::StartsWith("rank,trial,name,front,state,"));
  EXPECT_THAT(csv, HasSubstr("\n2,1,,1,running,0.5,"));
}

TEST(DescribeChanges, NameTheFurtherObjectives) {
  const auto lines = DescribeChanges(ExampleBoard(), TwoObjectives());
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_THAT(lines[0], HasSubstr("val_accuracy 0.2500 parameters 6000"));
}

TEST(DrawFront, DrawsEachTrialWithValues) {
  const std::string svg = DrawFront(TwoObjectives(), 0).Inline();
  size_t circles = 0;
  for (size_t at = svg.find("<circle"); at != std::string::npos; at = svg.find("<circle", at + 1)) {
    ++circles;
  }
  EXPECT_EQ(circles, 3u);
  EXPECT_THAT(svg, HasSubstr("parameters, logarithmic"));
  LeaderboardView empty = TwoObjectives();
  empty.rows.clear();
  EXPECT_THAT(DrawFront(empty, 0).Inline(), HasSubstr("no trial has values"));
  EXPECT_EQ(FrontSection(TwoObjectives()).pictures.size(), 1u);
  EXPECT_TRUE(FrontSection(ExampleBoard()).pictures.empty());
}

}  // namespace
}  // namespace vizsla
