#pragma once

#include <string>

#include "src/rpc/calls.h"
#include "src/rpc/leaderboard_watch.h"
#include "src/scheduling/scheduler.h"
#include "src/scheduling/trial_store.h"
#include "vizsla/v1/study_service.grpc.pb.h"

namespace vizsla {

class StudyServiceImpl : public v1::StudyService::CallbackService {
 public:
  StudyServiceImpl(Calls& calls, Scheduler& scheduler, TrialStore& store, LeaderboardWatch& watch);

  grpc::ServerUnaryReactor* CreateStudy(grpc::CallbackServerContext* context,
                                        const v1::CreateStudyRequest* request,
                                        v1::CreateStudyResponse* response) override;
  grpc::ServerUnaryReactor* GetStudy(grpc::CallbackServerContext* context,
                                     const v1::GetStudyRequest* request,
                                     v1::GetStudyResponse* response) override;
  grpc::ServerUnaryReactor* ListStudies(grpc::CallbackServerContext* context,
                                        const v1::ListStudiesRequest* request,
                                        v1::ListStudiesResponse* response) override;
  grpc::ServerUnaryReactor* StopStudy(grpc::CallbackServerContext* context,
                                      const v1::StopStudyRequest* request,
                                      v1::StopStudyResponse* response) override;
  grpc::ServerUnaryReactor* ResumeStudy(grpc::CallbackServerContext* context,
                                        const v1::ResumeStudyRequest* request,
                                        v1::ResumeStudyResponse* response) override;
  grpc::ServerUnaryReactor* RenameStudy(grpc::CallbackServerContext* context,
                                        const v1::RenameStudyRequest* request,
                                        v1::RenameStudyResponse* response) override;
  grpc::ServerUnaryReactor* DeleteStudy(grpc::CallbackServerContext* context,
                                        const v1::DeleteStudyRequest* request,
                                        v1::DeleteStudyResponse* response) override;
  grpc::ServerUnaryReactor* EditNotes(grpc::CallbackServerContext* context,
                                      const v1::EditNotesRequest* request,
                                      v1::EditNotesResponse* response) override;
  grpc::ServerUnaryReactor* GetLeaderboard(grpc::CallbackServerContext* context,
                                           const v1::GetLeaderboardRequest* request,
                                           v1::GetLeaderboardResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchLeaderboardResponse>* WatchLeaderboard(
      grpc::CallbackServerContext* context, const v1::WatchLeaderboardRequest* request) override;
  grpc::ServerUnaryReactor* GetTrial(grpc::CallbackServerContext* context,
                                     const v1::GetTrialRequest* request,
                                     v1::GetTrialResponse* response) override;
  grpc::ServerUnaryReactor* GetTrialLogs(grpc::CallbackServerContext* context,
                                         const v1::GetTrialLogsRequest* request,
                                         v1::GetTrialLogsResponse* response) override;
  grpc::ServerUnaryReactor* RecordEvaluation(grpc::CallbackServerContext* context,
                                             const v1::RecordEvaluationRequest* request,
                                             v1::RecordEvaluationResponse* response) override;
  grpc::ServerUnaryReactor* ListEvaluations(grpc::CallbackServerContext* context,
                                            const v1::ListEvaluationsRequest* request,
                                            v1::ListEvaluationsResponse* response) override;
  grpc::ServerUnaryReactor* ListDecisions(grpc::CallbackServerContext* context,
                                          const v1::ListDecisionsRequest* request,
                                          v1::ListDecisionsResponse* response) override;

 private:
  // The study with its counts.
  absl::Status Summarize(const std::string& name, v1::Study* out);

  Calls& calls_;
  Scheduler& scheduler_;
  TrialStore& store_;
  LeaderboardWatch& watch_;
};

}  // namespace vizsla
