// Addresses, versions, retries, statuses and the address file: the client's rules without a
// network.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "src/base/file.h"
#include "src/rpc/address.h"
#include "src/rpc/address_file.h"
#include "src/rpc/handshake.h"
#include "src/rpc/retry.h"
#include "src/rpc/status_convert.h"

namespace vizsla {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

TEST(Address, IsParsedAndWrittenBack) {
  for (const char* text : {"127.0.0.1:4711", "localhost:0", "[::1]:65535", "node-7.cluster:1"}) {
    const auto address = ParseHostPort(text);
    ASSERT_TRUE(address.ok()) << address.status();
    EXPECT_EQ(ToText(*address), text);
  }
}

TEST(Address, MalformedOnesAreRefusedWithAReason) {
  const std::pair<const char*, const char*> cases[] = {
      {"127.0.0.1", "it has no port"},
      {":80", "it has no host"},
      {"localhost:", "its port is no number"},
      {"localhost:99999", "its port is no number"},
      {"localhost:-1", "its port is no number"},
      {"localhost:8x", "its port is no number"},
      {"::1:80", "needs brackets"},
      {"[nonsense]:80", "no IPv6 address"},
      {"http://a:80", "malformed"},
      {"", "it has no port"},
  };
  for (const auto& [text, reason] : cases) {
    const auto address = ParseHostPort(text);
    ASSERT_FALSE(address.ok()) << text;
    EXPECT_EQ(address.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(address.status().message()), HasSubstr(reason)) << text;
    EXPECT_THAT(std::string(address.status().message()), HasSubstr(text));
  }
}

TEST(Address, OnlyLoopbackIsLoopback) {
  for (const char* host : {"127.0.0.1", "127.8.9.10", "localhost", "::1"})
    EXPECT_TRUE(IsLoopback(host)) << host;
  for (const char* host :
       {"0.0.0.0", "10.0.0.1", "::", "example", "126.255.255.255", "128.0.0.1", "127.0.0.1.evil"}) {
    EXPECT_FALSE(IsLoopback(host)) << host;
  }
}

TEST(Versions, TheSentenceSaysWhoMustUpdate) {
  EXPECT_TRUE(CheckVersions({1, "0.1.0"}, {1, "0.9.0"}).ok());
  const absl::Status older = CheckVersions({1, "0.1.0"}, {2, "0.2.0"});
  EXPECT_EQ(older.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(std::string(older.message()),
            "this vizsla (protocol 1, 0.1.0) is older than the coordinator (protocol 2, 0.2.0): "
            "update it");
  const absl::Status newer = CheckVersions({2, "0.2.0"}, {1, "0.1.0"});
  EXPECT_EQ(std::string(newer.message()),
            "this vizsla (protocol 2, 0.2.0) is newer than the coordinator (protocol 1, 0.1.0): "
            "update the "
            "coordinator");
}

TEST(Retry, WhatMayWorkSoonIsTransient) {
  EXPECT_TRUE(IsTransient(absl::UnavailableError("")));
  EXPECT_TRUE(IsTransient(absl::DeadlineExceededError("")));
  EXPECT_TRUE(IsTransient(absl::AbortedError("")));
  for (const auto code :
       {absl::StatusCode::kOk, absl::StatusCode::kInternal, absl::StatusCode::kNotFound,
        absl::StatusCode::kFailedPrecondition, absl::StatusCode::kDataLoss,
        absl::StatusCode::kResourceExhausted, absl::StatusCode::kCancelled}) {
    EXPECT_FALSE(IsTransient(absl::Status(code, "x")));
  }
}

TEST(Retry, PausesGrowToFiveSecondsAndEndWithPatience) {
  const milliseconds patience = seconds(60);
  milliseconds last{0};
  for (int tries = 1; tries <= 12; ++tries) {
    const auto shortest = NextPause(tries, 0, milliseconds(0), patience);
    const auto longest = NextPause(tries, 0.999, milliseconds(0), patience);
    ASSERT_TRUE(shortest && longest);
    EXPECT_GE(*shortest, milliseconds(50));
    EXPECT_LE(*longest, milliseconds(5000));
    EXPECT_LT(*shortest, *longest);
    EXPECT_GE(*longest, last);
    last = *longest;
  }
  EXPECT_GE(last, milliseconds(4900));
  EXPECT_EQ(NextPause(1, 0.5, seconds(60), patience), std::nullopt);
  EXPECT_EQ(NextPause(1, 0.5, milliseconds(0), milliseconds(0)), std::nullopt);  // one try only
}

TEST(Statuses, CodesAndSentencesCrossTheWire) {
  for (int code = 1; code <= 16; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code), "a sentence");
    EXPECT_EQ(FromGrpc(ToGrpc(status)), status);
  }
  EXPECT_TRUE(FromGrpc(ToGrpc(absl::OkStatus())).ok());
}

