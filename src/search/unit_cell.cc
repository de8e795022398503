#include "src/search/unit_cell.h"

#include <cmath>
#include <limits>

namespace vizsla {

UnitCell CellOf(const Domain& domain, const ParameterValue& value) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const int64_t index = IndexOf(domain, value);
  const int64_t count = *CountValues(domain);
  const auto* integers = std::get_if<IntDomain>(&domain);
  const auto edge = [&](int64_t cells_below) {
    if (cells_below == 0) return -kInfinity;
    if (cells_below == count) return kInfinity;
    if (integers == nullptr || !integers->log) {
      return static_cast<double>(cells_below) / static_cast<double>(count);
    }
    const double start = static_cast<double>(integers->low) - 0.5;
    const auto width = static_cast<double>(count);
    return std::log1p(static_cast<double>(cells_below) / start) / std::log1p(width / start);
  };
  return {edge(index), edge(index + 1)};
}

}  // namespace vizsla
