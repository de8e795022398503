#include "src/search/parzen_axis.h"

#include <cmath>

#include "src/search/unit_cube.h"

namespace vizsla {
namespace {

constexpr double kNarrowestCell = 1e-7;

ParzenAxis::Kind KindFor(const Domain& domain, int64_t count) {
  if (count == 0) return ParzenAxis::Kind::kContinuous;
  return IsOrdered(domain) ? ParzenAxis::Kind::kCells : ParzenAxis::Kind::kChoices;
}

}  // namespace

ParzenAxis::ParzenAxis(Domain domain)
    : domain_(std::move(domain)),
      count_(CountValues(domain_).value_or(0)),
      kind_(KindFor(domain_, count_)) {}

double ParzenAxis::Coordinate(const ParameterValue& value) const {
  if (kind_ == Kind::kChoices) return static_cast<double>(IndexOf(domain_, value));
  return ToUnit(domain_, value);
}

ParameterValue ParzenAxis::Value(double coordinate) const {
  if (kind_ == Kind::kChoices) return ValueAt(domain_, static_cast<int64_t>(coordinate));
  return FromUnit(domain_, coordinate);
}

double ParzenAxis::Snap(double place) const { return ToUnit(domain_, FromUnit(domain_, place)); }

ParzenAxis::Cell ParzenAxis::CellAt(double coordinate) const {
  double below = 0.5 / static_cast<double>(count_);
  double above = below;
  if (const auto* integers = std::get_if<IntDomain>(&domain_); integers && integers->log) {
    const double value = static_cast<double>(std::get<int64_t>(Value(coordinate)));
    const double width = std::log(static_cast<double>(integers->high) + 0.5) -
                         std::log(static_cast<double>(integers->low) - 0.5);
    below = -std::log1p(-0.5 / value) / width;
    above = std::log1p(0.5 / value) / width;
  }
  return {coordinate - std::max(below, kNarrowestCell / 2),
          coordinate + std::max(above, kNarrowestCell / 2)};
}

}  // namespace vizsla
