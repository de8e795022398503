// What NcclCommunicator does when NCCL fails or another rank is gone, and in what order it uses
// streams; over doubles of both libraries.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

#include "src/comm/nccl_communicator.h"
#include "tests/comm/nccl_doubles.h"

namespace vizsla {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class NcclFaultsTest : public ::testing::Test {
 protected:
  NcclFaultsTest() { Reset(); }
  ~NcclFaultsTest() override {
    group_.reset();
    Reset();
  }

  Communicator& Connect(const NcclOptions& options) {
    auto group = MakeNcclCommunicator(*control_, options);
    EXPECT_TRUE(group.ok()) << group.status();
    group_ = *std::move(group);
    Doubles().TakeCalls();
    return *group_;
  }

  absl::Status Sum(std::vector<float>& values) {
    VIZSLA_RETURN_IF_ERROR(group_->StartDeviceSum({.data = values.data(), .count = values.size()}));
    return group_->FinishSums();
  }

  // Of collectives of the host, until one fails or patience ends.
  absl::Status NextFailure() {
    const auto end = std::chrono::steady_clock::now() + 10s;
    absl::Status status;
    while (status.ok() && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(5ms);
      status = group_->Barrier();
    }
    return status;
  }

  std::unique_ptr<Communicator> control_ = MakeLocalCommunicator();
  std::unique_ptr<Communicator> group_;

 private:
  static void Reset() {
    Doubles().sums_hang = false;
    Doubles().asynchronous = ncclSuccess;
    Doubles().connecting = ncclSuccess;
    Doubles().summing = ncclSuccess;
    Doubles().TakeCalls();
  }
};

TEST_F(NcclFaultsTest, StreamsWaitForEachOther) {
  Communicator& group = Connect({});
  EXPECT_TRUE(group.device_sums());
  std::vector<float> first = {1, 2}, second = {3};
  std::vector<Bfloat16> third(1);
  ASSERT_TRUE(group.StartDeviceSum({.data = first.data(), .count = 2}).ok());
  ASSERT_TRUE(group.StartDeviceSum({.data = second.data(), .count = 1}).ok());
  ASSERT_TRUE(
      group
          .StartDeviceSum({.type = DeviceValues::Type::kBfloat16, .data = third.data(), .count = 1})
          .ok());
  ASSERT_TRUE(group.StartDeviceSum({}).ok());
  EXPECT_THAT(Doubles().TakeCalls(), ElementsAre("record user", "nccl waits", "sum of float32",
                                                 "record nccl",  // watched
                                                 "record user", "nccl waits", "sum of float32",
                                                 "record user", "nccl waits", "sum of bfloat16"));
  ASSERT_TRUE(group.FinishSums().ok());
  EXPECT_THAT(Doubles().TakeCalls(), ElementsAre("record nccl", "user waits"));
  EXPECT_THAT(first, ElementsAre(2, 4));
  EXPECT_THAT(second, ElementsAre(6));
  ASSERT_TRUE(group.FinishSums().ok()) << "with none under way";
  EXPECT_THAT(Doubles().TakeCalls(), ElementsAre());
  group_.reset();
  EXPECT_THAT(Doubles().TakeCalls(), ElementsAre("finalize", "destroy"));
}

TEST_F(NcclFaultsTest, WhatIsDoneHasNoDeadline) {
  Connect({.collective_deadline = 100ms});
  std::vector<float> values = {1};
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Sum(values).ok());
  std::this_thread::sleep_for(400ms);
  ASSERT_TRUE(Sum(values).ok());
  EXPECT_TRUE(group_->Barrier().ok());
  EXPECT_THAT(values, ElementsAre(16));
}

