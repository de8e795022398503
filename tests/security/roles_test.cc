#include "src/security/roles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vizsla {
namespace {

using ::testing::HasSubstr;

absl::Status MayCall(std::string_view method, Role role) {
  return CheckMayCall(method, *RuleOf(method), role, "eva");
}

TEST(Roles, AreReadAsTheyAreWritten) {
  for (const Role role : kRoles) EXPECT_EQ(ParseRole(ToText(role)).value(), role);
  EXPECT_THAT(std::string(ParseRole("root").status().message()),
              HasSubstr("the roles are viewer, worker and admin"));
  EXPECT_FALSE(ParseRole("Admin").ok());
}

TEST(Roles, AViewerLooksAndChangesNothing) {
  EXPECT_TRUE(MayCall("/vizsla.v1.StudyService/GetLeaderboard", Role::kViewer).ok());
  EXPECT_TRUE(MayCall("/vizsla.v1.ArtifactService/DownloadArtifact", Role::kViewer).ok());
  for (const char* method :
       {"/vizsla.v1.WorkerService/AcquireTrials", "/vizsla.v1.WorkerService/ReportEpoch",
        "/vizsla.v1.ArtifactService/UploadArtifact", "/vizsla.v1.StudyService/CreateStudy",
        "/vizsla.v1.StudyService/DeleteStudy", "/vizsla.v1.StudyService/RecordEvaluation"}) {
    EXPECT_EQ(MayCall(method, Role::kViewer).code(), absl::StatusCode::kPermissionDenied) << method;
  }
  EXPECT_EQ(MayCall("/vizsla.v1.WorkerService/AcquireTrials", Role::kViewer).message(),
            "AcquireTrials needs a worker's or an admin's token, and 'eva' is a viewer's");
}

TEST(Roles, AWorkerWorksAndGovernsNoStudy) {
  EXPECT_TRUE(MayCall("/vizsla.v1.WorkerService/AcquireTrials", Role::kWorker).ok());
  EXPECT_TRUE(MayCall("/vizsla.v1.ArtifactService/UploadArtifact", Role::kWorker).ok());
  for (const char* method :
       {"/vizsla.v1.StudyService/CreateStudy", "/vizsla.v1.StudyService/StopStudy",
        "/vizsla.v1.StudyService/RenameStudy", "/vizsla.v1.StudyService/EditNotes",
        "/vizsla.v1.StudyService/ResumeStudy"}) {
    EXPECT_EQ(MayCall(method, Role::kWorker).code(), absl::StatusCode::kPermissionDenied) << method;
  }
  EXPECT_EQ(MayCall("/vizsla.v1.StudyService/DeleteStudy", Role::kWorker).message(),
            "DeleteStudy needs an admin's token, and 'eva' is a worker's");
}

TEST(Roles, AnAdminMayCallEverything) {
  for (const CallRow& row : CallTable()) {
    EXPECT_TRUE(MayCall(row.method, Role::kAdmin).ok()) << row.method;
  }
}

TEST(Roles, OnlyHealthNeedsNoTokenAndUnknownCallsHaveNoRule) {
  for (const CallRow& row : CallTable()) {
    EXPECT_EQ(row.rule == CallRule::kAnybody, row.method.starts_with("/grpc.health.v1.Health/"))
        << row.method;
  }
  for (const char* method : {"", "/vizsla.v1.StudyService/GetStudies", "GetStudy",
                             "/vizsla.v1.StudyService/GetStudy/"}) {
    EXPECT_EQ(RuleOf(method), std::nullopt) << method;
  }
}

}  // namespace
}  // namespace vizsla
