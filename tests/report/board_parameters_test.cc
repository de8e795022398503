#include "src/report/board_parameters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/report/example_board.h"

namespace vizsla {
namespace {

using testing::ElementsAre;

TEST(BoardParameters, OnlyWhatVariesStands) {
  LeaderboardView board = ExampleBoard();
  EXPECT_THAT(VaryingParameters(board), ElementsAre("dropout"));
  // A value that an enqueued trial alone has; a parameter that the space does not know.
  board.rows[0].trial.configuration["dense"] = IntList{7};
  board.rows[1].trial.configuration["unfreeze"] = std::string("all");
  EXPECT_THAT(VaryingParameters(board), ElementsAre("dropout", "dense", "unfreeze"));
  // One trial: what the space leaves open.
  board.rows.resize(1);
  EXPECT_THAT(VaryingParameters(board), ElementsAre("dropout", "dense"));
}

TEST(BoardParameters, WhatATrialWithoutItsSourceLacksIsNotKnown) {
  LeaderboardView board = ExampleBoard();
  LeaderboardRowView row;
  row.trial = ExampleTrial(5, TrialState::kInfeasible, std::nullopt);
  row.trial.configuration = {{"dropout", 0.25}};
  const std::string checkpoint(64, 'c');
  const std::vector<WarmStart> sourceless = {{WarmStart::Kind::kBest, 0, ""},
                                             {WarmStart::Kind::kTrial, 2, ""},
                                             {WarmStart::Kind::kBestConfiguration, 0, ""}};
  for (const WarmStart& start : sourceless) {
    row.trial.warm_start = start;
    EXPECT_FALSE(IsConfigured(row.trial));
    board.rows.push_back(row);
  }
  EXPECT_THAT(VaryingParameters(board), ElementsAre("dropout"));
  // What they replace is known.
  board.rows.back().trial.configuration["dense"] = IntList{7};
  EXPECT_THAT(VaryingParameters(board), ElementsAre("dropout", "dense"));
  // With a source, what is absent is absent.
  for (const WarmStart& start :
       std::vector<WarmStart>{{WarmStart::Kind::kBest, 2, checkpoint},
                              {WarmStart::Kind::kTrial, 2, checkpoint},
                              {WarmStart::Kind::kBestConfiguration, 2, ""}}) {
    board.rows.back().trial.warm_start = start;
    EXPECT_TRUE(IsConfigured(board.rows.back().trial));
    EXPECT_THAT(VaryingParameters(board), ElementsAre("image_size", "dropout", "dense"));
  }
  // Fewer than two with a configuration: what the space leaves open.
  board.rows = {board.rows[0], row, row};
  EXPECT_THAT(VaryingParameters(board), ElementsAre("dropout", "dense"));
}

TEST(BoardParameters, TheDomainCoversEnqueuedValues) {
  LeaderboardView board = ExampleBoard();
  // The rows have 0.25, 0.5, 0.75 and 1: inside.
  EXPECT_EQ(CoveringParameter(board, "dropout").domain,
            Domain(FloatDomain{.low = 0, .high = 1, .step = {}}));
  board.rows[0].trial.configuration["dropout"] = 1.5;
  EXPECT_EQ(CoveringParameter(board, "dropout").domain,
            Domain(FloatDomain{.low = 0, .high = 1.5, .step = {}}));
  board.rows[0].trial.configuration["image_size"] = int64_t{96};
  EXPECT_EQ(CoveringParameter(board, "image_size").domain,
            Domain(CategoricalDomain{{int64_t{96}, int64_t{160}}}));  // by size
  board.rows[0].trial.configuration["unfreeze"] = std::string("all");
  EXPECT_EQ(CoveringParameter(board, "unfreeze").domain,
            Domain(CategoricalDomain{{std::string("all")}}));
}

TEST(BoardParameters, LaterStagesHaveParametersOfTheirOwn) {
  LeaderboardView board = ExampleBoard();
  Stage stage;
  stage.space.parameters = {
      {"backbone_rate", FloatDomain{.low = 1e-5, .high = 1e-2, .log = true, .step = {}}, {}},
      {"dropout", FloatDomain{.low = 0, .high = 0.1, .step = {}}, {}}};
  board.study.study.spec.stages = {stage};
  board.rows[0].trial.configuration["backbone_rate"] = 1e-3;
  EXPECT_THAT(ParameterNames(board),
              ElementsAre("image_size", "dropout", "dense", "backbone_rate"));
  EXPECT_EQ(CoveringParameter(board, "backbone_rate").domain, stage.space.parameters[0].domain);
}

TEST(BoardParameters, ManyEnqueuedNumbersAreARange) {
  LeaderboardView board = ExampleBoard();
  for (int i = 0; i < 8; ++i) {
    board.rows.push_back(board.rows[0]);
    board.rows.back().trial.configuration["label_smoothing"] = 0.01 * i;
  }
  EXPECT_EQ(CoveringParameter(board, "label_smoothing").domain,
            Domain(FloatDomain{.low = 0, .high = 0.07, .step = {}}));
}

TEST(ValueScale, PlacesValues) {
  const ValueScale log(FloatDomain{.low = 1e-4, .high = 1e-2, .log = true, .step = {}});
  EXPECT_NEAR(*log.Place(1e-3), 0.5, 1e-12);
  EXPECT_EQ(log.Place(std::string("avg")), std::nullopt);
  EXPECT_EQ(log.Place(0.0), std::nullopt);
  const ValueScale integers(IntDomain{.low = 10, .high = 20});
  EXPECT_DOUBLE_EQ(*integers.Place(int64_t{15}), 0.5);
  const ValueScale words(CategoricalDomain{{std::string("a"), std::string("b"), std::string("c")}});
  EXPECT_DOUBLE_EQ(*words.Place(std::string("b")), 0.5);
  EXPECT_EQ(words.Place(std::string("d")), std::nullopt);
  EXPECT_DOUBLE_EQ(*ValueScale(CategoricalDomain{{true}}).Place(true), 0.5);
  EXPECT_DOUBLE_EQ(*ValueScale(IntDomain{.low = 5, .high = 5}).Place(int64_t{5}), 0.5);
}

}  // namespace
}  // namespace vizsla
