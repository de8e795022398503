// Two batch sources, one after the other.
#pragma once

#include "src/dataset/batch_source.h"

namespace vizsla {

// The photos of `first`, then those of `second`. Without labels, and without mixed rows. Both
// outlive this object and have the same image size.
class JoinedSource : public BatchSource {
 public:
  // `second` may be null: none.
  JoinedSource(const BatchSource& first, const BatchSource* second)
      : first_(first), second_(second) {}

  size_t photo_count() const override;
  int image_size() const override { return first_.image_size(); }
  int label(uint32_t photo) const override { return 0; }
  uint64_t photo_identity(uint32_t photo) const override;
  std::string content_digest() const override;
  absl::Status Fill(std::span<const PhotoView> views, float* pixels) const override;

 private:
  const BatchSource& first_;
  const BatchSource* second_;
};

}  // namespace vizsla
