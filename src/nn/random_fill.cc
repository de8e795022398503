#include "src/nn/random_fill.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "src/base/for_each_cpu.h"

namespace vizsla {
namespace {

constexpr size_t kLanes = 32;  // blocks computed side by side, so that the compiler uses vectors

VIZSLA_FOR_EACH_CPU
void PhiloxLanes(uint32_t first_block, uint64_t row, uint64_t key, uint32_t* words) {
  uint32_t c0[kLanes], c1[kLanes], c2[kLanes], c3[kLanes];
  for (size_t i = 0; i < kLanes; ++i) {
    c0[i] = first_block + static_cast<uint32_t>(i);
    c1[i] = 0;
    c2[i] = static_cast<uint32_t>(row);
    c3[i] = static_cast<uint32_t>(row >> 32);
  }
  uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    for (size_t i = 0; i < kLanes; ++i) {
      const uint64_t p0 = uint64_t{0xD2511F53u} * c0[i];
      const uint64_t p1 = uint64_t{0xCD9E8D57u} * c2[i];
      const uint32_t n0 = static_cast<uint32_t>(p1 >> 32) ^ c1[i] ^ k0;
      const uint32_t n2 = static_cast<uint32_t>(p0 >> 32) ^ c3[i] ^ k1;
      c1[i] = static_cast<uint32_t>(p1);
      c3[i] = static_cast<uint32_t>(p0);
      c0[i] = n0;
      c2[i] = n2;
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  for (size_t i = 0; i < kLanes; ++i) {
    words[4 * i] = c0[i];
    words[4 * i + 1] = c1[i];
    words[4 * i + 2] = c2[i];
    words[4 * i + 3] = c3[i];
  }
}

// Calls use(word index, words) for chunks of random words that cover `count` words.
template <typename Use>
void ForWords(StreamKey key, size_t count, const Use& use) {
  uint32_t words[4 * kLanes];
  for (size_t done = 0; done < count; done += 4 * kLanes) {
    PhiloxLanes(static_cast<uint32_t>(done / 4), 0, key.value(), words);
    use(done, std::span<const uint32_t>(words, std::min(count - done, 4 * kLanes)));
  }
}

constexpr float kTo24Bits = 0x1.0p-24f;

}  // namespace

void PhiloxWords(StreamKey key, uint64_t row, uint32_t first_block, size_t blocks,
                 uint32_t* words) {
  size_t done = 0;
  for (; done + kLanes <= blocks; done += kLanes) {
    PhiloxLanes(first_block + static_cast<uint32_t>(done), row, key.value(), words + 4 * done);
  }
  if (done < blocks) {
    uint32_t rest[4 * kLanes];
    PhiloxLanes(first_block + static_cast<uint32_t>(done), row, key.value(), rest);
    std::memcpy(words + 4 * done, rest, (blocks - done) * 4 * sizeof(uint32_t));
  }
}

VIZSLA_FOR_EACH_CPU
void KeepHalves(const uint32_t* words, size_t count, uint32_t threshold, float kept,
                float* values) {
  for (size_t i = 0; i < count; ++i) {
    values[2 * i] = (words[i] & 0xFFFF) < threshold ? 0.0f : kept;
    values[2 * i + 1] = (words[i] >> 16) < threshold ? 0.0f : kept;
  }
}

DropoutRule::DropoutRule(double rate)
    : threshold(static_cast<uint32_t>(std::lround(rate * 65536))),
      kept(static_cast<float>(1 / (1 - rate))) {}

void FillUniform(StreamKey key, float low, float high, std::span<float> values) {
  ForWords(key, values.size(), [&](size_t first, std::span<const uint32_t> words) {
    for (size_t i = 0; i < words.size(); ++i) {
      const float unit = static_cast<float>(words[i] >> 8) * kTo24Bits;
      values[first + i] = low + (high - low) * unit;
    }
  });
}

void FillNormal(StreamKey key, float deviation, std::span<float> values) {
  const size_t count = values.size() + values.size() % 2;
  ForWords(key, count, [&](size_t first, std::span<const uint32_t> words) {
    for (size_t i = 0; i < words.size(); i += 2) {  // Box-Muller makes two of two
      const double u = (static_cast<double>(words[i]) + 1) * 0x1.0p-32;
      const double angle = 2 * std::numbers::pi * static_cast<double>(words[i + 1]) * 0x1.0p-32;
      const double radius = deviation * std::sqrt(-2 * std::log(u));
      values[first + i] = static_cast<float>(radius * std::cos(angle));
      if (first + i + 1 < values.size()) {
        values[first + i + 1] = static_cast<float>(radius * std::sin(angle));
      }
    }
  });
}

}  // namespace vizsla
