#include "src/search/cma_es_sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <set>

#include "src/base/str_cat.h"

namespace vizsla {
namespace {

using Point = std::vector<double>;
using Function = std::function<double(const Point&)>;

SearchSpace Box(int parameters) {
  SearchSpace space;
  for (int i = 0; i < parameters; ++i) {
    space.parameters.push_back({StrCat("x", i), FloatDomain{-5, 5}, {}});
  }
  return space;
}

double NumberOf(const ParameterValue& value) {
  if (const auto* number = std::get_if<double>(&value)) return *number;
  return static_cast<double>(std::get<int64_t>(value));
}

Point PointOf(const Configuration& configuration) {
  Point point;
  for (size_t i = 0; configuration.contains(StrCat("x", i)); ++i) {
    point.push_back(NumberOf(configuration.at(StrCat("x", i))));
  }
  return point;
}

double Sphere(const Point& x) {
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) sum += std::pow(x[i] - (1.7 - 0.4 * i), 2);
  return sum;
}

// Its axes are not the coordinates; the longest is 100 times the shortest, and more.
double Ellipsoid(const Point& x) {
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double y = x[i] + 0.5 * x[(i + 1) % x.size()] - 1;
    sum += std::pow(1e4, static_cast<double>(i) / (x.size() - 1)) * y * y;
  }
  return sum;
}

double Rosenbrock(const Point& x) {
  double sum = 0;
  for (size_t i = 0; i + 1 < x.size(); ++i) {
    sum += 100 * std::pow(x[i + 1] - x[i] * x[i], 2) + std::pow(1 - x[i], 2);
  }
  return sum;
}

Trial MakeTrial(int64_t number, Configuration configuration,
                TrialState state = TrialState::kRunning) {
  Trial trial;
  trial.number = number;
  trial.configuration = std::move(configuration);
  trial.state = state;
  return trial;
}

void Complete(Trial& trial, double score) {
  trial.state = TrialState::kCompleted;
  trial.epoch = 10;
  trial.score = score;
}

Configuration SuggestOne(Sampler& sampler, int64_t number) {
  const auto suggestion = sampler.Suggest(number);
  EXPECT_TRUE(suggestion.ok());
  EXPECT_TRUE(suggestion->has_value());
  return **suggestion;
}

// Runs trials with so many in flight, which end in a random order; their values by number.
std::vector<double> Optimize(Sampler& sampler, const Function& function, int trials,
                             size_t in_flight = 1, double sign = 1) {
  std::vector<Trial> running;
  std::vector<double> values(trials);
  RandomStream stream{StreamKey(7)};
  for (int64_t number = 1; number <= trials || !running.empty();) {
    if (number <= trials && running.size() < in_flight) {
      running.push_back(MakeTrial(number, SuggestOne(sampler, number)));
      sampler.Observe(running.back());
      ++number;
      continue;
    }
    const auto next = running.begin() + static_cast<int64_t>(stream.UniformInt(running.size()));
    values[next->number - 1] = function(PointOf(next->configuration));
    Complete(*next, sign * values[next->number - 1]);
    sampler.Observe(*next);
    running.erase(next);
  }
  return values;
}

double Least(const std::vector<double>& values) {
  return *std::min_element(values.begin(), values.end());
}

TEST(CmaEsSampler, FindsTheMinimumOfASphere) {
  CmaEsSampler sampler(Box(10), {}, Direction::kMinimize, 1);
  EXPECT_LT(Least(Optimize(sampler, Sphere, 1500)), 1e-8);
}

TEST(CmaEsSampler, FindsTheMinimumOfAnEllipsoid) {
  CmaEsSampler sampler(Box(8), {}, Direction::kMinimize, 1);
  EXPECT_LT(Least(Optimize(sampler, Ellipsoid, 3000)), 1e-8);
}

TEST(CmaEsSampler, FindsTheMinimumOfRosenbrocksFunction) {
  CmaEsSampler sampler(Box(5), {}, Direction::kMinimize, 1);
  EXPECT_LT(Least(Optimize(sampler, Rosenbrock, 3000)), 1e-8);
}

