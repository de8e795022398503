#include "src/cli/replay_command.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "src/cli/terminal.h"
#include "src/report/leaderboard.h"
#include "src/report/text.h"

namespace vizsla {
namespace {

struct Found {
  std::string study;
  ReplayResult result;
};

absl::Status OlderThanItsLog(const std::string& study) {
  return absl::FailedPreconditionError(
      StrCat("study '", study,
             "' was made before decisions were logged: what they were derived from is not known, "
             "so they cannot be derived again; studies that are made from now on can"));
}

// In pages, so that neither side ever holds the whole log.
absl::StatusOr<Found> Replay(CoordinatorClient& client, const ReplayCommand& command) {
  Found found;
  DecisionReplay replay;
  v1::ListDecisionsRequest request;
  request.set_study(command.study);
  for (;;) {
    VIZSLA_ASSIGN_OR_RETURN(const v1::ListDecisionsResponse page, client.ListDecisions(request));
    found.study = page.study();
    request.set_study(page.study());  // a newer one may be made meanwhile
    for (const v1::DecisionRow& row : page.rows()) {
      if (command.until > 0 && row.sequence() > command.until) break;
      const absl::Status status =
          replay.Add({row.sequence(), FromUnixMillis(row.unix_ms()), row.events()});
      if (absl::IsFailedPrecondition(status)) return OlderThanItsLog(page.study());
      if (!status.ok()) return Annotate(status, StrCat("row ", row.sequence()));
      request.set_after(row.sequence());
    }
    const bool over = page.rows().empty() ||
                      (command.until > 0 && page.rows().rbegin()->sequence() >= command.until);
    if (over) break;
  }
  found.result = replay.result();
  if (found.result.rows == 0) return OlderThanItsLog(found.study);
  return found;
}

std::string Counted(int64_t count, const std::string& one, const std::string& many) {
  return StrCat(count, " ", count == 1 ? one : many);
}

std::string DescribeProgram(const std::string& version, int algorithms) {
  return StrCat(version, " (algorithms ", algorithms, ")");
}

nlohmann::ordered_json ReplayToJson(const Found& found) {
  const ReplayResult& result = found.result;
  const ReplayCounts& counts = result.counts;
  nlohmann::ordered_json json = {
      {"study", found.study},
      {"rows", result.rows},
      {"equal", result.difference_count == 0},
      {"suggestions", counts.suggestions},
      {"promotions", counts.promotions},
      {"prunings", counts.prunings},
      {"pauses", counts.pauses},
      {"continuations", counts.continuations},
      {"sources", counts.sources},
      {"repeats", counts.repeats},
      {"replacements", counts.replacements},
      {"rules", counts.rules},
      {"learned", counts.learned},
      {"ends", counts.ends},
      {"replayed_by", {{"version", VIZSLA_VERSION}, {"algorithms", kDecisionAlgorithms}}},
      {"decided_by", nlohmann::ordered_json::array()},
      {"difference_count", result.difference_count},
      {"differences", nlohmann::ordered_json::array()}};
  for (const ProgramEvent& program : result.programs) {
    json["decided_by"].push_back(
        {{"version", program.version}, {"algorithms", program.algorithms}});
  }
  for (const ReplayDifference& difference : result.differences) {
    json["differences"].push_back({{"row", difference.sequence},
                                   {"time", FormatTimeRfc3339(difference.at)},
                                   {"decision", difference.decision},
                                   {"logged", difference.logged},
                                   {"derived", difference.derived},
                                   {"inputs", difference.inputs}});
  }
  return json;
}

}  // namespace

std::string RenderReplay(const std::string& study, const ReplayResult& result,
                         const std::string& version) {
  const ReplayCounts& counts = result.counts;
  std::string text = StrCat(
      "study '", study, "': ", Counted(counts.suggestions, "suggestion", "suggestions"), ", ",
      Counted(counts.promotions, "promotion", "promotions"), ", ",
      Counted(counts.prunings, "pruning", "prunings"), ", ",
      Counted(counts.pauses + counts.continuations + counts.sources + counts.repeats +
                  counts.replacements + counts.rules + counts.learned + counts.ends,
              "other decision", "other decisions"),
      " re-derived: ",
      result.difference_count == 0 ? std::string("all equal")
                                   : Counted(result.difference_count, "difference", "differences"),
      "\n");
  for (const ProgramEvent& program : result.programs) {
    if (program.version == version && program.algorithms == kDecisionAlgorithms) continue;
    text += StrCat("decided by ", DescribeProgram(program.version, program.algorithms),
                   "; this is ", DescribeProgram(version, kDecisionAlgorithms), "\n");
  }
  for (const ReplayDifference& difference : result.differences) {
    text += StrCat("\nrow ", difference.sequence, ", ", FormatTime(difference.at), ": ",
                   difference.decision, "\n  logged:  ", difference.logged,
                   "\n  derived: ", difference.derived, "\n  from:    ", difference.inputs, "\n");
  }
  const auto shown = static_cast<int64_t>(result.differences.size());
  if (shown < result.difference_count) {
    text += StrCat("\nand ", result.difference_count - shown, " more\n");
  }
  return text;
}

absl::Status RunReplay(const ConnectionOptions& options, const ReplayCommand& command) {
  VIZSLA_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection,
                          Connection::Open(options, Access::kRead));
  VIZSLA_ASSIGN_OR_RETURN(const Found found, Replay(connection->client(), command));
  Print(command.json ? ToPrettyText(ReplayToJson(found))
                     : SafeLines(RenderReplay(found.study, found.result, VIZSLA_VERSION)));
  if (found.result.difference_count == 0) return absl::OkStatus();
  return absl::AbortedError("what was decided is not what this program derives");
}

}  // namespace vizsla
