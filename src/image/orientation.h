// EXIF's orientation (tag 0x0112 of the first image directory): how the camera was held.
#pragma once

#include <opencv2/core/mat.hpp>
#include <string_view>

namespace vizsla {

// Reads a TIFF header and its first directory, as found behind "Exif\0\0" in a JPEG's APP1 segment
// or in a PNG's eXIf chunk. 1 (upright) for anything that cannot be read. Pure.
int ExifOrientation(std::string_view tiff);

// The picture as it is to be seen; orientations 5 to 8 swap width and height.
cv::Mat Upright(cv::Mat picture, int orientation);

}  // namespace vizsla
