#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "src/base/file.h"
#include "src/base/str_cat.h"
#include "src/cli/commands.h"
#include "src/cli/helper_program.h"
#include "src/cli/pull.h"
#include "src/cli/terminal.h"
#include "src/cli/wire_views.h"
#include "src/report/predictions.h"
#include "src/report/study_report.h"
#include "src/report/text.h"
#include "src/study/objective.h"

namespace vizsla {
namespace {

namespace fs = std::filesystem;

// Marks a folder as a report, and names its files, so that the next one can replace them.
constexpr char kReportList[] = "report.json";

// Files of the earlier report in the folder; empty when there is none. AlreadyExists when the
// folder holds something else.
absl::StatusOr<std::set<std::string>> FindEarlierReport(const std::string& folder) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(folder, error))) return std::set<std::string>();
  if (!fs::is_directory(folder, error)) {
    return absl::AlreadyExistsError(StrCat(folder, " is there already and is no folder"));
  }
  const bool empty = fs::is_empty(folder, error);
  if (error) return ErrnoStatus(error.value(), folder, "list");
  if (empty) return std::set<std::string>();
  const std::string path = StrCat(folder, "/", kReportList);
  if (!fs::exists(path, error)) {
    return absl::AlreadyExistsError(
        StrCat(folder, " is not empty and is no earlier report; name another folder with -o"));
  }
  VIZSLA_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  const nlohmann::json list = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!list.is_object() || !list.contains("files") || !list["files"].is_array()) {
    return absl::AlreadyExistsError(
        StrCat(path, " is no report's list of files; name another folder with -o"));
  }
  std::set<std::string> files;
  for (const nlohmann::json& name : list["files"]) {
    // A name with a folder in it would lead outside.
    if (!name.is_string() || name.get<std::string>().find('/') != std::string::npos) continue;
    files.insert(name.get<std::string>());
  }
  return files;
}

// Whatever the page does not draw is not asked for.
absl::Status ReadEpochs(CoordinatorClient& client, StudyReport& report) {
  const std::vector<const Trial*> trials = FindDrawnTrials(report.board);
  ProgressLine progress("reading the trials");
  for (size_t i = 0; i < trials.size(); ++i) {
    v1::GetTrialRequest request;
    // The newest study may be another one by now.
    request.set_study(report.board.study.study.spec.name);
    request.set_number(trials[i]->number);
    VIZSLA_ASSIGN_OR_RETURN(const v1::GetTrialResponse response, client.GetTrial(request));
    VIZSLA_ASSIGN_OR_RETURN(TrialView trial, ToView(response));
    report.epochs[trials[i]->number] = std::move(trial.epochs);
    progress.Show(i + 1, trials.size());
  }
  return absl::OkStatus();
}

absl::StatusOr<StudyReport> Gather(Connection& connection, const std::string& study) {
  CoordinatorClient& client = connection.client();
  StudyReport report;
  v1::GetLeaderboardRequest board_request;
  board_request.set_study(study);
  VIZSLA_ASSIGN_OR_RETURN(const v1::GetLeaderboardResponse board,
                          client.GetLeaderboard(board_request));
  VIZSLA_ASSIGN_OR_RETURN(report.board, ToView(board.leaderboard()));
  VIZSLA_RETURN_IF_ERROR(ReadEpochs(client, report));
  v1::ListEvaluationsRequest evaluations_request;
  evaluations_request.set_study(report.board.study.study.spec.name);
  VIZSLA_ASSIGN_OR_RETURN(const v1::ListEvaluationsResponse evaluations,
                          client.ListEvaluations(evaluations_request));
  for (const v1::Evaluation& evaluation : evaluations.evaluations()) {
    report.evaluations.push_back({evaluation.trial_number(),
                                  evaluation.split(),
                                  evaluation.model_hash(),
                                  evaluation.user(),
                                  {evaluation.metrics().begin(), evaluation.metrics().end()},
                                  FromUnixMillis(evaluation.created_unix_ms())});
  }
  std::stable_sort(report.evaluations.begin(), report.evaluations.end(),
                   [](const auto& a, const auto& b) { return a.at < b.at; });
  report.source = connection.coordinator().empty()
                      ? connection.database()
                      : StrCat("the coordinator at ", connection.coordinator());
  report.made_at = SystemClock().Now();
  return report;
}

