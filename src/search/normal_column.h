// The normal kernels along one axis (parzen_kernels.h), remembered from one suggestion to the next.
// Of some hundred observations a few change meanwhile; a kernel whose neighbours have stayed stays
// as it is, to the bit. What is remembered changes the time that it takes and nothing else.
// Internal to src/search.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "src/search/parzen_axis.h"

namespace vizsla {

// Not thread-safe.
class NormalColumn {
 public:
  // Along `axis`, the same every time, in place of the last observations. Their trials' `numbers`
  // ascend and name them: a number with another coordinate is another observation. O(n) and O(n)
  // more, with a small factor, for each observation that comes or goes.
  void Update(const ParzenAxis& axis, std::span<const int64_t> numbers,
              std::span<const double> coordinates);

  // Of the kernels in the order of the observations; the prior is the last.
  const std::vector<double>& centers() const { return centers_; }
  const std::vector<double>& precisions() const { return precisions_; }  // 1 / width
  // What the density's exponent is added to.
  const std::vector<double>& log_scales() const { return log_scales_; }

 private:
  using Slot = uint32_t;  // in kernels_

  struct Kernel {
    double center = 0;
    int64_t number = 0;
    double width = std::numeric_limits<double>::quiet_NaN();  // that the rest belongs to
    double precision = 0;
    double log_scale = 0;
  };
  struct Neighbour {
    double center;
    Slot slot;
  };

  void TakeOver(std::span<const int64_t> numbers, std::span<const double> coordinates);
  Slot Add(int64_t number, double coordinate);
  void Remove(Slot slot);
  // Where it stands or belongs among the sorted ones: by the center, then by the number.
  std::vector<Neighbour>::iterator PlaceOf(double center, int64_t number);
  static void Widen(const ParzenAxis& axis, double width, Kernel& kernel);

  std::vector<Kernel> kernels_;
  std::vector<Slot> free_;         // of those that nobody uses
  std::vector<Slot> observed_;     // by number
  std::vector<Slot> before_;       // the same of the last observations; empty between updates
  std::vector<Neighbour> sorted_;  // by center
  Kernel prior_{0.5};
  std::vector<double> centers_;
  std::vector<double> precisions_;
  std::vector<double> log_scales_;
};

}  // namespace vizsla
