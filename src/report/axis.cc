#include "src/report/axis.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "src/base/check.h"
#include "src/base/str_cat.h"

namespace vizsla {
namespace {

// Of 1, 2, 5 times a power of ten, the smallest step that gives at most `wanted` intervals.
double RoundStep(double span, int wanted) {
  const double rough = span / std::max(wanted, 1);
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

std::vector<Tick> LinearTicks(double low, double high, int wanted) {
  const double step = RoundStep(high - low, wanted);
  std::vector<Tick> ticks;
  const double first = std::ceil(low / step - 1e-9);
  const double last = std::floor(high / step + 1e-9);
  for (double i = first; i <= last; ++i) {
    // 0 exactly: -0 and 1e-17 would show.
    const double value = i == 0 ? 0 : i * step;
    ticks.push_back({value, ShortNumber(value)});
  }
  return ticks;
}

std::vector<Tick> LogTicks(double low, double high, int wanted) {
  const double decades = std::log10(high / low);
  if (decades < 0.5) return LinearTicks(low, high, wanted);
  std::vector<double> factors = {1};
  if (decades * 3 <= wanted + 2) factors = {1, 2, 5};
  // Many decades: every second or third power.
  const double stride = std::max(1.0, std::ceil(decades / std::max(wanted, 1)));
  std::vector<Tick> ticks;
  for (double power = std::floor(std::log10(low)); power <= std::ceil(std::log10(high)); ++power) {
    if (std::fmod(std::abs(power), stride) != 0) continue;
    for (const double factor : factors) {
      const double value = factor * std::pow(10.0, power);
      if (value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9)) {
        ticks.push_back({value, ShortNumber(value)});
      }
    }
  }
  return ticks.size() >= 2 ? ticks : LinearTicks(low, high, wanted);
}

}  // namespace

Axis::Axis(double low, double high, double from, double to, bool log)
    : low_(low), high_(high), from_(from), to_(to), log_(log) {
  VIZSLA_CHECK(std::isfinite(low) && std::isfinite(high) && low <= high);
  VIZSLA_CHECK(!log || low > 0);
  if (high - low <= 1e-12 * std::max(std::abs(low), std::abs(high)) || high == low) {
    if (log) {
      low_ = low / 2;
      high_ = high * 2;
    } else {
      const double air = low == 0 ? 0.5 : std::abs(low) / 2;
      low_ = low - air;
      high_ = high + air;
    }
  }
}

double Axis::Map(double value) const {
  const double fraction =
      log_ ? std::log(value / low_) / std::log(high_ / low_) : (value - low_) / (high_ - low_);
  return from_ + fraction * (to_ - from_);
}

std::vector<Tick> Axis::Ticks(int wanted) const {
  return log_ ? LogTicks(low_, high_, wanted) : LinearTicks(low_, high_, wanted);
}

Range RangeOf(std::span<const double> values) {
  Range range;
  bool any = false;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    range.low = any ? std::min(range.low, value) : value;
    range.high = any ? std::max(range.high, value) : value;
    any = true;
  }
  return range;
}

Range Padded(Range range, double fraction) {
  const double air = (range.high - range.low) * fraction;
  return {range.low - air, range.high + air};
}

std::string ShortNumber(double value) {
  if (!std::isfinite(value)) return std::isnan(value) ? "NaN" : value > 0 ? "inf" : "-inf";
  const double size = std::abs(value);
  if (size != 0 && (size < 0.001 || size >= 1e6)) {
    // "1.50e-04" -> "1.5e-4"
    const std::string text = absl::StrFormat("%.2e", value);
    const size_t e = text.find('e');
    std::string mantissa = text.substr(0, e);
    while (mantissa.back() == '0') mantissa.pop_back();
    if (mantissa.back() == '.') mantissa.pop_back();
    return StrCat(mantissa, "e", std::stoi(text.substr(e + 1)));
  }
  std::string text = absl::StrFormat("%.4f", value);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

}  // namespace vizsla
