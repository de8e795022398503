#include <memory>
#include <mutex>
#include <string>

#include "src/rpc/convert.h"
#include "src/rpc/convert_internal.h"

namespace vizsla {

using convert_internal::CheckAtLeast;
using convert_internal::CheckHash;
using convert_internal::CheckHashOrEmpty;
using convert_internal::MetricsFromProto;
using convert_internal::MetricsToProto;
using convert_internal::Refuse;

namespace {

struct SpecText {
  StudySpec spec;
  std::string json;
  std::string immutable_hash;
};

// Every lease carries its study's specification: the text of the last one is kept. Thread-safe.
std::shared_ptr<const SpecText> TextOf(const StudySpec& spec) {
  static std::mutex mutex;
  static std::shared_ptr<const SpecText>& last = *new std::shared_ptr<const SpecText>;
  std::shared_ptr<const SpecText> known;
  {
    std::lock_guard lock(mutex);
    known = last;
  }
  if (known != nullptr && known->spec == spec) return known;
  known = std::make_shared<const SpecText>(SpecText{spec, ToJsonText(spec), ImmutableHash(spec)});
  std::lock_guard lock(mutex);
  last = known;
  return known;
}

}  // namespace

v1::StudyState ToProto(StudyState state) {
  switch (state) {
    case StudyState::kActive:
      return v1::STUDY_STATE_ACTIVE;
    case StudyState::kStopped:
      return v1::STUDY_STATE_STOPPED;
    case StudyState::kFinished:
      return v1::STUDY_STATE_FINISHED;
  }
  return v1::STUDY_STATE_UNSPECIFIED;
}

absl::StatusOr<StudyState> FromProto(v1::StudyState state) {
  for (const StudyState known :
       {StudyState::kActive, StudyState::kStopped, StudyState::kFinished}) {
    if (ToProto(known) == state) return known;
  }
  return Refuse("study.state", StrCat("unknown value ", static_cast<int>(state)));
}

v1::PinnedInputs ToProto(const PinnedInputs& inputs) {
  v1::PinnedInputs out;
  out.set_dataset_fingerprint(inputs.dataset_fingerprint);
  out.set_split_hash(inputs.split_hash);
  out.set_weights_hash(inputs.weights_hash);
  return out;
}

absl::StatusOr<PinnedInputs> FromProto(const v1::PinnedInputs& inputs) {
  VIZSLA_RETURN_IF_ERROR(CheckHash("inputs.dataset_fingerprint", inputs.dataset_fingerprint()));
  VIZSLA_RETURN_IF_ERROR(CheckHash("inputs.split_hash", inputs.split_hash()));
  VIZSLA_RETURN_IF_ERROR(CheckHashOrEmpty("inputs.weights_hash", inputs.weights_hash()));
  return PinnedInputs{inputs.dataset_fingerprint(), inputs.split_hash(), inputs.weights_hash()};
}

v1::Study ToProto(const Study& study) {
  v1::Study out;
  out.set_id(study.id.value());
  out.set_name(study.spec.name);
  out.set_state(ToProto(study.state));
  const std::shared_ptr<const SpecText> text = TextOf(study.spec);
  out.set_spec_json(text->json);
  out.set_immutable_hash(text->immutable_hash);
  *out.mutable_inputs() = ToProto(study.inputs);
  out.set_created_unix_ms(ToUnixMillis(study.created_at));
  if (study.finished_at) out.set_finished_unix_ms(ToUnixMillis(*study.finished_at));
  out.set_active_ms(study.active_time.count());
  out.set_notes(ToUtf8(study.notes));
  out.set_end_reason(ToUtf8(study.end_reason));
  out.set_learned(ToUtf8(study.learned));
  return out;
}

absl::StatusOr<Study> FromProto(const v1::Study& study) {
  Study out;
  out.id = StudyId(study.id());
  absl::StatusOr<StudySpec> spec = StudySpecFromJsonText(study.spec_json());
  if (!spec.ok()) return Refuse("study.spec_json", std::string(spec.status().message()));
  out.spec = *std::move(spec);
  VIZSLA_ASSIGN_OR_RETURN(out.inputs, FromProto(study.inputs()));
  VIZSLA_ASSIGN_OR_RETURN(out.state, FromProto(study.state()));
  out.created_at = FromUnixMillis(study.created_unix_ms());
  if (study.has_finished_unix_ms()) out.finished_at = FromUnixMillis(study.finished_unix_ms());
  out.active_time = Milliseconds(study.active_ms());
  out.notes = study.notes();
  out.end_reason = study.end_reason();
  out.learned = study.learned();
  return out;
}

v1::Study SummarizeStudy(const Board& board) {
  v1::Study out = ToProto(board.study);
  for (const auto& [state, count] : board.trial_counts)
    (*out.mutable_trial_counts())[state] = count;
  out.set_test_uses(board.test_uses);
  if (board.planned_trials) out.set_planned_trials(*board.planned_trials);
  return out;
}

v1::Leaderboard ToProto(const Board& board) {
  v1::Leaderboard out;
  *out.mutable_study() = SummarizeStudy(board);
  for (const BoardRow& row : board.rows) {
    v1::LeaderboardRow* line = out.add_rows();
    line->set_rank(row.rank);
    *line->mutable_trial() = ToProto(row.trial);
    if (row.progress) {
      line->set_running_epoch(row.progress->epoch);
      line->set_steps_done(row.progress->steps_done);
      line->set_steps_total(row.progress->steps_total);
    }
    line->set_elapsed_ms(row.elapsed.count());
    if (row.eta) line->set_eta_ms(row.eta->count());
    MetricsToProto(row.metrics, line->mutable_metrics());
    if (row.search) *line->mutable_search() = ToProto(*row.search);
    if (row.fresh) *line->mutable_final_runs() = ToProto(*row.fresh);
    line->set_front(row.front);
  }
  out.set_total_rows(board.total_rows);
  out.set_total_trials(board.total_trials);
  if (board.eta) out.set_eta_ms(board.eta->count());
  out.set_objective_metric(board.study.spec.objective.metric);
  for (const FurtherObjective& further : board.study.spec.objective.further) {
    out.add_further_metrics(further.metric);
  }
  return out;
}

v1::EditNotesRequest ToProto(const NotesEdit& edit) {
  v1::EditNotesRequest out;
  out.set_study(edit.study);
  if (edit.trial) out.set_trial(*edit.trial);
  if (edit.name) out.set_name(ToUtf8(*edit.name));
  if (edit.notes) out.set_notes(ToUtf8(*edit.notes));
  out.set_append(edit.append);
  return out;
}

absl::StatusOr<NotesEdit> FromProto(const v1::EditNotesRequest& request) {
  NotesEdit out;
  out.study = request.study();
  if (request.has_trial()) {
    VIZSLA_RETURN_IF_ERROR(CheckAtLeast("trial", request.trial(), 0));
    out.trial = request.trial();
  }
  if (request.has_name()) out.name = request.name();
  if (request.has_notes()) out.notes = request.notes();
  out.append = request.append();
  return out;
}

v1::Evaluation ToProto(const EvaluationRow& evaluation) {
  v1::Evaluation out;
  out.set_id(evaluation.id);
  out.set_study_id(evaluation.study.value());
  out.set_trial_number(evaluation.trial_number);
  out.set_split(evaluation.split);
  out.set_model_hash(evaluation.model_hash);
  MetricsToProto(evaluation.metrics, out.mutable_metrics());
  out.set_user(ToUtf8(evaluation.user));
  out.set_created_unix_ms(ToUnixMillis(evaluation.created_at));
  return out;
}

absl::StatusOr<EvaluationRow> FromProto(const v1::Evaluation& evaluation) {
  EvaluationRow out;
  out.id = evaluation.id();
  out.study = StudyId(evaluation.study_id());
  VIZSLA_RETURN_IF_ERROR(CheckAtLeast("evaluation.trial_number", evaluation.trial_number(), 1));
  out.trial_number = evaluation.trial_number();
  out.split = evaluation.split();
  if (out.split != "test" && out.split != "validation" && out.split != "train") {
    return Refuse("evaluation.split",
                  StrCat("'", out.split, "' is none of train, validation, test"));
  }
  VIZSLA_RETURN_IF_ERROR(CheckHash("evaluation.model_hash", evaluation.model_hash()));
  out.model_hash = evaluation.model_hash();
  VIZSLA_ASSIGN_OR_RETURN(out.metrics,
                          MetricsFromProto("evaluation.metrics", evaluation.metrics()));
  out.user = evaluation.user();
  out.created_at = FromUnixMillis(evaluation.created_unix_ms());
  return out;
}

}  // namespace vizsla