// The best trial over the validation split, by the program that has LibTorch, or why there is
// nothing to run. Validation is no use of the test split.
absl::Status AddPredictions(Connection& connection, const std::string& data, StudyReport& report) {
  const LeaderboardRowView* best = FindBestRow(report.board);
  if (best == nullptr) {
    report.no_predictions = "no trial has a score yet";
    return absl::OkStatus();
  }
  VIZSLA_ASSIGN_OR_RETURN(const TemporaryDirectory scratch,
                          TemporaryDirectory::Create("vizsla-report"));
  PullCommand pull;
  pull.study = report.board.study.study.spec.name;
  pull.trial = StrCat(best->trial.number);
  pull.output = scratch.path() + "/model";
  const absl::Status pulled = PullTrial(connection, pull).status();
  // Without a usable checkpoint the rest of the page is still worth having.
  if (absl::IsFailedPrecondition(pulled) || absl::IsNotFound(pulled)) {
    report.no_predictions = std::string(pulled.message());
    return absl::OkStatus();
  }
  VIZSLA_RETURN_IF_ERROR(pulled);
  const std::string file = scratch.path() + "/predictions.json";
  VIZSLA_RETURN_IF_ERROR(RunHelper(
      {"vizsla-evaluate",
       {"evaluate", pull.output, "--data", data, "--split", "validation", "--predictions", file}}));
  VIZSLA_ASSIGN_OR_RETURN(const std::string text, ReadFile(file));
  VIZSLA_ASSIGN_OR_RETURN(report.predictions, PredictionsFromJsonText(text));
  return absl::OkStatus();
}

// The list is written first, with the files of the earlier report too, and as it is to be last: a
// folder whose writing was interrupted is a report that the next one replaces.
absl::Status WriteReport(const std::string& folder, const std::vector<ReportFile>& files,
                         const std::set<std::string>& earlier, const nlohmann::ordered_json& list) {
  VIZSLA_RETURN_IF_ERROR(CreateDirectories(folder));
  const std::string list_path = StrCat(folder, "/", kReportList);
  std::set<std::string> either = earlier;
  for (const ReportFile& file : files) either.insert(file.name);
  nlohmann::ordered_json unfinished = list;
  unfinished["files"] = either;
  VIZSLA_RETURN_IF_ERROR(WriteFileAtomically(list_path, ToPrettyText(unfinished)));
  std::set<std::string> stale = earlier;
  for (const ReportFile& file : files) {
    VIZSLA_RETURN_IF_ERROR(WriteFileAtomically(StrCat(folder, "/", file.name), file.bytes));
    stale.erase(file.name);
  }
  for (const std::string& name : stale) {
    std::error_code ignored;  // a file that is gone already, or stays: neither harms
    fs::remove(StrCat(folder, "/", name), ignored);
  }
  return WriteFileAtomically(list_path, ToPrettyText(list));
}

std::string WithoutSlash(std::string folder) {
  while (folder.size() > 1 && folder.back() == '/') folder.pop_back();
  return folder;
}

}  // namespace

absl::Status RunReport(const ConnectionOptions& options, const ReportCommand& command) {
  const std::string folder = WithoutSlash(command.output);
  VIZSLA_ASSIGN_OR_RETURN(const std::set<std::string> earlier, FindEarlierReport(folder));
  VIZSLA_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection,
                          Connection::Open(options, Access::kRead));
  VIZSLA_ASSIGN_OR_RETURN(StudyReport report, Gather(*connection, command.study));
  const LeaderboardView& board = report.board;
  const std::string& study = board.study.study.spec.name;
  const LeaderboardRowView* best = FindBestRow(board);
  if (!command.data.empty()) {
    VIZSLA_RETURN_IF_ERROR(AddPredictions(*connection, command.data, report));
    if (!report.no_predictions.empty()) {
      Message(StrCat("the report has no confusion matrix: ", report.no_predictions));
    }
  }
  const std::vector<ReportFile> files = RenderStudyReport(report);

  nlohmann::ordered_json json;
  json["folder"] = folder;
  json["page"] = StrCat(folder, "/", kReportPage);
  json["study"] = study;
  json["trials"] = board.rows.size();
  json["best_trial"] = best != nullptr ? nlohmann::ordered_json(best->trial.number)
                                       : nlohmann::ordered_json(nullptr);
  json["predictions"] = report.predictions.has_value();
  json["files"] = nlohmann::ordered_json::array();
  for (const ReportFile& file : files) json["files"].push_back(file.name);
  VIZSLA_RETURN_IF_ERROR(WriteReport(folder, files, earlier, json));

  if (command.json) {
    Print(ToPrettyText(json));
    return absl::OkStatus();
  }
  Print(StrCat("report of ", SafeText(study), ", ",
               Count(static_cast<int64_t>(board.rows.size()), "trial"), ": ", folder, "/",
               kReportPage, " and ", Count(static_cast<int64_t>(files.size()) - 1, "picture"),
               "\n"));
  return absl::OkStatus();
}

}  // namespace vizsla
