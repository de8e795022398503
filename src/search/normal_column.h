// The normal kernels along one axis (parzen_kernels.h), remembered from one suggestion to the next.
// Of some hundred observations a few change meanwhile; a kernel whose neighbours have stayed stays
// as it is, to the bit. What is remembered changes the time that it takes and nothing else.
// Internal to src/search.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <vector>

#include "src/search/parzen_axis.h"

namespace vizsla {

// Not thread-safe.
class NormalColumn {
 public:
  // Along `axis`, the same every time, in place of the last observations. Their trials' `numbers`
  // ascend and name them: a number with another coordinate is another observation. O(n) with a
  // small factor, and O(n) more for each observation that comes or goes.
  void Update(const ParzenAxis& axis, std::span<const int64_t> numbers,
              std::span<const double> coordinates);

  // Of the kernels in the order of the observations; the prior is the last.
  const std::vector<double>& centers() const { return centers_; }
  const std::vector<double>& precisions() const { return precisions_; }  // 1 / width
  // What the density's exponent is added to.
  const std::vector<double>& log_scales() const { return log_scales_; }

 private:
  struct Neighbour {
    double center = 0;
    int64_t number = 0;
    auto operator<=>(const Neighbour&) const = default;
  };

  // Brings the kernels to the observations. New ones have no width yet; those that have other
  // neighbours than before, themselves among them, are marked.
  void TakeOver(std::span<const int64_t> numbers, std::span<const double> coordinates);
  void Add(size_t kernel, const Neighbour& one);
  void AddKernel(size_t kernel, double center);
  void Remove(size_t kernel);
  void MarkRound(size_t place);
  // The width of the one at this place among the sorted ones.
  double WidthAt(size_t place) const;
  void Widen(const ParzenAxis& axis, double width, size_t kernel);

  std::vector<Neighbour> sorted_;
  std::vector<Neighbour> marked_;  // whose neighbours have changed; maybe no longer there
  double narrowest_ = 0;           // that the widths are no narrower than
  // By number; the prior follows the last one, but for numbers_.
  std::vector<int64_t> numbers_;
  std::vector<double> centers_;
  std::vector<double> widths_;  // that the rest belongs to; NaN: none so far
  std::vector<double> precisions_;
  std::vector<double> log_scales_;
};

}  // namespace vizsla
