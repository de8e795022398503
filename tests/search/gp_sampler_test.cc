// The sampler: what every sampler promises, and that it searches well.
#include "src/search/gp_sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <set>

#include "src/base/check.h"
#include "src/search/random_sampler.h"
#include "src/search/unit_cube.h"

namespace vizsla {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int kEpochs = 10;

ParameterValue Word(const char* word) { return std::string(word); }

// Every kind of domain, conditions on conditions, 18 configurations short of infinitely many.
SearchSpace MixedSpace() {
  SearchSpace space;
  space.parameters = {
      {"network", CategoricalDomain{{Word("resnet"), Word("mobilenet"), Word("scratch")}}, {}},
      {"dense",
       CategoricalDomain{{IntList{}, IntList{64}, IntList{64, 64}}},
       {{"network", {Word("resnet"), Word("mobilenet")}}}},
      {"dropout", FloatDomain{0, 0.6, false, 0.1}, {{"dense", {IntList{64}, IntList{64, 64}}}}},
      {"filters", IntDomain{8, 512, true, 1}, {{"network", {Word("scratch")}}}},
      {"learning_rate", FloatDomain{1e-5, 1e-1, true, std::nullopt}, {}},
      {"momentum", FloatDomain{0.5, 0.99}, {{"network", {Word("scratch")}}}},
      {"batch", CategoricalDomain{{int64_t{16}, int64_t{32}, int64_t{64}}}, {}},
      {"augment", CategoricalDomain{{true, false}}, {}},
      {"seed", CategoricalDomain{{int64_t{1}}}, {}},
  };
  return space;
}

SearchSpace FloatSpace(int count, double low, double high) {
  SearchSpace space;
  for (int i = 0; i < count; ++i) {
    space.parameters.push_back({StrCat("x", i), FloatDomain{low, high}, {}});
  }
  return space;
}

double FloatAt(const Configuration& configuration, const std::string& name) {
  return std::get<double>(configuration.at(name));
}

double MixedLoss(const Configuration& configuration) {
  double loss = std::pow(std::log10(FloatAt(configuration, "learning_rate")) + 3, 2);
  if (configuration.contains("dropout")) loss += FloatAt(configuration, "dropout");
  if (configuration.contains("filters")) loss += 0.5;
  return loss;
}

double Sphere(const Configuration& configuration) {
  double sum = 0;
  for (const auto& [name, value] : configuration) sum += std::pow(std::get<double>(value) - 0.3, 2);
  return sum;
}

Trial MakeTrial(int64_t number, Configuration configuration) {
  Trial trial;
  trial.number = number;
  trial.configuration = std::move(configuration);
  return trial;
}

void Complete(Trial& trial, double score, int epochs = kEpochs) {
  trial.state = TrialState::kCompleted;
  trial.score = score;
  trial.epoch = epochs;
}

Configuration Suggest(Sampler& sampler, int64_t number) {
  auto suggestion = sampler.Suggest(number);
  VIZSLA_CHECK(suggestion.ok() && suggestion->has_value());
  return **suggestion;
}

using Loss = std::function<double(const Configuration&)>;

// One trial after another; returns them.
std::vector<Trial> Search(Sampler& sampler, const Loss& loss, int64_t count, int64_t first = 1) {
  std::vector<Trial> trials;
  for (int64_t number = first; number < first + count; ++number) {
    Trial trial = MakeTrial(number, Suggest(sampler, number));
    sampler.Observe(trial);
    Complete(trial, loss(trial.configuration));
    sampler.Observe(trial);
    trials.push_back(std::move(trial));
  }
  return trials;
}

double Best(const std::vector<Trial>& trials) {
  double best = kInfinity;
  for (const Trial& trial : trials) best = std::min(best, *trial.score);
  return best;
}

std::set<std::string> Texts(const std::vector<Trial>& trials) {
  std::set<std::string> texts;
  for (const Trial& trial : trials) texts.insert(ToJsonText(trial.configuration));
  return texts;
}

TEST(GpSampler, SuggestsValidConfigurations) {
  const SearchSpace space = MixedSpace();
  GpSampler sampler(space, {}, Direction::kMinimize, 42);
  const auto trials = Search(sampler, MixedLoss, 50);
  for (const Trial& trial : trials) {
    EXPECT_TRUE(Validate(space, trial.configuration).ok()) << ToJsonText(trial.configuration);
  }
  EXPECT_EQ(Texts(trials).size(), trials.size());
}

TEST(GpSampler, StartsWithLatinHypercubes) {
  GpSampler sampler(FloatSpace(3, 0, 1), {}, Direction::kMinimize, 42);
  std::set<int> tenths[3];
  for (int64_t number = 11; number <= 20; ++number) {
    const Configuration configuration = Suggest(sampler, number);
    for (int i = 0; i < 3; ++i) {
      tenths[i].insert(static_cast<int>(10 * FloatAt(configuration, StrCat("x", i))));
    }
  }
  for (const auto& seen : tenths) EXPECT_EQ(seen.size(), 10u);
}

TEST(GpSampler, SuggestionsDependOnTheSeedAndTheTrialAlone) {
  const SearchSpace space = FloatSpace(2, 0, 1);
  GpSampler one(space, {}, Direction::kMinimize, 1);
  GpSampler same(space, {}, Direction::kMinimize, 1);
  GpSampler other(space, {}, Direction::kMinimize, 2);
  const auto trials = Texts(Search(one, Sphere, 15));
  EXPECT_EQ(trials, Texts(Search(same, Sphere, 15)));
  EXPECT_NE(trials, Texts(Search(other, Sphere, 15)));
  EXPECT_EQ(Suggest(one, 16), Suggest(one, 16));
}

// Eight workers, trials that end out of order, some badly; at each step a sampler that is told the
// newest states alone, shuffled and twice, suggests the same bits.
TEST(GpSampler, ReplayInAnyOrderIsBitIdentical) {
  const SearchSpace space = MixedSpace();
  GpSampler live(space, {}, Direction::kMaximize, 7);
  RandomStream stream{StreamKey(3)};
  std::vector<Trial> trials;
  std::vector<size_t> running;
  for (int64_t number = 1; number <= 75; ++number) {
    const Configuration suggestion = Suggest(live, number);
    if (number % 12 == 0 || number > 70) {
      std::vector<Trial> shuffled = trials;
      shuffled.insert(shuffled.end(), trials.begin(), trials.end());
      stream.Shuffle(shuffled);
      GpSampler replayed(space, {}, Direction::kMaximize, 7);
      for (const Trial& trial : shuffled) replayed.Observe(trial);
      ASSERT_EQ(ToJsonText(suggestion), ToJsonText(Suggest(replayed, number))) << number;
    }
    trials.push_back(MakeTrial(number, suggestion));
    live.Observe(trials.back());
    running.push_back(trials.size() - 1);
    while (running.size() >= 8) {
      const size_t picked = stream.UniformInt(running.size());
      Trial& trial = trials[running[picked]];
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(picked));
      trial.state = TrialState::kRunning;
      live.Observe(trial);
      Complete(trial, -MixedLoss(trial.configuration));
      switch (stream.UniformInt(8)) {
        case 0:
          trial.state = TrialState::kDiverged;
          break;
        case 1:
          trial.state = TrialState::kCancelled;
          trial.score.reset();
          break;
        case 2:
          trial.state = TrialState::kPruned;
          trial.epoch = 3;
          break;
        default:
          break;
      }
      live.Observe(trial);
    }
  }
}

