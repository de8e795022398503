#include "src/search/tpe_history.h"

#include <algorithm>
#include <cmath>

namespace vizsla {
namespace {

constexpr int64_t kMostGood = 25;
constexpr size_t kNewestOthers = TpeHistory::kMostOthers / 2;
constexpr size_t kFlatWeights = 25;

// The weight of the trial at a place, 0 for the oldest, among `count` trials: a ramp from 1 / count
// up to the newest 25.
double AgeWeight(double place, size_t count) {
  if (count <= kFlatWeights) return 1;
  const double flat_from = static_cast<double>(count - kFlatWeights);
  if (place >= flat_from) return 1;
  const double low = 1.0 / static_cast<double>(count);
  return flat_from == 1 ? low : low + (1 - low) * place / (flat_from - 1);
}

bool Has(const TpeHistory::Numbers& numbers, int64_t number) {
  return std::binary_search(numbers.begin(), numbers.end(), number);
}

}  // namespace

TpeHistory::TpeHistory(const SearchSpace& space, const std::vector<ParzenAxis>& axes,
                       const std::vector<SpaceGroup>& groups, Direction direction, StreamKey key)
    : space_(space),
      axes_(axes),
      groups_(groups),
      direction_(direction),
      key_(key),
      observations_(space, direction),
      members_(groups.size()) {}

bool TpeHistory::Ranked::operator<(const Ranked& other) const {
  if (IsBetter(standing, other.standing)) return true;
  if (IsBetter(other.standing, standing)) return false;
  return number < other.number;
}

void TpeHistory::Observe(const Trial& trial) {
  const Observation* changed = observations_.Add(trial);
  if (changed != nullptr) {
    Entry entry = Digest(*changed);
    const auto known = entries_.find(trial.number);
    if (known != entries_.end() && known->second.point == entry.point &&
        known->second.active == entry.active) {
      // Only its standing changes, as that of every trial which ends.
      Unrank(trial.number, known->second.standing);
      known->second.standing = std::move(entry.standing);
      Rank(trial.number, known->second.standing);
    } else {
      Erase(trial.number);
      Insert(trial.number, std::move(entry));
    }
  } else if (!observations_.all().contains(trial.number)) {
    Erase(trial.number);  // cancelled before it had a score
  }
}

TpeHistory::Numbers TpeHistory::GoodTrials() const {
  const int64_t count = std::min((known_ + 9) / 10, kMostGood);
  Numbers good;
  for (auto at = ranking_.begin(); at != ranking_.end() && std::ssize(good) < count; ++at) {
    good.push_back(at->number);
  }
  std::sort(good.begin(), good.end());
  return good;
}

WeightedPoints TpeHistory::Good(size_t group, const Numbers& good) const {
  WeightedPoints result;
  std::vector<const Entry*> entries;
  for (const int64_t number : good) {
    const Entry& entry = entries_.at(number);
    if (!entry.active[group]) continue;
    entries.push_back(&entry);
    result.numbers.push_back(number);
  }
  for (const Entry* entry : entries) {
    const auto better = std::count_if(entries.begin(), entries.end(), [&](const Entry* other) {
      return IsBetter(other->standing, entry->standing);
    });
    const auto not_worse = std::count_if(entries.begin(), entries.end(), [&](const Entry* other) {
      return !IsBetter(entry->standing, other->standing);
    });
    // Equal ones share the mean of their ranks.
    const double rank = static_cast<double>(better + not_worse) / 2;
    result.points.push_back(&entry->point);
    result.weights.push_back(2 - 2 * rank / static_cast<double>(entries.size()));
  }
  return result;
}

WeightedPoints TpeHistory::Others(size_t group, const Numbers& good) const {
  const Members& members = members_[group];
  const auto good_members = std::count_if(
      good.begin(), good.end(), [&](int64_t number) { return members.by_number.contains(number); });
  const size_t count = members.by_number.size() - static_cast<size_t>(good_members);
  const size_t newest = count <= kMostOthers ? count : kNewestOthers;
  const size_t older = count - newest;
  const size_t sampled = older == 0 ? 0 : kMostOthers - kNewestOthers;
  std::vector<std::pair<int64_t, const ParzenPoint*>> taken;
  taken.reserve(newest + sampled);
  for (auto at = members.by_number.rbegin(); taken.size() < newest; ++at) {
    if (!Has(good, at->first)) taken.emplace_back(at->first, at->second);
  }
  std::reverse(taken.begin(), taken.end());
  if (sampled > 0) {
    const int64_t oldest_of_newest = taken.front().first;
    std::vector<std::pair<int64_t, const ParzenPoint*>> sample;
    sample.reserve(newest + sampled);
    for (auto at = members.shuffled.begin(); sample.size() < sampled; ++at) {
      const int64_t number = at->first.second;
      if (number < oldest_of_newest && !Has(good, number)) sample.emplace_back(number, at->second);
    }
    std::sort(sample.begin(), sample.end());
    sample.insert(sample.end(), taken.begin(), taken.end());
    taken = std::move(sample);
  }

  WeightedPoints result;
  for (size_t i = 0; i < taken.size(); ++i) {
    result.numbers.push_back(taken[i].first);
    result.points.push_back(taken[i].second);
    const double stands_for =
        i < sampled ? static_cast<double>(older) / static_cast<double>(sampled) : 1.0;
    const double place = i < sampled ? (static_cast<double>(i) + 0.5) * stands_for - 0.5
                                     : static_cast<double>(i - sampled + older);
    result.weights.push_back(stands_for * AgeWeight(place, count));
  }
  return result;
}

TpeHistory::Entry TpeHistory::Digest(const Observation& observation) const {
  Entry entry;
  entry.standing = {{}, observation.loss, observation.epochs, observation.completed};
  for (size_t i = 0; i < axes_.size(); ++i) {
    const bool active = observation.configuration.Has(i);
    entry.point.push_back(active ? axes_[i].Coordinate(observation.configuration.ValueOf(
                                       space_.parameters[i].domain, i))
                                 : 0.0);
  }
  for (const SpaceGroup& group : groups_) {
    entry.active.push_back(observation.configuration.Has(static_cast<size_t>(group.front())));
  }
  return entry;
}

void TpeHistory::Insert(int64_t number, Entry entry) {
  const Entry& stored = entries_.emplace(number, std::move(entry)).first->second;
  Rank(number, stored.standing);
  for (size_t group = 0; group < members_.size(); ++group) {
    if (!stored.active[group]) continue;
    members_[group].by_number.emplace(number, &stored.point);
    members_[group].shuffled.emplace(std::pair(ShuffleKey(number), number), &stored.point);
  }
}

void TpeHistory::Erase(int64_t number) {
  const auto found = entries_.find(number);
  if (found == entries_.end()) return;
  Unrank(number, found->second.standing);
  for (size_t group = 0; group < members_.size(); ++group) {
    members_[group].by_number.erase(number);
    members_[group].shuffled.erase({ShuffleKey(number), number});
  }
  entries_.erase(found);
}

void TpeHistory::Rank(int64_t number, const Observation& standing) {
  if (standing.pending()) return;
  ++known_;
  if (std::isfinite(*standing.loss)) ranking_.insert({standing, number});
}

void TpeHistory::Unrank(int64_t number, const Observation& standing) {
  if (standing.pending()) return;
  --known_;
  if (std::isfinite(*standing.loss)) ranking_.erase({standing, number});
}

uint64_t TpeHistory::ShuffleKey(int64_t number) const {
  return key_.With(static_cast<uint64_t>(number)).value();
}

}  // namespace vizsla
