#include "src/search/packed_configuration.h"

#include <gtest/gtest.h>

#include <set>

#include "src/base/random.h"
#include "src/search/random_sampler.h"

namespace vizsla {
namespace {

// Every kind of domain and a condition; more than 64 parameters.
SearchSpace Space() {
  SearchSpace space;
  space.parameters = {
      {"rate", FloatDomain{1e-5, 1, true, {}}, {}},
      {"dropout", FloatDomain{0, 0.6, false, 0.1}, {}},
      {"units", IntDomain{-3, 5, false, 2}, {}},
      {"kind", CategoricalDomain{{std::string("a"), std::string("b")}}, {}},
      {"flag", CategoricalDomain{{true, false}}, {}},
      {"dense", CategoricalDomain{{IntList{}, IntList{128, 64}}}, {}},
      {"depth", IntDomain{1, 9, true, 1}, {{"kind", {std::string("b")}}}},
  };
  for (int i = 0; i < 60; ++i) {
    space.parameters.push_back({StrCat("x", i), FloatDomain{-1, 1, false, {}}, {}});
  }
  return space;
}

TEST(PackedConfiguration, UnpacksToTheSame) {
  const SearchSpace space = Space();
  bool without_depth = false;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const Configuration given = DrawAtRandom(space, StreamKey(seed));
    const auto packed = PackedConfiguration::Pack(space, given);
    ASSERT_TRUE(packed);
    EXPECT_EQ(packed->Unpack(space), given);
    EXPECT_EQ(packed->Has(6), given.contains("depth"));
    without_depth = without_depth || !packed->Has(6);
    EXPECT_EQ(packed->ValueOf(space.parameters[2].domain, 2), given.at("units"));
    EXPECT_TRUE(*packed == *PackedConfiguration::Pack(space, given));
    const Configuration other = DrawAtRandom(space, StreamKey(seed + 100));
    EXPECT_FALSE(*packed == *PackedConfiguration::Pack(space, other));
  }
  EXPECT_TRUE(without_depth);
}

TEST(PackedConfiguration, TakesValidOnesAlone) {
  const SearchSpace space = Space();
  Configuration outside = DrawAtRandom(space, StreamKey(1));
  outside["units"] = int64_t{6};
  EXPECT_FALSE(PackedConfiguration::Pack(space, outside));
  EXPECT_FALSE(PackedConfiguration::Pack(space, {}));
}

TEST(ConfigurationDigest, DiffersWithEachValueAndNotWithinAStep) {
  const SearchSpace space = Space();
  Configuration one = DrawAtRandom(space, StreamKey(3));
  one["dropout"] = 0.3;
  one["x0"] = 0.0;
  std::set<ConfigurationDigest> digests = {DigestOf(space, one)};
  Configuration same = one;
  same["dropout"] = 0.30000000001;
  same["x0"] = -0.0;
  EXPECT_TRUE(digests.contains(DigestOf(space, same)));
  const Configuration changed[] = {
      {{"dropout", 0.4}},     {{"units", int64_t{5}}}, {{"units", int64_t{-3}}},
      {{"x0", 1e-300}},       {{"x59", 0.25}},         {{"dense", IntList{128, 64}}},
      {{"dense", IntList{}}}, {{"flag", true}},        {{"flag", false}}};
  for (const Configuration& change : changed) {
    Configuration other = one;
    for (const auto& [name, value] : change) other[name] = value;
    if (other == one) continue;
    EXPECT_TRUE(digests.insert(DigestOf(space, other)).second) << ToJsonText(change);
  }
  EXPECT_GE(digests.size(), 7u);
}

TEST(ConfigurationDigest, DoesNotCollideOnAGrid) {
  SearchSpace space;
  for (int i = 0; i < 6; ++i) {
    space.parameters.push_back({StrCat("x", i), IntDomain{0, 6, false, 1}, {}});
  }
  std::set<ConfigurationDigest> digests;
  std::set<uint64_t> halves;  // of which each is a good hash by itself
  int64_t count = 0;
  for (auto next = std::optional(FirstConfiguration(space)); next;
       next = NextConfiguration(space, *next)) {
    const ConfigurationDigest digest = DigestOf(space, *next);
    digests.insert(digest);
    halves.insert(digest[0]);
    ++count;
  }
  EXPECT_EQ(std::ssize(digests), count);
  EXPECT_EQ(std::ssize(halves), count);
}

}  // namespace
}  // namespace vizsla
