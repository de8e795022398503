// A photo's bytes to pixels. JPEG through libjpeg-turbo, PNG through OpenCV (libpng).
#pragma once

#include <opencv2/core/mat.hpp>
#include <string_view>

#include "src/base/status.h"

namespace vizsla {

// Changes when the same bytes give other pixels: a part of every cache's key.
inline constexpr int kDecodeVersion = 2;

// The whole photo, upright, as 8-bit RGB (CV_8UC3, channel 0 is red). As Keras and PIL's
// convert("RGB") do:
//   grey     the same value in all three channels
//   CMYK     (also YCCK) channel * black, always read as Adobe's inverted values
//   alpha    dropped, whatever lies below it shows: nothing is blended over white or black
//   16 bit   the high byte
//   EXIF     the orientation (1 to 8) is applied, in JPEG and in PNG; other values mean 1
//   profiles colour profiles and gamma are not applied
// DataLoss with a sentence: bytes that are neither JPEG nor PNG, a photo that is cut off or
// damaged. libjpeg-turbo's own warnings decide whether a JPEG is whole (OpenCV would return a full
// picture from a fifth of one), the chunks' checksums whether a PNG is. ResourceExhausted: above
// 100 megapixels. Pure; thread-safe.
absl::StatusOr<cv::Mat> DecodePhoto(std::string_view bytes);

}  // namespace vizsla