TEST(CmaEsSampler, ManyInFlightFindItToo) {
  CmaEsSampler sampler(Box(5), {}, Direction::kMinimize, 1);
  EXPECT_LT(Least(Optimize(sampler, Sphere, 1500, 8)), 1e-8);
  CmaEsSampler more(Box(5), {}, Direction::kMinimize, 1);
  EXPECT_LT(Least(Optimize(more, Sphere, 3000, 40)), 1e-4);
}

TEST(CmaEsSampler, MaximizesAsItMinimizes) {
  CmaEsSampler down(Box(3), {}, Direction::kMinimize, 1);
  CmaEsSampler up(Box(3), {}, Direction::kMaximize, 1);
  EXPECT_EQ(Optimize(down, Sphere, 100), Optimize(up, Sphere, 100, 1, -1));
}

// The optimum is at integers that depend on a float, and on the edge of one domain.
TEST(CmaEsSampler, FindsTheBestIntegers) {
  SearchSpace space = Box(3);
  space.parameters.push_back({"x3", IntDomain{0, 20, false, 1}, {}});
  space.parameters.push_back({"x4", IntDomain{1, 1000, true, 1}, {}});
  space.parameters.push_back({"x5", CategoricalDomain{{int64_t{0}, int64_t{2}, int64_t{5}}}, {}});
  const Function function = [](const Point& x) {
    return std::pow(x[0] - 1, 2) + std::pow(x[1] + 2, 2) + std::pow(x[2] - x[3] / 5, 2) +
           std::pow(x[3] - 7, 2) + std::pow(4 * std::log(x[4] / 30), 2) + std::pow(x[5] - 4.9, 2);
  };
  for (const uint64_t seed : {1, 2, 3}) {
    CmaEsSampler sampler(space, {}, Direction::kMinimize, seed);
    EXPECT_LT(Least(Optimize(sampler, function, 1000)), 0.01 + 1e-3) << seed;
  }
}

// The floats matter far more and converge first; the margin keeps the integer in play.
TEST(CmaEsSampler, StillMovesAnIntegerWhenTheFloatsHaveConverged) {
  SearchSpace space = Box(4);
  space.parameters.push_back({"x4", IntDomain{0, 4, false, 1}, {}});
  const Function function = [](const Point& x) {
    return Sphere({x[0], x[1], x[2], x[3]}) + 1e-4 * std::pow(x[4] - 4, 2);
  };
  for (const uint64_t seed : {1, 2, 3, 4, 5, 6}) {
    CmaEsSampler sampler(space, {}, Direction::kMinimize, seed);
    EXPECT_LT(Least(Optimize(sampler, function, 700)), 5e-5) << seed;  // one off costs 1e-4
  }
}

// Not held up by a trial that never ends.
TEST(CmaEsSampler, OvertakesASlowTrial) {
  CmaEsSampler sampler(Box(5), {}, Direction::kMinimize, 1);
  sampler.Observe(MakeTrial(0, SuggestOne(sampler, 1)));
  EXPECT_LT(Least(Optimize(sampler, Sphere, 1000)), 1e-8);
}

TEST(CmaEsSampler, StartsAgainElsewhereWhenNothingIsLeftToFind) {
  CmaEsSampler sampler(Box(2), {}, Direction::kMinimize, 1);
  const std::vector<double> values = Optimize(sampler, Sphere, 1000);
  const auto done = std::find_if(values.begin(), values.end(), [](double v) { return v < 1e-10; });
  ASSERT_NE(done, values.end());
  EXPECT_GT(*std::max_element(done, values.end()), 1);
}

TEST(CmaEsSampler, SurvivesASearchWhereEverythingFails) {
  const SearchSpace space = Box(3);
  CmaEsSampler sampler(space, {}, Direction::kMinimize, 1);
  for (int64_t number = 1; number <= 200; ++number) {
    const Configuration suggested = SuggestOne(sampler, number);
    ASSERT_TRUE(Validate(space, suggested).ok());
    sampler.Observe(MakeTrial(number, suggested, TrialState::kFailed));
  }
}

