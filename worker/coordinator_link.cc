#include "worker/coordinator_link.h"

#include <utility>

#include "src/base/log.h"
#include "src/rpc/convert.h"

namespace vizsla {
namespace {

constexpr std::chrono::milliseconds kDeadline{20000};
constexpr std::chrono::milliseconds kBriskDeadline{4000};

}  // namespace

absl::StatusOr<std::unique_ptr<CoordinatorLink>> CoordinatorLink::Connect(
    const std::string& address, const std::string& credentials,
    std::chrono::milliseconds patience) {
  std::unique_ptr<CoordinatorLink> link(new CoordinatorLink());
  VIZSLA_ASSIGN_OR_RETURN(
      link->patient_,
      CoordinatorClient::Connect(
          address, {.deadline = kDeadline, .patience = patience, .credentials = credentials}));
  VIZSLA_ASSIGN_OR_RETURN(
      link->brisk_, CoordinatorClient::Connect(address, {.deadline = kBriskDeadline,
                                                         .patience = std::chrono::milliseconds(0),
                                                         .credentials = credentials}));
  return link;
}

std::unique_ptr<CoordinatorLink> CoordinatorLink::Fork() const {
  std::unique_ptr<CoordinatorLink> link(new CoordinatorLink());
  link->patient_ = patient_;
  link->brisk_ = brisk_;
  return link;
}

absl::Status CoordinatorLink::Register(const WorkerInfo& worker) {
  worker_ = worker;
  return RegisterWith(*patient_).status();
}

absl::StatusOr<int64_t> CoordinatorLink::RegisterWith(CoordinatorClient& client) {
  VIZSLA_ASSIGN_OR_RETURN(const v1::RegisterWorkerResponse response,
                          client.RegisterWorker(ToProto(worker_)));
  worker_id_ = response.worker_id();
  if (response.heartbeat_ms() > 0) heartbeat_ms_ = response.heartbeat_ms();
  return response.worker_id();
}

absl::StatusOr<Acquired> CoordinatorLink::Acquire() {
  v1::AcquireTrialsRequest request;
  request.set_worker_id(worker_id_);
  request.set_max_trials(1);
  absl::StatusOr<v1::AcquireTrialsResponse> response = patient_->AcquireTrials(request);
  if (absl::IsNotFound(response.status())) {
    log::info("the coordinator does not know this worker (it was restarted): registering again");
    VIZSLA_RETURN_IF_ERROR(RegisterWith(*patient_).status());
    request.set_worker_id(worker_id_);
    response = patient_->AcquireTrials(request);
  }
  if (!response.ok()) return response.status();
  return FromProto(*response);
}

std::unique_ptr<LeaseKeeper> CoordinatorLink::Keep(const LeaseGrant& lease) {
  return std::make_unique<LeaseKeeper>(
      *brisk_, LeaseName{worker_id_, lease.trial.id.value(), lease.attempt.value()},
      std::chrono::milliseconds(heartbeat_ms_.load()), [this] { return RegisterWith(*brisk_); });
}

absl::Status CoordinatorLink::Complete(const LeaseGrant& lease, const Completion& completion) {
  const absl::StatusOr<v1::CompleteTrialResponse> response =
      patient_->CompleteTrial(ToProto(lease.trial.id, lease.attempt, completion));
  if (absl::IsFailedPrecondition(response.status()) || absl::IsNotFound(response.status())) {
    log::warn("trial {}: its end was not taken: {}", lease.trial.number,
              std::string(response.status().message()));
    return absl::OkStatus();
  }
  return response.status();
}

void CoordinatorLink::CompleteBriefly(const LeaseGrant& lease, const Completion& completion) {
  const absl::StatusOr<v1::CompleteTrialResponse> response =
      brisk_->CompleteTrial(ToProto(lease.trial.id, lease.attempt, completion));
  if (!response.ok())
    log::warn("trial {}: {}", lease.trial.number, std::string(response.status().message()));
}

}  // namespace vizsla
