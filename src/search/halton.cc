#include "src/search/halton.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "src/base/check.h"

namespace vizsla {
namespace {

constexpr double kLargest = 1.0 - 0x1.0p-53;  // under 1

std::vector<uint64_t> FirstPrimes(size_t count) {
  std::vector<uint64_t> primes;
  for (uint64_t candidate = 2; primes.size() < count; ++candidate) {
    const bool divides = std::any_of(primes.begin(), primes.end(),
                                     [&](uint64_t prime) { return candidate % prime == 0; });
    if (!divides) primes.push_back(candidate);
  }
  return primes;
}

size_t PlacesOf(uint64_t base) {
  constexpr int kBits = std::numeric_limits<double>::digits;
  return static_cast<size_t>(std::ceil(kBits / std::log2(static_cast<double>(base))));
}

}  // namespace

HaltonSequence::HaltonSequence(size_t dimensions, std::optional<StreamKey> scramble) {
  VIZSLA_CHECK(dimensions <= kMostDimensions);
  for (const uint64_t base : FirstPrimes(dimensions)) {
    std::vector<uint16_t> same(base);
    std::iota(same.begin(), same.end(), uint16_t{0});
    Dimension dimension{base, {PlacesOf(base), same}};
    for (size_t place = 0; scramble && place < dimension.digits.size(); ++place) {
      RandomStream(scramble->With(base).With(place)).Shuffle(dimension.digits[place]);
    }
    dimensions_.push_back(std::move(dimension));
  }
}

std::vector<double> HaltonSequence::Point(uint64_t index) const {
  std::vector<double> point;
  point.reserve(dimensions_.size());
  std::vector<uint16_t> mirrored;
  for (const Dimension& dimension : dimensions_) {
    mirrored.clear();
    uint64_t rest = index;
    for (const std::vector<uint16_t>& digits : dimension.digits) {
      mirrored.push_back(digits[rest % dimension.base]);
      rest /= dimension.base;
    }
    double coordinate = 0;  // the smallest places first: they would be lost in a large sum
    for (auto digit = mirrored.rbegin(); digit != mirrored.rend(); ++digit) {
      coordinate = (coordinate + *digit) / static_cast<double>(dimension.base);
    }
    point.push_back(std::min(coordinate, kLargest));
  }
  return point;
}

}  // namespace vizsla