TEST(GpSampler, ExhaustsAFiniteSpaceWithoutRepeating) {
  SearchSpace space;
  space.parameters = {
      {"kind", CategoricalDomain{{Word("a"), Word("b")}}, {}},
      {"units", IntDomain{16, 64, false, 16}, {{"kind", {Word("a")}}}},
      {"rate", FloatDomain{0, 1, false, 0.25}, {}},
  };
  const int64_t count = *CountConfigurations(space);
  ASSERT_EQ(count, 25);
  GpSampler sampler(space, {}, Direction::kMinimize, 42);
  const auto trials = Search(
      sampler, [](const Configuration& c) { return FloatAt(c, "rate"); }, count);
  EXPECT_EQ(Texts(trials).size(), static_cast<size_t>(count));
  const auto last = sampler.Suggest(count + 1);
  ASSERT_TRUE(last.ok());
  EXPECT_FALSE(last->has_value());
}

TEST(GpSampler, DoesNotRepeatInALargeFiniteSpace) {
  SearchSpace space;
  space.parameters = {{"a", IntDomain{0, 99}, {}}, {"b", IntDomain{1, 100, true, 1}, {}}};
  GpSampler sampler(space, {}, Direction::kMinimize, 42);
  // Its minimum is a corner, where all that climbs wants to go.
  const auto trials = Search(
      sampler,
      [](const Configuration& c) {
        return static_cast<double>(std::get<int64_t>(c.at("a")) + std::get<int64_t>(c.at("b")));
      },
      40);
  EXPECT_EQ(Texts(trials).size(), trials.size());
  EXPECT_EQ(Best(trials), 1);
}

