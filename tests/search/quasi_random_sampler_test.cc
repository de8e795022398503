#include "src/search/quasi_random_sampler.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "src/base/str_cat.h"
#include "src/search/halton.h"
#include "src/search/sobol.h"

namespace vizsla {
namespace {

using ::testing::DoubleEq;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Pointwise;

using Points = std::vector<std::vector<double>>;

template <typename T>
Points FirstPoints(const T& sequence, uint64_t count) {
  Points points;
  for (uint64_t index = 0; index < count; ++index) points.push_back(sequence.Point(index));
  return points;
}

// scipy 1.17.1, scipy.stats.qmc.Sobol(50, scramble=False): the first five coordinates.
TEST(Sobol, EqualsScipy) {
  const Points expected = {
      {0, 0, 0, 0, 0},
      {0.5, 0.5, 0.5, 0.5, 0.5},
      {0.75, 0.25, 0.25, 0.25, 0.75},
      {0.25, 0.75, 0.75, 0.75, 0.25},
      {0.375, 0.375, 0.625, 0.875, 0.375},
      {0.875, 0.875, 0.125, 0.375, 0.875},
      {0.625, 0.125, 0.875, 0.625, 0.625},
      {0.125, 0.625, 0.375, 0.125, 0.125},
  };
  EXPECT_EQ(FirstPoints(SobolSequence(5, std::nullopt), 8), expected);

  const SobolSequence wide(50, std::nullopt);
  const auto some = [&](uint64_t index) {
    const std::vector<double> point = wide.Point(index);
    return std::vector<double>{point[0], point[1], point[2], point[10], point[49]};
  };
  EXPECT_THAT(some(1000),
              ElementsAre(0.2197265625, 0.0966796875, 0.5185546875, 0.0849609375, 0.4794921875));
  EXPECT_THAT(some(1029), ElementsAre(0.87646484375, 0.50146484375, 0.32275390625, 0.69677734375,
                                      0.95166015625));
}

// scipy 1.17.1, scipy.stats.qmc.Halton(12, scramble=False).
TEST(Halton, EqualsScipy) {
  const Points expected = {
      {0, 0, 0, 0},
      {1. / 2, 1. / 3, 1. / 5, 1. / 7},
      {1. / 4, 2. / 3, 2. / 5, 2. / 7},
      {3. / 4, 1. / 9, 3. / 5, 3. / 7},
      {1. / 8, 4. / 9, 4. / 5, 4. / 7},
      {5. / 8, 7. / 9, 0.04, 5. / 7},
      {3. / 8, 2. / 9, 0.24, 6. / 7},
      {7. / 8, 5. / 9, 0.44, 0.02040816326530612},
  };
  const Points points = FirstPoints(HaltonSequence(4, std::nullopt), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_THAT(points[i], Pointwise(DoubleNear(1e-15), expected[i])) << i;
  }
  const std::vector<double> far = HaltonSequence(12, std::nullopt).Point(1029);
  EXPECT_THAT(std::vector<double>({far[0], far[1], far[2], far[11]}),
              Pointwise(DoubleNear(1e-15), {0.62548828125, 0.13763145861911294, 0.8131200000000001,
                                            0.8305332359386414}));
}

// How many points fall into each box of a grid with these numbers of cells.
std::map<std::vector<int>, int> CountInBoxes(const Points& points, const std::vector<int>& cells) {
  std::map<std::vector<int>, int> counts;
  for (const auto& point : points) {
    std::vector<int> box;
    for (size_t d = 0; d < cells.size(); ++d) {
      box.push_back(static_cast<int>(point[d] * cells[d] + 1e-9));  // 1/3 is not a double
    }
    ++counts[box];
  }
  return counts;
}

void ExpectEqualShares(const Points& points, const std::vector<int>& cells) {
  int boxes = 1;
  for (const int count : cells) boxes *= count;
  const auto counts = CountInBoxes(points, cells);
  EXPECT_EQ(counts.size(), static_cast<size_t>(boxes));
  for (const auto& [box, count] : counts) {
    EXPECT_EQ(count, static_cast<int>(points.size()) / boxes);
  }
}

class Scrambling : public ::testing::TestWithParam<std::optional<StreamKey>> {};

// The first two dimensions are a (0, 2)-sequence: each box of area 2^-8 holds one of 2^8 points.
// Every dimension by itself has one in each of the 2^8 intervals.
TEST_P(Scrambling, SobolKeepsItsBalance) {
  const SobolSequence sequence(40, GetParam());
  const Points points = FirstPoints(sequence, 256);
  for (int bits = 0; bits <= 8; ++bits) ExpectEqualShares(points, {1 << bits, 1 << (8 - bits)});
  Points later;  // and so does each later block of 2^8
  for (uint64_t index = 512; index < 768; ++index) later.push_back(sequence.Point(index));
  for (int bits = 0; bits <= 8; ++bits) ExpectEqualShares(later, {1 << bits, 1 << (8 - bits)});
  for (size_t dimension = 0; dimension < 40; ++dimension) {
    Points line;
    for (const auto& point : points) line.push_back({point[dimension]});
    ExpectEqualShares(line, {256});
  }
}

TEST_P(Scrambling, HaltonKeepsItsBalance) {
  const HaltonSequence sequence(3, GetParam());
  const Points points = FirstPoints(sequence, 8 * 9 * 5);
  ExpectEqualShares(points, {8, 9, 5});
  ExpectEqualShares(points, {4, 3, 5});
}

// Warnock's formula of the L2 star discrepancy.
double Discrepancy(const Points& points) {
  const auto n = static_cast<double>(points.size());
  const size_t dimensions = points[0].size();
  double single = 0;
  double pairs = 0;
  for (const auto& a : points) {
    double product = 1;
    for (const double x : a) product *= (1 - x * x) / 2;
    single += product;
    for (const auto& b : points) {
      product = 1;
      for (size_t d = 0; d < dimensions; ++d) product *= 1 - std::max(a[d], b[d]);
      pairs += product;
    }
  }
  return std::sqrt(std::pow(3.0, -static_cast<double>(dimensions)) - 2 * single / n +
                   pairs / (n * n));
}

TEST_P(Scrambling, IsMoreEvenThanRandomPoints) {
  constexpr size_t kDimensions = 5;
  constexpr uint64_t kCount = 1024;
  // Of random points: the root of the mean square is sqrt((2^-d - 3^-d) / n).
  const double random = std::sqrt((std::pow(2.0, -5) - std::pow(3.0, -5)) / kCount);
  const SobolSequence sobol(kDimensions, GetParam());
  const HaltonSequence halton(kDimensions, GetParam());
  EXPECT_LT(Discrepancy(FirstPoints(sobol, kCount)), random / 2);
  EXPECT_LT(Discrepancy(FirstPoints(halton, kCount)), random / 2);
}

INSTANTIATE_TEST_SUITE_P(All, Scrambling,
                         ::testing::Values(std::nullopt, StreamKey(1), StreamKey(2)),
                         [](const auto& info) {
                           return info.param ? StrCat("Key", info.index) : "Plain";
                         });

// Over many keys a scrambled point is uniform, also the corner that the plain sequence starts with.
TEST(Scrambled, EachPointIsUniform) {
  constexpr int kKeys = 4000;
  double sum[2] = {0, 0};
  double squares[2] = {0, 0};
  double products[2] = {0, 0};
  for (int seed = 0; seed < kKeys; ++seed) {
    const StreamKey key = StreamKey(seed);
    const std::vector<double> points[2] = {SobolSequence(3, key).Point(0),
                                           HaltonSequence(3, key).Point(0)};
    for (int s = 0; s < 2; ++s) {
      sum[s] += points[s][2];
      squares[s] += points[s][2] * points[s][2];
      products[s] += (points[s][1] - 0.5) * (points[s][2] - 0.5);
    }
  }
  for (int s = 0; s < 2; ++s) {  // five standard errors
    EXPECT_NEAR(sum[s] / kKeys, 1. / 2, 5 * std::sqrt(1. / 12 / kKeys)) << s;
    EXPECT_NEAR(squares[s] / kKeys, 1. / 3, 5 * std::sqrt(4. / 45 / kKeys)) << s;
    EXPECT_NEAR(products[s] / kKeys, 0, 5 / 12. / std::sqrt(kKeys)) << s;
  }
}

TEST(Scrambled, CoordinatesStayUnderOne) {
  const SobolSequence sobol(SobolSequence::kMostDimensions, StreamKey(3));
  const HaltonSequence halton(HaltonSequence::kMostDimensions, StreamKey(3));
  for (const uint64_t index : {uint64_t{0}, uint64_t{12345}, (uint64_t{1} << 53) - 1}) {
    for (const auto& point : {sobol.Point(index), halton.Point(index)}) {
      EXPECT_GE(*std::min_element(point.begin(), point.end()), 0);
      EXPECT_LT(*std::max_element(point.begin(), point.end()), 1);
    }
  }
}

ParameterValue Word(const char* word) { return std::string(word); }

// 3 * (1 + 2) * 5 configurations.
SearchSpace FiniteSpace() {
  SearchSpace space;
  space.parameters = {
      {"fixed", CategoricalDomain{{Word("always")}}, {}},
      {"batch_size", IntDomain{16, 48, false, 16}, {}},
      {"network", CategoricalDomain{{Word("backbone"), Word("scratch")}}, {}},
      {"dense", CategoricalDomain{{IntList{}, IntList{64}}}, {{"network", {Word("scratch")}}}},
      {"dropout", FloatDomain{0, 0.4, false, 0.1}, {}},
  };
  return space;
}
constexpr size_t kFiniteCount = 3 * 3 * 5;

SearchSpace Continuous(int parameters) {
  SearchSpace space;
  for (int i = 0; i < parameters; ++i) {
    space.parameters.push_back({StrCat("x", i), FloatDomain{0, 1}, {}});
  }
  return space;
}

Trial MakeTrial(int64_t number, Configuration configuration) {
  Trial trial;
  trial.number = number;
  trial.configuration = std::move(configuration);
  return trial;
}

Configuration SuggestOne(Sampler& sampler, int64_t number) {
  const auto suggestion = sampler.Suggest(number);
  EXPECT_TRUE(suggestion.ok());
  EXPECT_TRUE(suggestion->has_value());
  return **suggestion;
}

std::vector<Trial> RunAll(Sampler& sampler, int64_t most) {
  std::vector<Trial> trials;
  for (int64_t number = 1; number <= most; ++number) {
    const auto suggestion = sampler.Suggest(number);
    if (!suggestion.ok() || !suggestion->has_value()) break;
    trials.push_back(MakeTrial(number, **suggestion));
    sampler.Observe(trials.back());
  }
  return trials;
}

class QuasiRandom : public ::testing::TestWithParam<Sequence> {};

TEST_P(QuasiRandom, TrialTakesItsPointInTheSpacesOrder) {
  SearchSpace space = Continuous(3);
  space.parameters[1].domain = FloatDomain{1e-4, 1e-2, true, std::nullopt};
  space.parameters.insert(space.parameters.begin(), FiniteSpace().parameters[0]);
  QuasiRandomSampler sampler(space, GetParam(), {.scramble = false}, 1);
  const std::vector<double> point = GetParam() == Sequence::kSobol
                                        ? SobolSequence(3, std::nullopt).Point(6)
                                        : HaltonSequence(3, std::nullopt).Point(6);
  const Configuration configuration = SuggestOne(sampler, 7);
  EXPECT_EQ(configuration.at("fixed"), Word("always"));
  EXPECT_THAT(std::get<double>(configuration.at("x0")), DoubleEq(point[0]));
  EXPECT_THAT(std::get<double>(configuration.at("x1")),
              DoubleNear(std::pow(10, -4 + 2 * point[1]), 1e-12));
  EXPECT_THAT(std::get<double>(configuration.at("x2")), DoubleEq(point[2]));
}

TEST_P(QuasiRandom, AnInactiveParameterLeavesTheOthersAlone) {
  SearchSpace space = FiniteSpace();
  space.parameters.push_back({"rate", FloatDomain{0, 1}, {}});
  SearchSpace without = space;
  without.parameters[3].conditions.clear();  // `dense` is always active
  QuasiRandomSampler conditional(space, GetParam(), {}, 5);
  QuasiRandomSampler flat(without, GetParam(), {}, 5);
  int inactive = 0;
  for (int64_t number = 1; number <= 64; ++number) {
    const Configuration some = SuggestOne(conditional, number);
    Configuration all = SuggestOne(flat, number);
    ASSERT_TRUE(Validate(space, some).ok()) << ToJsonText(some);
    if (!some.contains("dense")) {
      ++inactive;
      all.erase("dense");
    }
    EXPECT_EQ(some, all);
  }
  EXPECT_NEAR(inactive, 32, 1);  // its balance: half of the points are "backbone"
}

TEST_P(QuasiRandom, FillsAFiniteSpaceWithoutRepetition) {
  for (const bool scramble : {false, true}) {
    const SearchSpace space = FiniteSpace();
    QuasiRandomSampler sampler(space, GetParam(), {scramble}, 9);
    std::set<std::string> texts;
    for (const Trial& trial : RunAll(sampler, 1000)) {
      EXPECT_TRUE(Validate(space, trial.configuration).ok());
      texts.insert(ToJsonText(trial.configuration));
      EXPECT_EQ(texts.size(), static_cast<size_t>(trial.number));
    }
    EXPECT_EQ(texts.size(), kFiniteCount);
    EXPECT_FALSE(sampler.Suggest(1000)->has_value());
  }
}

// The plain sequence repeats cells of this grid soon; the sampler leaves the repetitions out.
TEST_P(QuasiRandom, TakesTheFirstFreePointInsteadOfATakenOne) {
  SearchSpace space = Continuous(2);
  for (Parameter& parameter : space.parameters) parameter.domain = IntDomain{0, 5, false, 1};
  QuasiRandomSampler sampler(space, GetParam(), {}, 3);
  QuasiRandomSampler blind(space, GetParam(), {}, 3);
  std::set<std::string> taken;
  int replaced = 0;
  for (int64_t number = 1; number <= 30; ++number) {
    Configuration expected = SuggestOne(blind, number);
    if (taken.contains(ToJsonText(expected))) {
      ++replaced;
      for (int64_t other = 1; taken.contains(ToJsonText(expected)); ++other) {
        expected = SuggestOne(blind, other);
      }
    }
    const Configuration suggested = SuggestOne(sampler, number);
    EXPECT_EQ(suggested, expected) << number;
    taken.insert(ToJsonText(suggested));
    sampler.Observe(MakeTrial(number, suggested));
  }
  EXPECT_GT(replaced, 3);
}

TEST_P(QuasiRandom, ReplayInAnyOrderSuggestsTheSame) {
  const SearchSpace space = FiniteSpace();
  QuasiRandomSampler live(space, GetParam(), {}, 4);
  std::vector<Trial> told;
  for (int64_t number = 1; number <= static_cast<int64_t>(kFiniteCount); ++number) {
    QuasiRandomSampler rebuilt(space, GetParam(), {}, 4);
    RandomStream order(StreamKey(4).With(static_cast<uint64_t>(number)));
    order.Shuffle(told);
    for (int repetition = 0; repetition < 2; ++repetition) {
      for (const Trial& trial : told) rebuilt.Observe(trial);
    }
    const Configuration suggested = SuggestOne(live, number);
    EXPECT_EQ(suggested, SuggestOne(live, number));
    EXPECT_EQ(suggested, SuggestOne(rebuilt, number));
    told.push_back(MakeTrial(number, suggested));
    live.Observe(told.back());
  }
}

TEST_P(QuasiRandom, TheSeedScrambles) {
  const SearchSpace space = Continuous(4);
  const auto first = [&](bool scramble, uint64_t seed) {
    QuasiRandomSampler sampler(space, GetParam(), {scramble}, seed);
    return SuggestOne(sampler, 1);
  };
  EXPECT_EQ(first(true, 1), first(true, 1));
  EXPECT_NE(first(true, 1), first(true, 2));
  EXPECT_EQ(first(false, 1), first(false, 2));
}

TEST_P(QuasiRandom, MoreParametersThanDimensionsAreDrawn) {
  const int dimensions =
      static_cast<int>(GetParam() == Sequence::kSobol ? SobolSequence::kMostDimensions
                                                      : HaltonSequence::kMostDimensions);
  const SearchSpace space = Continuous(dimensions + 2);
  QuasiRandomSampler sampler(space, GetParam(), {.scramble = false}, 1);
  std::set<double> drawn;
  for (int64_t number = 1; number <= 20; ++number) {
    const Configuration configuration = SuggestOne(sampler, number);
    ASSERT_TRUE(Validate(space, configuration).ok());
    drawn.insert(std::get<double>(configuration.at(StrCat("x", dimensions))));
    drawn.insert(std::get<double>(configuration.at(StrCat("x", dimensions + 1))));
  }
  EXPECT_EQ(drawn.size(), 40u);
}

INSTANTIATE_TEST_SUITE_P(All, QuasiRandom, ::testing::Values(Sequence::kSobol, Sequence::kHalton),
                         [](const auto& info) {
                           return info.param == Sequence::kSobol ? "Sobol" : "Halton";
                         });

}  // namespace
}  // namespace vizsla
