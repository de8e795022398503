#include "src/image/decode_into.h"

#include <algorithm>
#include <cstring>

#include "src/base/sha256.h"
#include "src/dataset/text.h"
#include "src/image/decode.h"
#include "src/image/resize.h"

namespace vizsla {

absl::StatusOr<DecodedPhoto> DecodeInto(const Photo& photo, const PhotoReader& reader,
                                        int image_size, std::span<uint8_t> pixels) {
  VIZSLA_ASSIGN_OR_RETURN(const std::string bytes, reader.Read(photo));
  DecodedPhoto result;
  result.sha256 = Sha256Hex(bytes);
  if (!photo.sha256.empty() && result.sha256 != photo.sha256) {
    return absl::FailedPreconditionError(
        StrCat(Printable(photo.path), ": the file has changed since the data set was indexed"));
  }
  const absl::StatusOr<cv::Mat> picture = DecodePhoto(bytes);
  if (!picture.ok()) {
    result.broken = Printable(std::string(picture.status().message()));
    std::fill(pixels.begin(), pixels.end(), uint8_t{0});
    return result;
  }
  const cv::Mat square = ResizeToSquare(*picture, image_size);
  const size_t row_bytes = static_cast<size_t>(image_size) * 3;
  for (int row = 0; row < image_size; ++row) {
    std::memcpy(pixels.data() + static_cast<size_t>(row) * row_bytes, square.ptr(row), row_bytes);
  }
  return result;
}

}  // namespace vizsla
