#include "src/scheduling/explore.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace vizsla {
namespace {

PopulationOptions Always(std::vector<std::string> names, double resample = 0) {
  PopulationOptions options;
  options.resample = resample;
  options.perturb = std::move(names);
  return options;
}

std::set<ParameterValue> Reached(const Domain& domain, const ParameterValue& value,
                                 double resample = 0) {
  const SearchSpace space{{{"x", domain, {}}}};
  std::set<ParameterValue> reached;
  for (uint64_t i = 0; i < 200; ++i) {
    const auto explored =
        Explore(space, Always({"x"}, resample), {{"x", value}}, StreamKey(1).With(i));
    EXPECT_TRUE(Contains(domain, explored.at("x")));
    reached.insert(explored.at("x"));
  }
  return reached;
}

using Values = std::set<ParameterValue>;

TEST(Explore, MultipliesNumbersWithinTheirDomain) {
  const FloatDomain rate{1e-4, 1e-1, true, {}};
  EXPECT_EQ(Reached(rate, 0.01), (Values{0.01 * 0.8, 0.01 * 1.2}));
  EXPECT_EQ(Reached(rate, 1e-1), (Values{1e-1 * 0.8, 1e-1})) << "the end of the range";
  EXPECT_EQ(Reached(IntDomain{1, 100, false, 1}, int64_t{50}), (Values{int64_t{40}, int64_t{60}}));
}

TEST(Explore, MovesAtLeastOneStep) {
  EXPECT_EQ(Reached(IntDomain{1, 9, false, 2}, int64_t{3}), (Values{int64_t{1}, int64_t{5}}));
  const Values steps = Reached(FloatDomain{0, 0.6, false, 0.1}, 0.1);
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_DOUBLE_EQ(std::get<double>(*steps.begin()), 0);
  EXPECT_DOUBLE_EQ(std::get<double>(*steps.rbegin()), 0.2);
}

TEST(Explore, MovesListedNumbersToANeighbourInSize) {
  const CategoricalDomain batches{{int64_t{64}, int64_t{16}, int64_t{128}, int64_t{32}}};
  EXPECT_EQ(Reached(batches, int64_t{32}), (Values{int64_t{16}, int64_t{64}}));
  EXPECT_EQ(Reached(batches, int64_t{16}), (Values{int64_t{16}, int64_t{32}}));
}

TEST(Explore, ChangesWordsByDrawsAlone) {
  const CategoricalDomain words{{std::string("a"), std::string("b"), std::string("c")}};
  EXPECT_EQ(Reached(words, std::string("b")), (Values{std::string("b")}));
  EXPECT_EQ(Reached(words, std::string("b"), 1).size(), 3u);
}

TEST(Explore, ResamplesAsOftenAsItIsTold) {
  const SearchSpace space{{{"x", FloatDomain{0, 1, false, {}}, {}}}};
  int drawn = 0;
  for (uint64_t i = 0; i < 2000; ++i) {
    const auto explored = Explore(space, Always({"x"}, 0.25), {{"x", 0.5}}, StreamKey(7).With(i));
    const double x = std::get<double>(explored.at("x"));
    drawn += x != 0.5 * 0.8 && x != 0.5 * 1.2;
  }
  EXPECT_NEAR(drawn, 500, 80);  // four deviations
}

TEST(Explore, LeavesAllElseAlone) {
  const SearchSpace space{{{"shape", IntDomain{1, 9, false, 1}, {}},
                           {"parent", IntDomain{1, 9, false, 1}, {}},
                           {"child", FloatDomain{0, 1, false, {}}, {{"parent", {int64_t{5}}}}},
                           {"absent", FloatDomain{0, 1, false, {}}, {}}}};
  const Configuration before = {
      {"shape", int64_t{5}}, {"parent", int64_t{5}}, {"child", 0.5}, {"outer", 3.0}};
  const auto after =
      Explore(space, Always({"parent", "child", "absent", "outer"}), before, StreamKey(1));
  EXPECT_NE(after.at("child"), before.at("child"));
  Configuration rest = after;
  rest["child"] = 0.5;
  EXPECT_EQ(rest, before);
}

}  // namespace
}  // namespace vizsla
