#include "src/search/tpe_history.h"

#include <gmock/gmock.h>

#include <limits>
#include <numeric>
#include <optional>

namespace vizsla {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// The place of trial n in [0, 1], from which a point's trial can be told.
double PlaceOf(int64_t number) { return static_cast<double>(number) / 1e6; }

Trial MakeTrial(int64_t number, TrialState state, std::optional<double> score = std::nullopt) {
  Trial trial;
  trial.number = number;
  trial.state = state;
  trial.score = score;
  trial.epoch = 1;
  trial.configuration = {{"kind", std::string("plain")}, {"x", PlaceOf(number)}};
  return trial;
}

Trial Branch(Trial trial) {
  trial.configuration["kind"] = std::string("deep");
  trial.configuration["depth"] = PlaceOf(trial.number);
  return trial;
}

class TpeHistoryTest : public ::testing::Test {
 protected:
  static SearchSpace MakeSpace() {
    const ParameterValue deep = std::string("deep");
    return {{{"kind", CategoricalDomain{{std::string("plain"), deep}}, {}},
             {"x", FloatDomain{0, 1}, {}},
             {"depth", FloatDomain{0, 1}, {{"kind", {deep}}}}}};
  }
  static constexpr size_t kRoot = 0;
  static constexpr size_t kDeep = 1;

  TpeHistory Empty() const {
    return TpeHistory(space_, axes_, groups_, Direction::kMinimize, StreamKey(5));
  }
  static std::vector<int64_t> NumbersOf(const WeightedPoints& points) {
    std::vector<int64_t> numbers;
    for (const ParzenPoint* point : points.points)
      numbers.push_back(std::llround((*point)[1] * 1e6));
    return numbers;
  }

