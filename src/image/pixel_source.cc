#include "src/image/pixel_source.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <utility>

#include "src/base/check.h"
#include "src/base/sha256.h"
#include "src/dataset/mix_pixels.h"
#include "src/image/decode.h"

namespace vizsla {
namespace {

std::string DigestOf(const DecodedPhotos& pixels, const std::vector<uint32_t>& slots,
                     const Preprocessing& preprocessing) {
  Sha256 hash;
  hash.Update(StrCat("vizsla-source ", kDecodeVersion, " ", pixels.image_size(), " ",
                     preprocessing.bgr ? "bgr" : "rgb", "\n"));
  for (size_t plane = 0; plane < 3; ++plane) {
    hash.Update(StrCat(std::bit_cast<uint32_t>(preprocessing.scale[plane]), " ",
                       std::bit_cast<uint32_t>(preprocessing.offset[plane]), "\n"));
  }
  for (const uint32_t slot : slots) hash.Update(StrCat(pixels.hash(slot), "\n"));
  return hash.FinishHex();
}

}  // namespace

PixelSource::PixelSource(std::unique_ptr<DecodedPhotos> pixels, const PixelSourceOptions& options)
    : pixels_(std::move(pixels)), renderer_(options.preprocessing, pixels_->image_size()) {
  const auto& photos = options.unlabelled ? options.index->unlabelled : options.index->photos;
  auto next_broken = pixels_->broken().begin();
  for (uint32_t slot = 0; slot < options.positions.size(); ++slot) {
    if (next_broken != pixels_->broken().end() && next_broken->photo == slot) {
      broken_.push_back(next_broken->problem);
      ++next_broken;
      continue;
    }
    slots_.push_back(slot);
    photo_positions_.push_back(options.positions[slot]);
    labels_.push_back(photos[options.positions[slot]].label);
  }
  content_digest_ = DigestOf(*pixels_, slots_, options.preprocessing);
}

uint64_t PixelSource::photo_identity(uint32_t photo) const {
  const std::string& hash = pixels_->hash(slots_[photo]);
  uint64_t identity = photo;
  std::from_chars(hash.data(), hash.data() + std::min<size_t>(hash.size(), 16), identity, 16);
  return identity;
}

absl::Status PixelSource::CheckPhoto(uint32_t photo) const {
  if (photo < slots_.size()) return absl::OkStatus();
  return absl::OutOfRangeError(
      StrCat("photo ", photo, " was asked of a source of ", slots_.size()));
}

absl::Status PixelSource::Fill(std::span<const PhotoView> views, float* pixels) const {
  for (const PhotoView& view : views) {
    VIZSLA_RETURN_IF_ERROR(CheckPhoto(view.photo));
    if (view.mixed_in) VIZSLA_RETURN_IF_ERROR(CheckPhoto(view.mixed_in->photo));
  }
  const size_t photo_floats = DecodedBytes(1, image_size());
  const auto row_of = [&](size_t row) {
    return std::span(pixels + row * photo_floats, photo_floats);
  };
  for (size_t row = 0; row < views.size(); ++row) {
    renderer_.Render(pixels_->pixels(slots_[views[row].photo]), views[row].view,
                     row_of(row).data());
  }
  // Backwards: the partner is mostly the row above, which is then still unmixed.
  std::vector<float> rendered;
  for (size_t row = views.size(); row-- > 0;) {
    if (!views[row].mixed_in) continue;
    const MixedIn& partner = *views[row].mixed_in;
    if (row > 0 && views[row - 1].photo == partner.photo && views[row - 1].view == partner.view) {
      MixPixels(partner.mix, image_size(), row_of(row - 1), row_of(row));
      continue;
    }
    rendered.resize(photo_floats);
    renderer_.Render(pixels_->pixels(slots_[partner.photo]), partner.view, rendered.data());
    MixPixels(partner.mix, image_size(), rendered, row_of(row));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<PixelSource>> OpenPixelSource(const PixelSourceOptions& options) {
  VIZSLA_CHECK(options.index != nullptr && options.reader != nullptr);
  const auto& all = options.unlabelled ? options.index->unlabelled : options.index->photos;
  std::vector<const Photo*> photos;
  photos.reserve(options.positions.size());
  for (const uint32_t position : options.positions) {
    if (position >= all.size()) {
      return absl::OutOfRangeError(StrCat("position ", position, " of ", all.size(), " photos"));
    }
    photos.push_back(&all[position]);
  }
  VIZSLA_ASSIGN_OR_RETURN(auto pixels,
                          DecodedPhotos::Open(photos, *options.reader, options.decode));
  if (pixels->broken().size() == photos.size()) {
    const Problem& first = pixels->broken().front().problem;
    return absl::InvalidArgumentError(StrCat("none of ", photos.size(),
                                             " photos can be decoded; the first is ", first.place,
                                             ": ", first.reason));
  }
  return std::unique_ptr<PixelSource>(new PixelSource(std::move(pixels), options));
}

}  // namespace vizsla