double Hartmann6(const Configuration& configuration) {
  constexpr double kAlpha[4] = {1, 1.2, 3, 3.2};
  constexpr double kA[4][6] = {{10, 3, 17, 3.5, 1.7, 8},
                               {0.05, 10, 17, 0.1, 8, 14},
                               {3, 3.5, 1.7, 10, 17, 8},
                               {17, 8, 0.05, 10, 0.1, 14}};
  constexpr double kP[4][6] = {{1312, 1696, 5569, 124, 8283, 5886},
                               {2329, 4135, 8307, 3736, 1004, 9991},
                               {2348, 1451, 3522, 2883, 3047, 6650},
                               {4047, 8828, 8732, 5743, 1091, 381}};
  double result = 0;
  for (int i = 0; i < 4; ++i) {
    double exponent = 0;
    for (int j = 0; j < 6; ++j) {
      const double x = FloatAt(configuration, StrCat("x", j));
      exponent += kA[i][j] * std::pow(x - 1e-4 * kP[i][j], 2);
    }
    result -= kAlpha[i] * std::exp(-exponent);
  }
  return result;
}

// The least value is -3.32237 (Dixon, Szego 1978).
TEST(GpSampler, BeatsRandomByFarOnHartmann6) {
  std::vector<double> model, random;
  for (uint64_t seed = 1; seed <= 7; ++seed) {
    GpSampler sampler(FloatSpace(6, 0, 1), {}, Direction::kMinimize, seed);
    RandomSampler baseline(FloatSpace(6, 0, 1), seed);
    model.push_back(Best(Search(sampler, Hartmann6, 50)) + 3.32237);
    random.push_back(Best(Search(baseline, Hartmann6, 50)) + 3.32237);
  }
  std::sort(model.begin(), model.end());
  std::sort(random.begin(), random.end());
  EXPECT_LT(model[3], 0.13) << "the second best valley is at 0.119";
  EXPECT_LT(model[5], 0.25 * random[3]);
  EXPECT_LT(model[6], random[0]);
}

TEST(GpSampler, FindsTheBestBranchOfAMixedSpace) {
  std::vector<double> regrets;
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    GpSampler sampler(MixedSpace(), {}, Direction::kMinimize, seed);
    regrets.push_back(Best(Search(sampler, MixedLoss, 40)));
  }
  std::sort(regrets.begin(), regrets.end());
  EXPECT_LT(regrets[2], 1e-3);
  EXPECT_LT(regrets[4], 0.05);
}

TEST(GpSampler, Maximizes) {
  GpSampler sampler(FloatSpace(2, 0, 1), {}, Direction::kMaximize, 42);
  double best = kInfinity;
  const Loss negative = [](const Configuration& c) { return -Sphere(c); };
  for (const Trial& trial : Search(sampler, negative, 25)) {
    best = std::min(best, Sphere(trial.configuration));
  }
  EXPECT_LT(best, 1e-4);
}

// The least distance between any two of eight suggestions for workers that start at once.
double SpreadOfEight(bool told) {
  GpSampler sampler(FloatSpace(6, 0, 1), {}, Direction::kMinimize, 42);
  Search(sampler, Hartmann6, 20);
  std::vector<Configuration> suggestions;
  double least = kInfinity;
  for (int64_t number = 21; number <= 28; ++number) {
    const Configuration suggestion = Suggest(sampler, number);
    if (told) sampler.Observe(MakeTrial(number, suggestion));
    for (const Configuration& other : suggestions) {
      double sum = 0;
      for (const auto& [name, value] : suggestion) {
        sum += std::pow(std::get<double>(value) - FloatAt(other, name), 2);
      }
      least = std::min(least, std::sqrt(sum));
    }
    suggestions.push_back(suggestion);
  }
  return least;
}

TEST(GpSampler, PendingTrialsSpreadOut) {
  EXPECT_LT(SpreadOfEight(false), 0.01);
  EXPECT_GT(SpreadOfEight(true), 0.03);
}

TEST(GpSampler, KeepsAwayFromWhereTrialsDiverge) {
  GpSampler sampler(FloatSpace(2, 0, 1), {}, Direction::kMinimize, 42);
  int diverged_late = 0;
  for (int64_t number = 1; number <= 40; ++number) {
    Trial trial = MakeTrial(number, Suggest(sampler, number));
    sampler.Observe(trial);
    Complete(trial, Sphere(trial.configuration));
    if (FloatAt(trial.configuration, "x0") > 0.5) {
      trial.state = TrialState::kDiverged;
      trial.score = std::numeric_limits<double>::quiet_NaN();
      if (number > 15) ++diverged_late;
    }
    sampler.Observe(trial);
  }
  EXPECT_LE(diverged_late, 5);
}

