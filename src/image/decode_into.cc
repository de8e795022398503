#include "src/image/decode_into.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

#include "src/base/sha256.h"
#include "src/dataset/text.h"
#include "src/image/decode.h"
#include "src/image/resize.h"

namespace vizsla {
namespace {

DecodedPhoto Broken(DecodedPhoto result, const absl::Status& why, std::span<uint8_t> pixels) {
  result.broken = Printable(std::string(why.message()));
  std::fill(pixels.begin(), pixels.end(), uint8_t{0});
  return result;
}

absl::StatusOr<DecodedPhoto> DecodeOrThrow(const Photo& photo, const PhotoReader& reader,
                                           int image_size, std::span<uint8_t> pixels) {
  const absl::StatusOr<std::string> bytes = reader.Read(photo);
  if (!bytes.ok()) {
    // Nobody has read an unhashed photo before: it may always have been damaged.
    if (photo.sha256.empty()) return Broken({}, bytes.status(), pixels);
    return bytes.status();
  }
  DecodedPhoto result;
  result.sha256 = Sha256Hex(*bytes);
  if (!photo.sha256.empty() && result.sha256 != photo.sha256) {
    return absl::FailedPreconditionError(
        StrCat(Printable(photo.path), ": the file has changed since the data set was indexed"));
  }
  const absl::StatusOr<cv::Mat> picture = DecodePhoto(*bytes);
  if (!picture.ok()) return Broken(std::move(result), picture.status(), pixels);
  const cv::Mat square = ResizeToSquare(*picture, image_size);
  const size_t row_bytes = static_cast<size_t>(image_size) * 3;
  for (int row = 0; row < image_size; ++row) {
    std::memcpy(pixels.data() + static_cast<size_t>(row) * row_bytes, square.ptr(row), row_bytes);
  }
  return result;
}

}  // namespace

absl::StatusOr<DecodedPhoto> DecodeInto(const Photo& photo, const PhotoReader& reader,
                                        int image_size, std::span<uint8_t> pixels) {
  // OpenCV and the allocator throw, and this runs on threads whose exceptions end the process.
  try {
    return DecodeOrThrow(photo, reader, image_size, pixels);
  } catch (const std::exception& error) {
    return absl::ResourceExhaustedError(
        StrCat(Printable(photo.path), ": cannot be decoded: ", Printable(error.what())));
  }
}

}  // namespace vizsla
