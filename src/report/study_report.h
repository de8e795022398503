// `vizsla report`: a study as one HTML page that needs nothing else (no network, no script of
// others, no font), with each of its pictures beside it as a file. Pure: what to show comes in, the
// files' bytes go out. Names, notes and reasons are users' text and are escaped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "src/report/leaderboard.h"
#include "src/report/predictions.h"

namespace vizsla {

// One recorded reading of a split by `vizsla evaluate`.
struct EvaluationRecord {
  int64_t trial = 0;
  std::string split;
  std::string model_hash;
  std::string user;
  Metrics metrics;  // loss, accuracy, top5_accuracy
  Timestamp at{};
};

struct StudyReport {
  LeaderboardView board;  // every trial
  // By trial number, in order; those of the drawn trials (FindDrawnTrials) are enough.
  std::map<int64_t, std::vector<EpochReport>> epochs;
  std::vector<EvaluationRecord> evaluations;  // in order of time
  std::optional<Predictions> predictions;     // of the best trial on the validation split (--data)
  std::string no_predictions;  // why --data gave none (no checkpoint ...); empty without --data
  std::string source;          // database or coordinator
  Timestamp made_at{};
};

struct ReportFile {
  std::string name;  // plain, within the report's folder
  std::string bytes;
};

inline constexpr char kReportPage[] = "index.html";

// Trials whose curves the page draws: the first kMostDrawnTrials of the board that have run an
// epoch. Points into the board.
inline constexpr size_t kMostDrawnTrials = 50;
std::vector<const Trial*> FindDrawnTrials(const LeaderboardView& board);

// The row that leads the board with a finite score, or null.
const LeaderboardRowView* FindBestRow(const LeaderboardView& board);

// The page first, then its pictures.
std::vector<ReportFile> RenderStudyReport(const StudyReport& report);

}  // namespace vizsla
