#include "src/search/tpe_sampler.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <set>

#include "src/search/random_sampler.h"

namespace vizsla {
namespace {

using Loss = std::function<double(const Configuration&)>;

constexpr uint64_t kSeed = 42;

ParameterValue Word(const char* word) { return std::string(word); }
ParameterValue Int(int64_t value) { return value; }
double Float(const Configuration& configuration, const std::string& name) {
  return std::get<double>(configuration.at(name));
}

// Every kind of domain, a fixed value, and conditions on conditions.
SearchSpace MixedSpace() {
  return {{{"network", CategoricalDomain{{Word("backbone"), Word("scratch")}}, {}},
           {"learning_rate", FloatDomain{1e-5, 1e-1, true, std::nullopt}, {}},
           {"optimizer", CategoricalDomain{{Word("adam")}}, {}},
           {"batch_size", CategoricalDomain{{Int(16), Int(32), Int(64), Int(128)}}, {}},
           {"dense",
            CategoricalDomain{{IntList{}, IntList{64, 64}}},
            {{"network", {Word("backbone")}}}},
           {"dropout", FloatDomain{0, 0.6, false, 0.2}, {{"dense", {IntList{64, 64}}}}},
           {"blocks", IntDomain{2, 12, false, 2}, {{"network", {Word("scratch")}}}},
           {"width", IntDomain{8, 512, true, 1}, {{"network", {Word("scratch")}}}}}};
}

double MixedLoss(const Configuration& configuration) {
  const double rate = std::log10(Float(configuration, "learning_rate")) + 3;
  const double batch =
      std::log2(static_cast<double>(std::get<int64_t>(configuration.at("batch_size")))) - 6;
  double loss = rate * rate + 0.1 * batch * batch;
  if (configuration.at("network") == Word("backbone")) {
    loss += configuration.at("dense") == ParameterValue(IntList{}) ? 1.0 : 0.8;
    return loss;
  }
  const double blocks = static_cast<double>(std::get<int64_t>(configuration.at("blocks"))) - 8;
  const double width =
      std::log2(static_cast<double>(std::get<int64_t>(configuration.at("width")))) - 6;
  return loss + 0.05 * blocks * blocks + 0.3 * width * width;
}

SearchSpace FiniteSpace() {
  SearchSpace space = MixedSpace();
  std::erase_if(space.parameters, [](const Parameter& parameter) {
    return parameter.name == "learning_rate" || parameter.name == "width";
  });
  return space;
}
constexpr int64_t kFiniteCount = 4 * ((1 + 4) + 6);

SearchSpace Floats(int count) {
  SearchSpace space;
  for (int i = 0; i < count; ++i) {
    space.parameters.push_back({StrCat("x", i), FloatDomain{-5, 5}, {}});
  }
  return space;
}

// With its minimum off the middle.
double Sphere(const Configuration& configuration) {
  double loss = 0;
  for (const auto& [name, value] : configuration) loss += std::pow(std::get<double>(value) - 2, 2);
  return loss;
}

Trial Running(int64_t number, Configuration configuration) {
  Trial trial;
  trial.number = number;
  trial.configuration = std::move(configuration);
  trial.state = TrialState::kRunning;
  return trial;
}

Trial Completed(Trial trial, double score) {
  trial.state = TrialState::kCompleted;
  trial.epoch = 10;
  trial.score = score;
  return trial;
}

// Suggests, trains and observes; the trials as they ended. Ends early when exhausted.
std::vector<Trial> RunStudy(Sampler& sampler, const Loss& loss, int64_t most) {
  std::vector<Trial> trials;
  for (int64_t number = 1; number <= most; ++number) {
    const auto suggestion = sampler.Suggest(number);
    EXPECT_TRUE(suggestion.ok());
    if (!suggestion->has_value()) break;
    const Trial running = Running(number, **suggestion);
    sampler.Observe(running);
    trials.push_back(Completed(running, loss(running.configuration)));
    sampler.Observe(trials.back());
  }
  return trials;
}

double Best(const std::vector<Trial>& trials) {
  double best = std::numeric_limits<double>::infinity();
  for (const Trial& trial : trials) best = std::min(best, *trial.score);
  return best;
}

class TpeSamplerTest : public ::testing::TestWithParam<bool> {
 protected:
  TpeOptions Options() const { return {.multivariate = GetParam()}; }
  TpeSampler Make(const SearchSpace& space, uint64_t seed = kSeed) const {
    return TpeSampler(space, Options(), Direction::kMinimize, seed);
  }
  double MedianOfBest(const SearchSpace& space, const Loss& loss, int64_t trials) const {
    return Median([&](uint64_t seed) {
      TpeSampler sampler = Make(space, seed);
      return Best(RunStudy(sampler, loss, trials));
    });
  }
  static double MedianOfRandom(const SearchSpace& space, const Loss& loss, int64_t trials) {
    return Median([&](uint64_t seed) {
      RandomSampler sampler(space, seed);
      return Best(RunStudy(sampler, loss, trials));
    });
  }

