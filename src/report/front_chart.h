// The trials of a study of several objectives: the first one against another, with the Pareto
// front. Pure.
#pragma once

#include <string>
#include <vector>

#include "src/report/html.h"
#include "src/report/leaderboard.h"
#include "src/report/svg.h"

namespace vizsla {

// `further` is an index of the objective's further ones. Trials of the front are coloured, in their
// order along `x` a line joins them; the others are grey. Positive values that span more than a
// factor of 30 get a logarithmic axis.
Svg DrawFront(const LeaderboardView& board, size_t further);

// A chart for each further objective; no pictures and no body for a study of one.
HtmlSection FrontSection(const LeaderboardView& board);

}  // namespace vizsla
