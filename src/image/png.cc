#include "src/image/png.h"

#include <zlib.h>

#include <cstdint>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <string>

#include "src/image/limits.h"
#include "src/image/orientation.h"

namespace vizsla {
namespace {

constexpr size_t kSignatureSize = 8;
constexpr size_t kChunkFrame = 12;  // length, type and checksum

uint32_t BigEndian32(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

absl::Status Damaged(std::string_view reason) {
  return absl::DataLossError(StrCat("the PNG is cut off or damaged (", reason, ")"));
}

// Walks all chunks up to IEND, comparing each checksum: afterwards every byte that libpng will read
// is as it was written.
absl::StatusOr<int> CheckChunks(std::string_view bytes) {
  int orientation = 1;
  bool first = true;
  std::string_view rest = bytes.substr(kSignatureSize);
  for (;;) {
    if (rest.size() < kChunkFrame) return Damaged("it ends before its last chunk");
    const uint64_t length = BigEndian32(rest);
    if (length > rest.size() - kChunkFrame) return Damaged("it ends inside a chunk");
    const std::string_view type = rest.substr(4, 4);
    const std::string_view data = rest.substr(8, length);
    const std::string_view checked = rest.substr(4, 4 + length);
    const uLong checksum =
        ::crc32_z(0, reinterpret_cast<const Bytef*>(checked.data()), checked.size());
    const bool critical = (type[0] & 0x20) == 0;
    const bool fits = checksum == BigEndian32(rest.substr(8 + length));
    if (critical && !fits) return Damaged(StrCat("the checksum of a chunk does not fit"));
    if (first) {
      if (type != "IHDR" || length != 13) return Damaged("it does not begin with its header");
      const uint32_t width = BigEndian32(data);
      const uint32_t height = BigEndian32(data.substr(4));
      if (!IsWithinPixelLimit(width, height)) return TooManyPixels(width, height);
      first = false;
    }
    if (type == "eXIf" && fits) orientation = ExifOrientation(data);
    if (type == "IEND") return orientation;
    rest.remove_prefix(kChunkFrame + length);
  }
}

}  // namespace

absl::StatusOr<cv::Mat> DecodePng(std::string_view bytes) {
  VIZSLA_ASSIGN_OR_RETURN(const int orientation, CheckChunks(bytes));
  try {
    const cv::Mat encoded(1, static_cast<int>(bytes.size()), CV_8UC1,
                          const_cast<char*>(bytes.data()));  // only read
    cv::Mat picture = cv::imdecode(encoded, cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION);
    if (picture.empty()) return Damaged("libpng cannot read it");
    cv::cvtColor(picture, picture, cv::COLOR_BGR2RGB);
    return Upright(std::move(picture), orientation);
  } catch (const cv::Exception& error) {
    return Damaged(error.what());
  }
}

}  // namespace vizsla
