#include "src/base/random.h"

#include <gmock/gmock.h>

#include <cmath>
#include <numeric>
#include <set>

namespace vizsla {
namespace {

using ::testing::ElementsAre;

// Random123's kat_vectors, philox4x32 10 rounds.
TEST(Philox, MatchesThePublishedVectors) {
  EXPECT_THAT(Philox4x32({0, 0, 0, 0}, {0, 0}),
              ElementsAre(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8));
  EXPECT_THAT(
      Philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
      ElementsAre(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd));
  EXPECT_THAT(
      Philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
      ElementsAre(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1));
}

TEST(RandomStream, ReadsItsKeysBlocksInOrder) {
  const StreamKey key(7);
  RandomStream stream(key);
  const std::array<uint32_t, 2> words = {static_cast<uint32_t>(key.value()),
                                         static_cast<uint32_t>(key.value() >> 32)};
  for (uint32_t block = 0; block < 3; ++block) {
    for (const uint32_t expected : Philox4x32({block, 0, 0, 0}, words)) {
      EXPECT_EQ(stream.NextU32(), expected);
    }
  }
}

TEST(StreamKey, DependsOnEveryPartAndOnTheirOrder) {
  const StreamKey base(42);
  std::set<uint64_t> values = {
      base.value(),
      StreamKey(43).value(),
      base.With(1).value(),
      base.With("1").value(),
      base.With("").value(),
      base.With(uint64_t{0}).value(),
      base.With("a").With("b").value(),
      base.With("b").With("a").value(),
      base.With("ab").value(),
      base.With(1).With(2).value(),
      base.With(2).With(1).value(),
  };
  EXPECT_EQ(values.size(), 11u);
  EXPECT_EQ(base.With("x").With(3).value(), StreamKey(42).With("x").With(3).value());
}

// Stored studies depend on these numbers: a change of the mixing makes every old trial another one.
TEST(StreamKey, IsTheSameInEveryVersion) {
  EXPECT_EQ(StreamKey(42).With("sampler").With(1).value(), 0x7d9b3d4c791784afu);
}

TEST(RandomStream, UniformFillsItsRangeEvenly) {
  RandomStream stream(StreamKey(1));
  constexpr int kDraws = 100000;
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double x = stream.Uniform(-2, 4);
    ASSERT_GE(x, -2);
    ASSERT_LT(x, 4);
    sum += x;
    squares += x * x;
  }
  const double mean = sum / kDraws;
  EXPECT_NEAR(mean, 1.0, 0.03);
  EXPECT_NEAR(squares / kDraws - mean * mean, 3.0, 0.05);  // (b - a)^2 / 12
}

TEST(RandomStream, NormalHasMeanZeroAndDeviationOne) {
  RandomStream stream(StreamKey(2));
  constexpr int kDraws = 100000;
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double x = stream.Normal();
    ASSERT_TRUE(std::isfinite(x));
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / kDraws, 0.0, 0.02);
  EXPECT_NEAR(squares / kDraws, 1.0, 0.03);
}

TEST(RandomStream, UniformIntIsUnbiasedAndBounded) {
  RandomStream stream(StreamKey(3));
  std::array<int, 3> counts{};
  for (int i = 0; i < 30000; ++i) {
    const uint64_t x = stream.UniformInt(3);
    ASSERT_LT(x, 3u);
    ++counts[x];
  }
  for (const int count : counts) EXPECT_NEAR(count, 10000, 400);
  EXPECT_EQ(stream.UniformInt(1), 0u);
}

TEST(RandomStream, BernoulliKnowsItsEnds) {
  RandomStream stream(StreamKey(4));
  int heads = 0;
  for (int i = 0; i < 10000; ++i) {
    EXPECT_FALSE(stream.Bernoulli(0));
    EXPECT_TRUE(stream.Bernoulli(1));
    heads += stream.Bernoulli(0.25) ? 1 : 0;
  }
  EXPECT_NEAR(heads, 2500, 200);
}

TEST(RandomStream, ShuffleKeepsItemsAndFollowsTheKey) {
  std::vector<int> items(100);
  std::iota(items.begin(), items.end(), 0);
  std::vector<int> first = items;
  RandomStream(StreamKey(5)).Shuffle(first);
  std::vector<int> same = items;
  RandomStream(StreamKey(5)).Shuffle(same);
  std::vector<int> other = items;
  RandomStream(StreamKey(6)).Shuffle(other);
  EXPECT_NE(first, items);
  EXPECT_EQ(first, same);
  EXPECT_NE(first, other);
  EXPECT_THAT(first, ::testing::UnorderedElementsAreArray(items));
}

}  // namespace
}  // namespace vizsla
