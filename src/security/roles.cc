#include "src/security/roles.h"

#include <string>

namespace vizsla {
namespace {

constexpr CallRow kTable[] = {
    {"/vizsla.v1.SystemService/Handshake", CallRule::kEveryRole},
    {"/vizsla.v1.SystemService/GetServerInfo", CallRule::kEveryRole},

    {"/vizsla.v1.StudyService/GetStudy", CallRule::kEveryRole},
    {"/vizsla.v1.StudyService/ListStudies", CallRule::kEveryRole},
    {"/vizsla.v1.StudyService/GetLeaderboard", CallRule::kEveryRole},
    {"/vizsla.v1.StudyService/WatchLeaderboard", CallRule::kEveryRole},
    {"/vizsla.v1.StudyService/GetTrial", CallRule::kEveryRole},
    {"/vizsla.v1.StudyService/GetTrialLogs", CallRule::kEveryRole},
    {"/vizsla.v1.StudyService/ListEvaluations", CallRule::kEveryRole},
    {"/vizsla.v1.StudyService/CreateStudy", CallRule::kAdminOnly},
    {"/vizsla.v1.StudyService/StopStudy", CallRule::kAdminOnly},
    {"/vizsla.v1.StudyService/ResumeStudy", CallRule::kAdminOnly},
    {"/vizsla.v1.StudyService/RenameStudy", CallRule::kAdminOnly},
    {"/vizsla.v1.StudyService/DeleteStudy", CallRule::kAdminOnly},
    {"/vizsla.v1.StudyService/EditNotes", CallRule::kAdminOnly},
    // Uses up the sealed test split.
    {"/vizsla.v1.StudyService/RecordEvaluation", CallRule::kAdminOnly},

    {"/vizsla.v1.WorkerService/RegisterWorker", CallRule::kWorkerOrAdmin},
    {"/vizsla.v1.WorkerService/AcquireTrials", CallRule::kWorkerOrAdmin},
    {"/vizsla.v1.WorkerService/Heartbeat", CallRule::kWorkerOrAdmin},
    {"/vizsla.v1.WorkerService/ReportEpoch", CallRule::kWorkerOrAdmin},
    {"/vizsla.v1.WorkerService/CompleteTrial", CallRule::kWorkerOrAdmin},
    {"/vizsla.v1.WorkerService/AppendLogs", CallRule::kWorkerOrAdmin},

    {"/vizsla.v1.ArtifactService/UploadArtifact", CallRule::kWorkerOrAdmin},
    {"/vizsla.v1.ArtifactService/DownloadArtifact", CallRule::kEveryRole},
    {"/vizsla.v1.ArtifactService/StatArtifact", CallRule::kEveryRole},

    // gRPC's own services, where the server offers them. Probes of health have no token.
    {"/grpc.health.v1.Health/Check", CallRule::kAnybody},
    {"/grpc.health.v1.Health/Watch", CallRule::kAnybody},
    {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", CallRule::kEveryRole},
    {"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", CallRule::kEveryRole},
};

std::string_view WithArticle(Role role) {
  switch (role) {
    case Role::kViewer:
      return "a viewer's";
    case Role::kWorker:
      return "a worker's";
    case Role::kAdmin:
      return "an admin's";
  }
  return "nobody's";
}

}  // namespace

std::string_view ToText(Role role) {
  switch (role) {
    case Role::kViewer:
      return "viewer";
    case Role::kWorker:
      return "worker";
    case Role::kAdmin:
      return "admin";
  }
  return "unknown";
}

absl::StatusOr<Role> ParseRole(std::string_view text) {
  for (const Role role : kRoles) {
    if (text == ToText(role)) return role;
  }
  return absl::InvalidArgumentError(
      StrCat("'", text, "' is no role; the roles are viewer, worker and admin"));
}

std::span<const CallRow> CallTable() { return kTable; }

std::optional<CallRule> RuleOf(std::string_view method) {
  for (const CallRow& row : kTable) {
    if (row.method == method) return row.rule;
  }
  return std::nullopt;
}

bool Allows(CallRule rule, Role role) {
  switch (rule) {
    case CallRule::kAnybody:
    case CallRule::kEveryRole:
      return true;
    case CallRule::kWorkerOrAdmin:
      return role != Role::kViewer;
    case CallRule::kAdminOnly:
      return role == Role::kAdmin;
  }
  return false;
}

absl::Status CheckMayCall(std::string_view method, CallRule rule, Role role,
                          std::string_view name) {
  if (Allows(rule, role)) return absl::OkStatus();
  const std::string_view call = method.substr(method.rfind('/') + 1);
  return absl::PermissionDeniedError(StrCat(
      call, " needs ", rule == CallRule::kAdminOnly ? "an admin's" : "a worker's or an admin's",
      " token, and '", name, "' is ", WithArticle(role)));
}

}  // namespace vizsla
