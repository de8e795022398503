#include "src/search/observations.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace vizsla {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

SearchSpace Space() { return {{{"x", FloatDomain{0, 1}, {}}}}; }

Trial MakeTrial(int64_t number, TrialState state, std::optional<double> score = std::nullopt,
                int epoch = 0) {
  Trial trial;
  trial.number = number;
  trial.configuration = {{"x", 0.5}};
  trial.state = state;
  trial.score = score;
  trial.epoch = epoch;
  return trial;
}

class ObservationsTest : public ::testing::Test {
 protected:
  SearchSpace space_ = Space();
  Observations minimized_{space_, Direction::kMinimize};
  Observations maximized_{space_, Direction::kMaximize};
};

TEST_F(ObservationsTest, SmallerLossIsBetterWhateverTheDirection) {
  const Trial trial = MakeTrial(1, TrialState::kCompleted, 0.9, 20);
  EXPECT_EQ(minimized_.Add(trial)->loss, 0.9);
  EXPECT_EQ(maximized_.Add(trial)->loss, -0.9);
  EXPECT_EQ(maximized_.all().at(1).epochs, 20);
  EXPECT_TRUE(maximized_.all().at(1).completed);
}

TEST_F(ObservationsTest, NoTrialWithoutANumberForItsScoreIsGood) {
  for (Observations* observations : {&minimized_, &maximized_}) {
    int64_t number = 0;
    for (const TrialState state :
         {TrialState::kDiverged, TrialState::kFailed, TrialState::kInfeasible}) {
      EXPECT_EQ(observations->Add(MakeTrial(++number, state, 0.1))->loss, kInfinity);
    }
    EXPECT_EQ(observations->Add(MakeTrial(++number, TrialState::kCompleted, kNan))->loss,
              kInfinity);
    EXPECT_EQ(observations->Add(MakeTrial(++number, TrialState::kCompleted))->loss, kInfinity);
    EXPECT_EQ(observations->Add(MakeTrial(++number, TrialState::kPruned))->loss, kInfinity);
  }
  EXPECT_EQ(minimized_.Add(MakeTrial(90, TrialState::kCompleted, kInfinity))->loss, kInfinity);
  EXPECT_EQ(maximized_.Add(MakeTrial(90, TrialState::kCompleted, -kInfinity))->loss, kInfinity);
}

TEST_F(ObservationsTest, TrialsInFlightArePending) {
  EXPECT_TRUE(minimized_.Add(MakeTrial(1, TrialState::kQueued))->pending());
  EXPECT_TRUE(minimized_.Add(MakeTrial(2, TrialState::kRunning, 0.5, 3))->pending());
  const Observation* paused = minimized_.Add(MakeTrial(3, TrialState::kPaused, 0.5, 3));
  EXPECT_FALSE(paused->pending());
  EXPECT_FALSE(paused->completed);
  EXPECT_EQ(paused->epochs, 3);
}

TEST_F(ObservationsTest, SaysWhatChanged) {
  EXPECT_NE(minimized_.Add(MakeTrial(1, TrialState::kQueued)), nullptr);
  EXPECT_EQ(minimized_.Add(MakeTrial(1, TrialState::kQueued)), nullptr);
  EXPECT_EQ(minimized_.Add(MakeTrial(1, TrialState::kRunning, 0.5, 1)), nullptr)
      << "its loss is no more known than before";
  const Observation* completed = minimized_.Add(MakeTrial(1, TrialState::kCompleted, 0.5, 9));
  ASSERT_NE(completed, nullptr);
  EXPECT_EQ(completed, &minimized_.all().at(1));
  EXPECT_EQ(minimized_.Add(MakeTrial(1, TrialState::kCompleted, 0.5, 9)), nullptr);
  EXPECT_NE(minimized_.Add(MakeTrial(1, TrialState::kCompleted, 0.4, 9)), nullptr);
  EXPECT_EQ(minimized_.all().size(), 1u);
}

