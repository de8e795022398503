#include "src/search/normal_column.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "src/search/truncated_normal.h"

namespace vizsla {
namespace {

// Optuna's is 1, with which ten good trials cannot tell places a twelfth of the range apart. On
// spheres, Branin, Hartmann 6, Rosenbrock, Ackley and a mixed space of 2 to 10 parameters 1.4 ends
// nearer to the optimum after 100 trials; with 2 the joint density of 40 parameters gets too
// narrow to leave its first good place.
constexpr double kClipExponent = 1.4;
constexpr double kPriorCenter = 0.5;
constexpr double kNoWidth = std::numeric_limits<double>::quiet_NaN();

std::ptrdiff_t OffsetOf(size_t place) { return static_cast<std::ptrdiff_t>(place); }

double NarrowestWidth(size_t observations) {
  return 1.0 / std::min(100.0, std::pow(static_cast<double>(observations) + 2.0, kClipExponent));
}

}  // namespace

void NormalColumn::Update(const ParzenAxis& axis, std::span<const int64_t> numbers,
                          std::span<const double> coordinates) {
  TakeOver(numbers, coordinates);
  const double narrowest = NarrowestWidth(sorted_.size());
  // A single observation has the ends for its neighbours.
  if (narrowest != narrowest_ || sorted_.size() <= 2) marked_ = sorted_;
  narrowest_ = narrowest;
  for (const Neighbour& one : marked_) {
    const auto at = std::lower_bound(sorted_.begin(), sorted_.end(), one);
    if (at == sorted_.end() || *at != one) continue;
    const auto kernel = std::lower_bound(numbers_.begin(), numbers_.end(), one.number);
    Widen(axis, WidthAt(static_cast<size_t>(at - sorted_.begin())),
          static_cast<size_t>(kernel - numbers_.begin()));
  }
  Widen(axis, 1.0, numbers_.size());
}

void NormalColumn::TakeOver(std::span<const int64_t> numbers, std::span<const double> coordinates) {
  marked_.clear();
  if (centers_.empty()) AddKernel(0, kPriorCenter);
  for (size_t i = 0; i < numbers.size(); ++i) {
    while (i < numbers_.size() && numbers_[i] < numbers[i]) Remove(i);
    if (i < numbers_.size() && numbers_[i] == numbers[i]) {
      if (centers_[i] == coordinates[i]) continue;
      Remove(i);
    }
    Add(i, {coordinates[i], numbers[i]});
  }
  while (numbers_.size() > numbers.size()) Remove(numbers_.size() - 1);
}

void NormalColumn::Add(size_t kernel, const Neighbour& one) {
  numbers_.insert(numbers_.begin() + OffsetOf(kernel), one.number);
  AddKernel(kernel, one.center);
  const auto at = sorted_.insert(std::lower_bound(sorted_.begin(), sorted_.end(), one), one);
  MarkRound(static_cast<size_t>(at - sorted_.begin()));
}

void NormalColumn::AddKernel(size_t kernel, double center) {
  const auto offset = OffsetOf(kernel);
  centers_.insert(centers_.begin() + offset, center);
  widths_.insert(widths_.begin() + offset, kNoWidth);
  precisions_.insert(precisions_.begin() + offset, 0.0);
  log_scales_.insert(log_scales_.begin() + offset, 0.0);
}

void NormalColumn::Remove(size_t kernel) {
  const Neighbour one{centers_[kernel], numbers_[kernel]};
  const auto at = std::lower_bound(sorted_.begin(), sorted_.end(), one);
  MarkRound(static_cast<size_t>(at - sorted_.begin()));
  sorted_.erase(at);
  const auto offset = OffsetOf(kernel);
  numbers_.erase(numbers_.begin() + offset);
  centers_.erase(centers_.begin() + offset);
  widths_.erase(widths_.begin() + offset);
  precisions_.erase(precisions_.begin() + offset);
  log_scales_.erase(log_scales_.begin() + offset);
}

void NormalColumn::MarkRound(size_t place) {
  if (place > 0) marked_.push_back(sorted_[place - 1]);
  marked_.push_back(sorted_[place]);
  if (place + 1 < sorted_.size()) marked_.push_back(sorted_[place + 1]);
}

double NormalColumn::WidthAt(size_t place) const {
  // The ends of the interval count as neighbours only of a single observation (Optuna's
  // consider_endpoints=False).
  const double center = sorted_[place].center;
  const bool alone = sorted_.size() == 1;
  double gap_below = place > 0 ? center - sorted_[place - 1].center : 0.0;
  double gap_above = place + 1 < sorted_.size() ? sorted_[place + 1].center - center : 0.0;
  if (alone) {
    gap_below = center;
    gap_above = 1.0 - center;
  }
  return std::clamp(std::max(gap_below, gap_above), narrowest_, 1.0);
}

void NormalColumn::Widen(const ParzenAxis& axis, double width, size_t kernel) {
  if (widths_[kernel] == width) return;
  widths_[kernel] = width;
  const double center = centers_[kernel];
  const double precision = 1.0 / width;
  precisions_[kernel] = precision;
  const double mass = LogNormalMass(-center * precision, (1.0 - center) * precision);
  const double log_root = 0.5 * std::log(2 * std::numbers::pi);
  // A cell's mass brings its own normalization, except for the truncation.
  log_scales_[kernel] =
      axis.kind() == ParzenAxis::Kind::kCells ? -mass : std::log(precision) - log_root - mass;
}

}  // namespace vizsla
