// Points of the Halton sequence, each by its index: dimension d mirrors the index's digits to the
// d-th prime at the point (Halton 1960). The scrambled sequence permutes the digits of each base
// and place at random: Owen, "A randomized Halton algorithm in R", arXiv:1706.02808. Unscrambled,
// the points of scipy.stats.qmc.Halton(scramble=False); its dimensions with large primes go up in
// lockstep for the first points, so prefer the scrambled one. Internal to src/search.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "src/base/random.h"

namespace vizsla {

class HaltonSequence {
 public:
  // The sequence has no end of dimensions; beyond these the tables of digits grow large.
  static constexpr size_t kMostDimensions = 200;

  // At most kMostDimensions. `scramble` names the random permutations; nullopt: none.
  HaltonSequence(size_t dimensions, std::optional<StreamKey> scramble);

  // One coordinate in [0, 1) a dimension. Distinct for indices under 2^53.
  std::vector<double> Point(uint64_t index) const;

 private:
  struct Dimension {
    uint64_t base;
    // By place, the most significant first: what stands for each digit. Deep enough for the
    // precision of a double.
    std::vector<std::vector<uint16_t>> digits;
  };

  std::vector<Dimension> dimensions_;
};

}  // namespace vizsla
