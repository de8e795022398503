#include "src/search/cma_es_margin.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "src/search/truncated_normal.h"

namespace vizsla {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kFarthest = 37;  // deviations for which the normal distribution is still positive

double Tail(double deviations) { return 0.5 * std::erfc(deviations / std::numbers::sqrt2); }

// How many deviations leave this probability beyond them, 0 < tail <= 1/2.
double DeviationsOf(double tail) { return -TruncatedNormalQuantile(tail, -kInfinity, kInfinity); }

}  // namespace

Marginal WithMargin(Marginal marginal, UnitCell cell, double margin) {
  const double below = Tail((marginal.mean - cell.low) / marginal.deviation);
  const double above = Tail((cell.high - marginal.mean) / marginal.deviation);
  if (std::isinf(cell.low) || std::isinf(cell.high)) {
    if (below + above >= margin) return marginal;
    const double reach = marginal.deviation * DeviationsOf(margin);
    return {std::isinf(cell.low) ? cell.high - reach : cell.low + reach, marginal.deviation};
  }
  const double least = margin / 2;
  if (below >= least && above >= least) return marginal;
  // What the raised side gains is taken from the rest in proportion to what it has to spare.
  const double inside = 1 - below - above;
  const double new_below = std::max(below, least);
  const double new_above = std::max(above, least);
  const double spare =
      (1 - new_below - new_above - inside) / (new_below + new_above + inside - 3 * least);
  const double left = DeviationsOf(new_below + spare * (new_below - least));
  const double right = DeviationsOf(new_above + spare * (new_above - least));
  const double deviation = (cell.high - cell.low) / (left + right);
  return {cell.low + deviation * left, deviation};
}

double DrawInCell(Marginal marginal, UnitCell cell, RandomStream& stream) {
  const double low = (cell.low - marginal.mean) / marginal.deviation;
  const double high = (cell.high - marginal.mean) / marginal.deviation;
  const double fraction = stream.Uniform();
  if (low > kFarthest) return cell.low;
  if (high < -kFarthest) return cell.high;
  return marginal.mean + marginal.deviation * TruncatedNormalQuantile(fraction, low, high);
}

}  // namespace vizsla
