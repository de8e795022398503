// Everybody who watches a leaderboard, served by one thread: watchers never take a handler from
// workers, and one who does not read delays nobody.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "src/base/status.h"
#include "src/scheduling/scheduler.h"
#include "src/security/quota.h"
#include "vizsla/v1/study_service.pb.h"

namespace vizsla {

// A leaderboard's `top`: 0 (all) or more.
absl::Status CheckTop(int top);

// Thread-safe.
class LeaderboardWatch {
 public:
  explicit LeaderboardWatch(Scheduler& scheduler);
  // After gRPC's server has shut down: nobody watches any more.
  ~LeaderboardWatch();

  // Sends the board at once, then after each change, at most twice a second, until the study has
  // finished (Ok). The study that an empty name meant at first is watched to the end. Ends at once
  // with `admitted` when that is an error, or with ResourceExhausted when too many watch; its
  // ticket is kept until the end.
  grpc::ServerWriteReactor<v1::WatchLeaderboardResponse>* Add(absl::StatusOr<StreamTicket> admitted,
                                                              std::string study, int top);

  // Ends every watch with Aborted; returns at once. Call before gRPC's server shuts down.
  void Stop();

 private:
  class Watcher;
  void Work();

  Scheduler& scheduler_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Watcher*> watchers_;  // guarded by mutex_; each owns itself until it is finished
  bool news_ = false;               // guarded by mutex_: somebody came, went or finished a write
  bool stopping_ = false;           // guarded by mutex_
  bool quit_ = false;               // guarded by mutex_
  std::thread thread_;
};

}  // namespace vizsla
