// What the training benchmarks train on: labels alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "src/dataset/batch_source.h"

namespace vizsla {

// Photos whose pixels nobody asks for; of all classes in turn.
class PhotosWithoutPixels : public BatchSource {
 public:
  PhotosWithoutPixels(size_t photos, int classes) : photos_(photos), classes_(classes) {}
  size_t photo_count() const override { return photos_; }
  int image_size() const override { return 1; }
  int label(uint32_t photo) const override { return static_cast<int>(photo) % classes_; }
  uint64_t photo_identity(uint32_t photo) const override { return photo; }
  std::string content_digest() const override { return ""; }
  absl::Status Fill(std::span<const PhotoView>, float*) const override {
    return absl::UnimplementedError("has no pixels");
  }

 private:
  const size_t photos_;
  const int classes_;
};

}  // namespace vizsla
