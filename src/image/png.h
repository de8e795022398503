// PNG: wholeness by its own chunks and checksums, pixels by OpenCV (libpng).
#pragma once

#include <opencv2/core/mat.hpp>
#include <string_view>

#include "src/base/status.h"

namespace vizsla {

// As DecodePhoto says, of bytes that begin like a PNG.
absl::StatusOr<cv::Mat> DecodePng(std::string_view bytes);

}  // namespace vizsla
