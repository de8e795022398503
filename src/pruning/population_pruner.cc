#include "src/pruning/population_pruner.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace vizsla {
namespace {

bool GoesOn(TrialState state) {
  return state == TrialState::kQueued || state == TrialState::kRunning ||
         state == TrialState::kPaused;
}

bool EndedWithoutResult(TrialState state) {
  return state == TrialState::kDiverged || state == TrialState::kFailed ||
         state == TrialState::kInfeasible;
}

}  // namespace

void PopulationPruner::Observe(const PrunerTrial& trial) {
  trials_[trial.number].row = trial;
  const int64_t place = trial.parent == 0 ? trial.number : trial.member;
  places_[place].insert(trial.number);
}

void PopulationPruner::ObserveReport(int64_t trial_number, int epoch, AttemptNumber attempt,
                                     double value) {
  trials_[trial_number].Add(epoch, attempt, value);
}

std::optional<double> PopulationPruner::ValueOfLineage(int epoch,
                                                       const TrialProgress& trial) const {
  const TrialProgress* at = &trial;
  while (epoch <= at->row.parent_epoch) {
    const auto parent = trials_.find(at->row.parent);
    if (parent == trials_.end()) return std::nullopt;
    at = &parent->second;
  }
  return at->ValueAt(epoch);
}

std::optional<double> PopulationPruner::LossUpTo(int level, const Place& place) const {
  for (auto number = place.rbegin(); number != place.rend(); ++number) {
    const TrialProgress& trial = trials_.at(*number);
    const int epoch = level * options_.interval;
    if (epoch <= trial.row.parent_epoch || epoch > trial.row.epoch) continue;
    if (const auto value = trial.ValueAt(epoch)) return LossOf(direction_, *value);
  }
  const TrialProgress& newest = Newest(place);
  for (int at = std::min(level, newest.row.epoch / options_.interval); at > 0; --at) {
    const auto value = ValueOfLineage(at * options_.interval, newest);
    if (value) return LossOf(direction_, *value);
  }
  return std::nullopt;
}

std::vector<RankedLoss> PopulationPruner::RankingAt(int level) const {
  std::vector<RankedLoss> ranking;
  for (const auto& [number, place] : places_) {
    const PrunerTrial& row = Newest(place).row;
    if (!GoesOn(row.state) && row.state != TrialState::kCompleted) continue;
    if (const auto loss = LossUpTo(level, place)) ranking.push_back({*loss, row.number});
  }
  std::sort(ranking.begin(), ranking.end());
  return ranking;
}

int64_t PopulationPruner::CutOf(size_t places) const {
  // A quantile of 0.29 is not exactly that: 100 places have 29.
  return static_cast<int64_t>(static_cast<double>(places) * options_.quantile + 1e-9);
}

std::vector<int64_t> PopulationPruner::SourcesFor(int level, const TrialProgress& trial) const {
  if (!complete_) return {};
  const std::vector<RankedLoss> ranking = RankingAt(level);
  const int64_t cut = CutOf(ranking.size());
  const auto own = std::find_if(ranking.begin(), ranking.end(), [&](const RankedLoss& entry) {
    return entry.trial == trial.row.number;
  });
  if (own == ranking.end() || ranking.end() - own > cut) return {};
  std::vector<int64_t> sources;
  for (auto entry = ranking.begin(); entry != ranking.begin() + cut; ++entry) {
    if (!(entry->loss < own->loss)) break;
    const PrunerTrial& row = trials_.at(entry->trial).row;
    const int reached = row.checkpoint_epoch / options_.interval;
    const bool is_near = row.state == TrialState::kRunning && reached == level - 1;
    if (!GoesOn(row.state) || row.checkpoint_epoch == 0) continue;
    if (reached >= level || is_near) sources.push_back(entry->trial);
  }
  return sources;
}

std::vector<int64_t> PopulationPruner::SourcesForLost(const TrialProgress& trial) const {
  if (!complete_) return {};
  const PrunerTrial& row = trial.row;
  const bool has_passed_a_level =
      row.parent == 0 || row.rung > row.parent_epoch / options_.interval;
  const int least = std::max(1, has_passed_a_level ? row.rung : row.rung + 1);
  const std::vector<RankedLoss> ranking = RankingAt(least);
  std::vector<int64_t> sources;
  for (const RankedLoss& entry : ranking) {
    const PrunerTrial& other = trials_.at(entry.trial).row;
    if (std::ssize(sources) >= std::max<int64_t>(1, CutOf(ranking.size()))) break;
    if (!std::isfinite(entry.loss) || !GoesOn(other.state)) continue;
    if (other.checkpoint_epoch / options_.interval >= least) sources.push_back(entry.trial);
  }
  return sources;
}

bool PopulationPruner::OthersLackAWorker(const TrialProgress& trial) const {
  return std::any_of(places_.begin(), places_.end(), [&](const auto& place) {
    const PrunerTrial& other = Newest(place.second).row;
    const bool waits = other.state == TrialState::kPaused || other.state == TrialState::kQueued;
    return waits && other.number != trial.row.number && other.rung <= trial.row.rung;
  });
}

PruneDecision PopulationPruner::Decide(int64_t trial_number) const {
  const auto found = trials_.find(trial_number);
  if (found == trials_.end()) return PruneDecision::kContinue;
  const TrialProgress& trial = found->second;
  const int level = trial.row.rung + 1;
  if (trial.AtLastEpoch() || trial.row.epoch < level * options_.interval) {
    return PruneDecision::kContinue;
  }
  const bool has_checkpoint = trial.row.checkpoint_epoch == trial.row.epoch;
  if (!complete_ || !has_checkpoint || OthersLackAWorker(trial)) return PruneDecision::kPause;
  return SourcesFor(level, trial).empty() ? PruneDecision::kPromote : PruneDecision::kPause;
}

std::optional<int64_t> PopulationPruner::NextToResume() const {
  if (!complete_) return std::nullopt;  // a new member is further behind
  const PrunerTrial* next = nullptr;
  for (const auto& [number, place] : places_) {
    const PrunerTrial& row = Newest(place).row;
    if (row.state != TrialState::kPaused) continue;
    if (next == nullptr || std::tie(row.rung, row.number) < std::tie(next->rung, next->number)) {
      next = &row;
    }
  }
  return next == nullptr ? std::nullopt : std::optional(next->number);
}

std::optional<Replacement> PopulationPruner::NextToReplace() const {
  for (const auto& [number, place] : places_) {
    const TrialProgress& trial = Newest(place);
    std::vector<int64_t> sources;
    if (trial.row.state == TrialState::kPaused) sources = SourcesFor(trial.row.rung + 1, trial);
    if (EndedWithoutResult(trial.row.state)) sources = SourcesForLost(trial);
    if (!sources.empty()) return Replacement{trial.row.number, std::move(sources)};
  }
  return std::nullopt;
}

}  // namespace vizsla
