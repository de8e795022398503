// Of the numbers in a row of a feature cache.
#pragma once

namespace vizsla {

// Of half precision, at half the bytes: within 2^-11 of the value, or within 2^-25 of one below
// 2^-14 (half_floats.h); values beyond 65504 cannot be kept.
enum class FeatureType { kFloat32, kFloat16 };

}  // namespace vizsla
