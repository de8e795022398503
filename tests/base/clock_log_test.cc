#include <gmock/gmock.h>

#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/status.h"
#include "src/base/strong_id.h"

namespace vizsla {
namespace {

TEST(ManualClock, MovesOnlyWhenTold) {
  ManualClock clock(FromUnixMillis(1000));
  EXPECT_EQ(ToUnixMillis(clock.Now()), 1000);
  EXPECT_EQ(ToUnixMillis(clock.Now()), 1000);
  clock.Advance(Milliseconds(250));
  EXPECT_EQ(ToUnixMillis(clock.Now()), 1250);
}

TEST(SystemClock, IsPlausible) {
  const Timestamp before = SystemClock().Now();
  EXPECT_GT(ToUnixMillis(before), int64_t{1700000000000});
  EXPECT_GE(SystemClock().Now(), before);
}

TEST(Log, AnUnknownLevelListsTheKnownOnes) {
  const absl::Status status = InitLogging("test", "chatty");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.ToString(), ::testing::HasSubstr("'chatty'"));
  EXPECT_THAT(status.ToString(), ::testing::HasSubstr("debug"));
  EXPECT_TRUE(InitLogging("test", "debug").ok());
}

TEST(Log, NothingGoesToStandardOutput) {
  ASSERT_TRUE(InitLogging("test 1", "info").ok());
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  log::info("hello {}", 42);
  log::debug("hidden");
  spdlog::default_logger()->flush();
  const std::string err = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
  EXPECT_THAT(err, ::testing::HasSubstr("I test 1: hello 42"));
  EXPECT_THAT(err, ::testing::Not(::testing::HasSubstr("hidden")));
}

TEST(Status, AnnotateAddsThePlaceAndKeepsTheCode) {
  const absl::Status status = Annotate(absl::DataLossError("cut short"), "a.zip");
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(std::string(status.message()), "a.zip: cut short");
  EXPECT_TRUE(Annotate(absl::OkStatus(), "a.zip").ok());
}

TEST(Status, MacrosPassErrorsOn) {
  const auto half = [](int x) -> absl::StatusOr<int> {
    if (x % 2 != 0) return absl::InvalidArgumentError("odd");
    return x / 2;
  };
  const auto quarter = [&](int x) -> absl::StatusOr<int> {
    VIZSLA_ASSIGN_OR_RETURN(const int first, half(x));
    VIZSLA_RETURN_IF_ERROR(half(first).status());
    return half(first);
  };
  EXPECT_EQ(*quarter(12), 3);
  EXPECT_EQ(quarter(6).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(quarter(3).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(StrongId, ComparesByValueAndHashes) {
  using Id = StrongId<struct TestTag>;
  EXPECT_EQ(Id(), Id(0));
  EXPECT_LT(Id(1), Id(2));
  EXPECT_EQ(std::hash<Id>()(Id(7)), std::hash<Id>()(Id(7)));
}

}  // namespace
}  // namespace vizsla