// Half of the space fails. Failures rank last and do not spoil the rest.
TEST(CmaEsSampler, AvoidsFailures) {
  CmaEsSampler sampler(Box(4), {}, Direction::kMinimize, 1);
  const Function function = [](const Point& x) {
    return x[0] < 1 ? std::numeric_limits<double>::quiet_NaN() : Sphere(x);
  };
  std::vector<double> values = Optimize(sampler, function, 1000);
  std::erase_if(values, [](double value) { return std::isnan(value); });
  EXPECT_LT(Least(values), 1e-6);
}

ParameterValue Word(const char* word) { return std::string(word); }

// Numbers of every kind, with and without conditions, and what is no number.
SearchSpace MixedSpace() {
  SearchSpace space;
  space.parameters = {
      {"fixed", IntDomain{5, 5, false, 1}, {}},
      {"network", CategoricalDomain{{Word("backbone"), Word("scratch")}}, {}},
      {"learning_rate", FloatDomain{1e-5, 1e-1, true, std::nullopt}, {}},
      {"depth", IntDomain{1, 12, false, 1}, {{"network", {Word("scratch")}}}},
      {"dense", CategoricalDomain{{IntList{}, IntList{64}}}, {}},
      {"dropout", FloatDomain{0, 0.6, false, 0.1}, {}},
      {"units", IntDomain{1, 1000, true, 1}, {}},
      {"batch_size", CategoricalDomain{{int64_t{16}, int64_t{32}, int64_t{64}}}, {}},
      {"augment", CategoricalDomain{{true, false}}, {}},
      {"momentum", FloatDomain{0.5, 0.99}, {{"augment", {true}}, {"dropout", {0.0, 0.1, 0.2}}}},
  };
  return space;
}

double MixedScore(const Configuration& c) {
  return std::log10(std::get<double>(c.at("learning_rate"))) + NumberOf(c.at("dropout")) +
         std::abs(NumberOf(c.at("units")) - 100) / 100 + NumberOf(c.at("batch_size")) / 64;
}

// States as a study with a pruner has them, by number; some go back from known to running.
std::vector<Trial> Lives(const Trial& created, RandomStream& stream) {
  std::vector<Trial> states;
  Trial trial = created;
  const auto enter = [&](TrialState state) {
    trial.state = state;
    states.push_back(trial);
  };
  switch (stream.UniformInt(8)) {
    case 0:
      enter(TrialState::kFailed);
      return states;
    case 1:
      enter(TrialState::kCancelled);  // without a score: it never was
      return states;
    case 2:
      trial.epoch = 3;
      trial.score = MixedScore(trial.configuration);
      enter(TrialState::kPruned);
      return states;
    case 3:
      trial.epoch = 3;
      trial.score = MixedScore(trial.configuration);
      enter(TrialState::kPaused);
      enter(TrialState::kRunning);
      break;
    default:
      break;
  }
  Complete(trial, MixedScore(trial.configuration) + stream.Uniform());
  states.push_back(trial);
  return states;
}

TEST(CmaEsSampler, MixedSpaceIsValidAndReplayInAnyOrderSuggestsTheSame) {
  const SearchSpace space = MixedSpace();
  CmaEsSampler live(space, {}, Direction::kMinimize, 3);
  RandomStream stream{StreamKey(3)};
  std::vector<Trial> newest;                // by number
  std::vector<std::vector<Trial>> futures;  // states to come, by number
  for (int64_t number = 1; number <= 150; ++number) {
    const Configuration suggested = SuggestOne(live, number);
    ASSERT_TRUE(Validate(space, suggested).ok()) << ToJsonText(suggested);
    CmaEsSampler rebuilt(space, {}, Direction::kMinimize, 3);
    std::vector<Trial> told = newest;
    stream.Shuffle(told);
    for (const Trial& trial : told) {
      rebuilt.Observe(trial);
      if (stream.Bernoulli(0.1)) SuggestOne(rebuilt, number);  // asking between changes nothing
      if (stream.Bernoulli(0.1)) rebuilt.Observe(trial);
    }
    ASSERT_EQ(suggested, SuggestOne(rebuilt, number)) << number;
    ASSERT_EQ(suggested, SuggestOne(live, number)) << number;

    newest.push_back(MakeTrial(number, suggested));
    live.Observe(newest.back());
    futures.push_back(Lives(newest.back(), stream));
    // With about 8 in flight and now and then one for very long.
    for (size_t i = 0; i < futures.size(); ++i) {
      if (futures[i].empty() || !stream.Bernoulli(i % 20 == 7 ? 0.01 : 0.12)) continue;
      newest[i] = futures[i].front();
      futures[i].erase(futures[i].begin());
      live.Observe(newest[i]);
    }
  }
}

