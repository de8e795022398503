// A numeric axis of a chart: from values to pixels, and the ticks on it. Pure.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace vizsla {

struct Tick {
  double value = 0;
  std::string text;
};

class Axis {
 public:
  // Maps [low, high] to [from, to] pixels (from > to turns it round). `log` needs low > 0. An empty
  // range is widened, so that one value stands in the middle.
  Axis(double low, double high, double from, double to, bool log = false);

  double Map(double value) const;
  // Round values, about `wanted` of them; on a logarithmic axis powers of ten, with 2 and 5 when
  // there is room. Never empty for a finite range.
  std::vector<Tick> Ticks(int wanted) const;

  double low() const { return low_; }
  double high() const { return high_; }
  double from() const { return from_; }
  double to() const { return to_; }
  bool log() const { return log_; }

 private:
  double low_;
  double high_;
  double from_;
  double to_;
  bool log_;
};

// The finite values' smallest and largest; {0, 1} when there is none.
struct Range {
  double low = 0;
  double high = 1;
};
Range RangeOf(std::span<const double> values);

// A bit of air on both sides.
Range Padded(Range range, double fraction = 0.05);

// As short as it can be told: "0.25", "1e-4", "12,000" is "12000".
std::string ShortNumber(double value);

}  // namespace vizsla
