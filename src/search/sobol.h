// Points of the Sobol sequence, each by its index. Sobol 1967 with the direction numbers of Joe and
// Kuo, "Constructing Sobol sequences with better two-dimensional projections", SIAM J. Sci. Comput.
// 30 (2008), in the order of Antonov and Saleev (Gray code): the points of
// scipy.stats.qmc.Sobol(scramble=False), the origin first. The scrambled sequence is Owen's nested
// uniform scrambling ("Randomly permuted (t,m,s)-nets and (t,s)-sequences", 1995): it keeps the
// balance of the sequence, and each point by itself is uniform. Internal to src/search.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "src/base/random.h"

namespace vizsla {

class SobolSequence {
 public:
  static constexpr size_t kMostDimensions = 3667;

  // At most kMostDimensions. `scramble` names the random permutations; nullopt: none.
  SobolSequence(size_t dimensions, std::optional<StreamKey> scramble);

  // One coordinate in [0, 1) a dimension.
  std::vector<double> Point(uint64_t index) const;

 private:
  using Directions = std::array<uint64_t, 64>;  // of the index's bits, the lowest first

  std::vector<Directions> directions_;
  std::optional<StreamKey> scramble_;
};

}  // namespace vizsla
