// The subcommands: each does its work, prints its result and returns how it went. Options are
// parsed in main.cc; a status other than ok becomes "vizsla: MESSAGE" and exit code 1.
#pragma once

#include <cstdint>
#include <string>

#include "src/base/status.h"
#include "src/cli/connection.h"

namespace vizsla {

struct LeaderboardCommand {
  std::string study;  // empty: the newest
  bool watch = false;
  int top = 0;  // 0: all
  bool json = false;
  bool csv = false;
};
absl::Status RunLeaderboard(const ConnectionOptions& connection, const LeaderboardCommand& command);

struct StudiesCommand {
  bool json = false;
};
absl::Status RunStudies(const ConnectionOptions& connection, const StudiesCommand& command);

struct TrialCommand {
  std::string study;
  std::string trial;    // a number, or "best"
  bool curves = false;  // of trial: draw them instead of the tables
  bool json = false;
};
absl::Status RunTrial(const ConnectionOptions& connection, const TrialCommand& command);
absl::Status RunLogs(const ConnectionOptions& connection, const TrialCommand& command);

struct StudyCommand {
  std::string study;
  std::string new_name;  // of rename
  bool force = false;    // of delete: also while trials run
  bool yes = false;      // of delete: do not ask
  bool json = false;
};
absl::Status RunStop(const ConnectionOptions& connection, const StudyCommand& command);
absl::Status RunResume(const ConnectionOptions& connection, const StudyCommand& command);
absl::Status RunRename(const ConnectionOptions& connection, const StudyCommand& command);
absl::Status RunDelete(const ConnectionOptions& connection, const StudyCommand& command);

struct SubmitCommand {
  std::string space;
  std::string data;
  std::string weights;
  bool dry_run = false;
  bool json = false;
};
absl::Status RunSubmit(const ConnectionOptions& connection, const SubmitCommand& command);

struct PullCommand {
  std::string study;
  std::string trial;  // empty: the best
  std::string output;
  bool force = false;
  bool json = false;
};
absl::Status RunPull(const ConnectionOptions& connection, const PullCommand& command);

struct ReportCommand {
  std::string study;
  std::string output;
  std::string data;  // empty: without what needs the photos
  bool json = false;
};
absl::Status RunReport(const ConnectionOptions& connection, const ReportCommand& command);

// 0 for "best" (and empty), else a trial's number; InvalidArgument for anything else.
absl::StatusOr<int64_t> ParseTrialNumber(const std::string& text);

}  // namespace vizsla
