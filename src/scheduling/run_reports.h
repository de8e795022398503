// Which reports count. A trial that crashed after epoch 5 and resumed from its checkpoint of epoch
// 3 runs epochs 4 and 5 again: once the new attempt has reported epoch 4, the old epoch 5 belongs
// to an abandoned run. It stays stored, but score, best checkpoint and resumption look only at
// epochs up to the newest one of the current run, trial.epoch. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/study/objective.h"
#include "src/study/study.h"
#include "src/study/trial.h"

namespace vizsla {

// The reports with epoch <= last_epoch; `reports` is in order of epoch.
std::span<const EpochReport> UpToEpoch(std::span<const EpochReport> reports, int last_epoch);

// The report that SelectScore chooses among epochs up to `last_epoch`; null when there is none.
const EpochReport* BestReport(const Objective& objective, std::span<const EpochReport> reports,
                              int last_epoch);

// Sets score, best_epoch and best_checkpoint from the reports up to trial.epoch.
void UpdateScore(const Objective& objective, std::span<const EpochReport> reports, Trial& trial);

// Puts `report` in place of a stored one of the same epoch, or inserts it in order.
std::vector<EpochReport> WithReport(std::span<const EpochReport> reports,
                                    const EpochReport& report);

// When the attempt reported last; nullopt: never.
std::optional<Timestamp> LastReportTime(std::span<const EpochReport> reports,
                                        AttemptNumber attempt);

// Whether any report up to trial.epoch has a metric that is not finite.
bool RunHasDiverged(std::span<const EpochReport> reports, const Trial& trial);

}  // namespace vizsla
