// The parts of training that need no LibTorch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <thread>

#include "src/train/class_weights.h"
#include "src/train/epoch_batches.h"
#include "src/train/gradient_buckets.h"
#include "src/train/joined_source.h"
#include "src/train/micro_batches.h"
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

TEST(Streams, DrawnViewsTakeTurns) {
  const AugmentationPolicy policy = *FindAugmentationPolicy("v2");
  const TrialStreams streams(42, 7);
  for (const int count : {1, 2, 5, 64}) {
    const ViewSet views = *ViewSet::Of(policy, count);
    for (uint32_t photo = 0; photo < 20; ++photo) {
      for (int round = 0; round < 3; ++round) {
        std::set<int> seen;
        for (int i = 1; i <= count; ++i) {
          const int number = streams.ViewNumber(views, round * count + i, photo);
          EXPECT_GE(number, 0);
          EXPECT_LT(number, count);
          seen.insert(number);
        }
        EXPECT_EQ(seen.size(), static_cast<size_t>(count)) << "each once";
      }
    }
  }
}

// In the same epoch photos are not all in the view of the same number; nor do trials agree.
TEST(Streams, TheTurnsOfDrawnViewsAreTheTrialsOwn) {
  const ViewSet views = *ViewSet::Of(*FindAugmentationPolicy("v2"), 4);
  const TrialStreams streams(42, 7), other(42, 8);
  std::vector<int> first(4), other_round(4), other_trial(4);
  for (uint32_t photo = 0; photo < 4000; ++photo) {
    const int number = streams.ViewNumber(views, 1, photo);
    ++first[static_cast<size_t>(number)];
    ++other_round[static_cast<size_t>((streams.ViewNumber(views, 5, photo) - number + 4) % 4)];
    ++other_trial[static_cast<size_t>((other.ViewNumber(views, 1, photo) - number + 4) % 4)];
  }
  for (const auto& counts : {first, other_round, other_trial}) {
    for (const int count : counts) EXPECT_NEAR(count, 1000, 130);
  }
}

