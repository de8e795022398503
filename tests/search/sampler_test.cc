// One suite for every sampler, and what is particular to each.
#include "src/search/sampler.h"

#include <gmock/gmock.h>

#include <cmath>
#include <set>

#include "src/search/random_sampler.h"
#include "src/study/policy_spec.h"

namespace vizsla {
namespace {

using ::testing::HasSubstr;

ParameterValue Word(const char* word) { return std::string(word); }

// Steps, lists, and conditions on conditions.
SearchSpace FiniteSpace() {
  SearchSpace space;
  space.parameters = {
      {"network", CategoricalDomain{{Word("backbone"), Word("scratch")}}, {}},
      {"dense", CategoricalDomain{{IntList{}, IntList{64, 64}}}, {{"network", {Word("backbone")}}}},
      {"dropout_hidden", FloatDomain{0, 0.4, false, 0.2}, {{"dense", {IntList{64, 64}}}}},
      {"batch_size", IntDomain{16, 48, false, 16}, {}},
  };
  return space;
}
constexpr int64_t kFiniteCount = (1 + 3 + 1) * 3;

SearchSpace ContinuousSpace() {
  SearchSpace space = FiniteSpace();
  space.parameters.push_back({"learning_rate", FloatDomain{1e-4, 1e-2, true, std::nullopt}, {}});
  space.parameters.push_back({"dropout", FloatDomain{0, 0.6}, {}});
  space.parameters.push_back({"units", IntDomain{1, 1000, true, 1}, {}});
  return space;
}

StudySpec Study(const SamplerSpec& sampler, SearchSpace space, uint64_t seed = 42) {
  StudySpec spec;
  spec.seed = seed;
  spec.sampler = sampler;
  spec.space = std::move(space);
  return spec;
}

Trial MakeTrial(int64_t number, Configuration configuration) {
  Trial trial;
  trial.number = number;
  trial.configuration = std::move(configuration);
  return trial;
}

std::unique_ptr<Sampler> Make(const StudySpec& spec) { return std::move(*MakeSampler(spec)); }

// Suggests and observes until the sampler is exhausted or `most` trials exist.
std::vector<Trial> RunAll(Sampler& sampler, int64_t most, int64_t first = 1) {
  std::vector<Trial> trials;
  for (int64_t number = first; number < first + most; ++number) {
    auto suggestion = sampler.Suggest(number);
    EXPECT_TRUE(suggestion.ok());
    if (!suggestion->has_value()) break;
    trials.push_back(MakeTrial(number, **suggestion));
    sampler.Observe(trials.back());
  }
  return trials;
}

std::vector<std::string> Texts(const std::vector<Trial>& trials) {
  std::vector<std::string> texts;
  for (const Trial& trial : trials) texts.push_back(ToJsonText(trial.configuration));
  return texts;
}

struct Case {
  const char* name;
  SamplerSpec sampler;
  bool continuous;
};

class SamplerConformance : public ::testing::TestWithParam<Case> {
 protected:
  StudySpec Spec(uint64_t seed = 42) const {
    return Study(GetParam().sampler, GetParam().continuous ? ContinuousSpace() : FiniteSpace(),
                 seed);
  }
};

TEST_P(SamplerConformance, SuggestsValidConfigurations) {
  const StudySpec spec = Spec();
  const auto sampler = Make(spec);
  const auto trials = RunAll(*sampler, 300);
  EXPECT_EQ(trials.size(), GetParam().continuous ? 300u : static_cast<size_t>(kFiniteCount));
  for (const Trial& trial : trials) {
    const absl::Status valid = Validate(spec.space, trial.configuration);
    EXPECT_TRUE(valid.ok()) << valid << " " << ToJsonText(trial.configuration);
  }
}

TEST_P(SamplerConformance, NeverRepeatsAndFillsAFiniteSpace) {
  const auto sampler = Make(Spec());
  const auto texts = Texts(RunAll(*sampler, 300));
  EXPECT_EQ(std::set<std::string>(texts.begin(), texts.end()).size(), texts.size());
  if (!GetParam().continuous) {
    EXPECT_FALSE(sampler->Suggest(1000)->has_value());
  }
}

TEST_P(SamplerConformance, SkipsEnqueuedConfigurations) {
  const StudySpec spec = Spec();
  const auto reference = Make(spec);
  const auto all = RunAll(*reference, 5);
  const auto sampler = Make(spec);
  sampler->Observe(MakeTrial(1, all[3].configuration));
  // One that is outside the space uses nothing up.
  sampler->Observe(MakeTrial(2, {{"dense", IntList{9, 9, 9}}}));
  const auto rest = Texts(RunAll(*sampler, 300, 3));
  EXPECT_THAT(rest, ::testing::Not(::testing::Contains(ToJsonText(all[3].configuration))));
  if (!GetParam().continuous) {
    EXPECT_EQ(rest.size(), static_cast<size_t>(kFiniteCount - 1));
  }
}

TEST_P(SamplerConformance, IsDeterministicAndSuggestChangesNothing) {
  const auto a = Make(Spec());
  const auto b = Make(Spec());
  for (int i = 0; i < 5; ++i) EXPECT_EQ(**b->Suggest(1), **a->Suggest(1));
  EXPECT_EQ(Texts(RunAll(*a, 12)), Texts(RunAll(*b, 12)));
}

// After each trial: a sampler rebuilt from what is stored, in another order and with repetitions,
// goes on as the live one, which has seen each trial when it began and when it ended.
TEST_P(SamplerConformance, ReplayEqualsLive) {
  const auto live = Make(Spec());
  std::vector<Trial> stored;
  for (int64_t number = 1; number <= 40; ++number) {
    const auto rebuilt = Make(Spec());
    for (auto it = stored.rbegin(); it != stored.rend(); ++it) {
      Trial begun = *it;
      begun.state = TrialState::kRunning;
      begun.score.reset();
      if (it->number % 2 == 0) rebuilt->Observe(begun);
      rebuilt->Observe(*it);
      if (it->number % 3 == 0) rebuilt->Observe(*it);
    }
    const auto expected = *live->Suggest(number);
    EXPECT_EQ(*rebuilt->Suggest(number), expected) << "trial " << number;
    if (!expected) break;
    stored.push_back(MakeTrial(number, *expected));
    live->Observe(stored.back());
    // The newest two are still running; then some of each end.
    if (stored.size() < 3) continue;
    Trial& ended = stored[stored.size() - 3];
    ended.state = ended.number % 7 == 0   ? TrialState::kDiverged
                  : ended.number % 5 == 0 ? TrialState::kPruned
                                          : TrialState::kCompleted;
    if (ended.state != TrialState::kDiverged) {
      ended.score = 1 / (1 + static_cast<double>(ended.number * 13 % 10));
      ended.epoch = ended.state == TrialState::kPruned ? 2 : 9;
    }
    live->Observe(ended);
  }
}

std::vector<Case> AllCases() {
  std::vector<Case> cases;
  for (const SamplerSpec& sampler : AllSamplers()) {
    cases.push_back({"Finite", sampler, false});
    if (KindOf(sampler) != SamplerKind::kGrid) cases.push_back({"Continuous", sampler, true});
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(All, SamplerConformance, ::testing::ValuesIn(AllCases()),
                         [](const auto& info) {
                           return StrCat(ToText(KindOf(info.param.sampler)), info.param.name);
                         });

TEST(RandomSampler, FollowsTheSeed) {
  const auto a = Make(Study(RandomOptions(), ContinuousSpace(), 1));
  const auto b = Make(Study(RandomOptions(), ContinuousSpace(), 2));
  EXPECT_NE(Texts(RunAll(*a, 5)), Texts(RunAll(*b, 5)));
}

TEST(RandomSampler, ATrialsDrawDoesNotDependOnTheOthers) {
  const auto a = Make(Study(RandomOptions(), ContinuousSpace()));
  RunAll(*a, 9);
  const auto b = Make(Study(RandomOptions(), ContinuousSpace()));
  EXPECT_EQ(*a->Suggest(10), *b->Suggest(10));
}

TEST(RandomSampler, DrawsUniformlyOverEachDomain) {
  RandomStream stream(StreamKey(1));
  constexpr int kDraws = 20000;
  double linear = 0;
  double logarithmic = 0;
  int low_decade = 0;
  int first_integer = 0;
  int last_integer = 0;
  std::map<std::string, int> steps;
  for (int i = 0; i < kDraws; ++i) {
    linear += std::get<double>(DrawValue(FloatDomain{2, 4}, stream));
    const double x =
        std::get<double>(DrawValue(FloatDomain{1e-4, 1e-2, true, std::nullopt}, stream));
    EXPECT_GE(x, 1e-4);
    EXPECT_LE(x, 1e-2);
    logarithmic += std::log10(x);
    low_decade += x < 1e-3 ? 1 : 0;
    const auto n = std::get<int64_t>(DrawValue(IntDomain{1, 100, true, 1}, stream));
    EXPECT_GE(n, 1);
    EXPECT_LE(n, 100);
    first_integer += n == 1 ? 1 : 0;
    last_integer += n == 100 ? 1 : 0;
    ++steps[ToText(DrawValue(FloatDomain{0, 0.6, false, 0.2}, stream))];
  }
  EXPECT_NEAR(linear / kDraws, 3, 0.02);
  EXPECT_NEAR(logarithmic / kDraws, -3, 0.02);
  EXPECT_NEAR(low_decade, kDraws / 2, 300);
  // log(1.5 / 0.5) and log(100.5 / 99.5) of log(100.5 / 0.5)
  EXPECT_NEAR(first_integer, kDraws * std::log(3) / std::log(201), 300);
  EXPECT_GT(last_integer, 0);
  EXPECT_EQ(steps.size(), 4u);
  for (const auto& [text, count] : steps) EXPECT_NEAR(count, kDraws / 4, 350) << text;
}

TEST(RandomSampler, AFullBranchOfAnInfiniteSpaceDoesNotHang) {
  SearchSpace space;
  CategoricalDomain many;
  for (int64_t i = 0; i < 200; ++i) many.choices.push_back(i);
  space.parameters = {{"a", many, {}}, {"x", FloatDomain{0, 1}, {{"a", {int64_t{7}}}}}};
  const auto sampler = Make(Study(RandomOptions(), space));
  for (int64_t i = 0; i < 200; ++i) {
    if (i != 7) sampler->Observe(MakeTrial(i, {{"a", i}}));
  }
  for (int64_t number = 300; number < 400; ++number) {
    EXPECT_TRUE(Validate(space, **sampler->Suggest(number)).ok());
  }
}

TEST(GridSampler, WalksInMixedRadixOrder) {
  const auto sampler = Make(Study(GridOptions(), FiniteSpace()));
  const auto texts = Texts(RunAll(*sampler, 5));
  EXPECT_THAT(
      texts, ::testing::ElementsAre(
                 R"({"batch_size":16,"dense":[],"network":"backbone"})",
                 R"({"batch_size":32,"dense":[],"network":"backbone"})",
                 R"({"batch_size":48,"dense":[],"network":"backbone"})",
                 R"({"batch_size":16,"dense":[64,64],"dropout_hidden":0.0,"network":"backbone"})",
                 R"({"batch_size":32,"dense":[64,64],"dropout_hidden":0.0,"network":"backbone"})"));
}

TEST(GridSampler, TakesAUsersRoundingForTheStep) {
  SearchSpace space;
  space.parameters = {{"x", FloatDomain{0, 0.4, false, 0.2}, {}}};
  const auto sampler = Make(Study(GridOptions(), space));
  sampler->Observe(MakeTrial(1, {{"x", 0.2 + 1e-13}}));
  EXPECT_THAT(Texts(RunAll(*sampler, 9)), ::testing::ElementsAre(R"({"x":0.0})", R"({"x":0.4})"));
}

TEST(MakeSampler, RefusesWhatCannotBeSampled) {
  EXPECT_THAT(MakeSampler(Study(GridOptions(), ContinuousSpace())).status().ToString(),
              HasSubstr("learning_rate: the grid sampler cannot walk a continuous range"));
  EXPECT_THAT(
      MakeSampler(Study(CmaEsOptions{.population = 1}, ContinuousSpace())).status().ToString(),
      HasSubstr("the cma_es sampler: population: 1 trial is no generation"));
  EXPECT_THAT(
      MakeSampler(Study(TpeOptions{.candidates = 0}, ContinuousSpace())).status().ToString(),
      HasSubstr("the tpe sampler: candidates: 0 is"));
  SearchSpace unsound;
  unsound.parameters = {{"x", FloatDomain{1, 0}, {}}};
  EXPECT_THAT(MakeSampler(Study(RandomOptions(), unsound)).status().ToString(),
              HasSubstr("is empty"));
}

}  // namespace
}  // namespace vizsla
