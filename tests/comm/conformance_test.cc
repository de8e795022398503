// The contract of Communicator, as one suite: every transport's test program links it and runs it
// with its own communicator, on every rank.
#include "tests/comm/conformance.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numeric>
#include <random>
#include <vector>

namespace vizsla {
namespace {

class Conformance : public ::testing::Test {
 protected:
  Communicator& group = CommunicatorUnderTest();
  const int rank = group.rank();
  const int size = group.size();
};

// Different on every rank, of magnitudes that make the order of summation visible.
template <typename T>
std::vector<T> Values(int rank, size_t count) {
  std::mt19937 engine(static_cast<unsigned>(1000 + rank));
  std::uniform_real_distribution<T> mantissa(-1, 1);
  std::vector<T> values(count);
  for (T& value : values) value = std::ldexp(mantissa(engine), static_cast<int>(engine() % 20));
  return values;
}

TEST_F(Conformance, RankIsWithinSize) {
  EXPECT_GE(size, 1);
  EXPECT_GE(rank, 0);
  EXPECT_LT(rank, size);
}

TEST_F(Conformance, BarrierReturns) {
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(group.Barrier().ok());
}

TEST_F(Conformance, BroadcastFromEveryRoot) {
  for (int root = 0; root < size; ++root) {
    std::vector<int> values(1000);
    std::iota(values.begin(), values.end(), rank * 10000);
    ASSERT_TRUE(group.Broadcast(std::as_writable_bytes(std::span(values)), root).ok());
    EXPECT_EQ(values.front(), root * 10000);
    EXPECT_EQ(values.back(), root * 10000 + 999);
  }
}

TEST_F(Conformance, BroadcastOfNothing) {
  ASSERT_TRUE(group.Broadcast(std::span<std::byte>(), 0).ok());
}

TEST_F(Conformance, BroadcastFromNobodyIsRefused) {
  std::vector<std::byte> bytes(1);
  for (const int root : {-1, size}) {
    const absl::Status status = group.Broadcast(bytes, root);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(status.message(),
              StrCat("broadcast from rank ", root, ": the group has ranks 0 to ", size - 1));
  }
  EXPECT_TRUE(group.Barrier().ok()) << "a refused call must not break the communicator";
}

template <typename T>
void SumsAreRightAndRepeatable(Communicator& group, size_t count) {
  std::vector<double> expected(count);
  std::vector<double> scale(count);
  for (int r = 0; r < group.size(); ++r) {
    const std::vector<T> values = Values<T>(r, count);
    for (size_t i = 0; i < count; ++i) {
      expected[i] += static_cast<double>(values[i]);
      scale[i] += std::abs(static_cast<double>(values[i]));
    }
  }
  std::vector<T> first = Values<T>(group.rank(), count);
  ASSERT_TRUE(group.AllReduceSum(std::span<T>(first)).ok());
  const double epsilon = std::numeric_limits<T>::epsilon();
  for (size_t i = 0; i < count; ++i) {
    ASSERT_NEAR(static_cast<double>(first[i]), expected[i], 2 * group.size() * epsilon * scale[i])
        << "element " << i << " of " << count;
  }
  for (int repeat = 0; repeat < 3; ++repeat) {
    std::vector<T> again = Values<T>(group.rank(), count);
    ASSERT_TRUE(group.AllReduceSum(std::span<T>(again)).ok());
    ASSERT_EQ(std::memcmp(first.data(), again.data(), count * sizeof(T)), 0);
  }
  // The same bits on every rank.
  std::vector<T> all(count * static_cast<size_t>(group.size()));
  ASSERT_TRUE(
      group.AllGather(std::as_bytes(std::span(first)), std::as_writable_bytes(std::span(all)))
          .ok());
  for (int r = 0; r < group.size(); ++r) {
    ASSERT_EQ(
        std::memcmp(all.data() + static_cast<size_t>(r) * count, first.data(), count * sizeof(T)),
        0);
  }
}

TEST_F(Conformance, SumOfFloats) {
  for (const size_t count : {1, 2, 3, 7, 100, 4096, 4097, 300001}) {
    SumsAreRightAndRepeatable<float>(group, count);
  }
}

TEST_F(Conformance, SumOfDoubles) {
  for (const size_t count : {1, 2, 3, 7, 100, 2048, 2049, 150001}) {
    SumsAreRightAndRepeatable<double>(group, count);
  }
}

TEST_F(Conformance, SumOfNothing) {
  EXPECT_TRUE(group.AllReduceSum(std::span<float>()).ok());
  EXPECT_TRUE(group.AllReduceSum(std::span<double>()).ok());
}

TEST_F(Conformance, SumKeepsNaNAndInfinity) {
  std::vector<double> values = {rank == size - 1 ? std::nan("") : 1.0,
                                rank == 0 ? std::numeric_limits<double>::infinity() : 1.0, 1.0};
  ASSERT_TRUE(group.AllReduceSum(std::span<double>(values)).ok());
  EXPECT_TRUE(std::isnan(values[0]));
  EXPECT_TRUE(std::isinf(values[1]));
  EXPECT_EQ(values[2], size);
}

// Many at once, of sizes on both sides of every transport's limits, while other collectives go on.
TEST_F(Conformance, StartedSumsAreThoseOfTheBlockingCall) {
  const std::vector<size_t> counts = {300001, 1, 0, 4096, 4097, 100, 70000};
  std::vector<std::vector<float>> started, expected;
  for (const size_t count : counts) {
    started.push_back(Values<float>(rank, count));
    expected.push_back(started.back());
    ASSERT_TRUE(group.AllReduceSum(std::span<float>(expected.back())).ok());
  }
  for (int repeat = 0; repeat < 3; ++repeat) {
    for (size_t i = 0; i < counts.size(); ++i) {
      started[i] = Values<float>(rank, counts[i]);
      ASSERT_TRUE(group.StartAllReduceSum(std::span<float>(started[i])).ok());
      group.PollSums();
    }
    ASSERT_TRUE(group.FinishSums().ok());
    for (size_t i = 0; i < counts.size(); ++i) {
      ASSERT_EQ(std::memcmp(started[i].data(), expected[i].data(), counts[i] * sizeof(float)), 0)
          << counts[i];
    }
  }
  EXPECT_TRUE(group.FinishSums().ok()) << "with none under way";
}

// Each rank starts its sums at another place among the blocking collectives.
TEST_F(Conformance, StartedSumsHaveAChannelOfTheirOwn) {
  std::vector<std::vector<float>> sums;
  for (int i = 0; i < 4; ++i) {
    sums.emplace_back(static_cast<size_t>(20000 + i), static_cast<float>(rank + i));
  }
  size_t started = 0;
  for (int round = 0; round < 8; ++round) {
    while (started < sums.size() && static_cast<int>(started) * (rank + 1) <= round) {
      ASSERT_TRUE(group.StartAllReduceSum(std::span<float>(sums[started++])).ok());
    }
    std::vector<double> values = {static_cast<double>(round)};
    ASSERT_TRUE(group.AllReduceSum(std::span<double>(values)).ok());
    EXPECT_EQ(values[0], round * size);
  }
  while (started < sums.size()) {
    ASSERT_TRUE(group.StartAllReduceSum(std::span<float>(sums[started++])).ok());
  }
  ASSERT_TRUE(group.FinishSums().ok());
  for (int i = 0; i < 4; ++i) {
    const float expected = static_cast<float>(size * (size - 1) / 2 + i * size);
    EXPECT_EQ(sums[static_cast<size_t>(i)],
              std::vector<float>(static_cast<size_t>(20000 + i), expected));
  }
}

std::vector<Bfloat16> Rounded(std::span<const float> values) {
  std::vector<Bfloat16> rounded;
  for (const float value : values) rounded.push_back(RoundToBfloat16(value));
  return rounded;
}

// Added as float32, in rank order, and rounded once.
std::vector<Bfloat16> SumOfBfloat16s(int ranks, size_t count) {
  std::vector<float> sum(count);
  for (int r = 0; r < ranks; ++r) {
    const std::vector<Bfloat16> values = Rounded(Values<float>(r, count));
    for (size_t i = 0; i < count; ++i) {
      sum[i] = r == 0 ? ToFloat(values[i]) : sum[i] + ToFloat(values[i]);
    }
  }
  return Rounded(sum);
}

TEST_F(Conformance, StartedSumsOfBfloat16) {
  const std::vector<size_t> counts = {300001, 1, 0, 8192, 8193, 100, 70000};
  std::vector<std::vector<Bfloat16>> started;
  for (const size_t count : counts) {
    started.push_back(Rounded(Values<float>(rank, count)));
    ASSERT_TRUE(group.StartAllReduceSum(std::span<Bfloat16>(started.back())).ok());
  }
  ASSERT_TRUE(group.FinishSums().ok());
  for (size_t i = 0; i < counts.size(); ++i) {
    const std::vector<Bfloat16> expected = SumOfBfloat16s(size, counts[i]);
    ASSERT_EQ(std::memcmp(started[i].data(), expected.data(), counts[i] * sizeof(Bfloat16)), 0)
        << counts[i];
  }
}

TEST_F(Conformance, DeviceSumsWhereTheTransportHasNone) {
  if (group.device_sums()) GTEST_SKIP() << "it has";
  std::vector<float> values(3);
  EXPECT_EQ(group.StartDeviceSum({.data = values.data(), .count = values.size()}).code(),
            absl::StatusCode::kUnimplemented);
  EXPECT_TRUE(group.Barrier().ok()) << "a refused call must not break the communicator";
}

// While sums and votes of the host go on.
TEST_F(Conformance, DeviceSumsOfFloats) {
  if (!group.device_sums()) GTEST_SKIP() << "no device sums";
  DeviceUnderTest& device = *GpuUnderTest();
  const std::vector<size_t> counts = {300001, 1, 0, 4096, 70000};
  std::vector<void*> memory;
  std::vector<std::vector<float>> first(counts.size());
  for (const size_t count : counts) {
    const std::vector<float> values(count);
    memory.push_back(device.Upload(std::as_bytes(std::span(values))));
  }
  for (int repeat = 0; repeat < 3; ++repeat) {
    for (size_t i = 0; i < counts.size(); ++i) {
      const std::vector<float> mine = Values<float>(rank, counts[i]);
      device.Upload(std::as_bytes(std::span(mine)), memory[i]);
      ASSERT_TRUE(
          group.StartDeviceSum({.data = memory[i], .count = counts[i], .stream = device.stream()})
              .ok());
      group.PollSums();
      std::vector<int64_t> vote = {rank};
      ASSERT_TRUE(group.AllReduceMax(vote).ok());
    }
    ASSERT_TRUE(group.FinishSums().ok());
    for (size_t i = 0; i < counts.size(); ++i) {
      std::vector<float> got(counts[i]);
      device.Download(memory[i], std::as_writable_bytes(std::span(got)));
      if (repeat > 0) {
        ASSERT_EQ(std::memcmp(got.data(), first[i].data(), counts[i] * sizeof(float)), 0);
        continue;
      }
      first[i] = got;
      std::vector<double> expected(counts[i]), scale(counts[i]);
      for (int r = 0; r < size; ++r) {
        const std::vector<float> values = Values<float>(r, counts[i]);
        for (size_t j = 0; j < counts[i]; ++j) {
          expected[j] += static_cast<double>(values[j]);
          scale[j] += std::abs(static_cast<double>(values[j]));
        }
      }
      for (size_t j = 0; j < counts[i]; ++j) {
        ASSERT_NEAR(static_cast<double>(got[j]), expected[j], 2e-7 * size * scale[j]);
      }
      std::vector<float> all(counts[i] * static_cast<size_t>(size));
      ASSERT_TRUE(
          group.AllGather(std::as_bytes(std::span(got)), std::as_writable_bytes(std::span(all)))
              .ok());
      for (size_t j = 0; j < all.size(); ++j) ASSERT_EQ(all[j], got[j % counts[i]]);
    }
  }
}

TEST_F(Conformance, DeviceSumsOfBfloat16) {
  if (!group.device_sums()) GTEST_SKIP() << "no device sums";
  DeviceUnderTest& device = *GpuUnderTest();
  constexpr size_t kCount = 70001;
  const std::vector<Bfloat16> mine = Rounded(Values<float>(rank, kCount));
  void* memory = device.Upload(std::as_bytes(std::span(mine)));
  ASSERT_TRUE(group
                  .StartDeviceSum({.type = DeviceValues::Type::kBfloat16,
                                   .data = memory,
                                   .count = kCount,
                                   .stream = device.stream()})
                  .ok());
  ASSERT_TRUE(group.FinishSums().ok());
  std::vector<Bfloat16> got(kCount);
  device.Download(memory, std::as_writable_bytes(std::span(got)));
  const std::vector<Bfloat16> expected = SumOfBfloat16s(size, kCount);
  std::vector<float> scale(kCount);
  for (int r = 0; r < size; ++r) {
    const std::vector<float> values = Values<float>(r, kCount);
    for (size_t i = 0; i < kCount; ++i) scale[i] += std::abs(values[i]);
  }
  for (size_t i = 0; i < kCount; ++i) {  // NCCL may round after every rank
    ASSERT_NEAR(ToFloat(got[i]), ToFloat(expected[i]),
                static_cast<float>(size - 1) * scale[i] / 256);
  }
}

TEST_F(Conformance, Max) {
  std::vector<int64_t> values = {rank, -rank, int64_t{1} << 40, -5 - rank};
  ASSERT_TRUE(group.AllReduceMax(values).ok());
  EXPECT_EQ(values, (std::vector<int64_t>{size - 1, 0, int64_t{1} << 40, -5}));
}

TEST_F(Conformance, AllGatherIsInRankOrder) {
  const std::vector<int32_t> mine = {rank, rank * rank, 7};
  std::vector<int32_t> all(mine.size() * static_cast<size_t>(size));
  ASSERT_TRUE(
      group.AllGather(std::as_bytes(std::span(mine)), std::as_writable_bytes(std::span(all))).ok());
  for (int r = 0; r < size; ++r) {
    EXPECT_EQ(all[static_cast<size_t>(r) * 3], r);
    EXPECT_EQ(all[static_cast<size_t>(r) * 3 + 1], r * r);
    EXPECT_EQ(all[static_cast<size_t>(r) * 3 + 2], 7);
  }
}

TEST_F(Conformance, AllGatherOfWrongSizesIsRefused) {
  std::vector<std::byte> mine(3);
  std::vector<std::byte> all(static_cast<size_t>(size) * 3 + 1);
  EXPECT_EQ(group.AllGather(mine, all).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(group.Barrier().ok());
}

TEST_F(Conformance, StringsOfAnyLength) {
  for (const size_t length : {size_t{0}, size_t{1}, size_t{100000}}) {
    for (int root = 0; root < size; ++root) {
      std::string text = rank == root ? std::string(length, 'x') : std::string("something else");
      ASSERT_TRUE(BroadcastString(group, text, root).ok());
      EXPECT_EQ(text, std::string(length, 'x'));
    }
  }
}

TEST_F(Conformance, StatusesTravelWhole) {
  for (int root = 0; root < group.size(); ++root) {
    absl::Status status = group.rank() == root ? absl::DataLossError(StrCat("rank ", root, " said"))
                                               : absl::OkStatus();
    ASSERT_TRUE(BroadcastStatus(group, status, root).ok());
    EXPECT_EQ(status, absl::DataLossError(StrCat("rank ", root, " said")));
    status = group.rank() == root ? absl::OkStatus() : absl::AbortedError("mine alone");
    ASSERT_TRUE(BroadcastStatus(group, status, root).ok());
    EXPECT_TRUE(status.ok());
  }
}

TEST_F(Conformance, VoteIsUnanimous) {
  EXPECT_TRUE(Vote(group, absl::OkStatus()).ok());
  for (int failing = 0; failing < size; ++failing) {
    // Everyone from `failing` on fails; the lowest number speaks for all.
    const absl::Status mine = rank >= failing
                                  ? absl::ResourceExhaustedError(StrCat("rank ", rank, ": full"))
                                  : absl::OkStatus();
    const absl::Status all = Vote(group, mine);
    EXPECT_EQ(all.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(all.message(), StrCat("rank ", failing, ": full"));
  }
}

}  // namespace
}  // namespace vizsla
