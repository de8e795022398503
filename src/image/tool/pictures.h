// The pictures that `vizsla-dataset inspect` leaves behind.
#pragma once

#include <cstdint>
#include <opencv2/core/mat.hpp>
#include <string>
#include <utility>
#include <vector>

#include "src/base/status.h"

namespace vizsla {

using NamedCounts = std::vector<std::pair<std::string, uint64_t>>;

// A horizontal bar chart through the program gnuplot, as FOLDER/classes.png and FOLDER/classes.svg;
// the first row stands on top. FailedPrecondition when gnuplot is not there or fails.
absl::StatusOr<std::vector<std::string>> WriteClassChart(const NamedCounts& rows,
                                                         const std::string& title,
                                                         const std::string& folder);

struct SheetPhoto {
  cv::Mat picture;  // RGB
  std::string label;
};

// Photos side by side, each whole in a square tile with its label below. At least one photo.
cv::Mat ContactSheet(const std::vector<SheetPhoto>& photos, int columns);

// RGB to a PNG file.
absl::Status WritePng(const cv::Mat& rgb, const std::string& path);

}  // namespace vizsla
