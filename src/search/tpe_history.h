// What the Tree-structured Parzen Estimator remembers: which trials are good and which are bad,
// kept so that a suggestion looks at a bounded number of them however many there were. Internal to
// src/search.
#pragma once

#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "src/base/random.h"
#include "src/search/observations.h"
#include "src/search/parzen_estimator.h"
#include "src/search/space_groups.h"

namespace vizsla {

class TpeHistory {
 public:
  // Trial numbers, ascending.
  using Numbers = std::vector<int64_t>;

  // All must outlive this object; axes are those of the space's parameters.
  TpeHistory(const SearchSpace& space, const std::vector<ParzenAxis>& axes,
             const std::vector<SpaceGroup>& groups, Direction direction, StreamKey key);
  TpeHistory(TpeHistory&&) = default;
  // Of the same space and direction, without a trial.
  TpeHistory Empty() const { return {space_, axes_, groups_, direction_, key_}; }

  const SearchSpace& space() const { return space_; }

  // O(log n) in the number of trials.
  void Observe(const Trial& trial);

  // Trials whose loss is known, infinite ones too.
  int64_t known() const { return known_; }

  // The best tenth of the known trials, at most 25. Trials with an infinite loss are never good.
  Numbers GoodTrials() const;

  // The good trials in which the group is active. The better ones weigh more, linearly in their
  // rank: nearly 2 for the best, nearly 0 for the last, 1 on average (ranks instead of the
  // improvements with which expected improvement would weigh them; Optuna weighs them equally).
  WeightedPoints Good(size_t group, const Numbers& good) const;
  // All other trials in which the group is active: weight 1 for the newest 25, less the older a
  // trial is. Trials in flight are among them (the constant liar), so that parallel workers spread
  // out. Of more than kMostOthers the newest half of that number is taken, and an even sample of
  // the older ones that stands for them all.
  WeightedPoints Others(size_t group, const Numbers& good) const;

  static constexpr size_t kMostOthers = 256;

 private:
  struct Entry {
    Observation standing;      // without the configuration
    ParzenPoint point;         // a coordinate for every parameter; 0 for an inactive one
    std::vector<bool> active;  // by group
  };
  struct Ranked {
    Observation standing;
    int64_t number;
    bool operator<(const Ranked& other) const;
  };
  // The trials in which a group is active.
  struct Members {
    // With their points, which stand in entries_.
    absl::btree_map<int64_t, const ParzenPoint*> by_number;
    // By a hash of the number.
    absl::btree_map<std::pair<uint64_t, int64_t>, const ParzenPoint*> shuffled;
  };

  Entry Digest(const Observation& observation) const;
  void Insert(int64_t number, Entry entry);
  void Erase(int64_t number);
  void Rank(int64_t number, const Observation& standing);
  void Unrank(int64_t number, const Observation& standing);
  uint64_t ShuffleKey(int64_t number) const;

  const SearchSpace& space_;
  const std::vector<ParzenAxis>& axes_;
  const std::vector<SpaceGroup>& groups_;
  const Direction direction_;
  const StreamKey key_;
  Observations observations_;
  std::unordered_map<int64_t, Entry> entries_;
  int64_t known_ = 0;
  std::set<Ranked> ranking_;      // with a finite loss, the best first
  std::vector<Members> members_;  // by group
};

}  // namespace vizsla
