#include "src/search/unit_cube.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

namespace vizsla {
namespace {

ParameterValue Int(int64_t value) { return value; }
ParameterValue Word(const char* word) { return std::string(word); }

// Each value with the share of the unit interval that FromUnit gives it.
std::map<ParameterValue, double> Shares(const Domain& domain) {
  constexpr int kPoints = 1'000'000;
  std::map<ParameterValue, double> shares;
  for (int i = 0; i < kPoints; ++i) shares[FromUnit(domain, (i + 0.5) / kPoints)] += 1.0 / kPoints;
  return shares;
}

TEST(UnitCube, FloatsAreEvenInTheirRange) {
  const FloatDomain domain{-2, 6};
  EXPECT_DOUBLE_EQ(std::get<double>(FromUnit(domain, 0)), -2);
  EXPECT_DOUBLE_EQ(std::get<double>(FromUnit(domain, 0.25)), 0);
  EXPECT_DOUBLE_EQ(std::get<double>(FromUnit(domain, 1)), 6);
  EXPECT_DOUBLE_EQ(ToUnit(domain, 4.0), 0.75);
}

TEST(UnitCube, LogFloatsAreEvenInTheLogarithm) {
  const FloatDomain domain{1e-4, 1, true, std::nullopt};
  EXPECT_NEAR(std::get<double>(FromUnit(domain, 0)), 1e-4, 1e-16);
  EXPECT_NEAR(std::get<double>(FromUnit(domain, 0.75)), 0.1, 1e-12);
  EXPECT_NEAR(std::get<double>(FromUnit(domain, 1)), 1, 1e-15);
  EXPECT_NEAR(ToUnit(domain, 0.01), 0.5, 1e-12);
}

TEST(UnitCube, FloatsOfOneValueStandInTheMiddle) {
  EXPECT_EQ(ToUnit(FloatDomain{3, 3}, 3.0), 0.5);
  EXPECT_EQ(FromUnit(FloatDomain{3, 3}, 0.9), ParameterValue(3.0));
}

TEST(UnitCube, NeverLeavesTheDomain) {
  const std::vector<Domain> domains = {FloatDomain{0.1, 0.7},
                                       FloatDomain{1e-5, 0.3, true, std::nullopt},
                                       FloatDomain{0, 0.7, false, 0.1},
                                       IntDomain{-3, 9, false, 4},
                                       IntDomain{1, 777, true, 1},
                                       IntDomain{0, int64_t{1} << 62},
                                       CategoricalDomain{{Word("a"), IntList{1, 2}, true}}};
  for (const Domain& domain : domains) {
    for (int i = 0; i <= 1000; ++i) {
      const ParameterValue value = FromUnit(domain, i / 1000.0);
      ASSERT_TRUE(Contains(domain, value)) << ToText(domain) << ": " << ToText(value);
      const double unit = ToUnit(domain, value);
      ASSERT_GE(unit, 0) << ToText(domain);
      ASSERT_LE(unit, 1) << ToText(domain);
    }
  }
}

TEST(UnitCube, ContinuousRoundTrip) {
  for (const bool log : {false, true}) {
    const FloatDomain domain{1e-3, 10, log, std::nullopt};
    for (int i = 0; i <= 100; ++i) {
      EXPECT_NEAR(ToUnit(domain, FromUnit(domain, i / 100.0)), i / 100.0, 1e-12);
    }
  }
}

TEST(UnitCube, FiniteRoundTrip) {
  const std::vector<Domain> domains = {
      FloatDomain{0, 0.7, false, 0.1}, IntDomain{-3, 9, false, 4}, IntDomain{1, 777, true, 1},
      CategoricalDomain{{Word("a"), IntList{}, IntList{1, 2}, true, Int(7)}}};
  for (const Domain& domain : domains) {
    for (int64_t i = 0; i < *CountValues(domain); ++i) {
      const ParameterValue value = ValueAt(domain, i);
      EXPECT_EQ(FromUnit(domain, ToUnit(domain, value)), value) << ToText(domain);
    }
  }
}

TEST(UnitCube, FiniteDomainsShareTheIntervalEvenly) {
  for (const Domain& domain :
       std::vector<Domain>{FloatDomain{0, 0.6, false, 0.2}, IntDomain{2, 16, false, 2},
                           CategoricalDomain{{Word("a"), Word("b"), IntList{1}}}}) {
    const auto shares = Shares(domain);
    const auto count = static_cast<size_t>(*CountValues(domain));
    EXPECT_EQ(shares.size(), count);
    for (const auto& [value, share] : shares) {
      EXPECT_NEAR(share, 1.0 / static_cast<double>(count), 3e-6) << ToText(value);
    }
  }
}

TEST(UnitCube, LogIntegersOwnFromHalfBelowToHalfAbove) {
  const IntDomain domain{1, 8, true, 1};
  const auto shares = Shares(domain);
  const double range = std::log(8.5 / 0.5);
  ASSERT_EQ(shares.size(), 8u);
  for (const auto& [value, share] : shares) {
    const auto v = static_cast<double>(std::get<int64_t>(value));
    EXPECT_NEAR(share, std::log((v + 0.5) / (v - 0.5)) / range, 3e-6) << v;
    EXPECT_NEAR(ToUnit(domain, value), std::log(v / 0.5) / range, 1e-12);
  }
}

TEST(UnitCube, KeepsTheOrderOfNumbers) {
  for (const Domain& domain :
       std::vector<Domain>{FloatDomain{0, 0.6, false, 0.2}, IntDomain{1, 100, true, 1},
                           CategoricalDomain{{Int(8), Int(64), Int(512)}}}) {
    double last = -1;
    for (int64_t i = 0; i < *CountValues(domain); ++i) {
      const double unit = ToUnit(domain, ValueAt(domain, i));
      EXPECT_GT(unit, last) << ToText(domain);
      EXPECT_EQ(IndexFromUnit(domain, unit), i) << ToText(domain);
      last = unit;
    }
  }
}

TEST(UnitCube, WhatIsOrdered) {
  EXPECT_TRUE(IsOrdered(FloatDomain{0, 1}));
  EXPECT_TRUE(IsOrdered(IntDomain{0, 1}));
  EXPECT_TRUE(IsOrdered(CategoricalDomain{{Int(8), Int(64), Int(512)}}));
  EXPECT_TRUE(IsOrdered(CategoricalDomain{{0.1, 0.5}}));
  EXPECT_FALSE(IsOrdered(CategoricalDomain{{Int(64), Int(8)}}));
  EXPECT_FALSE(IsOrdered(CategoricalDomain{{Word("a"), Word("b")}}));
  EXPECT_FALSE(IsOrdered(CategoricalDomain{{false, true}}));
  EXPECT_FALSE(IsOrdered(CategoricalDomain{{IntList{64}, IntList{128}}}));
  EXPECT_FALSE(IsOrdered(CategoricalDomain{{Int(8), Word("all")}}));
}

}  // namespace
}  // namespace vizsla