TEST_F(NcclFaultsTest, ASumThatHangsIsAborted) {
  Connect({.collective_deadline = 200ms, .grace = 1h});
  Doubles().sums_hang = true;
  std::vector<float> values = {1};
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(Sum(values).ok()) << "nothing waits for the GPU";
  const absl::Status failure = NextFailure();
  EXPECT_EQ(failure.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(failure.message(),
            "an all-reduce (sum) was not finished within 200 ms: another rank is dead or hangs");
  EXPECT_GE(std::chrono::steady_clock::now() - start, 200ms);
  EXPECT_THAT(Doubles().TakeCalls(), ::testing::Contains("abort").Times(1));
  // A result that rests on it must not be told.
  std::vector<int64_t> vote = {1};
  std::vector<double> metric = {1};
  EXPECT_EQ(group_->AllReduceMax(vote), failure);
  EXPECT_EQ(group_->AllReduceSum(std::span<double>(metric)), failure);
  EXPECT_EQ(Sum(values), failure);
  group_.reset();
  EXPECT_THAT(Doubles().TakeCalls(), ElementsAre()) << "aborted once";
}

// This rank may wait for its GPU in the middle of a pass, and never come to FinishSums.
TEST_F(NcclFaultsTest, ASumThatHangsInMidPassIsAborted) {
  Connect({.collective_deadline = 200ms, .grace = 1h});
  Doubles().sums_hang = true;
  std::vector<float> values = {1};
  ASSERT_TRUE(group_->StartDeviceSum({.data = values.data(), .count = 1}).ok());
  EXPECT_EQ(NextFailure().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(Doubles().TakeCalls(), ::testing::Contains("abort").Times(1));
}

TEST_F(NcclFaultsTest, WithoutADeadlineItIsWaitedFor) {
  Connect({.collective_deadline = 0ms, .grace = 1h});
  Doubles().sums_hang = true;
  std::vector<float> values = {1};
  ASSERT_TRUE(Sum(values).ok());
  std::this_thread::sleep_for(300ms);
  EXPECT_TRUE(group_->Barrier().ok());
}

TEST_F(NcclFaultsTest, ALostPeerEndsItBeforeTheDeadline) {
  Connect({.grace = 1h});
  Doubles().sums_hang = true;
  std::vector<float> values = {1};
  ASSERT_TRUE(Sum(values).ok());
  Doubles().asynchronous = ncclRemoteError;
  const absl::Status failure = NextFailure();
  EXPECT_EQ(failure, absl::InternalError("all-reduce (sum): NCCL: remote error"));
  EXPECT_THAT(Doubles().TakeCalls(), ::testing::Contains("abort").Times(1));
}

TEST_F(NcclFaultsTest, ARefusedSumBreaksTheGroup) {
  Connect({.grace = 1h});
  Doubles().summing = ncclInternalError;
  std::vector<float> values = {1};
  EXPECT_EQ(Sum(values).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(group_->Barrier().code(), absl::StatusCode::kInternal);
}

TEST_F(NcclFaultsTest, WhatDoesNotConnectLeavesTheGroupAsItWas) {
  Doubles().connecting = ncclSystemError;
  const auto group = MakeNcclCommunicator(*control_, {});
  EXPECT_EQ(group.status(), absl::InternalError("connect: NCCL: another error"));
  EXPECT_TRUE(control_->Barrier().ok());
}

TEST_F(NcclFaultsTest, AnAbortThatHangsDoesNotKeepTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        Connect({.collective_deadline = 100ms, .grace = 300ms});
        Doubles().sums_hang = true;
        Doubles().abort_hangs = true;
        std::vector<float> values = {1};
        (void)Sum(values);
        (void)NextFailure();
        std::this_thread::sleep_for(10s);
      },
      ::testing::ExitedWithCode(kCollectiveTimeoutExitCode), "");
}

TEST_F(NcclFaultsTest, UuidsAreOfTheGpu) {
  EXPECT_EQ(*UuidOfGpu(0), *UuidOfGpu(0));
  EXPECT_NE(*UuidOfGpu(0), *UuidOfGpu(1));
  EXPECT_THAT(std::string(UuidOfGpu(2).status().message()), HasSubstr("the GPU's identity"));
}

}  // namespace
}  // namespace vizsla
