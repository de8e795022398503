// JPEG through libjpeg-turbo.
#pragma once

#include <opencv2/core/mat.hpp>
#include <string_view>

#include "src/base/status.h"

namespace vizsla {

// As DecodePhoto says, of bytes that begin like a JPEG.
absl::StatusOr<cv::Mat> DecodeJpeg(std::string_view bytes);

}  // namespace vizsla
