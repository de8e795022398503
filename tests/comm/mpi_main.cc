// Run by mpirun; every rank runs every test, and the job fails when one of them does.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>
#include <vector>

#include "src/comm/mpi_communicator.h"
#include "tests/comm/conformance.h"

namespace vizsla {
namespace {

MpiWorld* world = nullptr;
Communicator* communicator = nullptr;

TEST(MpiWorldTest, GroupsAreConsecutiveRanks) {
  const int size = world->size();
  for (int ranks = 1; ranks <= size; ++ranks) {
    if (size % ranks != 0) continue;
    auto group = world->SplitGroups(ranks);
    ASSERT_TRUE(group.ok()) << group.status();
    EXPECT_EQ((*group)->size(), ranks);
    EXPECT_EQ((*group)->rank(), world->rank() % ranks);
    std::vector<double> sum = {static_cast<double>(world->rank())};
    ASSERT_TRUE((*group)->AllReduceSum(std::span<double>(sum)).ok());
    double expected = 0;
    for (int r = 0; r < ranks; ++r) expected += world->rank() / ranks * ranks + r;
    EXPECT_EQ(sum[0], expected);
  }
}

TEST(MpiWorldTest, GroupsThatDoNotDivideAreRefused) {
  const int size = world->size();
  auto group = world->SplitGroups(size + 1);
  EXPECT_EQ(group.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(group.status().message(), StrCat("ranks per trial: a world of ", size,
                                             " ranks does not divide into groups of ", size + 1));
  EXPECT_EQ(world->SplitGroups(0).status().message(), "ranks per trial: 0 is less than 1");
}

// The promise of mpi_sum.h, to the bit, also where more rounds are needed than are under way.
template <typename T, typename Sum>
void SumsInRankOrder(size_t count, const Sum& sum) {
  const auto value = [](int rank, size_t i) {
    std::minstd_rand engine(static_cast<unsigned>(i * 31 + static_cast<size_t>(rank) * 7 + 1));
    engine.discard(2);
    const auto bits = static_cast<int>(engine() % 2000001) - 1000000;
    return std::ldexp(static_cast<T>(bits) / T(3), static_cast<int>(engine() % 20));
  };
  std::vector<T> values(count), expected(count);
  for (size_t i = 0; i < count; ++i) {
    values[i] = value(world->rank(), i);
    expected[i] = value(0, i);
    for (int r = 1; r < world->size(); ++r) expected[i] += value(r, i);
  }
  ASSERT_TRUE(sum(std::span<T>(values)).ok());
  EXPECT_EQ(std::memcmp(values.data(), expected.data(), count * sizeof(T)), 0) << count;
}

TEST(MpiSumTest, AddsInRankOrderAtEverySize) {
  for (const size_t count : {3, 5000, 65536 * 3, 65536 * 3 + 1, 3000001}) {
    SumsInRankOrder<float>(count, [](auto values) { return communicator->AllReduceSum(values); });
    SumsInRankOrder<double>(count, [](auto values) { return communicator->AllReduceSum(values); });
    SumsInRankOrder<float>(count, [](auto values) -> absl::Status {
      VIZSLA_RETURN_IF_ERROR(communicator->StartAllReduceSum(values));
      return communicator->FinishSums();
    });
  }
}

TEST(MpiWorldTest, RanksOfThisHost) {
  EXPECT_EQ(world->local_rank(), world->rank());
  EXPECT_EQ(world->local_size(), world->size());
}

TEST(MpiWorldTest, InitializesOnce) {
  EXPECT_EQ(MpiWorld::Init(nullptr, nullptr).status().message(), "MPI is already initialized");
}

}  // namespace

Communicator& CommunicatorUnderTest() { return *communicator; }

DeviceUnderTest* GpuUnderTest() { return nullptr; }

}  // namespace vizsla

int main(int argc, char** argv) {
  auto world = vizsla::MpiWorld::Init(&argc, &argv);
  if (!world.ok()) {
    std::fprintf(stderr, "%s\n", world.status().ToString().c_str());
    return 1;
  }
  ::testing::InitGoogleTest(&argc, argv);
  auto communicator = (*world)->World();
  vizsla::world = world->get();
  vizsla::communicator = communicator.get();
  return RUN_ALL_TESTS();
}