 private:
  static double Median(const std::function<double(uint64_t)>& of_seed) {
    std::vector<double> results;
    for (uint64_t seed = 1; seed <= 9; ++seed) results.push_back(of_seed(seed));
    std::nth_element(results.begin(), results.begin() + 4, results.end());
    return results[4];
  }
};

INSTANTIATE_TEST_SUITE_P(All, TpeSamplerTest, ::testing::Bool(), [](const auto& info) {
  return info.param ? "Multivariate" : "Univariate";
});

TEST_P(TpeSamplerTest, SuggestsValidConfigurations) {
  const SearchSpace space = MixedSpace();
  TpeSampler sampler = Make(space);
  std::set<std::string> networks;
  for (const Trial& trial : RunStudy(sampler, MixedLoss, 150)) {
    const absl::Status valid = Validate(space, trial.configuration);
    EXPECT_TRUE(valid.ok()) << valid << " " << ToJsonText(trial.configuration);
    networks.insert(std::get<std::string>(trial.configuration.at("network")));
  }
  EXPECT_EQ(networks.size(), 2u);
}

TEST_P(TpeSamplerTest, StartsAsTheRandomSamplerAndThenDoesNot) {
  TpeSampler sampler = Make(MixedSpace());
  RandomSampler random(MixedSpace(), kSeed);
  const auto trials = RunStudy(sampler, MixedLoss, 11);
  for (const Trial& trial : trials) {
    const bool startup = trial.number <= Options().startup_trials;
    EXPECT_EQ(**random.Suggest(trial.number) == trial.configuration, startup) << trial.number;
    random.Observe(trial);
  }
}

TEST_P(TpeSamplerTest, StaysRandomWhileNoTrialHasANumber) {
  TpeSampler sampler = Make(MixedSpace());
  RandomSampler random(MixedSpace(), kSeed);
  for (int64_t number = 1; number <= 30; ++number) {
    Trial trial = Running(number, **sampler.Suggest(number));
    EXPECT_EQ(trial.configuration, **random.Suggest(number));
    trial.state = TrialState::kFailed;
    sampler.Observe(trial);
    random.Observe(trial);
  }
}

TEST_P(TpeSamplerTest, NeverRepeatsAndFillsAFiniteSpace) {
  TpeSampler sampler = Make(FiniteSpace());
  std::set<std::string> seen;
  const auto trials = RunStudy(
      sampler, [](const Configuration& configuration) { return configuration.size(); }, 1000);
  for (const Trial& trial : trials) {
    EXPECT_TRUE(seen.insert(ToJsonText(trial.configuration)).second) << trial.number;
  }
  EXPECT_EQ(static_cast<int64_t>(trials.size()), kFiniteCount);
  EXPECT_FALSE(sampler.Suggest(1001)->has_value());
}

TEST_P(TpeSamplerTest, SpacesWithNothingToChoose) {
  const SearchSpace fixed{{{"optimizer", CategoricalDomain{{Word("adam")}}, {}}}};
  TpeSampler sampler = Make(fixed);
  const auto trials = RunStudy(
      sampler, [](const Configuration&) { return 1.0; }, 3);
  ASSERT_EQ(trials.size(), 1u);
  EXPECT_EQ(trials[0].configuration, Configuration({{"optimizer", Word("adam")}}));
}

TEST_P(TpeSamplerTest, SuggestChangesNothing) {
  TpeSampler a = Make(MixedSpace());
  TpeSampler b = Make(MixedSpace());
  RunStudy(a, MixedLoss, 30);
  RunStudy(b, MixedLoss, 30);
  for (int64_t number = 31; number <= 40; ++number) a.Suggest(number).value();
  EXPECT_EQ(**a.Suggest(31), **a.Suggest(31));
  EXPECT_EQ(**a.Suggest(31), **b.Suggest(31));
  EXPECT_NE(**a.Suggest(31), **a.Suggest(32));
  EXPECT_NE(**a.Suggest(31), **Make(MixedSpace(), kSeed + 1).Suggest(31));
}

// Rebuilt from what is stored, in another order, with repetitions and with the states in between.
TEST_P(TpeSamplerTest, ReplayEqualsLive) {
  for (const SearchSpace& space : {MixedSpace(), FiniteSpace()}) {
    TpeSampler live = Make(space);
    std::vector<Trial> stored;
    for (int64_t number = 1; number <= 40; ++number) {
      TpeSampler rebuilt = Make(space);
      for (auto trial = stored.rbegin(); trial != stored.rend(); ++trial) {
        if (trial->number % 3 == 0) rebuilt.Observe(Running(trial->number, trial->configuration));
        rebuilt.Observe(*trial);
        if (trial->number % 2 == 0) rebuilt.Observe(*trial);
      }
      const auto expected = *live.Suggest(number);
      ASSERT_EQ(*rebuilt.Suggest(number), expected) << "trial " << number;
      if (!expected) break;
      Trial trial = Running(number, *expected);
      live.Observe(trial);
      // Of five trials, one fails, one is pruned, one still runs.
      const double score = static_cast<double>(number * 7 % 11);
      if (number % 5 != 0) trial = Completed(trial, score);
      if (number % 5 == 1) trial.state = TrialState::kFailed;
      if (number % 5 == 2) trial.state = TrialState::kPruned;
      live.Observe(trial);
      stored.push_back(trial);
    }
  }
}

TEST_P(TpeSamplerTest, FollowsTheDirection) {
  TpeSampler down(Floats(2), Options(), Direction::kMinimize, kSeed);
  TpeSampler up(Floats(2), Options(), Direction::kMaximize, kSeed);
  const auto trials = RunStudy(down, Sphere, 40);
  const auto negated = RunStudy(
      up, [](const Configuration& configuration) { return -Sphere(configuration); }, 40);
  ASSERT_EQ(negated.size(), trials.size());
  for (size_t i = 0; i < trials.size(); ++i) {
    EXPECT_EQ(negated[i].configuration, trials[i].configuration);
  }
}

TEST_P(TpeSamplerTest, BeatsRandomByAWideMargin) {
  EXPECT_LT(MedianOfBest(Floats(2), Sphere, 60), 0.5 * MedianOfRandom(Floats(2), Sphere, 60));
  EXPECT_LT(MedianOfBest(Floats(6), Sphere, 100), 0.5 * MedianOfRandom(Floats(6), Sphere, 100));
  EXPECT_LT(MedianOfBest(MixedSpace(), MixedLoss, 200),
            0.5 * MedianOfRandom(MixedSpace(), MixedLoss, 200));
}

TEST_P(TpeSamplerTest, AvoidsWhereTrialsDiverge) {
  // Nothing else is to be learnt: all others are equal.
  TpeSampler sampler = Make(Floats(1));
  int diverged = 0;
  for (int64_t number = 1; number <= 100; ++number) {
    const Trial running = Running(number, **sampler.Suggest(number));
    Trial trial = Completed(running, 1);
    if (Float(trial.configuration, "x0") > 0) {
      trial.state = TrialState::kDiverged;
      if (number > 50) ++diverged;
    }
    sampler.Observe(trial);
  }
  EXPECT_LT(diverged, 15) << "of 50; 25 at random";
}

// The constant liar: of many suggestions without a result between, no two are alike, and they
// spread wider than suggestions that do not know of each other.
TEST_P(TpeSamplerTest, ParallelSuggestionsSpread) {
  const auto spread = [this](bool told) {
    double total = 0;
    for (uint64_t seed = 1; seed <= 10; ++seed) {
      TpeSampler sampler = Make(Floats(1), seed);
      RunStudy(sampler, Sphere, 30);
      std::vector<double> places;
      for (int64_t number = 31; number <= 50; ++number) {
        const Configuration suggestion = **sampler.Suggest(number);
        places.push_back(Float(suggestion, "x0"));
        if (told) sampler.Observe(Running(number, suggestion));
      }
      std::sort(places.begin(), places.end());
      total += places[15] - places[5];
    }
    return total;
  };
  EXPECT_GT(spread(true), 1.5 * spread(false));
}

TEST_P(TpeSamplerTest, IgnoresEnqueuedConfigurationsOutsideTheSpace) {
  TpeSampler a = Make(MixedSpace());
  TpeSampler b = Make(MixedSpace());
  RunStudy(a, MixedLoss, 20);
  RunStudy(b, MixedLoss, 20);
  a.Observe(Completed(Running(21, {{"network", Word("transformer")}}), -100));
  EXPECT_EQ(**a.Suggest(22), **b.Suggest(22));
}

// Ten parameters that must all be right at once: a trial that is good in nine says something of the
// nine only to a joint model.
TEST(TpeSampler, MultivariateIsBetterWhereParametersMustAgree) {
  const auto mean_log = [&](bool multivariate) {
    double sum = 0;
    for (uint64_t seed = 1; seed <= 9; ++seed) {
      TpeSampler sampler(Floats(10), {.multivariate = multivariate}, Direction::kMinimize, seed);
      sum += std::log(Best(RunStudy(sampler, Sphere, 100)));
    }
    return sum / 9;
  };
  EXPECT_LT(mean_log(true), mean_log(false) - std::log(2.0));
}

// Most trials are represented by a sample then.
TEST(TpeSampler, LongStudiesGoOnImproving) {
  TpeSampler sampler(Floats(3), {}, Direction::kMinimize, kSeed);
  const auto trials = RunStudy(sampler, Sphere, 1000);
  const std::vector<Trial> early(trials.begin(), trials.begin() + 200);
  EXPECT_LT(Best(trials), 0.5 * Best(early));
}

}  // namespace
}  // namespace vizsla
