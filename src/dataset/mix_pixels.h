// Applies a batch's mix (catalog/mixing.h) to the pixels of one row.
#pragma once

#include <span>

#include "src/catalog/mixing.h"

namespace vizsla {

// Mixes the partner's pixels into the row's own, in place. Both hold the same number of planes of
// size x size float32 (plane, row, column), preprocessed; mixing commutes with preprocessing, which
// is affine. The box lies within the planes. Pure otherwise; thread-safe on different rows.
void MixPixels(const BatchMix& mix, int size, std::span<const float> partner, std::span<float> own);

}  // namespace vizsla
