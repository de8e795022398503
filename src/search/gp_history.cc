#include "src/search/gp_history.h"

#include <algorithm>

#include "src/base/random.h"

namespace vizsla {
namespace {

uint64_t HashOf(int64_t number) { return StreamKey(static_cast<uint64_t>(number)).value(); }

}  // namespace

void GpHistory::Forget(int64_t number) {
  pending_.erase(number);
  const auto entry = losses_.find(number);
  if (entry == losses_.end()) return;
  by_loss_.erase({entry->second, number});
  by_hash_.erase({HashOf(number), number});
  losses_.erase(entry);
}

void GpHistory::Observe(const Trial& trial) {
  const Observation* changed = observations_.Add(trial);
  if (changed == nullptr) {
    // Nothing new, or cancelled without a score, and with that gone.
    if (!observations_.all().contains(trial.number)) Forget(trial.number);
    return;
  }
  Forget(trial.number);
  if (changed->pending()) {
    pending_.insert(trial.number);
    return;
  }
  losses_[trial.number] = *changed->loss;
  by_loss_.insert({*changed->loss, trial.number});
  by_hash_.insert({HashOf(trial.number), trial.number});
}

std::vector<int64_t> GpHistory::Select(size_t most, int64_t newest) const {
  std::set<int64_t> chosen;
  const auto take = [&](const auto& order, size_t up_to) {
    for (const auto& [key, number] : order) {
      if (chosen.size() >= up_to) return;
      if (number <= newest) chosen.insert(number);
    }
  };
  take(by_loss_, most / 2);
  take(by_hash_, most);
  return {chosen.begin(), chosen.end()};
}

std::vector<int64_t> GpHistory::Pending(size_t most) const {
  std::vector<int64_t> numbers;
  for (auto number = pending_.rbegin(); number != pending_.rend() && numbers.size() < most;
       ++number) {
    numbers.push_back(*number);
  }
  std::reverse(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace vizsla