TEST(Streams, ExactViewsAreDrawnAsEver) {
  const TrialStreams streams(42, 7);
  const AugmentationPolicy flips{.horizontal_flip = true};
  const ViewSet views = *ViewSet::Of(flips, 0);
  for (uint32_t photo = 0; photo < 1000; ++photo) {
    const int number = streams.ViewNumber(views, 3, photo);
    EXPECT_EQ(views.At(photo, number), streams.Augmentation(flips, 3, photo));
  }
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

TEST(EpochBatchesTest, RanksShareEachBatchOfTheEpoch) {
  TrainingPlan plan;
  plan.batch_size = 8;
  plan.augmentation.horizontal_flip = true;
  const TrialStreams streams(42, 7);
  const SyntheticSource photos(42, 3, 4, 1);
  const EpochBatches batches(plan, streams, 2, photos);
  const std::vector<uint32_t> order = streams.Order(2, 42);
  ASSERT_EQ(batches.steps(), 6);
  for (int64_t step = 0; step < 6; ++step) {
    const StepRows whole = batches.RowsOf(step, 0, 1);
    EXPECT_EQ(whole.global_count, step < 5 ? 8 : 2);
    std::vector<PhotoView> together;
    for (int rank = 0; rank < 3; ++rank) {
      const StepRows part = batches.RowsOf(step, rank, 3);
      EXPECT_EQ(part.global_count, whole.global_count);
      EXPECT_EQ(part.mine.begin, static_cast<int64_t>(together.size()));
      together.insert(together.end(), part.views.begin(), part.views.end());
    }
    ASSERT_EQ(together.size(), whole.views.size());
    for (size_t i = 0; i < together.size(); ++i) {
      EXPECT_EQ(whole.views[i].photo, order[static_cast<size_t>(step) * 8 + i]);
      EXPECT_EQ(whole.views[i].view,
                streams.Augmentation(plan.augmentation, 2, whole.views[i].photo));
      EXPECT_EQ(together[i].photo, whole.views[i].photo);
      EXPECT_EQ(together[i].view, whole.views[i].view);
      EXPECT_FALSE(whole.views[i].mixed_in);
    }
  }
}

TEST(EpochBatchesTest, DrawnViewsAreThePhotosAndTheNumberSaysWhich) {
  TrainingPlan plan;
  plan.batch_size = 42;
  plan.augmentation = *FindAugmentationPolicy("v3");
  plan.views = 3;
  const SyntheticSource photos(42, 3, 4, 1);
  std::map<std::pair<uint32_t, int>, View> seen;
  for (int64_t trial = 0; trial < 5; ++trial) {
    for (int epoch = 1; epoch <= 7; ++epoch) {
      const EpochBatches batches(plan, TrialStreams(42, trial), epoch, photos);
      for (const PhotoView& row : batches.RowsOf(0, 0, 1).views) {
        EXPECT_EQ(row.view,
                  TrainViews(plan)->At(photos.photo_identity(row.photo), row.view_number));
        const auto [place, is_new] = seen.try_emplace({row.photo, row.view_number}, row.view);
        EXPECT_EQ(row.view, place->second) << "the same for all trials and epochs";
      }
    }
  }
  EXPECT_EQ(seen.size(), 42u * 3);
  plan.views = 0;
  const EpochBatches fresh(plan, TrialStreams(42, 0), 1, photos);
  for (const PhotoView& row : fresh.RowsOf(0, 0, 1).views) {
    EXPECT_EQ(row.view, TrialStreams(42, 0).Augmentation(plan.augmentation, 1, row.photo));
  }
}

TEST(EpochBatchesTest, ARowIsMixedWithTheOneBeforeItOnWhicheverRank) {
  TrainingPlan plan;
  plan.image_size = 32;
  plan.batch_size = 8;
  plan.mixup = 0.4;
  plan.cutmix = 1;
  plan.augmentation.horizontal_flip = true;
  const TrialStreams streams(42, 7);
  const SyntheticSource photos(42, 3, 4, 1);
  const EpochBatches batches(plan, streams, 1, photos);
  std::vector<BatchMix> mixes;
  for (int64_t step = 0; step < 6; ++step) {
    const StepRows whole = batches.RowsOf(step, 0, 1);
    mixes.push_back(whole.views[0].mixed_in->mix);
    EXPECT_EQ(mixes.back(), streams.Mix(0.4, 1, 32, 1, step));
    for (size_t i = 0; i < whole.views.size(); ++i) {
      const PhotoView& before = whole.views[i == 0 ? whole.views.size() - 1 : i - 1];
      EXPECT_EQ(whole.views[i].mixed_in->photo, before.photo);
      EXPECT_EQ(whole.views[i].mixed_in->view, before.view);
      EXPECT_EQ(whole.views[i].mixed_in->mix, mixes.back()) << "one draw for the whole batch";
    }
    const StepRows second = batches.RowsOf(step, 1, 2);
    EXPECT_EQ(second.views[0].mixed_in->photo,
              whole.views[static_cast<size_t>(second.mine.begin) - 1].photo);
  }
  EXPECT_NE(mixes[0], mixes[1]);
  EXPECT_NE(streams.Mix(0.4, 1, 32, 2, 0), mixes[0]);
  EXPECT_NE(TrialStreams(42, 8).Mix(0.4, 1, 32, 1, 0), mixes[0]);
}

TEST(ClassWeightsTest, AreScikitLearnsBalanced) {
  SyntheticSource source(10, 4, 4, 1);
  const int labels[] = {0, 0, 0, 0, 0, 1, 1, 3, 3, 3};
  source.label_of = [&](uint32_t photo) { return labels[photo]; };
  // compute_class_weight("balanced", classes=[0, 1, 3], y=labels): 10 / (3 * n_c).
  const std::vector<float> weights = WeightsOfClasses(ClassWeights::kBalanced, source, 4);
  EXPECT_EQ(weights, (std::vector<float>{10.f / 15, 10.f / 6, 0, 10.f / 9}));
  EXPECT_TRUE(WeightsOfClasses(ClassWeights::kNone, source, 4).empty());
}

TEST(JoinedSourceTest, IsOneAfterTheOther) {
  const SyntheticSource first(5, 3, 4, 1), second(4, 3, 4, 2);
  const JoinedSource joined(first, &second);
  EXPECT_EQ(joined.photo_count(), 9u);
  EXPECT_EQ(joined.image_size(), 4);
  std::vector<PhotoView> views;
  for (const uint32_t photo : {8, 0, 5, 4, 3, 7}) {
    views.push_back({.photo = photo, .view = {.flip = photo % 2 == 0}});
  }
  constexpr size_t kFloats = 3 * 4 * 4;
  std::vector<float> pixels(views.size() * kFloats), expected(kFloats);
  ASSERT_TRUE(joined.Fill(views, pixels.data()).ok());
  for (size_t i = 0; i < views.size(); ++i) {
    PhotoView own = views[i];
    const SyntheticSource& source = own.photo < 5 ? first : second;
    own.photo = own.photo < 5 ? own.photo : own.photo - 5;
    ASSERT_TRUE(source.Fill({&own, 1}, expected.data()).ok());
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), pixels.begin() + i * kFloats)) << i;
  }
  EXPECT_EQ(joined.photo_identity(4), first.photo_identity(4));
  EXPECT_EQ(joined.photo_identity(5), second.photo_identity(0));
  const JoinedSource alone(first, nullptr);
  EXPECT_EQ(alone.photo_count(), 5u);
  EXPECT_EQ(alone.content_digest(), first.content_digest());
  EXPECT_NE(joined.content_digest(), first.content_digest());
}