TEST(CmaEsSampler, IgnoresWhatIsOutsideTheSpaceAndLearnsFromWhatIsEnqueued) {
  const auto suggested = [](const std::vector<Trial>& trials) {
    CmaEsSampler sampler(Box(2), {.population = 4}, Direction::kMinimize, 1);
    for (const Trial& trial : trials) sampler.Observe(trial);
    return PointOf(SuggestOne(sampler, 100));
  };
  std::vector<Trial> outside;
  std::vector<Trial> enqueued;
  for (int64_t number = 1; number <= 40; ++number) {
    Trial trial = MakeTrial(number, {{"x0", 4.0 - 0.01 * number}, {"x1", 3.0 + 0.01 * number}});
    Complete(trial, static_cast<double>(number));
    enqueued.push_back(trial);
    trial.configuration["x1"] = 30.0;
    outside.push_back(trial);
  }
  EXPECT_EQ(suggested(outside), suggested({}));
  const Point point = suggested(enqueued);
  EXPECT_NEAR(point[0], 4, 1);
  EXPECT_NEAR(point[1], 3, 1);
}

TEST(CmaEsSampler, FillsAFiniteSpaceWithoutRepetition) {
  SearchSpace space;
  space.parameters = {
      {"x0", IntDomain{0, 9, false, 1}, {}},
      {"x1", IntDomain{1, 8, true, 1}, {}},
      {"word", CategoricalDomain{{Word("a"), Word("b")}}, {}},
      {"more", CategoricalDomain{{true, false}}, {{"word", {Word("a")}}}},
  };
  CmaEsSampler sampler(space, {}, Direction::kMinimize, 1);
  std::set<std::string> texts;
  int64_t number = 1;
  for (;; ++number) {
    const auto suggestion = sampler.Suggest(number);
    ASSERT_TRUE(suggestion.ok());
    if (!suggestion->has_value()) break;
    EXPECT_TRUE(texts.insert(ToJsonText(**suggestion)).second);
    Trial trial = MakeTrial(number, **suggestion);
    Complete(trial, Sphere(PointOf(trial.configuration)));
    sampler.Observe(trial);
  }
  EXPECT_EQ(texts.size(), 10u * 8 * 3);
}

TEST(CmaEsSampler, WithoutACoordinateItDrawsUniformly) {
  SearchSpace space;
  space.parameters = {{"word", CategoricalDomain{{Word("a"), Word("b"), Word("c")}}, {}},
                      {"rate", FloatDomain{0, 1}, {{"word", {Word("a")}}}}};
  CmaEsSampler sampler(space, {}, Direction::kMinimize, 1);
  int with_rate = 0;
  for (int64_t number = 1; number <= 300; ++number) {
    Trial trial = MakeTrial(number, SuggestOne(sampler, number));
    ASSERT_TRUE(Validate(space, trial.configuration).ok());
    with_rate += trial.configuration.contains("rate");
    Complete(trial, 0);
    sampler.Observe(trial);
  }
  EXPECT_GT(with_rate, 250);  // "b" and "c" can be tried only once
}

TEST(CmaEsSampler, SeedsAndOptionsMatter) {
  const auto first = [](CmaEsOptions options, uint64_t seed) {
    CmaEsSampler sampler(Box(3), options, Direction::kMinimize, seed);
    return SuggestOne(sampler, 1);
  };
  EXPECT_EQ(first({}, 1), first({}, 1));
  EXPECT_NE(first({}, 1), first({}, 2));
  for (const double coordinate : PointOf(first({.sigma = 1e-3}, 1))) {
    EXPECT_NEAR(coordinate, 0, 0.05);  // the first mean is the middle
  }
}

}  // namespace
}  // namespace vizsla
