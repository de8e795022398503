// What a column remembers must not be seen: after any history it is, to the bit, a fresh one's.
#include "src/search/normal_column.h"

#include <gtest/gtest.h>

#include <map>

#include "src/base/random.h"
#include "src/search/unit_cube.h"

namespace vizsla {
namespace {

using Observed = std::map<int64_t, double>;  // by number

void Update(const ParzenAxis& axis, const Observed& observed, NormalColumn& column) {
  std::vector<int64_t> numbers;
  std::vector<double> coordinates;
  for (const auto& [number, coordinate] : observed) {
    numbers.push_back(number);
    coordinates.push_back(coordinate);
  }
  column.Update(axis, numbers, coordinates);
}

void ExpectAsFresh(const ParzenAxis& axis, const Observed& observed, const NormalColumn& column) {
  NormalColumn fresh;
  Update(axis, observed, fresh);
  ASSERT_EQ(column.centers().size(), observed.size() + 1);
  EXPECT_EQ(column.centers(), fresh.centers());
  EXPECT_EQ(column.precisions(), fresh.precisions());
  EXPECT_EQ(column.log_scales(), fresh.log_scales());
}

TEST(NormalColumn, KernelsReachTheFartherNeighbour) {
  const ParzenAxis axis(FloatDomain{0, 1});
  NormalColumn column;
  Update(axis, {{1, 0.1}, {2, 0.9}, {3, 0.4}}, column);
  EXPECT_EQ(column.centers(), (std::vector{0.1, 0.9, 0.4, 0.5}));  // the prior is the last
  ASSERT_EQ(column.precisions().size(), 4u);
  EXPECT_DOUBLE_EQ(column.precisions()[0], 1 / 0.3);
  EXPECT_DOUBLE_EQ(column.precisions()[1], 1 / 0.5);
  EXPECT_DOUBLE_EQ(column.precisions()[2], 1 / 0.5);
  EXPECT_DOUBLE_EQ(column.precisions()[3], 1.0);
  // Without the middle one the others are wider, and its number may come back elsewhere.
  Update(axis, {{1, 0.1}, {2, 0.9}}, column);
  EXPECT_DOUBLE_EQ(column.precisions()[0], 1 / 0.8);
  Update(axis, {{1, 0.1}, {2, 0.9}, {3, 0.2}}, column);
  EXPECT_DOUBLE_EQ(column.precisions()[1], 1 / 0.7);
}

TEST(NormalColumn, RemembersNothingThatShows) {
  for (const Domain& domain :
       {Domain(FloatDomain{0, 1}), Domain(IntDomain{1, 9, false, 1})}) {  // the latter with ties
    const ParzenAxis axis(domain);
    RandomStream random(StreamKey(3).With("column"));
    NormalColumn column;
    Observed observed;
    int64_t newest = 0;
    for (int round = 0; round < 300; ++round) {
      const auto changes = random.UniformInt(6);
      for (uint64_t i = 0; i < changes; ++i) {
        const bool comes = observed.size() < 60 && !random.Bernoulli(0.4);
        if (comes) {
          observed[++newest] = axis.Coordinate(FromUnit(domain, random.Uniform()));
        } else if (!observed.empty()) {
          auto victim = observed.begin();
          std::advance(victim, random.UniformInt(observed.size()));
          if (random.Bernoulli(0.3)) {
            victim->second = axis.Coordinate(FromUnit(domain, random.Uniform()));
          } else {
            observed.erase(victim);
          }
        }
      }
      if (round % 100 == 99) observed.clear();
      Update(axis, observed, column);
      ExpectAsFresh(axis, observed, column);
    }
  }
}

}  // namespace
}  // namespace vizsla
