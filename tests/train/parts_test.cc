// The parts of training that need no LibTorch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <thread>

#include "src/train/gradient_buckets.h"
#include "src/train/prefetcher.h"
#include "src/train/streams.h"
#include "src/train/tally.h"
#include "src/train/voting_group.h"
#include "tests/train/synthetic_source.h"

namespace vizsla {
namespace {

TEST(Streams, OrderIsAPermutationOfItsOwn) {
  const TrialStreams streams(42, 7);
  const std::vector<uint32_t> order = streams.Order(1, 1000);
  std::vector<uint32_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  std::vector<uint32_t> all(1000);
  std::iota(all.begin(), all.end(), 0u);
  EXPECT_EQ(sorted, all);
  EXPECT_NE(order, all);
  EXPECT_EQ(order, TrialStreams(42, 7).Order(1, 1000));
  EXPECT_NE(order, streams.Order(2, 1000));
  EXPECT_NE(order, TrialStreams(42, 8).Order(1, 1000));
  EXPECT_NE(order, TrialStreams(43, 7).Order(1, 1000));
  EXPECT_TRUE(streams.Order(1, 0).empty());
}

TEST(Streams, AugmentationBelongsToEpochAndPhoto) {
  const TrialStreams streams(42, 7);
  const AugmentationPolicy flips{.horizontal_flip = true};
  int flipped = 0;
  int changed = 0;
  for (uint32_t photo = 0; photo < 1000; ++photo) {
    const View first = streams.Augmentation(flips, 1, photo);
    EXPECT_EQ(first, streams.Augmentation(flips, 1, photo));
    flipped += first.flip ? 1 : 0;
    changed += first == streams.Augmentation(flips, 2, photo) ? 0 : 1;
  }
  EXPECT_NEAR(flipped, 500, 80);
  EXPECT_NEAR(changed, 500, 80);
  EXPECT_EQ(streams.Augmentation({}, 3, 4), View{});
}

TEST(Streams, RowsOfRanksCoverTheBatch) {
  for (int64_t rows = 0; rows < 40; ++rows) {
    for (int size = 1; size <= 5; ++size) {
      int64_t next = 0;
      for (int rank = 0; rank < size; ++rank) {
        const RowRange range = RowsOfRank(rows, rank, size);
        EXPECT_EQ(range.begin, next);
        EXPECT_LE(std::abs(range.count() - rows / size), 1);
        next = range.end;
      }
      EXPECT_EQ(next, rows);
    }
  }
}

TEST(TallyTest, CountsByDefinition) {
  // Three rows of six classes.
  const std::vector<float> logits = {0, 1, 2, 3, 4, 5,   //
                                     5, 4, 3, 2, 1, 0,   //
                                     1, 1, 1, 1, 1, 1};  //
  const std::vector<int64_t> labels = {5, 5, 0};
  Tally tally;
  AddLogits(logits, labels, 6, tally);
  EXPECT_EQ(tally.rows, 3);
  EXPECT_EQ(tally.correct, 2);  // of equal logits, the first class is on top
  EXPECT_EQ(tally.top5, 2);     // the second row's label is the sixth of six
  double sum = 0;
  for (int i = 0; i < 6; ++i) sum += std::exp(i);
  EXPECT_NEAR(tally.loss, (std::log(sum) - 5) + std::log(sum) + std::log(6.0), 1e-12);
  EXPECT_EQ(CountCorrect(logits, labels, 6), 2);
}

TEST(TallyTest, FewClassesAreAllInTheTopFive) {
  Tally tally;
  AddLogits(std::vector<float>{3, 2, 1}, std::vector<int64_t>{2}, 3, tally);
  EXPECT_EQ(tally.correct, 0);
  EXPECT_EQ(tally.top5, 1);
}

TEST(TallyTest, HugeLogitsDoNotOverflow) {
  Tally tally;
  AddLogits(std::vector<float>{1e30f, -1e30f}, std::vector<int64_t>{0}, 2, tally);
  EXPECT_EQ(tally.loss, 0);
  EXPECT_EQ(tally.correct, 1);
}

TEST(TallyTest, NaNIsNeverRight) {
  const std::vector<float> logits = {std::nanf(""), 1, 2};
  for (int64_t label = 0; label < 3; ++label) {
    Tally tally;
    AddLogits(logits, std::vector<int64_t>{label}, 3, tally);
    EXPECT_TRUE(std::isnan(tally.loss));
    EXPECT_EQ(tally.correct, 0);
    EXPECT_EQ(tally.top5, 0);
  }
}

TEST(TallyTest, NothingHasNoMean) { EXPECT_TRUE(std::isnan(Tally{}.mean_loss())); }

TEST(Buckets, SmallFirstThenLargeInReverse) {
  constexpr size_t kMiB = size_t{1} << 20;
  const std::vector<size_t> bytes = {20 * kMiB, 10 * kMiB, 6 * kMiB, kMiB / 2, kMiB / 2};
  EXPECT_EQ(PlanBuckets(bytes), (std::vector<std::vector<size_t>>{{4, 3}, {2, 1, 0}}));
  EXPECT_EQ(PlanBuckets(std::vector<size_t>{3 * kMiB, 30 * kMiB, 2 * kMiB}),
            (std::vector<std::vector<size_t>>{{2}, {1}, {0}}));
  EXPECT_TRUE(PlanBuckets({}).empty());
}

std::vector<PhotoView> Photos(std::initializer_list<uint32_t> photos) {
  std::vector<PhotoView> views;
  for (const uint32_t photo : photos) views.push_back({photo, View{}});
  return views;
}

TEST(PrefetcherTest, BatchesComeInOrderAndWhole) {
  const SyntheticSource source(10, 2, 4, 1);
  Prefetcher prefetcher(source, 2, 30, [](int64_t i) {
    return i % 5 == 4 ? std::vector<PhotoView>{}
                      : Photos({static_cast<uint32_t>(i % 10), static_cast<uint32_t>(i * 3 % 10)});
  });
  for (int64_t i = 2; i < 30; ++i) {
    auto batch = prefetcher.Next();
    ASSERT_TRUE(batch.ok());
    if (i % 5 == 4) {
      EXPECT_TRUE((*batch)->views.empty());
      continue;
    }
    ASSERT_EQ((*batch)->views.size(), 2u);
    EXPECT_EQ((*batch)->views[1].photo, static_cast<uint32_t>(i * 3 % 10));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // the thread runs ahead meanwhile
    std::vector<float> expected(2 * 3 * 4 * 4);
    ASSERT_TRUE(source.Fill((*batch)->views, expected.data()).ok());
    EXPECT_EQ((*batch)->pixels, expected);
  }
  EXPECT_FALSE(prefetcher.Next().ok());
}

TEST(PrefetcherTest, ErrorsArriveInTheirPlace) {
  SyntheticSource source(10, 2, 4, 1);
  source.on_fill = [](const PhotoView& view) {
    return view.photo == 3 ? absl::DataLossError("photo 3 is gone") : absl::OkStatus();
  };
  Prefetcher prefetcher(source, 0, 10,
                        [](int64_t i) { return Photos({static_cast<uint32_t>(i)}); });
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(prefetcher.Next().ok()) << i;
  EXPECT_EQ(prefetcher.Next().status().message(), "photo 3 is gone");
}

TEST(PrefetcherTest, ExceptionsOfItsThreadAreErrors) {
  SyntheticSource source(10, 2, 4, 1);
  source.on_fill = [](const PhotoView&) -> absl::Status { throw std::bad_alloc(); };
  Prefetcher full(source, 0, 10, [](int64_t) { return Photos({1}); });
  EXPECT_EQ(full.Next().status(),
            absl::ResourceExhaustedError("out of memory: a batch of 1 photos"));
  source.on_fill = [](const PhotoView&) -> absl::Status { throw std::runtime_error("odd"); };
  Prefetcher odd(source, 0, 10, [](int64_t) { return Photos({1}); });
  EXPECT_EQ(odd.Next().status(), absl::InternalError("odd"));
}

TEST(PrefetcherTest, MayBeLeftEarly) {
  const SyntheticSource source(10, 2, 4, 1);
  for (int taken = 0; taken < 3; ++taken) {
    Prefetcher prefetcher(source, 0, 1000, [](int64_t) { return Photos({1}); });
    for (int i = 0; i < taken; ++i) ASSERT_TRUE(prefetcher.Next().ok());
  }
  EXPECT_LT(source.filled, 20);
}

TEST(VotingGroupTest, AloneDecidesAtOnce) {
  const auto local = MakeLocalCommunicator();
  VotingGroup group(*local);
  EXPECT_TRUE(group.is_leader());
  group.Propose(Directive::kPreempt);
  group.Propose(Directive::kPrune);
  group.Propose(Directive::kContinue);
  EXPECT_EQ(group.agreed(), Directive::kContinue);
  EXPECT_TRUE(group.Agree(absl::OkStatus()).ok());
  EXPECT_EQ(group.agreed(), Directive::kPrune) << "a verdict outranks a wish of the process";
  EXPECT_EQ(group.Agree(absl::InternalError("first")).message(), "first");
  EXPECT_EQ(group.Agree(absl::InternalError("second")).message(), "first");
  std::vector<double> values = {1};
  EXPECT_EQ(group.Sum(std::span<double>(values)).message(), "first");
}

}  // namespace
}  // namespace vizsla
