#include "src/pruning/rung_ladder.h"

#include <limits>

namespace vizsla {
namespace {

constexpr double kWorst = std::numeric_limits<double>::infinity();

bool IsActive(TrialState state) {
  return state == TrialState::kQueued || state == TrialState::kRunning;
}

Rung::Standing StandingOf(TrialState state) {
  if (state == TrialState::kPaused) return Rung::Standing::kWaiting;
  return IsFinished(state) ? Rung::Standing::kEnded : Rung::Standing::kActive;
}

}  // namespace

std::vector<int> RungEpochs(int min_epochs, int eta, int max_epochs) {
  std::vector<int> epochs;
  for (int64_t epoch = min_epochs; epoch < max_epochs; epoch *= eta) {
    epochs.push_back(static_cast<int>(epoch));
  }
  return epochs;
}

void Rung::Set(int64_t trial, const std::optional<Member>& member) {
  const auto known = members_.find(trial);
  if (known != members_.end()) {
    if (member == known->second) return;
    Count({known->second.loss, trial}, known->second.standing, false);
    members_.erase(known);
  }
  if (!member) return;
  members_.emplace(trial, *member);
  Count({member->loss, trial}, member->standing, true);
}

void Rung::Count(const RankedLoss& entry, Standing standing, bool present) {
  const int change = present ? 1 : -1;
  present ? (void)ranking_.insert(entry) : (void)ranking_.erase(entry);
  switch (standing) {
    case Standing::kActive:
      active_ += change;
      break;
    case Standing::kWaiting:
      present ? (void)waiting_.insert(entry) : (void)waiting_.erase(entry);
      break;
    case Standing::kPromoted:
      promoted_ += change;
      break;
    case Standing::kEnded:
      break;
  }
}

bool Rung::IsAmong(int64_t places, int64_t trial) const { return IsAmong(places, EntryOf(trial)); }

bool Rung::IsAmong(int64_t places, const RankedLoss& entry) const {
  return entry.finite() && static_cast<int64_t>(ranking_.find_rank(entry)) < places;
}

RankedLoss Rung::EntryOf(int64_t trial) const {
  const auto member = members_.find(trial);
  return {member == members_.end() ? kWorst : member->second.loss, trial};
}

RungLadder::RungLadder(std::vector<int> rung_epochs, Direction direction)
    : rung_epochs_(std::move(rung_epochs)), direction_(direction), rungs_(rung_epochs_.size()) {}

void RungLadder::Observe(const PrunerTrial& trial) {
  TrialProgress& known = trials_[trial.number];
  const bool was_known = known.row.number != 0;
  active_ += IsActive(trial.state) - (was_known && IsActive(known.row.state));
  completed_ += (trial.state == TrialState::kCompleted) -
                (was_known && known.row.state == TrialState::kCompleted);
  known.row = trial;
  Place(known);
}

void RungLadder::ObserveReport(int64_t trial_number, int epoch, AttemptNumber attempt,
                               double value) {
  TrialProgress& known = trials_[trial_number];
  if (known.Add(epoch, attempt, value) && known.row.number != 0) Place(known);
}

const Rung* RungLadder::DueRung(int64_t trial_number) const {
  const auto known = trials_.find(trial_number);
  if (known == trials_.end() || known->second.AtLastEpoch()) return nullptr;
  const PrunerTrial& row = known->second.row;
  const auto rung = static_cast<size_t>(row.rung);
  return rung < rungs_.size() && row.epoch >= rung_epochs_[rung] ? &rungs_[rung] : nullptr;
}

std::optional<Rung::Member> RungLadder::MemberAt(size_t rung, const TrialProgress& trial) const {
  const PrunerTrial& row = trial.row;
  const auto own_rung = static_cast<size_t>(row.rung);
  if (rung > own_rung) return std::nullopt;
  const auto loss_at = [&](int epoch) {
    const std::optional<double> value = trial.ValueAt(epoch);
    return value ? LossOf(direction_, *value) : kWorst;
  };
  if (rung < own_rung) return Rung::Member{loss_at(rung_epochs_[rung]), Rung::Standing::kPromoted};
  if (row.epoch >= rung_epochs_[rung]) {
    return Rung::Member{loss_at(rung_epochs_[rung]), StandingOf(row.state)};
  }
  if (!IsFinished(row.state)) return std::nullopt;
  const bool completed = row.state == TrialState::kCompleted;
  return Rung::Member{completed ? loss_at(row.epoch) : kWorst, Rung::Standing::kEnded};
}

void RungLadder::Place(const TrialProgress& trial) {
  for (size_t rung = 0; rung < rungs_.size(); ++rung) {
    rungs_[rung].Set(trial.row.number, MemberAt(rung, trial));
  }
}

}  // namespace vizsla
