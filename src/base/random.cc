#include "src/base/random.h"

#include <cmath>
#include <numbers>

#include "src/base/check.h"

namespace vizsla {
namespace {

// SplitMix64's finalizer (Steele, Lea, Flood 2014): a bijection that mixes every bit.
uint64_t Mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

}  // namespace

StreamKey::StreamKey(uint64_t seed) : value_(Mix(seed)) {}

StreamKey StreamKey::With(uint64_t number) const {
  StreamKey key(*this);
  key.value_ = Mix(value_ ^ Mix(number + 0x632BE59BD9B4E019u));
  return key;
}

StreamKey StreamKey::With(std::string_view word) const {
  uint64_t hash = 0xCBF29CE484222325u;  // FNV-1a, 64 bits
  for (unsigned char c : word) hash = (hash ^ c) * 0x100000001B3u;
  return With(hash).With(word.size());
}

std::array<uint32_t, 4> Philox4x32(std::array<uint32_t, 4> c, std::array<uint32_t, 2> k) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53u} * c[0];
    const uint64_t p1 = uint64_t{0xCD9E8D57u} * c[2];
    c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k[0], static_cast<uint32_t>(p1),
         static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k[1], static_cast<uint32_t>(p0)};
    k[0] += 0x9E3779B9u;
    k[1] += 0xBB67AE85u;
  }
  return c;
}

uint32_t RandomStream::NextU32() {
  if (used_ == 4) {
    block_ =
        Philox4x32({static_cast<uint32_t>(counter_), static_cast<uint32_t>(counter_ >> 32), 0, 0},
                   {static_cast<uint32_t>(key_), static_cast<uint32_t>(key_ >> 32)});
    ++counter_;
    used_ = 0;
  }
  return block_[used_++];
}

uint64_t RandomStream::NextU64() {
  const uint64_t high = NextU32();
  return (high << 32) | NextU32();
}

double RandomStream::Uniform() { return static_cast<double>(NextU64() >> 11) * 0x1.0p-53; }

double RandomStream::Uniform(double low, double high) { return low + (high - low) * Uniform(); }

double RandomStream::Normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - Uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * Uniform());
}

bool RandomStream::Bernoulli(double probability) { return Uniform() < probability; }

uint64_t RandomStream::UniformInt(uint64_t count) {
  VIZSLA_CHECK(count >= 1);
  // Rejection: numbers under 2^64 mod count would favour the small results.
  const uint64_t threshold = (0 - count) % count;
  uint64_t number = NextU64();
  while (number < threshold) number = NextU64();
  return number % count;
}

}  // namespace vizsla
