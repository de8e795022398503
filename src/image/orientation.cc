#include "src/image/orientation.h"

#include <cstdint>
#include <opencv2/core.hpp>
#include <optional>

namespace vizsla {
namespace {

constexpr uint16_t kOrientationTag = 0x0112;
constexpr uint16_t kShort = 3;
constexpr size_t kEntrySize = 12;

// Bounds-checked numbers in the file's byte order.
class TiffReader {
 public:
  explicit TiffReader(std::string_view bytes)
      : bytes_(bytes), big_endian_(bytes.starts_with("MM")) {}

  std::optional<uint32_t> Read(size_t offset, size_t width) const {
    if (offset > bytes_.size() || bytes_.size() - offset < width) return std::nullopt;
    uint32_t value = 0;
    for (size_t i = 0; i < width; ++i) {
      const size_t at = offset + (big_endian_ ? i : width - 1 - i);
      value = value << 8 | static_cast<uint8_t>(bytes_[at]);
    }
    return value;
  }

 private:
  std::string_view bytes_;
  bool big_endian_;
};

}  // namespace

int ExifOrientation(std::string_view tiff) {
  if (!tiff.starts_with("II") && !tiff.starts_with("MM")) return 1;
  const TiffReader reader(tiff);
  if (reader.Read(2, 2) != 42u) return 1;
  const std::optional<uint32_t> directory = reader.Read(4, 4);
  if (!directory) return 1;
  const uint32_t entries = reader.Read(*directory, 2).value_or(0);
  for (size_t i = 0; i < entries; ++i) {
    const size_t entry = *directory + size_t{2} + i * kEntrySize;
    if (reader.Read(entry, 2) != kOrientationTag || reader.Read(entry + 2, 2) != kShort) continue;
    const uint32_t orientation = reader.Read(entry + 8, 2).value_or(1);
    return orientation >= 1 && orientation <= 8 ? static_cast<int>(orientation) : 1;
  }
  return 1;
}

cv::Mat Upright(cv::Mat picture, int orientation) {
  constexpr int kAroundVerticalAxis = 1;  // cv::flip's codes
  constexpr int kAroundHorizontalAxis = 0;
  constexpr int kAroundBoth = -1;
  if (orientation >= 5) picture = picture.t();
  switch (orientation) {
    case 2:  // mirrored
    case 6:  // turned a quarter to the right
      cv::flip(picture, picture, kAroundVerticalAxis);
      break;
    case 3:  // upside down
    case 7:  // mirrored over the other diagonal
      cv::flip(picture, picture, kAroundBoth);
      break;
    case 4:  // mirrored and upside down
    case 8:  // turned a quarter to the left
      cv::flip(picture, picture, kAroundHorizontalAxis);
      break;
    default:  // 1 upright, 5 mirrored over the diagonal
      break;
  }
  return picture;
}

}  // namespace vizsla
