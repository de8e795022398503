#include "src/pruning/asha_pruner.h"

#include <algorithm>
#include <ranges>

namespace vizsla {

AshaPruner::AshaPruner(const AshaOptions& options, const PrunerContext& context)
    : options_(options),
      ladder_(RungEpochs(options.min_epochs, options.eta, context.max_epochs), context.direction) {}

int64_t AshaPruner::PlacesOf(const Rung& rung) const {
  const int64_t places = rung.size() / options_.eta;
  return options_.variant == AshaOptions::Variant::kStop ? std::max<int64_t>(1, places) : places;
}

PruneDecision AshaPruner::Decide(int64_t trial_number) const {
  const Rung* rung = ladder_.DueRung(trial_number);
  if (rung == nullptr) return PruneDecision::kContinue;
  const RankedLoss entry = rung->EntryOf(trial_number);
  if (rung->IsAmong(PlacesOf(*rung), entry)) return PruneDecision::kPromote;
  const bool may_wait = options_.variant == AshaOptions::Variant::kPromote && entry.finite();
  return may_wait ? PruneDecision::kPause : PruneDecision::kPrune;
}

std::optional<int64_t> AshaPruner::NextToResume() const {
  for (const Rung& rung : ladder_.rungs() | std::views::reverse) {
    if (rung.waiting().empty()) continue;
    const RankedLoss& best = *rung.waiting().begin();
    if (rung.IsAmong(PlacesOf(rung), best)) return best.trial;
  }
  if (!all_created_ || ladder_.active() > 0 || ladder_.completed() > 0) return std::nullopt;
  for (const Rung& rung : ladder_.rungs() | std::views::reverse) {
    if (rung.waiting().empty()) continue;
    const RankedLoss& best = *rung.waiting().begin();
    if (best.finite()) return best.trial;
  }
  return std::nullopt;
}

}  // namespace vizsla
