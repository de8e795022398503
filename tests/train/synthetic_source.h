// Photos made of arithmetic: learnable (each class has its own colour and stripe), different from
// each other, and different from their mirror images and in every other view (which varies them in
// ways of its own).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "src/base/random.h"
#include "src/base/sha256.h"
#include "src/dataset/batch_source.h"
#include "src/dataset/mix_pixels.h"

namespace vizsla {

class SyntheticSource : public BatchSource {
 public:
  SyntheticSource(size_t photos, int classes, int side, uint64_t seed)
      : photos_(photos), classes_(classes), side_(side), seed_(seed) {}

  size_t photo_count() const override { return photos_; }
  int image_size() const override { return side_; }
  int label(uint32_t photo) const override {
    return label_of ? label_of(photo) : static_cast<int>(photo) % classes_;
  }
  uint64_t photo_identity(uint32_t photo) const override {
    return StreamKey(seed_).With(photo).value();
  }
  std::string content_digest() const override {
    return Sha256Hex(StrCat(photos_, " ", classes_, " ", side_, " ", seed_));
  }
  absl::Status Fill(std::span<const PhotoView> views, float* pixels) const override {
    const auto photo_floats = static_cast<size_t>(3 * side_ * side_);
    std::vector<float> partner(photo_floats);
    for (const PhotoView& view : views) {
      if (on_fill) {
        absl::Status status = on_fill(view);
        if (!status.ok()) return status;
      }
      ++filled;
      Render(view.photo, view.view, pixels);
      if (view.mixed_in) {
        Render(view.mixed_in->photo, view.mixed_in->view, partner.data());
        MixPixels(view.mixed_in->mix, side_, partner, std::span(pixels, photo_floats));
      }
      pixels += photo_floats;
    }
    return absl::OkStatus();
  }

  std::function<absl::Status(const PhotoView&)> on_fill;  // a test's chance to interfere
  std::function<int(uint32_t)> label_of;                  // in place of the even labels
  mutable std::atomic<int64_t> filled{0};

 private:
  void Render(uint32_t photo, const View& view, float* pixels) const {
    const int label_of_photo = label(photo);
    RandomStream noise(StreamKey(seed_).With(photo));
    const double tilt = view.rotation_degrees / 30 + (view.zoom_x - view.zoom_y);
    const double shade = view.shift_x - view.shift_y;
    for (int c = 0; c < 3; ++c) {
      for (int row = 0; row < side_; ++row) {
        for (int column = 0; column < side_; ++column) {
          const int x = view.flip ? side_ - 1 - column : column;
          const int hue = (label_of_photo + c) % 3 - 1;
          const int stripe = (x * (label_of_photo + 1) + row * c) / 8 % 2;
          const double slope = static_cast<double>(x) / side_ - 0.5;
          pixels[(c * side_ + row) * side_ + column] = static_cast<float>(
              0.5 * hue + 0.4 * (stripe - 0.5) + 0.3 * slope + 0.6 * (noise.Uniform() - 0.5) +
              tilt * (static_cast<double>(row) / side_ - 0.5) + shade);
        }
      }
    }
  }

  size_t photos_;
  int classes_;
  int side_;
  uint64_t seed_;
};

}  // namespace vizsla
