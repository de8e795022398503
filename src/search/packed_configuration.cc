#include "src/search/packed_configuration.h"

#include <bit>

namespace vizsla {
namespace {

uint64_t WordOf(const Domain& domain, const ParameterValue& value) {
  if (std::holds_alternative<FloatDomain>(domain)) {
    return std::bit_cast<uint64_t>(std::get<double>(value));
  }
  if (std::holds_alternative<IntDomain>(domain)) {
    return static_cast<uint64_t>(std::get<int64_t>(value));
  }
  return static_cast<uint64_t>(IndexOf(domain, value));
}

// MurmurHash3's finalizer (Austin Appleby, public domain): each bit of the sum reaches all others.
uint64_t Mix(uint64_t word) {
  word = (word ^ word >> 33) * 0xff51afd7ed558ccdULL;
  word = (word ^ word >> 33) * 0xc4ceb9fe1a85ec53ULL;
  return word ^ word >> 33;
}

}  // namespace

std::optional<PackedConfiguration> PackedConfiguration::Pack(const SearchSpace& space,
                                                             const Configuration& configuration) {
  if (!Validate(space, configuration).ok()) return std::nullopt;
  const size_t count = space.parameters.size();
  PackedConfiguration packed;
  packed.first_ = (count + 63) / 64;
  packed.words_.resize(packed.first_ + count);
  for (size_t place = 0; place < count; ++place) {
    const auto value = configuration.find(space.parameters[place].name);
    if (value == configuration.end()) continue;
    packed.words_[place / 64] |= uint64_t{1} << place % 64;
    packed.words_[packed.first_ + place] = WordOf(space.parameters[place].domain, value->second);
  }
  return packed;
}

ParameterValue PackedConfiguration::ValueOf(const Domain& domain, size_t place) const {
  const uint64_t word = words_[first_ + place];
  if (std::holds_alternative<FloatDomain>(domain)) return std::bit_cast<double>(word);
  if (std::holds_alternative<IntDomain>(domain)) return static_cast<int64_t>(word);
  return ValueAt(domain, static_cast<int64_t>(word));
}

Configuration PackedConfiguration::Unpack(const SearchSpace& space) const {
  Configuration configuration;
  for (size_t place = 0; place < space.parameters.size(); ++place) {
    if (!Has(place)) continue;
    const Parameter& parameter = space.parameters[place];
    configuration.emplace(parameter.name, ValueOf(parameter.domain, place));
  }
  return configuration;
}

ConfigurationDigest DigestOf(const SearchSpace& space, const Configuration& configuration) {
  ConfigurationDigest digest = {0x9e3779b97f4a7c15ULL, 0xd1b54a32d192ed03ULL};
  for (size_t place = 0; place < space.parameters.size(); ++place) {
    const Parameter& parameter = space.parameters[place];
    const auto value = configuration.find(parameter.name);
    if (value == configuration.end()) continue;
    // Of finitely many values the index; of a continuous number its bits, those of 0 for -0.
    uint64_t word = 0;
    if (CountValues(parameter.domain)) {
      word = static_cast<uint64_t>(IndexOf(parameter.domain, value->second));
    } else {
      word = std::bit_cast<uint64_t>(std::get<double>(value->second) + 0.0);
    }
    for (uint64_t& half : digest) half = Mix(half + Mix(word + half * (place + 1)));
  }
  return digest;
}

}  // namespace vizsla
