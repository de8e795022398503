// Watching a leaderboard: a board at once, one after each change, the last when the study has
// finished.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <thread>

#include "tests/rpc/test_server.h"

namespace vizsla {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;
using testing::SampleBoard;
using testing::TestServer;

Board BoardWith(int64_t trials, StudyState state = StudyState::kActive) {
  Board board = SampleBoard();
  board.total_trials = trials;
  board.study.state = state;
  return board;
}

class WatchTest : public ::testing::Test {
 protected:
  WatchTest() : client_(server_.Connect()) { server_.scheduler.SetBoard(BoardWith(1)); }

  // Watches in another thread, noting the number of trials of each board.
  std::future<absl::Status> Watch(std::vector<int64_t>* seen, std::atomic<int>* count) {
    return std::async(std::launch::async, [this, seen, count] {
      return client_->WatchLeaderboard({}, [=](const v1::Leaderboard& board) {
        seen->push_back(board.total_trials());
        ++*count;
        return true;
      });
    });
  }
  static void AwaitCount(const std::atomic<int>& count, int wanted) {
    const auto give_up = steady_clock::now() + std::chrono::seconds(10);
    while (count < wanted && steady_clock::now() < give_up)
      std::this_thread::sleep_for(milliseconds(5));
    ASSERT_GE(count, wanted);
  }

