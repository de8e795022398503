// The campaign's last table: trials grouped by what was tried, and the best of each group. Pure.
#pragma once

#include <string>
#include <vector>

#include "src/report/leaderboard.h"
#include "src/study/trial.h"

namespace vizsla {

// "scratch", "scratch after autoencoder", "transfer" (the backbone frozen), "fine-tuned from
// block_16_expand", "fine-tuned whole", "from random weights"; ", warm start" follows when the
// trial starts from another one's weights. What the configuration does not say has its default
// (KnownParameters).
std::string ApproachOf(const Trial& trial);

struct Strategy {
  std::string network;
  std::string approach;
  std::string name;  // of its trials, when they were named
  int64_t trials = 0;
  const LeaderboardRowView* best = nullptr;  // in the board; null while no trial has a score
};

// Groups of (network, approach, trial's name), the best first; groups without a score last. Trials
// that are not configured (IsConfigured) belong to none. The board must outlive the result.
std::vector<Strategy> CompareStrategies(const LeaderboardView& board);

// "mobilenet_v2, transfer: final".
std::string ToText(const Strategy& strategy);

}  // namespace vizsla