  const SearchSpace space_ = MakeSpace();
  const std::vector<ParzenAxis> axes_ = [this] {
    std::vector<ParzenAxis> axes;
    for (const Parameter& parameter : space_.parameters) axes.emplace_back(parameter.domain);
    return axes;
  }();
  const std::vector<SpaceGroup> groups_ = DecomposeSpace(space_);
};

TEST_F(TpeHistoryTest, TheBestTenthIsGoodAtMost25) {
  TpeHistory history = Empty();
  EXPECT_THAT(history.GoodTrials(), IsEmpty());
  for (int64_t number = 1; number <= 400; ++number) {
    // Even numbers are better, the small ones best.
    history.Observe(
        MakeTrial(number, TrialState::kCompleted, static_cast<double>(number % 2 * 1000 + number)));
    const auto expected = static_cast<size_t>(std::min<int64_t>(25, (number + 9) / 10));
    ASSERT_EQ(history.GoodTrials().size(), expected) << number;
  }
  EXPECT_EQ(history.known(), 400);
  TpeHistory::Numbers even(25);
  for (size_t i = 0; i < even.size(); ++i) even[i] = static_cast<int64_t>(2 * i + 2);
  EXPECT_EQ(history.GoodTrials(), even);
}

TEST_F(TpeHistoryTest, FailuresAreNeverGoodButCount) {
  TpeHistory history = Empty();
  for (int64_t number = 1; number <= 30; ++number) {
    history.Observe(MakeTrial(number, number % 3 == 0   ? TrialState::kFailed
                                      : number % 3 == 1 ? TrialState::kDiverged
                                                        : TrialState::kInfeasible));
  }
  history.Observe(MakeTrial(31, TrialState::kCompleted, kNan));
  EXPECT_EQ(history.known(), 31);
  EXPECT_THAT(history.GoodTrials(), IsEmpty());
  history.Observe(MakeTrial(32, TrialState::kPruned, 7.0));
  EXPECT_THAT(history.GoodTrials(), ElementsAre(32));
  EXPECT_EQ(history.Others(kRoot, {32}).points.size(), 31u);
}

TEST_F(TpeHistoryTest, TrialsInFlightAreAmongTheOthers) {
  TpeHistory history = Empty();
  history.Observe(MakeTrial(1, TrialState::kCompleted, 0.5));
  history.Observe(MakeTrial(2, TrialState::kRunning));
  history.Observe(MakeTrial(3, TrialState::kQueued));
  const auto good = history.GoodTrials();
  EXPECT_EQ(history.known(), 1);
  EXPECT_THAT(NumbersOf(history.Good(kRoot, good)), ElementsAre(1));
  EXPECT_THAT(NumbersOf(history.Others(kRoot, good)), ElementsAre(2, 3));
  history.Observe(MakeTrial(2, TrialState::kCancelled));
  EXPECT_THAT(NumbersOf(history.Others(kRoot, good)), ElementsAre(3));
  // Finished, and better.
  history.Observe(MakeTrial(3, TrialState::kCompleted, 0.1));
  EXPECT_THAT(history.GoodTrials(), ElementsAre(3));
  EXPECT_THAT(NumbersOf(history.Others(kRoot, {3})), ElementsAre(1));
}

TEST_F(TpeHistoryTest, AGroupKnowsOnlyTheTrialsThatHaveIt) {
  TpeHistory history = Empty();
  for (int64_t number = 1; number <= 20; ++number) {
    const Trial plain = MakeTrial(number, TrialState::kCompleted, static_cast<double>(number));
    history.Observe(number % 4 == 2 ? Branch(plain) : plain);
  }
  const auto good = history.GoodTrials();
  EXPECT_THAT(good, ElementsAre(1, 2));
  EXPECT_THAT(NumbersOf(history.Good(kDeep, good)), ElementsAre(2));
  EXPECT_THAT(NumbersOf(history.Others(kDeep, good)), ElementsAre(6, 10, 14, 18));
  EXPECT_EQ(history.Good(kRoot, good).points.size(), 2u);
  EXPECT_EQ(history.Others(kRoot, good).points.size(), 18u);
}

TEST_F(TpeHistoryTest, BetterTrialsWeighMoreAmongTheGood) {
  TpeHistory history = Empty();
  const std::vector<double> scores = {0.3, 0.1, 0.2, 0.2};
  for (int64_t number = 1; number <= 40; ++number) {
    const auto i = static_cast<size_t>(number - 1);
    history.Observe(MakeTrial(number, TrialState::kCompleted, i < 4 ? scores[i] : 9.0));
  }
  const auto good = history.GoodTrials();
  EXPECT_THAT(good, ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(history.Good(kRoot, good).weights, ElementsAre(0.25, 1.75, 1.0, 1.0));
}

// Optuna's default weights of 30 trials: numpy.linspace(1 / 30, 1, 5), then 25 ones.
TEST_F(TpeHistoryTest, OlderTrialsWeighLess) {
  TpeHistory history = Empty();
  for (int64_t number = 1; number <= 30; ++number) {
    history.Observe(MakeTrial(number, TrialState::kRunning));
  }
  const WeightedPoints others = history.Others(kRoot, {});
  ASSERT_EQ(others.weights.size(), 30u);
  const std::vector<double> ramp = {0.03333333333333333, 0.275, 0.5166666666666667,
                                    0.7583333333333333, 1.0};
  for (size_t i = 0; i < others.weights.size(); ++i) {
    EXPECT_NEAR(others.weights[i], i < ramp.size() ? ramp[i] : 1.0, 1e-12) << i;
  }
  history.Observe(MakeTrial(25, TrialState::kCancelled));
  for (const double weight : history.Others(kRoot, {26, 27, 28, 29, 30}).weights) {
    EXPECT_EQ(weight, 1.0);
  }
}

TEST_F(TpeHistoryTest, ManyOthersAreRepresentedByASample) {
  constexpr int64_t kTrials = 5000;
  TpeHistory history = Empty();
  for (int64_t number = 1; number <= kTrials; ++number) {
    history.Observe(MakeTrial(number, TrialState::kRunning));
  }
  const WeightedPoints others = history.Others(kRoot, {});
  const std::vector<int64_t> numbers = NumbersOf(others);
  ASSERT_EQ(numbers.size(), TpeHistory::kMostOthers);
  EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
  // The newest are all there.
  constexpr size_t kNewest = TpeHistory::kMostOthers / 2;
  EXPECT_EQ(numbers[TpeHistory::kMostOthers - kNewest], kTrials - kNewest + 1);
  // The others come from the whole past, and weigh as much as all of it: the ramp's mean is half.
  const double middle =
      std::accumulate(numbers.begin(), numbers.end() - kNewest, 0.0) / kNewest / kTrials;
  EXPECT_NEAR(middle, 0.5, 0.1);
  const double weight = std::accumulate(others.weights.begin(), others.weights.end(), 0.0);
  EXPECT_NEAR(weight, 25 + (kTrials - 25) / 2.0, 0.01 * kTrials);
}

TEST_F(TpeHistoryTest, OrderAndRepetitionOfObservationsDoNotMatter) {
  std::vector<Trial> trials;
  for (int64_t number = 1; number <= 600; ++number) {
    const Trial trial = MakeTrial(number, TrialState::kCompleted, number * 7 % 101 / 10.0);
    trials.push_back(number % 3 == 0 ? Branch(trial) : trial);
  }
  TpeHistory forward = Empty();
  for (Trial trial : trials) {
    trial.state = TrialState::kRunning;
    forward.Observe(trial);
    trial.state = TrialState::kCompleted;
    forward.Observe(trial);
  }
  TpeHistory backward = Empty();
  for (int twice = 0; twice < 2; ++twice) {
    for (auto trial = trials.rbegin(); trial != trials.rend(); ++trial) backward.Observe(*trial);
  }
  const auto good = forward.GoodTrials();
  EXPECT_EQ(backward.GoodTrials(), good);
  for (const size_t group : {kRoot, kDeep}) {
    EXPECT_EQ(NumbersOf(backward.Good(group, good)), NumbersOf(forward.Good(group, good)));
    EXPECT_EQ(NumbersOf(backward.Others(group, good)), NumbersOf(forward.Others(group, good)));
    EXPECT_EQ(backward.Others(group, good).weights, forward.Others(group, good).weights);
  }
}

}  // namespace
}  // namespace vizsla
