#include "src/rpc/study_service.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "src/rpc/convert.h"
#include "src/scheduling/find_trial.h"
#include "src/scheduling/repeat_policy.h"
#include "src/study/trial_groups.h"

namespace vizsla {
namespace {

// The newest lines that fit into a message, after a line that says how many do not.
void AddNewestLines(const std::vector<LogRow>& lines, v1::GetTrialLogsResponse* response) {
  constexpr size_t kRoom = kMaxMessageBytes - (64 << 10);
  constexpr size_t kFraming = 8;  // of one line: a tag and its length
  size_t bytes = 0;
  size_t first = lines.size();
  for (; first > 0; --first) {
    v1::LogLine line = ToProto(lines[first - 1]);
    bytes += line.ByteSizeLong() + kFraming;
    if (bytes > kRoom) break;
    *response->add_lines() = std::move(line);
  }
  if (first > 0) {
    LogRow note = lines[first - 1];
    note.text = StrCat("(", first, " older lines are too much for one message)");
    *response->add_lines() = ToProto(note);
  }
  std::reverse(response->mutable_lines()->begin(), response->mutable_lines()->end());
}

// The numbers of all runs of the trial's configuration, where it may have several.
absl::Status AddRuns(TrialReader& reader, const Study& study, const Trial& trial, v1::Trial* out) {
  if (!HasRepeats(study.spec)) return absl::OkStatus();
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> trials, reader.ListTrials(study.id, {}));
  for (const Trial& other : trials) {
    if (GroupNumber(other) == GroupNumber(trial)) out->add_runs(other.number);
  }
  return absl::OkStatus();
}

constexpr int kStates = static_cast<int>(TrialState::kCancelled) + 1;

// The study for a page that asks for one of its trials: with the counts that the store has at hand.
// A board would read every trial, and a reader of all trials would read them all for each.
absl::Status Describe(TrialReader& reader, const Study& study, v1::Study* out) {
  *out = ToProto(study);
  for (int i = 0; i < kStates; ++i) {
    const auto state = static_cast<TrialState>(i);
    VIZSLA_ASSIGN_OR_RETURN(const int64_t count,
                            reader.CountTrials(study.id, std::span(&state, 1)));
    if (count > 0) (*out->mutable_trial_counts())[std::string(ToText(state))] = count;
  }
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<EvaluationRow> evaluations,
                          reader.ListEvaluations(study.id));
  out->set_test_uses(
      std::count_if(evaluations.begin(), evaluations.end(),
                    [](const EvaluationRow& evaluation) { return evaluation.split == "test"; }));
  return absl::OkStatus();
}

}  // namespace

StudyServiceImpl::StudyServiceImpl(Calls& calls, Scheduler& scheduler, TrialStore& store,
                                   LeaderboardWatch& watch)
    : calls_(calls), scheduler_(scheduler), store_(store), watch_(watch) {}

