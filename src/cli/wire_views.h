// What the server sends, as src/report shows it. What does not parse is InvalidArgument.
#pragma once

#include "src/base/status.h"
#include "src/report/leaderboard.h"
#include "vizsla/v1/study_service.pb.h"
#include "vizsla/v1/types.pb.h"

namespace vizsla {

absl::StatusOr<StudyView> ToView(const v1::Study& study);
absl::StatusOr<LeaderboardView> ToView(const v1::Leaderboard& board);
absl::StatusOr<TrialView> ToView(const v1::GetTrialResponse& response);

}  // namespace vizsla
