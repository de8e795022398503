#include "src/rpc/leaderboard_watch.h"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "src/rpc/calls.h"
#include "src/rpc/convert.h"
#include "src/rpc/status_convert.h"

namespace vizsla {
namespace {

using std::chrono::steady_clock;

constexpr size_t kMaxWatchers = 256;
constexpr std::chrono::milliseconds kLeastPause{500};  // between two boards to one watcher
constexpr std::chrono::milliseconds kPoll{50};         // for changes, only while somebody watches

// Says one thing and ends.
class Refusal : public grpc::ServerWriteReactor<v1::WatchLeaderboardResponse> {
 public:
  explicit Refusal(const absl::Status& status) { Finish(ToGrpc(status)); }
  void OnDone() override { delete this; }
};

}  // namespace

absl::Status CheckTop(int top) {
  if (top >= 0) return absl::OkStatus();
  return absl::InvalidArgumentError(StrCat("top: ", top, " is less than 0"));
}

// Only the hub's thread starts writes and finishes; gRPC's threads only set the flags.
class LeaderboardWatch::Watcher : public grpc::ServerWriteReactor<v1::WatchLeaderboardResponse> {
 public:
  Watcher(LeaderboardWatch& hub, StreamTicket ticket, std::string study, int top)
      : hub_(hub), ticket_(std::move(ticket)), study_(std::move(study)), top_(top) {}

  void OnWriteDone(bool ok) override { Note(/*gone=*/!ok, /*wrote=*/true); }
  void OnCancel() override { Note(/*gone=*/true, /*wrote=*/false); }
  void OnDone() override { delete this; }

  // One look at the watcher; what it is to be finished with, when it is over.
  std::optional<grpc::Status> Step(bool stopping, uint64_t version, Scheduler& scheduler) {
    {
      std::lock_guard lock(hub_.mutex_);
      if (writing_) return std::nullopt;
      if (gone_) stopping = true;
    }
    if (stopping) return ToGrpc(absl::AbortedError("the coordinator is shutting down"));
    if (last_) return grpc::Status::OK;
    const auto now = steady_clock::now();
    if (sent_ && (version == sent_version_ || now - sent_at_ < kLeastPause)) return std::nullopt;
    const absl::Status status = Calls::Guard([&]() -> absl::Status {
      VIZSLA_ASSIGN_OR_RETURN(const Board board, scheduler.GetBoard(study_, top_));
      study_ = board.study.spec.name;
      last_ = board.study.state == StudyState::kFinished;
      *response_.mutable_leaderboard() = ToProto(board);
      return absl::OkStatus();
    });
    if (!status.ok()) return ToGrpc(status);
    sent_ = true;
    sent_version_ = version;
    sent_at_ = now;
    {
      std::lock_guard lock(hub_.mutex_);
      writing_ = true;
    }
    StartWrite(&response_);
    return std::nullopt;
  }

 private:
  void Note(bool gone, bool wrote) {
    std::lock_guard lock(hub_.mutex_);
    if (wrote) writing_ = false;
    if (gone) gone_ = true;
    hub_.news_ = true;
    hub_.wake_.notify_one();
  }

  LeaderboardWatch& hub_;
  const StreamTicket ticket_;
  std::string study_;
  const int top_;
  v1::WatchLeaderboardResponse response_;  // must stay as it is while a write runs
  bool sent_ = false;
  bool last_ = false;  // the study has finished: the board on its way is the last
  uint64_t sent_version_ = 0;
  steady_clock::time_point sent_at_;
  bool writing_ = false;  // guarded by hub_.mutex_
  bool gone_ = false;     // guarded by hub_.mutex_
};

LeaderboardWatch::LeaderboardWatch(Scheduler& scheduler)
    : scheduler_(scheduler), thread_([this] { Work(); }) {}

LeaderboardWatch::~LeaderboardWatch() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    quit_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

grpc::ServerWriteReactor<v1::WatchLeaderboardResponse>* LeaderboardWatch::Add(
    absl::StatusOr<StreamTicket> admitted, std::string study, int top) {
  if (!admitted.ok()) return new Refusal(admitted.status());
  auto watcher = std::make_unique<Watcher>(*this, *std::move(admitted), std::move(study), top);
  std::lock_guard lock(mutex_);
  if (stopping_) return new Refusal(absl::AbortedError("the coordinator is shutting down"));
  if (watchers_.size() >= kMaxWatchers) {
    return new Refusal(absl::ResourceExhaustedError(
        StrCat("already ", kMaxWatchers, " watch leaderboards of this coordinator")));
  }
  watchers_.push_back(watcher.get());
  news_ = true;
  wake_.notify_one();
  return watcher.release();
}

void LeaderboardWatch::Stop() {
  std::lock_guard lock(mutex_);
  stopping_ = true;
  wake_.notify_one();
}

void LeaderboardWatch::Work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (watchers_.empty()) {
      if (quit_) return;
      wake_.wait(lock, [this] { return quit_ || !watchers_.empty(); });
    } else {
      wake_.wait_for(lock, kPoll, [this] { return news_; });
    }
    news_ = false;
    const bool stopping = stopping_;
    std::vector<Watcher*> round = watchers_;
    lock.unlock();
    const uint64_t version = scheduler_.version();
    std::map<Watcher*, grpc::Status> over;
    for (Watcher* watcher : round) {
      if (auto status = watcher->Step(stopping, version, scheduler_)) over[watcher] = *status;
    }
    // Forgotten first: a finished watcher deletes itself, and the next one may get its address.
    lock.lock();
    std::erase_if(watchers_, [&](Watcher* watcher) { return over.contains(watcher); });
    lock.unlock();
    for (const auto& [watcher, status] : over) watcher->Finish(status);
    lock.lock();
  }
}

}  // namespace vizsla
