#include "src/search/unit_cube.h"

#include <algorithm>
#include <cmath>

namespace vizsla {
namespace {

struct Range {
  double low;
  double high;
};

Range CellsOf(const IntDomain& domain) {
  return {std::log(static_cast<double>(domain.low) - 0.5),
          std::log(static_cast<double>(domain.high) + 0.5)};
}

Range RangeOf(const FloatDomain& domain) {
  if (!domain.log) return {domain.low, domain.high};
  return {std::log(domain.low), std::log(domain.high)};
}

double Place(Range range, double value) {
  if (range.low == range.high) return 0.5;
  return std::clamp((value - range.low) / (range.high - range.low), 0.0, 1.0);
}

double At(Range range, double unit) { return range.low + unit * (range.high - range.low); }

const IntDomain* LogInts(const Domain& domain) {
  const auto* integers = std::get_if<IntDomain>(&domain);
  return integers != nullptr && integers->log ? integers : nullptr;
}

}  // namespace

int64_t IndexFromUnit(const Domain& domain, double unit) {
  if (const IntDomain* integers = LogInts(domain)) {
    const double value = std::exp(At(CellsOf(*integers), unit));
    return std::clamp<int64_t>(std::llround(value), integers->low, integers->high) - integers->low;
  }
  const int64_t count = *CountValues(domain);
  const auto cell = static_cast<int64_t>(unit * static_cast<double>(count));
  return std::clamp<int64_t>(cell, 0, count - 1);
}

ParameterValue FromUnit(const Domain& domain, double unit) {
  if (CountValues(domain)) return ValueAt(domain, IndexFromUnit(domain, unit));
  const auto& floats = std::get<FloatDomain>(domain);
  const double place = At(RangeOf(floats), unit);
  return std::clamp(floats.log ? std::exp(place) : place, floats.low, floats.high);
}

double ToUnit(const Domain& domain, const ParameterValue& value) {
  if (const IntDomain* integers = LogInts(domain)) {
    return Place(CellsOf(*integers), std::log(static_cast<double>(std::get<int64_t>(value))));
  }
  if (const auto count = CountValues(domain)) {
    const auto index = static_cast<double>(IndexOf(domain, value));
    return (index + 0.5) / static_cast<double>(*count);
  }
  const auto& floats = std::get<FloatDomain>(domain);
  const double place = std::get<double>(value);
  return Place(RangeOf(floats), floats.log ? std::log(place) : place);
}

bool IsOrdered(const Domain& domain) {
  const auto* categories = std::get_if<CategoricalDomain>(&domain);
  if (categories == nullptr) return true;
  const auto is_number = [](const ParameterValue& value) {
    return std::holds_alternative<int64_t>(value) || std::holds_alternative<double>(value);
  };
  return std::all_of(categories->choices.begin(), categories->choices.end(), is_number) &&
         std::is_sorted(categories->choices.begin(), categories->choices.end());
}

}  // namespace vizsla
