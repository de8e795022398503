#include "src/study/pareto_levels.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "src/base/check.h"

namespace vizsla {
namespace {

using Front = ParetoLevels::Front;
using Member = ParetoLevels::Member;

// What dominates the point stands before this place, what it dominates behind.
Front::const_iterator PlaceOf(const Front& front, const Losses& point) {
  return front.lower_bound(Member{point, std::numeric_limits<int64_t>::min()});
}

bool AnyDominates(const Front& front, const Losses& point) {
  const auto end = PlaceOf(front, point);
  if (end == front.begin()) return false;
  // In two dimensions the last one before has the smallest second loss of all of them.
  if (point.size() <= 2) return Dominates(std::prev(end)->losses, point);
  return std::any_of(front.begin(), end,
                     [&](const Member& member) { return Dominates(member.losses, point); });
}

std::vector<Member> DominatedBy(const Front& front, const Losses& point) {
  std::vector<Member> dominated;
  for (auto at = PlaceOf(front, point); at != front.end(); ++at) {
    if (Dominates(point, at->losses)) {
      dominated.push_back(*at);
    } else if (point.size() == 2 && at->losses[1] < point[1]) {
      break;  // and so are all behind
    }
  }
  return dominated;
}

}  // namespace

void ParetoLevels::Insert(int64_t id, Losses losses) {
  VIZSLA_CHECK(points_.emplace(id, losses).second);
  // A point that some member of a front dominates is dominated by one of every front before it.
  auto front = std::partition_point(fronts_.begin(), fronts_.end(), [&](const Front& members) {
    return AnyDominates(members, losses);
  });
  auto level = static_cast<size_t>(front - fronts_.begin());
  std::vector<Member> moved = {{std::move(losses), id}};
  for (; !moved.empty(); ++level) {
    if (level == fronts_.size()) fronts_.emplace_back();
    moved = Join(fronts_[level], std::move(moved));
  }
}

std::vector<Member> ParetoLevels::Join(Front& front, std::vector<Member> moved) {
  std::vector<Member> leaving;
  for (const Member& member : moved) {
    for (Member& dominated : DominatedBy(front, member.losses)) {
      front.erase(dominated);
      leaving.push_back(std::move(dominated));
    }
  }
  for (Member& member : moved) front.insert(std::move(member));
  return leaving;
}

void ParetoLevels::Erase(int64_t id) {
  const auto point = points_.find(id);
  if (point == points_.end()) return;
  Member gone{std::move(point->second), id};
  points_.erase(point);
  const auto front = std::partition_point(
      fronts_.begin(), fronts_.end(),
      [&](const Front& members) { return AnyDominates(members, gone.losses); });
  VIZSLA_CHECK(front != fronts_.end() && front->erase(gone) == 1);
  // What only those that left a front held back moves up to it.
  std::vector<Member> left = {std::move(gone)};
  for (auto level = static_cast<size_t>(front - fronts_.begin());
       !left.empty() && level + 1 < fronts_.size(); ++level) {
    std::vector<Member> rising;
    for (const Member& member : left) {
      for (Member& candidate : DominatedBy(fronts_[level + 1], member.losses)) {
        if (AnyDominates(fronts_[level], candidate.losses)) continue;
        fronts_[level + 1].erase(candidate);
        rising.push_back(std::move(candidate));
      }
    }
    fronts_[level].insert(rising.begin(), rising.end());
    left = std::move(rising);
  }
  while (!fronts_.empty() && fronts_.back().empty()) fronts_.pop_back();
}

}  // namespace vizsla
