// The leader's side of one lease: a thread that beats with the newest progress, receives what the
// coordinator wants, and sends the trial's log lines.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "src/rpc/client.h"
#include "src/scheduling/scheduler.h"
#include "src/train/trainer.h"

namespace vizsla {

struct LeaseName {
  int64_t worker_id = 0;
  int64_t trial_id = 0;
  int64_t attempt = 0;
};

class LeaseKeeper {
 public:
  // Registers the worker again with a coordinator that was restarted; returns the new id. Called
  // from the keeper's thread.
  using RegisterAgain = std::function<absl::StatusOr<int64_t>()>;

  // Starts beating. The client should try once and give up soon: a beat that failed is followed by
  // the next one, and a coordinator that restarts gives every lease a fresh deadline.
  LeaseKeeper(CoordinatorClient& client, const LeaseName& lease,
              std::chrono::milliseconds heartbeat, RegisterAgain register_again);
  ~LeaseKeeper();  // Stop
  LeaseKeeper(const LeaseKeeper&) = delete;
  LeaseKeeper& operator=(const LeaseKeeper&) = delete;

  // Cheap. The heartbeat carries the newest.
  void SetProgress(const Progress& progress);
  // What is to be done: the coordinator's last word, or kPreempt when the process drains.
  Directive directive() const;
  // The coordinator refused a report: the attempt is over, most likely because the lease is
  // another's by now.
  void SetRefused(std::string reason);
  std::string refusal() const;  // empty: nothing was refused
  // A directive that came another way (with the answer to a report). kContinue changes nothing.
  void Note(Directive directive);
  // Into the trial's log; sent soon, by the thread.
  void Log(std::string line);

  // Sends the remaining lines and ends the thread. Blocks for an RPC.
  void Stop();

 private:
  void Run();
  void Beat();
  void SendLines();

  CoordinatorClient& client_;
  LeaseName lease_;  // of the thread
  const std::chrono::milliseconds heartbeat_;
  const RegisterAgain register_again_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  Progress progress_;  // guarded by mutex_, as all below
  Directive directive_ = Directive::kContinue;
  std::string refusal_;
  bool stop_ = false;
  bool news_ = false;  // a line has come; those that could not be sent wait for the beat
  std::vector<std::string> lines_;  // not sent yet

  std::thread thread_;
};

// The wire's word for it.
absl::StatusOr<Directive> DirectiveFromProto(v1::DirectiveKind kind);

}  // namespace vizsla
