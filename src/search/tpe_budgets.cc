#include "src/search/tpe_budgets.h"

#include <algorithm>

namespace vizsla {

TpeBudgets::TpeBudgets(std::vector<int> rungs, const TpeHistory& empty) : space_(empty.space()) {
  for (const int epochs : rungs) budgets_.push_back({epochs, empty.Empty()});
  budgets_.push_back({0, empty.Empty()});
}

void TpeBudgets::Observe(const Trial& trial) {
  if (!has_rungs()) {
    budgets_.front().history.Observe(trial);
    return;
  }
  std::optional<PackedConfiguration> packed =
      PackedConfiguration::Pack(space_, trial.configuration);
  if (!packed) return;  // no history would take it
  Known& known = trials_[trial.number];
  known.row = {*std::move(packed), trial.state, trial.score, trial.epoch};
  Update(trial.number, known);
}

void TpeBudgets::ObserveReport(int64_t trial_number, int epoch, AttemptNumber attempt,
                               double value) {
  const bool is_rung =
      epoch > 0 && std::any_of(budgets_.begin(), budgets_.end(),
                               [&](const Budget& budget) { return budget.epochs == epoch; });
  if (!is_rung) return;
  Known& known = trials_[trial_number];
  const auto [entry, added] = known.values.try_emplace(epoch, Value{attempt, value});
  if (!added) {
    if (attempt < entry->second.attempt) return;
    entry->second = {attempt, value};
  }
  if (known.row) Update(trial_number, known);
}

const TpeBudgets::Budget& TpeBudgets::Largest(int64_t least) const {
  for (auto budget = budgets_.rbegin(); budget != budgets_.rend(); ++budget) {
    if (budget->history.known() >= least) return *budget;
  }
  return budgets_.front();
}

void TpeBudgets::Update(int64_t number, const Known& known) {
  Trial trial;
  trial.number = number;
  trial.configuration = known.row->configuration.Unpack(space_);
  trial.state = known.row->state;
  trial.score = known.row->score;
  trial.epoch = known.row->epoch;
  for (Budget& budget : budgets_) budget.history.Observe(At(budget.epochs, known, trial));
}

Trial TpeBudgets::At(int epochs, const Known& known, Trial trial) {
  switch (trial.state) {
    case TrialState::kCompleted:
    case TrialState::kQueued:
    case TrialState::kRunning:
    case TrialState::kPaused:
    case TrialState::kPruned:
    case TrialState::kCancelled:
      break;
    case TrialState::kFailed:
    case TrialState::kDiverged:
    case TrialState::kInfeasible:
      return trial;
  }
  const auto value = epochs == 0 ? known.values.end() : known.values.find(epochs);
  if (value != known.values.end() && trial.epoch >= epochs) {
    trial.state = TrialState::kCompleted;
    trial.score = value->second.value;
    trial.epoch = epochs;
    return trial;
  }
  // Whole, though it may have needed fewer epochs; or on its way.
  const bool in_flight = trial.state == TrialState::kQueued || trial.state == TrialState::kRunning;
  if (trial.state == TrialState::kCompleted || in_flight) return trial;
  // It never got so far: nothing is known of it here.
  trial.state = TrialState::kCancelled;
  trial.score.reset();
  return trial;
}

}  // namespace vizsla
