#include <charconv>

#include "src/base/str_cat.h"
#include "src/cli/commands.h"
#include "src/cli/terminal.h"
#include "src/cli/wire_views.h"
#include "src/report/curves.h"
#include "src/report/leaderboard.h"
#include "src/report/text.h"

namespace vizsla {

absl::StatusOr<int64_t> ParseTrialNumber(const std::string& text) {
  if (text.empty() || text == "best") return 0;
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 1) {
    return absl::InvalidArgumentError(
        StrCat("'", text, "' is no trial: give its number, 1 or above, or best"));
  }
  return number;
}

absl::Status RunStudies(const ConnectionOptions& options, const StudiesCommand& command) {
  VIZSLA_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection,
                          Connection::Open(options, Access::kRead));
  VIZSLA_ASSIGN_OR_RETURN(const v1::ListStudiesResponse response,
                          connection->client().ListStudies({}));
  std::vector<StudyView> studies;
  for (const v1::Study& study : response.studies()) {
    VIZSLA_ASSIGN_OR_RETURN(StudyView view, ToView(study));
    studies.push_back(std::move(view));
  }
  if (!command.json) {
    Print(RenderStudies(studies, StdoutOptions()));
    return absl::OkStatus();
  }
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const StudyView& study : studies) json.push_back(StudyToJson(study));
  Print(ToPrettyText(json));
  return absl::OkStatus();
}

absl::Status RunTrial(const ConnectionOptions& options, const TrialCommand& command) {
  v1::GetTrialRequest request;
  request.set_study(command.study);
  VIZSLA_ASSIGN_OR_RETURN(const int64_t number, ParseTrialNumber(command.trial));
  request.set_number(number);
  VIZSLA_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection,
                          Connection::Open(options, Access::kRead));
  VIZSLA_ASSIGN_OR_RETURN(const v1::GetTrialResponse response,
                          connection->client().GetTrial(request));
  VIZSLA_ASSIGN_OR_RETURN(const TrialView view, ToView(response));
  if (command.curves) {
    Print(StrCat(RenderTrialHeader(view, StdoutOptions()), "\n",
                 RenderCurves(view.epochs, view.trial.best_epoch, StdoutCurves())));
    return absl::OkStatus();
  }
  Print(command.json ? ToPrettyText(TrialToJson(view)) : RenderTrial(view, StdoutOptions()));
  return absl::OkStatus();
}

absl::Status RunLogs(const ConnectionOptions& options, const TrialCommand& command) {
  v1::GetTrialLogsRequest request;
  request.set_study(command.study);
  VIZSLA_ASSIGN_OR_RETURN(const int64_t number, ParseTrialNumber(command.trial));
  request.set_number(number);
  VIZSLA_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection,
                          Connection::Open(options, Access::kRead));
  VIZSLA_ASSIGN_OR_RETURN(const v1::GetTrialLogsResponse response,
                          connection->client().GetTrialLogs(request));
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const v1::LogLine& line : response.lines()) {
    const Timestamp at = FromUnixMillis(line.unix_ms());
    if (command.json) {
      json.push_back(
          {{"time", FormatTimeRfc3339(at)}, {"attempt", line.attempt()}, {"text", line.text()}});
    } else {
      Print(StrCat(FormatTime(at), " attempt ", line.attempt(), "  ", SafeText(line.text()), "\n"));
    }
  }
  if (command.json) {
    Print(ToPrettyText(json));
  } else if (response.lines().empty()) {
    Message("the trial has written no log lines");
  }
  return absl::OkStatus();
}

}  // namespace vizsla