TEST_F(ObservationsTest, CancelledTrialsCountOnlyWithAScore) {
  EXPECT_EQ(minimized_.Add(MakeTrial(1, TrialState::kCancelled)), nullptr);
  const Observation* scored = minimized_.Add(MakeTrial(2, TrialState::kCancelled, 0.3, 4));
  ASSERT_NE(scored, nullptr);
  EXPECT_EQ(scored->loss, 0.3);
  EXPECT_FALSE(scored->completed);
  minimized_.Add(MakeTrial(3, TrialState::kRunning));
  minimized_.Add(MakeTrial(3, TrialState::kCancelled));
  EXPECT_THAT(minimized_.all(), ::testing::ElementsAre(::testing::Key(2)));
}

TEST_F(ObservationsTest, IgnoresConfigurationsOutsideTheSpace) {
  Trial outside = MakeTrial(1, TrialState::kCompleted, 0.1);
  outside.configuration = {{"x", 1.5}};
  Trial incomplete = MakeTrial(2, TrialState::kCompleted, 0.1);
  incomplete.configuration = {};
  Trial more = MakeTrial(3, TrialState::kCompleted, 0.1);
  more.configuration["y"] = 0.5;
  for (const Trial& trial : {outside, incomplete, more}) {
    EXPECT_EQ(minimized_.Add(trial), nullptr);
  }
  EXPECT_TRUE(minimized_.all().empty());
}

TEST_F(ObservationsTest, OrderAndRepetitionDoNotMatter) {
  std::vector<Trial> trials = {
      MakeTrial(1, TrialState::kCompleted, 0.5, 9), MakeTrial(2, TrialState::kPruned, 0.7, 3),
      MakeTrial(3, TrialState::kDiverged, kNan, 1), MakeTrial(4, TrialState::kRunning)};
  const auto loss = [](const Observations& observations, int64_t number) {
    return observations.all().at(number).loss;
  };
  for (const Trial& trial : trials) minimized_.Add(trial);
  do {
    Observations other(space_, Direction::kMinimize);
    for (const Trial& trial : trials) other.Add(trial);
    for (const Trial& trial : trials) other.Add(trial);
    ASSERT_EQ(other.all().size(), 4u);
    for (int64_t number = 1; number <= 4; ++number) {
      EXPECT_EQ(loss(other, number), loss(minimized_, number));
    }
  } while (std::next_permutation(trials.begin(), trials.end(), [](const Trial& a, const Trial& b) {
    return a.number < b.number;
  }));
}

// From the best to the worst; equal ones side by side compare equal.
TEST_F(ObservationsTest, Ranking) {
  const std::vector<std::vector<Trial>> ranks = {
      {MakeTrial(1, TrialState::kCompleted, 0.1, 5), MakeTrial(2, TrialState::kCompleted, 0.1, 9)},
      {MakeTrial(3, TrialState::kCompleted, 0.9, 9)},
      {MakeTrial(4, TrialState::kCompleted, kNan, 9), MakeTrial(5, TrialState::kCompleted)},
      {MakeTrial(6, TrialState::kPruned, 0.5, 8), MakeTrial(7, TrialState::kPaused, 0.5, 8)},
      {MakeTrial(8, TrialState::kPruned, 0.6, 8)},
      {MakeTrial(9, TrialState::kPruned, 0.01, 2), MakeTrial(10, TrialState::kCancelled, 0.01, 2)},
      {MakeTrial(11, TrialState::kPruned, kNan, 2)},
      {MakeTrial(12, TrialState::kFailed, 0.01, 9), MakeTrial(13, TrialState::kDiverged, kNan, 9),
       MakeTrial(14, TrialState::kInfeasible)},
  };
  for (const auto& rank : ranks) {
    for (const Trial& trial : rank) minimized_.Add(trial);
  }
  for (size_t a = 0; a < ranks.size(); ++a) {
    for (size_t b = 0; b < ranks.size(); ++b) {
      for (const Trial& first : ranks[a]) {
        for (const Trial& second : ranks[b]) {
          EXPECT_EQ(IsBetter(minimized_.all().at(first.number), minimized_.all().at(second.number)),
                    a < b)
              << first.number << " " << second.number;
        }
      }
    }
  }
}

}  // namespace
}  // namespace vizsla
