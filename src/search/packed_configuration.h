// A configuration of a known space in 8 bytes a parameter instead of some hundred: samplers keep
// one of every trial. Lossless. Internal to src/search.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "src/study/search_space.h"

namespace vizsla {

// Parameters are named by their place in the space, from 0.
class PackedConfiguration {
 public:
  PackedConfiguration() = default;
  // Nullopt: the configuration is not valid for the space.
  static std::optional<PackedConfiguration> Pack(const SearchSpace& space,
                                                 const Configuration& configuration);

  bool Has(size_t place) const { return (words_[place / 64] >> place % 64 & 1) != 0; }
  // Of a parameter that it has, with its domain.
  ParameterValue ValueOf(const Domain& domain, size_t place) const;
  Configuration Unpack(const SearchSpace& space) const;

  bool operator==(const PackedConfiguration&) const = default;

 private:
  std::vector<uint64_t> words_;  // which parameters are there, a bit each; then the values
  size_t first_ = 0;             // of the values
};

// 128 bits that stand for the configuration, floats on their steps: a user's 0.30000000001 is the
// grid's 0.3. Of valid configurations, in memory alone: another version may hash otherwise.
using ConfigurationDigest = std::array<uint64_t, 2>;
ConfigurationDigest DigestOf(const SearchSpace& space, const Configuration& configuration);

}  // namespace vizsla
