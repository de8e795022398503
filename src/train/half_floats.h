// IEEE half precision in memory and float32 in use. Pure; the same bits whatever the processor's
// treatment of denormal numbers is (trials flush them to zero).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace vizsla {

// Rounds to nearest, ties to even: relative error at most 2^-11, absolute at most 2^-25 below
// 2^-14. False when a value rounds beyond 65504, is infinite or not a number; `halves` is then
// unusable.
bool ToHalfFloats(std::span<const float> values, uint16_t* halves);

// Exact. `count` halves of ToHalfFloats.
void FromHalfFloats(const uint16_t* halves, size_t count, float* values);

}  // namespace vizsla