TEST(Statuses, LongSentencesAreCutBetweenCharacters) {
  std::string text;
  while (text.size() < 20'000) text += "\xC3\xA9";
  const std::string cut = ToGrpc(absl::InternalError("x" + text)).error_message();
  EXPECT_LT(cut.size(), 9'000u);
  EXPECT_THAT(cut, ::testing::EndsWith("\xC3\xA9 ... (cut)"));
}

// Somebody who listens, as a coordinator does.
class Listener {
 public:
  Listener() : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address_);
    auto* plain = reinterpret_cast<sockaddr*>(&address_);
    EXPECT_EQ(::bind(fd_, plain, length), 0);
    EXPECT_EQ(::listen(fd_, 8), 0);
    EXPECT_EQ(::getsockname(fd_, plain, &length), 0);
  }
  ~Listener() { ::close(fd_); }
  std::string address() const { return "127.0.0.1:" + std::to_string(ntohs(address_.sin_port)); }

 private:
  int fd_;
  sockaddr_in address_{};
};

class AddressFileTest : public ::testing::Test {
 protected:
  AddressFileTest() : folder_(TemporaryDirectory::Create("vizsla-address").value()) {}
  std::string database() const { return folder_.path() + "/s.db"; }
  TemporaryDirectory folder_;
};

TEST_F(AddressFileTest, NothingIsThereAndNothingIsMade) {
  EXPECT_EQ(FindCoordinator(database()).value(), std::nullopt);
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST_F(AddressFileTest, AnAddressCountsOnlyWhileTheLockIsHeld) {
  const Listener listener;
  ASSERT_TRUE(WriteAddressFile(database(), listener.address()).ok());
  EXPECT_EQ(FindCoordinator(database()).value(), std::nullopt);  // a crashed coordinator's
  {
    auto lock = FileLock::TryAcquire(LockFilePath(database())).value();
    ASSERT_TRUE(lock);
    EXPECT_EQ(FindCoordinator(database()).value(), listener.address());
  }
  EXPECT_EQ(FindCoordinator(database()).value(), std::nullopt);
  RemoveAddressFile(database(), "127.0.0.1:1");  // not the one that lies there: somebody else's
  EXPECT_TRUE(std::filesystem::exists(AddressFilePath(database())));
  RemoveAddressFile(database(), listener.address());
  EXPECT_FALSE(std::filesystem::exists(AddressFilePath(database())));
  ASSERT_TRUE(WriteAddressFile(database(), listener.address()).ok());
  RemoveAddressFile(database());
  EXPECT_FALSE(std::filesystem::exists(AddressFilePath(database())));
}

TEST_F(AddressFileTest, AStartingCoordinatorIsWaitedForAndItsPredecessorForgotten) {
  std::string stale;
  {
    const Listener gone;
    stale = gone.address();
  }
  const Listener listener;
  for (const bool crashed_before : {false, true}) {
    RemoveAddressFile(database());
    if (crashed_before) {
      ASSERT_TRUE(WriteAddressFile(database(), stale).ok());
    }
    auto lock = FileLock::TryAcquire(LockFilePath(database())).value();
    ASSERT_TRUE(lock);
    std::thread starting([&] {
      std::this_thread::sleep_for(milliseconds(200));
      ASSERT_TRUE(WriteAddressFile(database(), listener.address()).ok());
    });
    EXPECT_EQ(FindCoordinator(database()).value(), listener.address());
    starting.join();
  }
}

TEST_F(AddressFileTest, AHolderWithoutAddressIsASentence) {
  auto lock = FileLock::TryAcquire(LockFilePath(database())).value();
  ASSERT_TRUE(lock);
  const auto found = FindCoordinator(database());
  EXPECT_EQ(found.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(found.status().message()), HasSubstr("at whose address nobody answers"));
}

TEST_F(AddressFileTest, ADamagedAddressIsNamed) {
  auto lock = FileLock::TryAcquire(LockFilePath(database())).value();
  ASSERT_TRUE(WriteAddressFile(database(), "garbage").ok());
  const auto found = FindCoordinator(database());
  EXPECT_EQ(found.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(found.status().message()), HasSubstr("s.db.address: address 'garbage'"));
}

}  // namespace
}  // namespace vizsla