absl::Status StudyServiceImpl::Summarize(const std::string& name, v1::Study* out) {
  VIZSLA_ASSIGN_OR_RETURN(const Board board, scheduler_.GetBoard(name, /*top=*/1));
  *out = SummarizeStudy(board);
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* StudyServiceImpl::CreateStudy(grpc::CallbackServerContext* context,
                                                        const v1::CreateStudyRequest* request,
                                                        v1::CreateStudyResponse* response) {
  return calls_.Run(context, [=, this]() -> absl::Status {
    absl::StatusOr<StudySpec> spec = StudySpecFromJsonText(request->spec_json());
    if (!spec.ok()) {
      return absl::InvalidArgumentError(
          StrCat("spec_json: ", std::string(spec.status().message())));
    }
    VIZSLA_ASSIGN_OR_RETURN(const PinnedInputs inputs, FromProto(request->inputs()));
    VIZSLA_ASSIGN_OR_RETURN(const Scheduler::CreatedStudy made,
                            scheduler_.CreateStudy(*spec, inputs));
    response->set_created(made.created);
    return Summarize(made.study.spec.name, response->mutable_study());
  });
}

grpc::ServerUnaryReactor* StudyServiceImpl::GetStudy(grpc::CallbackServerContext* context,
                                                     const v1::GetStudyRequest* request,
                                                     v1::GetStudyResponse* response) {
  return calls_.Run(context,
                    [=, this] { return Summarize(request->name(), response->mutable_study()); });
}

grpc::ServerUnaryReactor* StudyServiceImpl::ListStudies(grpc::CallbackServerContext* context,
                                                        const v1::ListStudiesRequest*,
                                                        v1::ListStudiesResponse* response) {
  return calls_.Run(context, [=, this]() -> absl::Status {
    std::vector<Study> studies;
    VIZSLA_RETURN_IF_ERROR(store_.Read([&](TrialReader& reader) -> absl::Status {
      VIZSLA_ASSIGN_OR_RETURN(studies, reader.ListStudies());
      return absl::OkStatus();
    }));
    for (const Study& study : studies) {
      const absl::Status status = Summarize(study.spec.name, response->add_studies());
      // Deleted or renamed since the list was read.
      if (absl::IsNotFound(status))
        response->mutable_studies()->RemoveLast();
      else
        VIZSLA_RETURN_IF_ERROR(status);
    }
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* StudyServiceImpl::StopStudy(grpc::CallbackServerContext* context,
                                                      const v1::StopStudyRequest* request,
                                                      v1::StopStudyResponse* response) {
  return calls_.Run(context, [=, this]() -> absl::Status {
    VIZSLA_ASSIGN_OR_RETURN(const Study study, scheduler_.StopStudy(request->name()));
    return Summarize(study.spec.name, response->mutable_study());
  });
}

grpc::ServerUnaryReactor* StudyServiceImpl::ResumeStudy(grpc::CallbackServerContext* context,
                                                        const v1::ResumeStudyRequest* request,
                                                        v1::ResumeStudyResponse* response) {
  return calls_.Run(context, [=, this]() -> absl::Status {
    VIZSLA_ASSIGN_OR_RETURN(const Study study, scheduler_.ResumeStudy(request->name()));
    return Summarize(study.spec.name, response->mutable_study());
  });
}

grpc::ServerUnaryReactor* StudyServiceImpl::RenameStudy(grpc::CallbackServerContext* context,
                                                        const v1::RenameStudyRequest* request,
                                                        v1::RenameStudyResponse* response) {
  return calls_.Run(context, [=, this]() -> absl::Status {
    VIZSLA_ASSIGN_OR_RETURN(const Study study,
                            scheduler_.RenameStudy(request->name(), request->new_name()));
    return Summarize(study.spec.name, response->mutable_study());
  });
}

grpc::ServerUnaryReactor* StudyServiceImpl::DeleteStudy(grpc::CallbackServerContext* context,
                                                        const v1::DeleteStudyRequest* request,
                                                        v1::DeleteStudyResponse*) {
  return calls_.Run(context, [=, this]() -> absl::Status {
    // The empty name means the newest study; to delete, one must say which.
    if (request->name().empty())
      return absl::InvalidArgumentError("name: say which study to delete");
    return scheduler_.DeleteStudy(request->name(), request->force());
  });
}

grpc::ServerUnaryReactor* StudyServiceImpl::EditNotes(grpc::CallbackServerContext* context,
                                                      const v1::EditNotesRequest* request,
                                                      v1::EditNotesResponse* response) {
  return calls_.Run(context, [=, this]() -> absl::Status {
    VIZSLA_ASSIGN_OR_RETURN(const NotesEdit edit, FromProto(*request));
    VIZSLA_ASSIGN_OR_RETURN(const EditedNotes edited, scheduler_.EditNotes(edit));
    if (edited.trial) *response->mutable_trial() = ToProto(*edited.trial);
    return Summarize(edited.study.spec.name, response->mutable_study());
  });
}

grpc::ServerUnaryReactor* StudyServiceImpl::GetLeaderboard(grpc::CallbackServerContext* context,
                                                           const v1::GetLeaderboardRequest* request,
                                                           v1::GetLeaderboardResponse* response) {
  return calls_.Run(context, [=, this]() -> absl::Status {
    VIZSLA_RETURN_IF_ERROR(CheckTop(request->top()));
    VIZSLA_ASSIGN_OR_RETURN(const Board board,
                            scheduler_.GetBoard(request->study(), request->top()));
    *response->mutable_leaderboard() = ToProto(board);
    return absl::OkStatus();
  });
}

grpc::ServerWriteReactor<v1::WatchLeaderboardResponse>* StudyServiceImpl::WatchLeaderboard(
    grpc::CallbackServerContext* context, const v1::WatchLeaderboardRequest* request) {
  absl::StatusOr<StreamTicket> admitted = calls_.AdmitStream(*context);
  if (admitted.ok()) {
    if (absl::Status status = CheckTop(request->top()); !status.ok()) admitted = std::move(status);
  }
  return watch_.Add(std::move(admitted), request->study(), request->top());
}

grpc::ServerUnaryReactor* StudyServiceImpl::GetTrial(grpc::CallbackServerContext* context,
                                                     const v1::GetTrialRequest* request,
                                                     v1::GetTrialResponse* response) {
  return calls_.Run(context, [=, this] {
    return store_.Read([&](TrialReader& reader) -> absl::Status {
      VIZSLA_ASSIGN_OR_RETURN(const Study study, reader.FindStudy(request->study()));
      VIZSLA_ASSIGN_OR_RETURN(const Trial trial, FindTrialOrBest(reader, study, request->number()));
      *response->mutable_trial() = ToProto(trial);
      VIZSLA_RETURN_IF_ERROR(AddRuns(reader, study, trial, response->mutable_trial()));
      VIZSLA_ASSIGN_OR_RETURN(const std::vector<EpochReport> reports, reader.ListReports(trial.id));
      for (const EpochReport& report : reports) *response->add_epochs() = ToProto(report);
      VIZSLA_ASSIGN_OR_RETURN(const std::vector<AttemptRow> attempts,
                              reader.ListAttempts(trial.id));
      for (const AttemptRow& attempt : attempts) *response->add_attempts() = ToProto(attempt);
      return Describe(reader, study, response->mutable_study());
    });
  });
}

grpc::ServerUnaryReactor* StudyServiceImpl::GetTrialLogs(grpc::CallbackServerContext* context,
                                                         const v1::GetTrialLogsRequest* request,
                                                         v1::GetTrialLogsResponse* response) {
  return calls_.Run(context, [=, this] {
    return store_.Read([&](TrialReader& reader) -> absl::Status {
      VIZSLA_ASSIGN_OR_RETURN(const Study study, reader.FindStudy(request->study()));
      VIZSLA_ASSIGN_OR_RETURN(const Trial trial, FindTrialOrBest(reader, study, request->number()));
      VIZSLA_ASSIGN_OR_RETURN(const std::vector<LogRow> lines, reader.ListLogs(trial.id));
      AddNewestLines(lines, response);
      return absl::OkStatus();
    });
  });
}

grpc::ServerUnaryReactor* StudyServiceImpl::RecordEvaluation(
    grpc::CallbackServerContext* context, const v1::RecordEvaluationRequest* request,
    v1::RecordEvaluationResponse* response) {
  return calls_.Run(context, [=, this]() -> absl::Status {
    VIZSLA_ASSIGN_OR_RETURN(const EvaluationRow given, FromProto(request->evaluation()));
    VIZSLA_ASSIGN_OR_RETURN(const EvaluationRow stored,
                            scheduler_.RecordEvaluation(request->study(), given));
    *response->mutable_evaluation() = ToProto(stored);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* StudyServiceImpl::ListEvaluations(
    grpc::CallbackServerContext* context, const v1::ListEvaluationsRequest* request,
    v1::ListEvaluationsResponse* response) {
  return calls_.Run(context, [=, this] {
    return store_.Read([&](TrialReader& reader) -> absl::Status {
      VIZSLA_ASSIGN_OR_RETURN(const Study study, reader.FindStudy(request->study()));
      VIZSLA_ASSIGN_OR_RETURN(const std::vector<EvaluationRow> rows,
                              reader.ListEvaluations(study.id));
      for (const EvaluationRow& row : rows) *response->add_evaluations() = ToProto(row);
      return absl::OkStatus();
    });
  });
}

}  // namespace vizsla
