#include "src/cli/note_command.h"

#include "src/base/str_cat.h"
#include "src/cli/commands.h"
#include "src/cli/terminal.h"
#include "src/report/leaderboard.h"
#include "src/report/text.h"
#include "src/rpc/convert.h"

namespace vizsla {
namespace {

// The notes of a study, or of one of its trials.
struct Noted {
  v1::Study study;
  std::optional<v1::Trial> trial;
};

absl::StatusOr<Noted> Read(const ConnectionOptions& options, const NotesEdit& wanted) {
  VIZSLA_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection,
                          Connection::Open(options, Access::kRead));
  if (!wanted.trial) {
    v1::GetStudyRequest request;
    request.set_name(wanted.study);
    VIZSLA_ASSIGN_OR_RETURN(v1::GetStudyResponse response, connection->client().GetStudy(request));
    return Noted{std::move(*response.mutable_study()), std::nullopt};
  }
  v1::GetTrialRequest request;
  request.set_study(wanted.study);
  request.set_number(*wanted.trial);
  VIZSLA_ASSIGN_OR_RETURN(v1::GetTrialResponse response, connection->client().GetTrial(request));
  return Noted{std::move(*response.mutable_study()), std::move(*response.mutable_trial())};
}

absl::StatusOr<Noted> Write(const ConnectionOptions& options, const NotesEdit& edit) {
  VIZSLA_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection,
                          Connection::Open(options, Access::kWrite));
  VIZSLA_ASSIGN_OR_RETURN(v1::EditNotesResponse response,
                          connection->client().EditNotes(ToProto(edit)));
  Noted noted{std::move(*response.mutable_study()), std::nullopt};
  if (response.has_trial()) noted.trial = std::move(*response.mutable_trial());
  return noted;
}

nlohmann::ordered_json ToJson(const Noted& noted) {
  nlohmann::ordered_json json;
  json["study"] = noted.study.name();
  json["trial"] = nullptr;
  json["name"] = nullptr;
  if (noted.trial) {
    json["trial"] = noted.trial->number();
    if (!noted.trial->name().empty()) json["name"] = noted.trial->name();
  }
  const std::string& notes = noted.trial ? noted.trial->notes() : noted.study.notes();
  json["notes"] = nullptr;
  if (!notes.empty()) json["notes"] = notes;
  return json;
}

std::string Render(const Noted& noted) {
  std::string text = SafeText(noted.study.name());
  if (noted.trial) {
    absl::StrAppend(&text, ", trial ", noted.trial->number());
    if (!noted.trial->name().empty()) {
      absl::StrAppend(&text, " (", SafeText(noted.trial->name()), ")");
    }
  }
  const std::string& notes = noted.trial ? noted.trial->notes() : noted.study.notes();
  return StrCat(text, notes.empty() ? ": no notes\n" : StrCat("\n", SafeLines(notes), "\n"));
}

}  // namespace

absl::Status RunNote(const ConnectionOptions& options, const NoteCommand& command) {
  NotesEdit edit;
  edit.study = command.study;
  if (command.trial) {
    VIZSLA_ASSIGN_OR_RETURN(edit.trial, ParseTrialNumber(*command.trial));
  }
  edit.name = command.name;
  edit.notes = command.append ? command.append : command.notes;
  edit.append = command.append.has_value();
  const bool reads = !edit.name && !edit.notes;
  VIZSLA_ASSIGN_OR_RETURN(const Noted noted, reads ? Read(options, edit) : Write(options, edit));
  Print(command.json ? ToPrettyText(ToJson(noted)) : Render(noted));
  return absl::OkStatus();
}

}  // namespace vizsla
