#pragma once

#include "src/rpc/calls.h"
#include "src/scheduling/scheduler.h"
#include "vizsla/v1/worker_service.grpc.pb.h"

namespace vizsla {

class WorkerServiceImpl : public v1::WorkerService::CallbackService {
 public:
  WorkerServiceImpl(Calls& calls, Scheduler& scheduler, const SchedulerOptions& options);

  grpc::ServerUnaryReactor* RegisterWorker(grpc::CallbackServerContext* context,
                                           const v1::RegisterWorkerRequest* request,
                                           v1::RegisterWorkerResponse* response) override;
  grpc::ServerUnaryReactor* AcquireTrials(grpc::CallbackServerContext* context,
                                          const v1::AcquireTrialsRequest* request,
                                          v1::AcquireTrialsResponse* response) override;
  grpc::ServerUnaryReactor* Heartbeat(grpc::CallbackServerContext* context,
                                      const v1::HeartbeatRequest* request,
                                      v1::HeartbeatResponse* response) override;
  grpc::ServerUnaryReactor* ReportEpoch(grpc::CallbackServerContext* context,
                                        const v1::ReportEpochRequest* request,
                                        v1::ReportEpochResponse* response) override;
  grpc::ServerUnaryReactor* CompleteTrial(grpc::CallbackServerContext* context,
                                          const v1::CompleteTrialRequest* request,
                                          v1::CompleteTrialResponse* response) override;
  grpc::ServerUnaryReactor* AppendLogs(grpc::CallbackServerContext* context,
                                       const v1::AppendLogsRequest* request,
                                       v1::AppendLogsResponse* response) override;

 private:
  Calls& calls_;
  Scheduler& scheduler_;
  const SchedulerOptions options_;
};

}  // namespace vizsla
