#include "src/search/sobol.h"

#include <bit>
#include <boost/random/sobol.hpp>

#include "src/base/check.h"

namespace vizsla {
namespace {

constexpr int kDigits = 53;  // binary digits of a coordinate: those of a double

static_assert(SobolSequence::kMostDimensions == boost::random::default_sobol_table::max_dimension);

// A digit is flipped by a random bit of its own for each combination of the digits before it:
// points that share their first digits still do so afterwards.
uint64_t Scramble(uint64_t digits, StreamKey key) {
  uint64_t flips = 0;
  uint64_t node = 1;  // of the binary tree: a leading 1, then the digits so far
  for (int digit = 63; digit > 63 - kDigits; --digit) {
    flips |= (key.With(node).value() & 1) << digit;
    node = (node << 1) | ((digits >> digit) & 1);
  }
  return digits ^ flips;
}

}  // namespace

SobolSequence::SobolSequence(size_t dimensions, std::optional<StreamKey> scramble)
    : directions_(dimensions), scramble_(scramble) {
  VIZSLA_CHECK(dimensions <= kMostDimensions);
  if (dimensions == 0) return;
  boost::random::sobol engine(dimensions);
  for (int bit = 0; bit < 64; ++bit) {
    // The Gray code of the index 1...1 has only its highest bit, so that this point is one
    // direction by itself. The engine leaves out the origin: it counts from 0 what is point 1 here.
    engine.seed((~uint64_t{0} >> (63 - bit)) - 1);
    for (Directions& directions : directions_) directions[bit] = engine();
  }
}

std::vector<double> SobolSequence::Point(uint64_t index) const {
  const uint64_t gray = index ^ (index >> 1);
  std::vector<double> point(directions_.size());
  for (size_t dimension = 0; dimension < point.size(); ++dimension) {
    uint64_t digits = 0;
    for (uint64_t bits = gray; bits != 0; bits &= bits - 1) {
      digits ^= directions_[dimension][std::countr_zero(bits)];
    }
    if (scramble_) digits = Scramble(digits, scramble_->With(dimension));
    point[dimension] = static_cast<double>(digits >> (64 - kDigits)) * 0x1.0p-53;
  }
  return point;
}

}  // namespace vizsla
