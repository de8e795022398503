// The columns of the table of trials, each named once. Internal to src/storage.
#pragma once

#include <string_view>
#include <vector>

#include "src/base/status.h"
#include "src/storage/sqlite.h"
#include "src/study/trial.h"

// For SELECT: in the order in which TrialAt reads them.
#define VIZSLA_TRIAL_COLUMNS                                                                     \
  "id, study_id, number, name, notes, configuration, state, attempt, crashes, epoch, score, "    \
  "score_is_nan, best_epoch, best_checkpoint, last_checkpoint, last_checkpoint_epoch, "          \
  "worker, reason, created_ms, started_ms, finished_ms, stage, init_kind, init_trial, "          \
  "init_checkpoint, rung, checkpoint_dropped, parent, parent_epoch, member, parent_checkpoint, " \
  "repeat_of, final_run, further_values"

namespace vizsla {

// The column further_values. DataLoss when it holds something else.
absl::StatusOr<std::vector<double>> NumbersFromText(std::string_view text);

// DataLoss for what this program does not understand.
absl::StatusOr<Trial> TrialAt(const Query& query);

// Gives the trial an id; its own is not looked at.
absl::StatusOr<TrialId> InsertTrialRow(Database& database, const Trial& trial);

// Writes the columns in which the trial differs from `stored`, its row as it is now; all of them
// when that is null. Columns that are left alone keep their entries in the indexes, so an epoch's
// report touches none. NotFound when there is no such row.
absl::Status UpdateTrialRow(Database& database, const Trial* stored, const Trial& trial);

}  // namespace vizsla
