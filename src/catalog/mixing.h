// Mixing the rows of a batch: mixup (Zhang, Cisse, Dauphin, Lopez-Paz: "mixup: Beyond Empirical
// Risk Minimization", ICLR 2018) and CutMix (Yun et al.: "CutMix: Regularization Strategy to Train
// Strong Classifiers with Localizable Features", ICCV 2019), with the semantics of
// torchvision.transforms.v2 MixUp and CutMix: one draw for the whole batch, and each row's partner
// is the row before it. Pure: what a mix is, and how it is drawn; src/dataset/mix_pixels.h applies
// it to pixels, the loss to labels.
#pragma once

#include <cstddef>

#include "src/base/random.h"

namespace vizsla {

// Rows [top, bottom) and columns [left, right), in pixels.
struct PixelBox {
  int top = 0;
  int left = 0;
  int bottom = 0;
  int right = 0;
  bool operator==(const PixelBox&) const = default;
};

// How each row of a batch is mixed with its partner. The default leaves the batch as it is.
struct BatchMix {
  // Of the row's own label; the partner's has 1 - weight. Also of the row's own pixels in mixup.
  double weight = 1;
  bool is_cutmix = false;  // else mixup: pixels are blended by the weight
  PixelBox box = {};       // cutmix: these pixels are the partner's
  bool operator==(const BatchMix&) const = default;
};

// The partner of a row of the global batch: the row before it, of row 0 the last one
// (batch.roll(1, 0)). A batch of one row is its own partner.
inline size_t MixPartner(size_t row, size_t batch_size) {
  return (row + batch_size - 1) % batch_size;
}

// Draws one batch's mix. An alpha of 0 switches its method off; both off draw the default. With
// both on, each batch takes one of them with probability 1/2. The weight is Beta(alpha, alpha);
// CutMix takes a box of sides sqrt(1 - weight) around a uniform centre, clipped to the image, and
// corrects the weight to the area that the box really has. image_size in pixels, at least 1. The
// number of draws varies: give every batch its own stream.
BatchMix DrawMix(double mixup_alpha, double cutmix_alpha, int image_size, RandomStream& stream);

// Beta(a, b), a and b above 0, from two Gamma variates (Marsaglia, Tsang: "A simple method for
// generating gamma variables", ACM TOMS 26, 2000) in logarithms, so that small a and b do not
// become 0 / 0. Within [0, 1].
double DrawBeta(double a, double b, RandomStream& stream);

}  // namespace vizsla
