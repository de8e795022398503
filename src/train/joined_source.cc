#include "src/train/joined_source.h"

#include <algorithm>
#include <vector>

#include "src/base/check.h"
#include "src/base/sha256.h"

namespace vizsla {

size_t JoinedSource::photo_count() const {
  return first_.photo_count() + (second_ == nullptr ? 0 : second_->photo_count());
}

uint64_t JoinedSource::photo_identity(uint32_t photo) const {
  const auto boundary = static_cast<uint32_t>(first_.photo_count());
  return photo < boundary ? first_.photo_identity(photo)
                          : second_->photo_identity(photo - boundary);
}

std::string JoinedSource::content_digest() const {
  return second_ == nullptr ? first_.content_digest()
                            : Sha256Hex(first_.content_digest() + second_->content_digest());
}

absl::Status JoinedSource::Fill(std::span<const PhotoView> views, float* pixels) const {
  const auto side = static_cast<size_t>(image_size());
  const size_t photo_floats = 3 * side * side;
  const size_t boundary = first_.photo_count();
  // Each source renders its share at once (a source may use several threads), then the rows go to
  // their places.
  for (const BatchSource* source : {&first_, second_}) {
    if (source == nullptr) continue;
    std::vector<PhotoView> share;
    std::vector<size_t> places;
    for (size_t i = 0; i < views.size(); ++i) {
      VIZSLA_CHECK(!views[i].mixed_in);
      if ((views[i].photo < boundary) != (source == &first_)) continue;
      PhotoView view = views[i];
      if (source != &first_) view.photo -= static_cast<uint32_t>(boundary);
      share.push_back(view);
      places.push_back(i);
    }
    if (share.empty()) continue;
    if (share.size() == views.size()) return source->Fill(share, pixels);
    std::vector<float> rendered(share.size() * photo_floats);
    VIZSLA_RETURN_IF_ERROR(source->Fill(share, rendered.data()));
    for (size_t i = 0; i < share.size(); ++i) {
      std::copy_n(rendered.data() + i * photo_floats, photo_floats,
                  pixels + places[i] * photo_floats);
    }
  }
  return absl::OkStatus();
}

}  // namespace vizsla
