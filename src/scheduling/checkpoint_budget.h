// Which checkpoints go when the artifacts take more than the coordinator's byte budget. Pure.
//
// Never taken: anything of a trial that has not ended (last and best), of each study the best
// `keep_best` that have ended (of a configuration with several runs, the one that stands for it;
// while some of them go on, the best that has ended), what a trial of an unfinished study starts
// from or may still start from (a named source, the `top` of the current stage and of each later
// one, what a final run may repeat), splits and weights, what is being downloaded, and what was
// written or asked for within a minute (a report or a pull that is under way).
//
// The rest goes in this order until the budget holds: of finished studies, then of stopped, then of
// active ones; among them trials without a rank first, then the worse rank first, whatever study it
// is of; among equals the older study's first.
//
// Nothing that is wanted is ever refused for the budget: where it cannot hold, uploads go on and
// the coordinator warns.
#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "src/scheduling/trial_store.h"

namespace vizsla {

inline constexpr Milliseconds kFreshlyUsed{std::chrono::minutes(1)};

struct BudgetedStudy {
  Study study;
  std::vector<Trial> trials;  // all, in any order; their configurations do not matter
};

struct BudgetInput {
  int64_t budget_bytes = 0;
  int keep_best = 1;
  Timestamp now{};
  std::span<const StoredArtifact> stored;  // all there is on disk
  std::span<const BudgetedStudy> studies;  // all
  std::set<std::string> being_read;
};

struct CheckpointDrop {
  StudyId study;
  TrialId trial;
  int64_t number = 0;
  std::string hash;
  bool operator==(const CheckpointDrop&) const = default;
};

struct BudgetPlan {
  std::vector<CheckpointDrop> drops;  // in the order above
  int64_t bytes_before = 0;
  int64_t bytes_after = 0;  // may still be above the budget
};
BudgetPlan PlanDrops(const BudgetInput& input);

int64_t TotalBytes(std::span<const StoredArtifact> stored);

// "1.5 GiB", "300 bytes".
std::string BytesText(int64_t bytes);

}  // namespace vizsla
