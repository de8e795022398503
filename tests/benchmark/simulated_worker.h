// A worker as the coordinator sees it, without the training: acquire, report every epoch, complete,
// and again. Calls are asynchronous: a thousand of them need no thousand threads.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "tests/benchmark/latency_record.h"
#include "vizsla/v1/worker_service.grpc.pb.h"

namespace vizsla {

// What all simulated workers share; outlives them. Thread-safe.
struct LoadRun {
  int epochs = 5;          // that each trial reports
  std::string dataset;     // fingerprint that the workers advertise
  std::string checkpoint;  // artifact that every report names
  LatencyRecord acquire;
  LatencyRecord report;
  LatencyRecord complete;
  std::atomic<int64_t> trials{0};    // completed
  std::atomic<int64_t> requests{0};  // answered
  std::atomic<bool> nothing_left{false};
  std::atomic<bool> failed{false};
};

class SimulatedWorker {
 public:
  SimulatedWorker(LoadRun& run, std::shared_ptr<grpc::Channel> channel, int number);

  // Blocks; false when the coordinator refused.
  bool Register();

  // Sends the next message of its life. `scheduled` is when it was due: the latency counts from
  // there, so that a server that holds a client up does not hide it. Then calls `done` on a thread
  // of gRPC. One message at a time.
  void Step(std::chrono::steady_clock::time_point scheduled, std::function<void()> done);

 private:
  void Acquire();
  void Report();
  void Complete();
  // Records the answer; true when it was good.
  bool Answered(const grpc::Status& status, const char* call, LatencyRecord& record);
  std::unique_ptr<grpc::ClientContext> NewContext() const;

  LoadRun& run_;
  const std::unique_ptr<v1::WorkerService::Stub> stub_;
  const std::string name_;
  int64_t id_ = 0;
  int64_t trial_ = 0;  // 0: none
  int64_t number_ = 0;
  int64_t attempt_ = 0;
  int epoch_ = 0;  // reported
  std::chrono::steady_clock::time_point scheduled_;
  std::function<void()> done_;
  std::unique_ptr<grpc::ClientContext> context_;
  v1::AcquireTrialsRequest acquire_;
  v1::AcquireTrialsResponse acquired_;
  v1::ReportEpochRequest report_;
  v1::ReportEpochResponse reported_;
  v1::CompleteTrialRequest complete_;
  v1::CompleteTrialResponse completed_;
};

}  // namespace vizsla
