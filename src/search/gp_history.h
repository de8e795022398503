// Observed trials, indexed so that a bounded part of them is at hand however many there are.
// Internal to src/search.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "src/search/observations.h"

namespace vizsla {

class GpHistory {
 public:
  // `space` must outlive this object.
  GpHistory(const SearchSpace& space, Direction direction) : observations_(space, direction) {}

  // O(log trials).
  void Observe(const Trial& trial);

  // Trials whose loss is known.
  size_t known_count() const { return losses_.size(); }
  // The largest number of one; 0 when there is none.
  int64_t newest_known() const { return losses_.empty() ? 0 : losses_.rbegin()->first; }

  // Known trials numbered up to `newest`, ascending: all when they are at most `most`, else the
  // best half of `most` by loss and a sample of the others, which depends on nothing but their
  // numbers and changes little as trials are added. O(most) when few are above `newest`.
  std::vector<int64_t> Select(size_t most, int64_t newest) const;
  // The newest trials whose loss is not known, ascending, at most `most`.
  std::vector<int64_t> Pending(size_t most) const;

  const Observation& at(int64_t number) const { return observations_.all().at(number); }

 private:
  void Forget(int64_t number);

  Observations observations_;
  std::set<int64_t> pending_;
  std::set<std::pair<double, int64_t>> by_loss_;
  std::set<std::pair<uint64_t, int64_t>> by_hash_;  // the order in which a sample grows
  std::map<int64_t, double> losses_;                // by number: under what by_loss_ has them
};

}  // namespace vizsla
