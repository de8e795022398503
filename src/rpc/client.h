// The client side of the protocol: one object a process. Every call has a deadline; calls that the
// server did not take (see IsTransient) are repeated with growing pauses until `patience` is over:
// reports are idempotent, so a coordinator that restarts is waited for. Errors are canonical codes
// with a sentence; an unreachable server is Unavailable "no coordinator answers at ADDRESS".
// Thread-safe; calls block.
#pragma once

#include <grpcpp/channel.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "grpc_health/health_service.grpc.pb.h"
#include "src/base/status.h"
#include "src/security/credentials_folder.h"
#include "vizsla/v1/artifact_service.grpc.pb.h"
#include "vizsla/v1/study_service.grpc.pb.h"
#include "vizsla/v1/system_service.grpc.pb.h"
#include "vizsla/v1/worker_service.grpc.pb.h"

namespace vizsla {

// Raised whenever old and new programs can no longer talk.
inline constexpr int kProtocolVersion = 1;

struct ClientOptions {
  std::chrono::milliseconds deadline{std::chrono::seconds(20)};  // of one try of one call
  std::chrono::milliseconds patience{std::chrono::seconds(0)};  // of all tries together; 0: one try
  std::string credentials;  // a client's folder (LoadClientCredentials); empty: plain text
};

class CoordinatorClient {
 public:
  // Connects and shakes hands. FailedPrecondition when the versions cannot talk, or a certificate
  // is at fault; Unauthenticated when the coordinator wants credentials or refuses these. Such
  // errors do not wait for patience to end.
  static absl::StatusOr<std::unique_ptr<CoordinatorClient>> Connect(
      const std::string& address, const ClientOptions& options = {});
  // Over a given channel, for instance an in-process server's.
  static absl::StatusOr<std::unique_ptr<CoordinatorClient>> Connect(
      std::shared_ptr<grpc::Channel> channel, const std::string& shown_address,
      const ClientOptions& options = {});
  ~CoordinatorClient();

  const v1::HandshakeResponse& server() const;
  const std::string& address() const;

  absl::StatusOr<v1::GetServerInfoResponse> GetServerInfo(const v1::GetServerInfoRequest& request);
  // What gRPC's health service says of the whole server. Unimplemented: it offers none.
  absl::StatusOr<grpc::health::v1::HealthCheckResponse> CheckHealth(
      const grpc::health::v1::HealthCheckRequest& request);

  absl::StatusOr<v1::CreateStudyResponse> CreateStudy(const v1::CreateStudyRequest& request);
  absl::StatusOr<v1::GetStudyResponse> GetStudy(const v1::GetStudyRequest& request);
  absl::StatusOr<v1::ListStudiesResponse> ListStudies(const v1::ListStudiesRequest& request);
  absl::StatusOr<v1::StopStudyResponse> StopStudy(const v1::StopStudyRequest& request);
  absl::StatusOr<v1::ResumeStudyResponse> ResumeStudy(const v1::ResumeStudyRequest& request);
  absl::StatusOr<v1::RenameStudyResponse> RenameStudy(const v1::RenameStudyRequest& request);
  absl::StatusOr<v1::DeleteStudyResponse> DeleteStudy(const v1::DeleteStudyRequest& request);
  // Tried once: what a first try has appended, a second one would append again.
  absl::StatusOr<v1::EditNotesResponse> EditNotes(const v1::EditNotesRequest& request);
  absl::StatusOr<v1::GetLeaderboardResponse> GetLeaderboard(
      const v1::GetLeaderboardRequest& request);
  // Calls `show` with each board until the stream ends (Ok), `show` returns false (Ok) or it
  // breaks.
  absl::Status WatchLeaderboard(const v1::WatchLeaderboardRequest& request,
                                const std::function<bool(const v1::Leaderboard&)>& show);
  absl::StatusOr<v1::GetTrialResponse> GetTrial(const v1::GetTrialRequest& request);
  absl::StatusOr<v1::GetTrialLogsResponse> GetTrialLogs(const v1::GetTrialLogsRequest& request);
  absl::StatusOr<v1::RecordEvaluationResponse> RecordEvaluation(
      const v1::RecordEvaluationRequest& request);
  absl::StatusOr<v1::ListEvaluationsResponse> ListEvaluations(
      const v1::ListEvaluationsRequest& request);

  absl::StatusOr<v1::RegisterWorkerResponse> RegisterWorker(
      const v1::RegisterWorkerRequest& request);
  absl::StatusOr<v1::AcquireTrialsResponse> AcquireTrials(const v1::AcquireTrialsRequest& request);
  absl::StatusOr<v1::HeartbeatResponse> Heartbeat(const v1::HeartbeatRequest& request);
  absl::StatusOr<v1::ReportEpochResponse> ReportEpoch(const v1::ReportEpochRequest& request);
  absl::StatusOr<v1::CompleteTrialResponse> CompleteTrial(const v1::CompleteTrialRequest& request);
  absl::StatusOr<v1::AppendLogsResponse> AppendLogs(const v1::AppendLogsRequest& request);

  using ProgressFunction = std::function<void(uint64_t done, uint64_t total)>;
  // Returns the hash; asks first and sends nothing when the server has it.
  absl::StatusOr<std::string> UploadBytes(const std::string& bytes);
  absl::StatusOr<std::string> UploadFile(const std::string& path,
                                         const ProgressFunction& progress = {});
  // Verifies the hash: DataLoss "artifact HASH arrived damaged". DownloadFile writes atomically.
  absl::StatusOr<std::string> DownloadBytes(const std::string& sha256);
  absl::Status DownloadFile(const std::string& sha256, const std::string& path,
                            const ProgressFunction& progress = {});

 private:
  struct Impl;
  explicit CoordinatorClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vizsla
