#include "src/pruning/halving_bracket.h"

#include <algorithm>
#include <ranges>

namespace vizsla {

bool HalvingBracket::MayGoOn(const Rung& rung, const RankedLoss& waiting) const {
  return rung.IsAmong(std::max<int64_t>(1, rung.size() / eta_), waiting);
}

std::span<const Rung> HalvingBracket::DecidedRungs(int64_t trials) const {
  const std::span<const Rung> rungs = ladder_.rungs();
  size_t decided = 0;
  int64_t expected = trials;
  while (decided < rungs.size() && rungs[decided].settled() >= expected) {
    const Rung& rung = rungs[decided++];
    if (!rung.waiting().empty() && MayGoOn(rung, *rung.waiting().begin())) break;
    expected = rung.promoted();
  }
  return rungs.first(decided);
}

std::optional<int64_t> HalvingBracket::NextToResume(int64_t trials) const {
  const std::span<const Rung> decided = DecidedRungs(trials);
  if (decided.empty() || decided.back().waiting().empty()) return std::nullopt;
  const RankedLoss& best = *decided.back().waiting().begin();
  return MayGoOn(decided.back(), best) ? std::optional(best.trial) : std::nullopt;
}

bool HalvingBracket::AnyToPrune(int64_t trials) const {
  return std::ranges::any_of(DecidedRungs(trials), [&](const Rung& rung) {
    return !rung.waiting().empty() && !MayGoOn(rung, *rung.waiting().rbegin());
  });
}

void HalvingBracket::AppendToPrune(int64_t trials, std::vector<int64_t>& numbers) const {
  for (const Rung& rung : DecidedRungs(trials)) {
    for (const RankedLoss& waiting : rung.waiting() | std::views::reverse) {
      if (MayGoOn(rung, waiting)) break;
      numbers.push_back(waiting.trial);
    }
  }
}

}  // namespace vizsla
