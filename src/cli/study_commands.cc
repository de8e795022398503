#include <unistd.h>

#include <iostream>

#include "src/base/str_cat.h"
#include "src/cli/commands.h"
#include "src/cli/terminal.h"
#include "src/cli/wire_views.h"
#include "src/report/leaderboard.h"
#include "src/report/text.h"

namespace vizsla {
namespace {

// The study as it is now: a line, or JSON.
absl::Status ShowStudy(const v1::Study& study, const std::string& sentence, bool json) {
  if (!json) {
    Print(sentence + "\n");
    return absl::OkStatus();
  }
  VIZSLA_ASSIGN_OR_RETURN(const StudyView view, ToView(study));
  Print(ToPrettyText(StudyToJson(view)));
  return absl::OkStatus();
}

// Deleting cannot be undone: somebody says yes, here or by --yes.
absl::Status Confirm(const v1::Study& study) {
  if (isatty(STDIN_FILENO) != 1) {
    return absl::FailedPreconditionError(
        StrCat("nobody can be asked whether to delete ", study.name(), " for ever; say --yes"));
  }
  int64_t trials = 0;
  for (const auto& [state, count] : study.trial_counts()) trials += count;
  std::cerr << "Delete study " << SafeText(study.name()) << " with " << Count(trials, "trial")
            << " and their checkpoints for ever? [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == "y" || answer == "Y" || answer == "yes") return absl::OkStatus();
  return absl::CancelledError("nothing was deleted");
}

}  // namespace

absl::Status RunStop(const ConnectionOptions& options, const StudyCommand& command) {
  VIZSLA_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection,
                          Connection::Open(options, Access::kWrite));
  v1::StopStudyRequest request;
  request.set_name(command.study);
  VIZSLA_ASSIGN_OR_RETURN(const v1::StopStudyResponse response,
                          connection->client().StopStudy(request));
  return ShowStudy(response.study(),
                   StrCat("stopped ", SafeText(response.study().name()),
                          "; running trials are given back, `vizsla resume` goes on"),
                   command.json);
}

absl::Status RunResume(const ConnectionOptions& options, const StudyCommand& command) {
  VIZSLA_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection,
                          Connection::Open(options, Access::kWrite));
  v1::ResumeStudyRequest request;
  request.set_name(command.study);
  VIZSLA_ASSIGN_OR_RETURN(const v1::ResumeStudyResponse response,
                          connection->client().ResumeStudy(request));
  return ShowStudy(response.study(), StrCat(SafeText(response.study().name()), " is active"),
                   command.json);
}

absl::Status RunRename(const ConnectionOptions& options, const StudyCommand& command) {
  VIZSLA_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection,
                          Connection::Open(options, Access::kWrite));
  v1::RenameStudyRequest request;
  request.set_name(command.study);
  request.set_new_name(command.new_name);
  VIZSLA_ASSIGN_OR_RETURN(const v1::RenameStudyResponse response,
                          connection->client().RenameStudy(request));
  return ShowStudy(
      response.study(),
      StrCat(SafeText(command.study), " is now called ", SafeText(response.study().name())),
      command.json);
}

absl::Status RunDelete(const ConnectionOptions& options, const StudyCommand& command) {
  VIZSLA_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection,
                          Connection::Open(options, Access::kWrite));
  v1::GetStudyRequest get;
  get.set_name(command.study);
  VIZSLA_ASSIGN_OR_RETURN(const v1::GetStudyResponse found, connection->client().GetStudy(get));
  if (!command.yes) VIZSLA_RETURN_IF_ERROR(Confirm(found.study()));
  v1::DeleteStudyRequest request;
  request.set_name(found.study().name());
  request.set_force(command.force);
  VIZSLA_RETURN_IF_ERROR(connection->client().DeleteStudy(request).status());
  if (command.json) {
    Print(ToPrettyText({{"deleted", found.study().name()}}));
  } else {
    Print(StrCat("deleted ", SafeText(found.study().name()), "\n"));
  }
  return absl::OkStatus();
}

}  // namespace vizsla
