// Photos as training reads them: the batch interface over decoded pixels, labels and a
// preprocessing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "src/base/status.h"
#include "src/catalog/preprocessing.h"
#include "src/dataset/batch_source.h"
#include "src/dataset/index.h"
#include "src/image/photo_cache.h"
#include "src/image/view_renderer.h"

namespace vizsla {

struct PixelSourceOptions {
  const DatasetIndex* index = nullptr;  // need not outlive the source
  const PhotoReader* reader = nullptr;  // nor this
  std::vector<uint32_t> positions;      // in index->photos; only these are read and decoded
  bool unlabelled = false;              // positions are in index->unlabelled; every label is -1
  Preprocessing preprocessing;
  // Photos without a hash can only be decoded into memory (an empty cache folder): unlabelled ones,
  // unless HashUnlabelled was called.
  DecodeOptions decode;
};

// Immutable; thread-safe.
class PixelSource : public BatchSource {
 public:
  size_t photo_count() const override { return photo_positions_.size(); }
  int image_size() const override { return pixels_->image_size(); }
  int label(uint32_t photo) const override { return labels_[photo]; }
  uint64_t photo_identity(uint32_t photo) const override;  // the hash's first 64 bits
  std::string content_digest() const override { return content_digest_; }
  // OutOfRange for a photo, or a partner, that the source does not have.
  absl::Status Fill(std::span<const PhotoView> views, float* pixels) const override;

  // Positions (in the index's list) of the photos that are in the source: those of the options, in
  // their order, without the broken ones.
  const std::vector<uint32_t>& photo_positions() const { return photo_positions_; }
  // Those that were left out, with the reason; to be counted and shown.
  const std::vector<Problem>& broken() const { return broken_; }

 private:
  friend absl::StatusOr<std::unique_ptr<PixelSource>> OpenPixelSource(
      const PixelSourceOptions& options);
  PixelSource(std::unique_ptr<DecodedPhotos> pixels, const PixelSourceOptions& options);
  absl::Status CheckPhoto(uint32_t photo) const;

  std::unique_ptr<DecodedPhotos> pixels_;
  ViewRenderer renderer_;
  std::vector<uint32_t> slots_;  // of each photo, in pixels_
  std::vector<uint32_t> photo_positions_;
  std::vector<int> labels_;
  std::vector<Problem> broken_;
  std::string content_digest_;
};

// Decodes what is not in the cache yet (see DecodedPhotos::Open for waiting and errors).
// InvalidArgument when every photo is broken.
absl::StatusOr<std::unique_ptr<PixelSource>> OpenPixelSource(const PixelSourceOptions& options);

}  // namespace vizsla
