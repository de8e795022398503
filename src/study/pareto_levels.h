// FrontNumbers of pareto.h for points that come, move and go: an insertion or removal touches the
// fronts that it changes and finds its own by binary search, instead of sorting all points again.
// Li, Deb, Zhang, Zhang: "Efficient nondomination level update method for steady-state evolutionary
// multiobjective optimization", IEEE Transactions on Cybernetics 47(9), 2017.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "src/study/pareto.h"

namespace vizsla {

// Not thread-safe.
class ParetoLevels {
 public:
  struct Member {
    Losses losses;
    int64_t id = 0;
    // The first loss first, ids among equals: as the leaderboard goes through a front.
    std::partial_ordering operator<=>(const Member&) const = default;
  };
  using Front = std::set<Member>;

  // `id` is not there yet; all points have the same length, at least 1, and no NaN.
  void Insert(int64_t id, Losses losses);
  // Nothing happens when it is not there.
  void Erase(int64_t id);

  // The first front first; none is empty.
  const std::vector<Front>& fronts() const { return fronts_; }
  size_t size() const { return points_.size(); }

 private:
  // `moved` members, none of which dominates another, join the front; those there that one of them
  // dominates leave it.
  std::vector<Member> Join(Front& front, std::vector<Member> moved);

  std::vector<Front> fronts_;
  std::map<int64_t, Losses> points_;
};

}  // namespace vizsla
