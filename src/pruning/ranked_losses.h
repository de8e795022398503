// Losses of trials in order, the smaller trial number first among equals, with their ranks: every
// operation is logarithmic. Internal to src/search.
#pragma once

#include <boost/multi_index/identity.hpp>
#include <boost/multi_index/ranked_index.hpp>
#include <boost/multi_index_container.hpp>
#include <cmath>
#include <cstdint>

namespace vizsla {

struct RankedLoss {
  double loss = 0;  // never NaN; infinite: the trial is never promoted
  int64_t trial = 0;
  bool finite() const { return std::isfinite(loss); }
  auto operator<=>(const RankedLoss&) const = default;
};

// A set: insert(), erase(), size(), rank(iterator), nth(rank), find_rank(value).
using RankedLosses = boost::multi_index_container<
    RankedLoss, boost::multi_index::indexed_by<
                    boost::multi_index::ranked_unique<boost::multi_index::identity<RankedLoss>>>>;

}  // namespace vizsla