  TestServer server_;
  std::unique_ptr<CoordinatorClient> client_;
};

TEST_F(WatchTest, BoardsArePushedUntilTheStudyHasFinished) {
  std::vector<int64_t> seen;
  std::atomic<int> count = 0;
  const auto start = steady_clock::now();
  auto watch = Watch(&seen, &count);
  AwaitCount(count, 1);
  EXPECT_LT(steady_clock::now() - start, milliseconds(1000));
  server_.scheduler.SetBoard(BoardWith(2));
  AwaitCount(count, 2);
  server_.scheduler.SetBoard(BoardWith(3, StudyState::kFinished));
  ASSERT_EQ(watch.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_EQ(watch.get(), absl::OkStatus());
  EXPECT_THAT(seen, ::testing::ElementsAre(1, 2, 3));
}

TEST_F(WatchTest, NothingIsSentWithoutAChangeAndAtMostTwiceASecond) {
  std::vector<int64_t> seen;
  std::atomic<int> count = 0;
  auto watch = Watch(&seen, &count);
  AwaitCount(count, 1);
  std::this_thread::sleep_for(milliseconds(800));
  EXPECT_EQ(count, 1);
  for (int i = 0; i < 60; ++i) {
    server_.scheduler.SetBoard(BoardWith(10 + i));
    std::this_thread::sleep_for(milliseconds(25));
  }
  server_.scheduler.SetBoard(BoardWith(99, StudyState::kFinished));
  EXPECT_EQ(watch.get(), absl::OkStatus());
  EXPECT_LE(count, 6);  // 1.5 s of changes: 3 boards, one before, one after, one of luck
  EXPECT_EQ(seen.back(), 99);
}

TEST_F(WatchTest, ChangesOfOtherStudiesSendNothing) {
  std::vector<int64_t> seen;
  std::atomic<int> count = 0;
  auto watch = Watch(&seen, &count);
  AwaitCount(count, 1);
  const auto boards = [&] {
    const std::vector<std::string> calls = server_.scheduler.calls();
    return std::count_if(calls.begin(), calls.end(),
                         [](const std::string& call) { return call.starts_with("GetBoard"); });
  };
  for (int i = 0; i < 20; ++i) {
    server_.scheduler.ChangeAnotherStudy();
    std::this_thread::sleep_for(milliseconds(50));
  }
  EXPECT_EQ(count, 1);
  EXPECT_EQ(boards(), 1) << "no board was even made";
  server_.scheduler.SetBoard(BoardWith(2, StudyState::kFinished));
  ASSERT_EQ(watch.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_THAT(seen, ::testing::ElementsAre(1, 2));
}

TEST_F(WatchTest, TheViewerMayStop) {
  int shown = 0;
  EXPECT_EQ(client_->WatchLeaderboard({}, [&](const v1::Leaderboard&) { return ++shown < 1; }),
            absl::OkStatus());
  EXPECT_EQ(shown, 1);
}

TEST_F(WatchTest, TheStudyIsPinnedByItsFirstBoard) {
  v1::WatchLeaderboardRequest request;
  request.set_top(4);
  ASSERT_TRUE(client_
                  ->WatchLeaderboard(request,
                                     [&](const v1::Leaderboard& board) {
                                       server_.scheduler.SetBoard(BoardWith(
                                           board.total_trials() + 1, StudyState::kFinished));
                                       return true;
                                     })
                  .ok());
  EXPECT_THAT(server_.scheduler.calls(), ::testing::ElementsAre("GetBoard  4", "GetBoard dogs 4"));
}

TEST_F(WatchTest, AnUnknownStudyIsAnError) {
  server_.scheduler.FailWith(absl::NotFoundError("there is no study 'cats'"));
  EXPECT_EQ(client_->WatchLeaderboard({}, [](const v1::Leaderboard&) { return true; }),
            absl::NotFoundError("there is no study 'cats'"));
  v1::WatchLeaderboardRequest request;
  request.set_top(-2);
  EXPECT_EQ(client_->WatchLeaderboard(request, [](const v1::Leaderboard&) { return true; }).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(WatchTest, ManyWatchersTakeNoThreadFromWorkers) {
  constexpr int kWatchers = 40;
  std::vector<std::vector<int64_t>> seen(kWatchers);
  std::vector<std::future<absl::Status>> watches;
  std::atomic<int> count = 0;
  for (int i = 0; i < kWatchers; ++i) watches.push_back(Watch(&seen[i], &count));
  AwaitCount(count, kWatchers);
  // Four handler threads, and each still answers at once.
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(client_->StopStudy({}).ok());
  server_.scheduler.SetBoard(BoardWith(2, StudyState::kFinished));
  for (auto& watch : watches) EXPECT_EQ(watch.get(), absl::OkStatus());
}

TEST_F(WatchTest, OneWhoDoesNotReadDelaysNobody) {
  const auto stub = v1::StudyService::NewStub(server_.server->InProcessChannel());
  grpc::ClientContext context;
  const auto idle = stub->WatchLeaderboard(&context, {});  // never read
  std::vector<int64_t> seen;
  std::atomic<int> count = 0;
  auto watch = Watch(&seen, &count);
  AwaitCount(count, 1);
  server_.scheduler.SetBoard(BoardWith(2));
  AwaitCount(count, 2);
  server_.scheduler.SetBoard(BoardWith(3, StudyState::kFinished));
  EXPECT_EQ(watch.get(), absl::OkStatus());
  context.TryCancel();
}

TEST_F(WatchTest, TooManyWatchersAreRefusedWithASentence) {
  const auto stub = v1::StudyService::NewStub(server_.server->InProcessChannel());
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReaderInterface<v1::WatchLeaderboardResponse>>> readers;
  v1::WatchLeaderboardResponse response;
  for (int i = 0; i < 256; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    readers.push_back(stub->WatchLeaderboard(contexts.back().get(), {}));
    ASSERT_TRUE(readers.back()->Read(&response));
  }
  grpc::ClientContext context;
  const auto one_more = stub->WatchLeaderboard(&context, {});
  EXPECT_FALSE(one_more->Read(&response));
  const grpc::Status status = one_more->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("already 256 watch"));
  for (auto& open : contexts) open->TryCancel();
  for (auto& reader : readers) reader->Finish();
  // Their places are free again.
  for (int i = 0; i < 100; ++i) {
    if (client_->WatchLeaderboard({}, [](const v1::Leaderboard&) { return false; }).ok()) break;
    std::this_thread::sleep_for(milliseconds(20));
  }
  EXPECT_TRUE(client_->WatchLeaderboard({}, [](const v1::Leaderboard&) { return false; }).ok());
}

TEST_F(WatchTest, AShutdownEndsWatchesSoon) {
  std::vector<int64_t> seen;
  std::atomic<int> count = 0;
  auto watch = Watch(&seen, &count);
  AwaitCount(count, 1);
  const auto start = steady_clock::now();
  server_.server.reset();
  EXPECT_LT(steady_clock::now() - start, milliseconds(2000));
  EXPECT_EQ(watch.get(), absl::AbortedError("the coordinator is shutting down"));
}

TEST_F(WatchTest, AWatchSurvivesARestartWhilePatienceLasts) {
  ClientOptions options;
  options.patience = std::chrono::seconds(20);
  client_ = server_.Connect(options);
  const std::string address = server_.server->address();
  std::vector<int64_t> seen;
  std::atomic<int> count = 0;
  auto watch = Watch(&seen, &count);
  AwaitCount(count, 1);
  server_.server.reset();
  std::this_thread::sleep_for(milliseconds(300));
  server_.scheduler.SetBoard(BoardWith(7));
  server_.Start(address);
  AwaitCount(count, 2);
  server_.scheduler.SetBoard(BoardWith(8, StudyState::kFinished));
  EXPECT_EQ(watch.get(), absl::OkStatus());
  EXPECT_THAT(seen, ::testing::ElementsAre(1, 7, 8));
}

}  // namespace
}  // namespace vizsla
