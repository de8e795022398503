#include "src/pruning/halving_pruner.h"

#include <algorithm>

namespace vizsla {
namespace {

void SetPresence(std::set<int64_t>& indices, int64_t index, bool present) {
  if (present) {
    indices.insert(index);
  } else {
    indices.erase(index);
  }
}

}  // namespace

HalvingPruner::HalvingPruner(std::vector<BracketShape> cycle, int eta, const PrunerContext& context)
    : schedule_(std::move(cycle), context.first_trial), eta_(eta), direction_(context.direction) {}

HalvingPruner::Entry& HalvingPruner::EntryOf(int64_t trial_number) {
  const BracketSchedule::Bracket place = schedule_.Find(trial_number);
  const auto known = brackets_.find(place.index);
  if (known != brackets_.end()) return known->second;
  HalvingBracket bracket(schedule_.ShapeOf(place).rung_epochs, eta_, direction_);
  return brackets_.emplace(place.index, Entry{place, std::move(bracket)}).first->second;
}

int64_t HalvingPruner::TrialsOf(const Entry& entry) const {
  const int64_t trials = schedule_.ShapeOf(entry.place).trials;
  return last_trial_ ? std::min(trials, *last_trial_ - entry.place.first_trial + 1) : trials;
}

void HalvingPruner::Judge(const Entry& entry) {
  const int64_t trials = TrialsOf(entry);
  SetPresence(with_resumable_, entry.place.index, entry.bracket.NextToResume(trials).has_value());
  SetPresence(with_losers_, entry.place.index, entry.bracket.AnyToPrune(trials));
}

void HalvingPruner::Observe(const PrunerTrial& trial) {
  Entry& entry = EntryOf(trial.number);
  entry.bracket.ladder().Observe(trial);
  Judge(entry);
}

void HalvingPruner::ObserveReport(int64_t trial_number, int epoch, AttemptNumber attempt,
                                  double value) {
  Entry& entry = EntryOf(trial_number);
  entry.bracket.ladder().ObserveReport(trial_number, epoch, attempt, value);
  Judge(entry);
}

void HalvingPruner::ObserveLastTrial(int64_t trial_number) {
  last_trial_ = trial_number;
  if (!brackets_.empty()) Judge(brackets_.rbegin()->second);
}

PruneDecision HalvingPruner::Decide(int64_t trial_number) const {
  const auto known = brackets_.find(schedule_.Find(trial_number).index);
  if (known == brackets_.end()) return PruneDecision::kContinue;
  const Rung* rung = known->second.bracket.ladder().DueRung(trial_number);
  if (rung == nullptr) return PruneDecision::kContinue;
  return rung->EntryOf(trial_number).finite() ? PruneDecision::kPause : PruneDecision::kPrune;
}

std::optional<int64_t> HalvingPruner::NextToResume() const {
  if (with_resumable_.empty()) return std::nullopt;
  const Entry& entry = brackets_.at(*with_resumable_.begin());
  return entry.bracket.NextToResume(TrialsOf(entry));
}

std::vector<int64_t> HalvingPruner::ToPrune() const {
  std::vector<int64_t> numbers;
  for (const int64_t index : with_losers_) {
    const Entry& entry = brackets_.at(index);
    entry.bracket.AppendToPrune(TrialsOf(entry), numbers);
  }
  std::ranges::sort(numbers);
  return numbers;
}

}  // namespace vizsla
