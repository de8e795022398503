// Pieces that the pages of leaderboard.h share.
#pragma once

#include <optional>
#include <string>

#include "src/report/leaderboard.h"
#include "src/report/table.h"

namespace vizsla {

Tint TintOf(TrialState state);
Tint TintOf(StudyState state);

// Failed, diverged or infeasible: the reader wants to know why.
bool EndedInTrouble(TrialState state);
// Why it did, "no reason was given" when nobody knows.
std::string TroubleText(const Trial& trial);
// The same of a configuration whose trouble may be another run's than the row's trial.
std::string TroubleTextOfRow(const LeaderboardRowView& row);

// "24 of 24 trials: 20 completed, 2 running, 2 queued"
std::string TrialCountsText(const StudyView& study);

// Some lines: name, state, counts, uses of the test split, what is ranked; why it ended before its
// trials were used up, and what it learnt from earlier studies.
std::string RenderStudyHeader(const StudyView& study, const std::optional<Milliseconds>& eta,
                              const RenderOptions& options);

// A value of the trial's further objectives, or "-": whole numbers in full, "2257984".
std::string FurtherText(const Trial& trial, size_t further);

}  // namespace vizsla
