// Names and notes, edited after the fact.
#include <algorithm>

#include "src/scheduling/find_trial.h"
#include "src/scheduling/scheduler_impl.h"

namespace vizsla {
namespace {

constexpr size_t kLongestName = 200;
constexpr size_t kLongestNotes = 64 << 10;

absl::Status CheckEdit(const NotesEdit& edit) {
  if (!edit.name && !edit.notes) {
    return absl::InvalidArgumentError("say what is to be changed: a name, or notes");
  }
  if (edit.name && !edit.trial) {
    return absl::InvalidArgumentError(
        "a study is known by its name: rename it instead; names of trials can be edited");
  }
  if (!edit.name) return absl::OkStatus();
  if (edit.name->size() > kLongestName) {
    return absl::InvalidArgumentError(StrCat("a name has at most ", kLongestName, " bytes, not ",
                                             edit.name->size(), "; notes may be longer"));
  }
  const bool one_line = std::none_of(edit.name->begin(), edit.name->end(),
                                     [](char c) { return static_cast<unsigned char>(c) < ' '; });
  if (one_line) return absl::OkStatus();
  return absl::InvalidArgumentError("a name is one line of text; notes may have several");
}

// What `text` becomes.
absl::StatusOr<std::string> Edited(const std::string& text, const NotesEdit& edit) {
  if (!edit.notes) return text;
  std::string result = *edit.notes;
  if (edit.append && !text.empty()) result = StrCat(text, "\n", *edit.notes);
  if (result.size() <= kLongestNotes) return result;
  return absl::InvalidArgumentError(
      StrCat("notes have at most ", kLongestNotes, " bytes, these have ", result.size()));
}

}  // namespace

absl::StatusOr<EditedNotes> SchedulerImpl::EditNotes(const NotesEdit& edit) {
  VIZSLA_RETURN_IF_ERROR(CheckEdit(edit));
  EditedNotes edited;
  VIZSLA_RETURN_IF_ERROR(Commit([&](TrialWriter& writer, Effects& effects) -> absl::Status {
    VIZSLA_ASSIGN_OR_RETURN(edited.study, writer.FindStudy(edit.study));
    effects.changed = true;
    if (!edit.trial) {
      VIZSLA_ASSIGN_OR_RETURN(edited.study.notes, Edited(edited.study.notes, edit));
      return writer.UpdateStudy(edited.study);
    }
    VIZSLA_ASSIGN_OR_RETURN(Trial trial, FindTrialOrBest(writer, edited.study, *edit.trial));
    if (edit.name) trial.name = *edit.name;
    VIZSLA_ASSIGN_OR_RETURN(trial.notes, Edited(trial.notes, edit));
    edited.trial = trial;
    return writer.UpdateTrial(trial);
  }));
  return edited;
}

}  // namespace vizsla
