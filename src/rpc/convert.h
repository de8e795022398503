// The domain's types and the wire's, both ways. What comes from the wire is checked: an unknown
// enum value, malformed JSON, a hash that is none or a number out of range is InvalidArgument
// naming the field. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/base/status.h"
#include "src/scheduling/scheduler.h"
#include "src/scheduling/trial_store.h"
#include "src/study/study.h"
#include "src/study/trial.h"
#include "vizsla/v1/study_service.pb.h"
#include "vizsla/v1/types.pb.h"
#include "vizsla/v1/worker_service.pb.h"

namespace vizsla {

v1::StudyState ToProto(StudyState state);
absl::StatusOr<StudyState> FromProto(v1::StudyState state);
v1::TrialState ToProto(TrialState state);
absl::StatusOr<TrialState> FromProto(v1::TrialState state);
v1::DirectiveKind ToProto(ReportDirective directive);
absl::StatusOr<ReportDirective> FromProto(v1::DirectiveKind directive);
absl::StatusOr<AttemptOutcome> AttemptOutcomeFromText(std::string_view text);

v1::PinnedInputs ToProto(const PinnedInputs& inputs);
absl::StatusOr<PinnedInputs> FromProto(const v1::PinnedInputs& inputs);
// Counts (trials by state, planned, uses of test) are not part of a Study: see SummarizeStudy.
v1::Study ToProto(const Study& study);
absl::StatusOr<Study> FromProto(const v1::Study& study);
v1::EpochReport ToProto(const EpochReport& report);
absl::StatusOr<EpochReport> FromProto(const v1::EpochReport& report);
v1::Trial ToProto(const Trial& trial);
absl::StatusOr<Trial> FromProto(const v1::Trial& trial);
v1::RepeatedRuns ToProto(const RunsSummary& runs);
absl::StatusOr<RunsSummary> FromProto(const v1::RepeatedRuns& runs);
v1::Attempt ToProto(const AttemptRow& attempt);
absl::StatusOr<AttemptRow> FromProto(const v1::Attempt& attempt, TrialId trial);
v1::Evaluation ToProto(const EvaluationRow& evaluation);
absl::StatusOr<EvaluationRow> FromProto(const v1::Evaluation& evaluation);
v1::LogLine ToProto(const LogRow& line);
LogRow FromProto(const v1::LogLine& line);

v1::Leaderboard ToProto(const Board& board);
// The board's study with its counts.
v1::Study SummarizeStudy(const Board& board);

v1::EditNotesRequest ToProto(const NotesEdit& edit);
absl::StatusOr<NotesEdit> FromProto(const v1::EditNotesRequest& request);

v1::RegisterWorkerRequest ToProto(const WorkerInfo& worker);
absl::StatusOr<WorkerInfo> FromProto(const v1::RegisterWorkerRequest& request);
v1::Lease ToProto(const LeaseGrant& lease, std::chrono::milliseconds duration);
absl::StatusOr<LeaseGrant> FromProto(const v1::Lease& lease);
v1::AcquireTrialsResponse ToProto(const Acquired& acquired,
                                  std::chrono::milliseconds lease_duration);
absl::StatusOr<Acquired> FromProto(const v1::AcquireTrialsResponse& response);
v1::CompleteTrialRequest ToProto(TrialId trial, AttemptNumber attempt,
                                 const Completion& completion);
absl::StatusOr<Completion> FromProto(const v1::CompleteTrialRequest& request);

// A trial and an attempt that can exist: both at least 1.
absl::Status CheckLeaseNames(int64_t trial_id, int64_t attempt);

// The same text with each byte that is no UTF-8 replaced by '?': Protobuf refuses to parse others.
std::string ToUtf8(std::string_view text);

}  // namespace vizsla
