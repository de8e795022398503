// Random numbers in bulk: the words of RandomStream's Philox, many blocks at a time. No LibTorch.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "src/base/random.h"

namespace vizsla {

// The words of `blocks` consecutive Philox4x32 blocks: block i has the counter {first_block + i, 0,
// row's low word, row's high word} and the key of the stream. `words` has room for 4 * blocks. Row
// 0 is what RandomStream(key) draws with NextU32.
void PhiloxWords(StreamKey key, uint64_t row, uint32_t first_block, size_t blocks, uint32_t* words);

// Each word's lower and upper 16 bits decide on two values: 0 when below `threshold`, else `kept`.
// `values` has room for 2 * count.
void KeepHalves(const uint32_t* words, size_t count, uint32_t threshold, float kept, float* values);

// Dropout's: what lies below `threshold` is dropped, with probability `rate` to 16 bits; what stays
// is multiplied by `kept`.
struct DropoutRule {
  explicit DropoutRule(double rate);
  uint32_t threshold;
  float kept;
};

// Uniform in [low, high), 24 bits each.
void FillUniform(StreamKey key, float low, float high, std::span<float> values);

// Normal with mean 0 and this deviation.
void FillNormal(StreamKey key, float deviation, std::span<float> values);

}  // namespace vizsla
