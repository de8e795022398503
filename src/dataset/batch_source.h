// The batch interface: what training asks of the data, whatever decodes and augments it. src/image
// implements it over decoded photos; tests implement it over arrays.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "src/base/status.h"
#include "src/catalog/augmentation.h"
#include "src/catalog/mixing.h"

namespace vizsla {

// What a row is mixed with. Named rather than taken from the neighbouring row, which another rank
// may hold: every rank renders its rows' partners itself, and no pixels cross ranks.
struct MixedIn {
  uint32_t photo = 0;  // the partner, a position in the source's own list
  View view = {};      // the partner's
  BatchMix mix = {};
};

struct PhotoView {
  uint32_t photo = 0;  // position in the source's own list
  View view = {};
  int view_number = 0;  // in the ViewSet that it was chosen from (view_set.h), if it was
  std::optional<MixedIn> mixed_in = std::nullopt;
};

class BatchSource {
 public:
  virtual ~BatchSource() = default;
  virtual size_t photo_count() const = 0;
  virtual int image_size() const = 0;  // pixels, square
  virtual int label(uint32_t photo) const = 0;
  // Of the photo's bytes: the same in every source that has it, at whatever place. What is drawn
  // for a photo once and for all is drawn by it. A photo that was never hashed has its position.
  virtual uint64_t photo_identity(uint32_t photo) const = 0;
  // SHA-256 that names the photos in order, how they were decoded and resized, and the
  // preprocessing: two sources with equal digests fill equal pixels. The feature cache is keyed by
  // it.
  virtual std::string content_digest() const = 0;
  // Writes preprocessed float32 pixels, one image after another, each 3 planes (channel, row,
  // column); `pixels` has room for views.size() * 3 * image_size^2 floats. Rows with mixed_in are
  // mixed after preprocessing (mix_pixels.h does it for every source). Blocks while it renders;
  // callable from several threads at once.
  virtual absl::Status Fill(std::span<const PhotoView> views, float* pixels) const = 0;
};

}  // namespace vizsla