TEST(JoinedSourceTest, ErrorsOfBothComeThrough) {
  SyntheticSource first(5, 3, 4, 1), second(4, 3, 4, 2);
  const JoinedSource joined(first, &second);
  second.on_fill = [](const PhotoView& view) {
    return view.photo == 2 ? absl::DataLossError("stray-2.jpg: cut short") : absl::OkStatus();
  };
  std::vector<float> pixels(2 * 3 * 4 * 4);
  EXPECT_TRUE(joined.Fill(std::vector<PhotoView>{{.photo = 2}, {.photo = 5}}, pixels.data()).ok());
  EXPECT_EQ(joined.Fill(std::vector<PhotoView>{{.photo = 2}, {.photo = 7}}, pixels.data()),
            absl::DataLossError("stray-2.jpg: cut short"));
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

TEST(PrefetcherTest, HoldsThreeBatchesAtMost) {
  const SyntheticSource source(10, 2, 4, 1);
  Prefetcher prefetcher(source, 0, 1000, [](int64_t) { return Photos({1}); });
  for (int taken = 1; taken <= 3; ++taken) {
    ASSERT_TRUE(prefetcher.Next().ok());
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_LE(source.filled, taken + 2);
  }
}

TEST(PrefetcherTest, ABatchOfManyThreadsIsTheSame) {
  SyntheticSource source(10, 2, 4, 1);
  const auto views = [](int64_t) { return Photos({3, 1, 4, 1, 5, 9, 2}); };
  Prefetcher one(source, 0, 1, views), many(source, 0, 1, views, /*threads=*/3);
  EXPECT_EQ((*one.Next())->pixels, (*many.Next())->pixels);
  source.on_fill = [](const PhotoView& view) {
    return view.photo >= 4 ? absl::DataLossError(StrCat("photo ", view.photo, " is gone"))
                           : absl::OkStatus();
  };
  Prefetcher failing(source, 0, 1, views, /*threads=*/7);
  EXPECT_EQ(failing.Next().status(), absl::DataLossError("photo 4 is gone")) << "the first row's";
  source.on_fill = [](const PhotoView& view) -> absl::Status {
    if (view.photo == 9) throw std::runtime_error("odd");
    return absl::OkStatus();
  };
  Prefetcher odd(source, 0, 1, views, /*threads=*/7);
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

TEST(MicroBatchesTest, PartsCoverAllRowsAndFit) {
  for (const int64_t at_once : {0, 1, 2, 3, 5, 100}) {
    const MicroBatches batches(at_once);
    for (const int64_t global : {0, 1, 2, 7, 32, 33}) {
      for (const int ranks : {1, 2, 3}) {
        const int64_t parts = batches.Parts(global, ranks);
        for (int rank = 0; rank < ranks; ++rank) {
          const int64_t rows = global * (rank + 1) / ranks - global * rank / ranks;
          int64_t covered = 0;
          for (int64_t part = 0; part < parts; ++part) {
            const RowRange range = MicroBatches::Part(rows, part, parts);
            EXPECT_EQ(range.begin, covered);
            if (at_once > 0) {
              EXPECT_LE(range.end - range.begin, at_once);
            }
            covered = range.end;
          }
          EXPECT_EQ(covered, rows);
        }
      }
    }
  }
  EXPECT_EQ(MicroBatches().Parts(32, 2), 1);
  EXPECT_EQ(MicroBatches(5).Parts(33, 2), 4) << "17 rows on one rank";
}

TEST(MicroBatchesTest, HalvesDownToOneRow) {
  MicroBatches batches(100);  // more than there are
  std::vector<int64_t> sizes;
  while (batches.Halve(33, 2)) sizes.push_back(batches.rows_at_once());
  EXPECT_EQ(sizes, (std::vector<int64_t>{9, 5, 3, 2, 1}));
  EXPECT_FALSE(MicroBatches().Halve(2, 2));
}

TEST(VotingGroupTest, AloneMayTryAgain) {
  const auto local = MakeLocalCommunicator();
  VotingGroup group(*local);
  EXPECT_EQ(group.AgreeToRetry(absl::ResourceExhaustedError("full")).message(), "full");
  EXPECT_TRUE(group.may_retry());
  group.Retry();
  EXPECT_TRUE(group.Agree(absl::OkStatus()).ok());
  EXPECT_FALSE(group.may_retry());
  EXPECT_EQ(group.Agree(absl::InternalError("broken")).message(), "broken");
  EXPECT_FALSE(group.may_retry());
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