// A pruner stops what is worse than the median so far, at a loss that is far from final.
TEST(GpSampler, LearnsFromTrialsThatWereCutShort) {
  GpSampler sampler(FloatSpace(2, 0, 1), {}, Direction::kMinimize, 42);
  std::vector<double> losses;
  for (int64_t number = 1; number <= 30; ++number) {
    Trial trial = MakeTrial(number, Suggest(sampler, number));
    losses.push_back(Sphere(trial.configuration));
    std::vector<double> sorted = losses;
    std::sort(sorted.begin(), sorted.end());
    const bool cut_short = losses.back() > sorted[sorted.size() / 2];
    Complete(trial, losses.back() + (cut_short ? 1 : 0), cut_short ? 2 : kEpochs);
    if (cut_short) trial.state = TrialState::kPruned;
    sampler.Observe(trial);
  }
  EXPECT_LT(*std::min_element(losses.begin(), losses.end()), 1e-4);
}

TEST(GpSampler, BearsDegenerateHistories) {
  const auto check = [](const SearchSpace& space, int startup, const Loss& loss) {
    GpSampler sampler(space, {startup}, Direction::kMinimize, 42);
    for (const Trial& trial : Search(sampler, loss, 14)) {
      EXPECT_TRUE(Validate(space, trial.configuration).ok());
    }
  };
  const auto all_fail = [](const Configuration&) { return kInfinity; };
  const auto all_equal = [](const Configuration&) { return 1.0; };
  for (const int startup : {0, 1, 10}) {
    check(MixedSpace(), startup, all_fail);
    check(MixedSpace(), startup, all_equal);
    check(FloatSpace(1, 2, 2.0000001), startup,
          [](const Configuration& c) { return 1e300 * FloatAt(c, "x0"); });
  }
}

// Above what is modelled the sampler sees a part, which does not depend on the order either.
TEST(GpSampler, BoundsWhatItModelsOfALongHistory) {
  const SearchSpace space = FloatSpace(2, 0, 1);
  RandomSampler random(space, 5);
  std::vector<Trial> trials = Search(random, Sphere, 700);
  GpSampler forward(space, {}, Direction::kMinimize, 42);
  GpSampler backward(space, {}, Direction::kMinimize, 42);
  for (const Trial& trial : trials) forward.Observe(trial);
  std::reverse(trials.begin(), trials.end());
  for (const Trial& trial : trials) backward.Observe(trial);
  const Configuration suggestion = Suggest(forward, 701);
  EXPECT_EQ(suggestion, Suggest(backward, 701));
  EXPECT_LT(Sphere(suggestion), 1e-4);

  GpHistory history(space, Direction::kMinimize);
  for (const Trial& trial : trials) history.Observe(trial);
  const auto selected = history.Select(100, 650);
  EXPECT_EQ(selected.size(), 100u);
  EXPECT_TRUE(std::is_sorted(selected.begin(), selected.end()));
  EXPECT_LE(selected.back(), 650);
  const Trial* best = nullptr;
  for (const Trial& trial : trials) {
    if (trial.number <= 650 && (best == nullptr || *trial.score < *best->score)) best = &trial;
  }
  EXPECT_TRUE(std::binary_search(selected.begin(), selected.end(), best->number));
}

TEST(GpHistory, ForgetsWhatChanged) {
  const SearchSpace space = FloatSpace(1, 0, 1);
  GpHistory history(space, Direction::kMinimize);
  Trial trial = MakeTrial(4, {{"x0", 0.5}});
  history.Observe(trial);
  EXPECT_EQ(history.Pending(9), std::vector<int64_t>{4});
  EXPECT_EQ(history.known_count(), 0u);
  Complete(trial, 2);
  history.Observe(trial);
  EXPECT_TRUE(history.Pending(9).empty());
  EXPECT_EQ(history.known_count(), 1u);
  EXPECT_EQ(history.newest_known(), 4);
  trial.state = TrialState::kCancelled;
  trial.score.reset();
  history.Observe(trial);
  EXPECT_EQ(history.known_count(), 0u);
  EXPECT_TRUE(history.Select(9, 9).empty());
}

}  // namespace
}  // namespace vizsla
