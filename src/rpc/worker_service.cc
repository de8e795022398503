#include "src/rpc/worker_service.h"

#include <string>
#include <vector>

#include "src/rpc/convert.h"
#include "src/rpc/convert_internal.h"

namespace vizsla {

WorkerServiceImpl::WorkerServiceImpl(Calls& calls, Scheduler& scheduler,
                                     const SchedulerOptions& options)
    : calls_(calls), scheduler_(scheduler), options_(options) {}

grpc::ServerUnaryReactor* WorkerServiceImpl::RegisterWorker(
    grpc::CallbackServerContext* context, const v1::RegisterWorkerRequest* request,
    v1::RegisterWorkerResponse* response) {
  return calls_.Run(context, [=, this]() -> absl::Status {
    VIZSLA_ASSIGN_OR_RETURN(const WorkerInfo worker, FromProto(*request));
    VIZSLA_ASSIGN_OR_RETURN(const WorkerId id, scheduler_.RegisterWorker(worker));
    response->set_worker_id(id.value());
    response->set_lease_ms(options_.lease.count());
    response->set_heartbeat_ms(options_.heartbeat.count());
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* WorkerServiceImpl::AcquireTrials(grpc::CallbackServerContext* context,
                                                           const v1::AcquireTrialsRequest* request,
                                                           v1::AcquireTrialsResponse* response) {
  return calls_.Run(context, [=, this]() -> absl::Status {
    if (request->max_trials() < 1) {
      return absl::InvalidArgumentError("max_trials: must be at least 1");
    }
    VIZSLA_ASSIGN_OR_RETURN(
        const Acquired acquired,
        scheduler_.Acquire(WorkerId(request->worker_id()), request->max_trials()));
    *response = ToProto(acquired, options_.lease);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* WorkerServiceImpl::Heartbeat(grpc::CallbackServerContext* context,
                                                       const v1::HeartbeatRequest* request,
                                                       v1::HeartbeatResponse* response) {
  return calls_.Run(context, [=, this]() -> absl::Status {
    for (const v1::LeaseProgress& lease : request->leases()) {
      VIZSLA_RETURN_IF_ERROR(CheckLeaseNames(lease.trial_id(), lease.attempt()));
      const Progress progress{lease.epoch(), lease.steps_done(), lease.steps_total()};
      absl::StatusOr<ReportDirective> directive =
          scheduler_.Heartbeat(WorkerId(request->worker_id()), TrialId(lease.trial_id()),
                               AttemptNumber(lease.attempt()), progress);
      // One lost lease among several: its trial must stop, the others go on.
      if (absl::IsFailedPrecondition(directive.status())) directive = ReportDirective::kCancel;
      if (!directive.ok()) return directive.status();
      v1::LeaseDirective* out = response->add_directives();
      out->set_trial_id(lease.trial_id());
      out->set_attempt(lease.attempt());
      out->set_directive(ToProto(*directive));
    }
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* WorkerServiceImpl::ReportEpoch(grpc::CallbackServerContext* context,
                                                         const v1::ReportEpochRequest* request,
                                                         v1::ReportEpochResponse* response) {
  return calls_.Run(context, [=, this]() -> absl::Status {
    VIZSLA_RETURN_IF_ERROR(CheckLeaseNames(request->trial_id(), request->attempt()));
    VIZSLA_ASSIGN_OR_RETURN(EpochReport report, FromProto(request->report()));
    VIZSLA_RETURN_IF_ERROR(
        convert_internal::CheckHashOrEmpty("last_checkpoint", request->last_checkpoint()));
    report.attempt = AttemptNumber(request->attempt());
    VIZSLA_ASSIGN_OR_RETURN(const ReportDirective directive,
                            scheduler_.Report(TrialId(request->trial_id()), report.attempt, report,
                                              request->last_checkpoint()));
    response->set_directive(ToProto(directive));
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* WorkerServiceImpl::CompleteTrial(grpc::CallbackServerContext* context,
                                                           const v1::CompleteTrialRequest* request,
                                                           v1::CompleteTrialResponse* response) {
  return calls_.Run(context, [=, this]() -> absl::Status {
    VIZSLA_RETURN_IF_ERROR(CheckLeaseNames(request->trial_id(), request->attempt()));
    VIZSLA_ASSIGN_OR_RETURN(const Completion completion, FromProto(*request));
    VIZSLA_ASSIGN_OR_RETURN(const Trial trial,
                            scheduler_.Complete(TrialId(request->trial_id()),
                                                AttemptNumber(request->attempt()), completion));
    *response->mutable_trial() = ToProto(trial);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* WorkerServiceImpl::AppendLogs(grpc::CallbackServerContext* context,
                                                        const v1::AppendLogsRequest* request,
                                                        v1::AppendLogsResponse*) {
  return calls_.Run(context, [=, this]() -> absl::Status {
    VIZSLA_RETURN_IF_ERROR(CheckLeaseNames(request->trial_id(), request->attempt()));
    const std::vector<std::string> lines(request->lines().begin(), request->lines().end());
    return scheduler_.AppendLogs(TrialId(request->trial_id()), AttemptNumber(request->attempt()),
                                 lines);
  });
}

}  // namespace vizsla
