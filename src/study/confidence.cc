#include "src/study/confidence.h"

#include <cmath>
#include <numbers>
#include <numeric>

#include "src/base/check.h"

namespace vizsla {
namespace {

// The probability that |t| < `value`.
double StudentTWithin(double value, int degrees) {
  const double angle = std::atan(value / std::sqrt(static_cast<double>(degrees)));
  const double cosine = std::cos(angle);
  const double square = cosine * cosine;
  const bool odd = degrees % 2 != 0;
  if (degrees == 1) return 2 * angle / std::numbers::pi;
  // Terms of the finite series: cos^k with k of the other parity than the degrees.
  double term = odd ? cosine : 1;
  double sum = term;
  for (int k = odd ? 3 : 2; k <= degrees - 2; k += 2) {
    term *= square * (k - 1) / k;
    sum += term;
  }
  sum *= std::sin(angle);
  return odd ? 2 / std::numbers::pi * (angle + sum) : sum;
}

}  // namespace

double StudentT95(int degrees) {
  VIZSLA_CHECK(degrees >= 1);
  double low = 0;
  double high = 16;  // more than the 12.7 of one degree
  for (;;) {
    const double middle = std::midpoint(low, high);
    if (middle <= low || middle >= high) return middle;
    (StudentTWithin(middle, degrees) < 0.95 ? low : high) = middle;
  }
}

MeanInterval MeanWithInterval(std::span<const double> values) {
  VIZSLA_CHECK(!values.empty());
  const auto count = static_cast<double>(values.size());
  MeanInterval result;
  result.mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  if (values.size() == 1) return result;
  double squares = 0;
  for (const double value : values) squares += (value - result.mean) * (value - result.mean);
  const double deviation = std::sqrt(squares / (count - 1));
  result.half_width =
      StudentT95(static_cast<int>(values.size()) - 1) * deviation / std::sqrt(count);
  return result;
}

}  // namespace vizsla
