// One size for all photos.
#pragma once

#include <opencv2/core/mat.hpp>

namespace vizsla {

// The whole picture (no crop; the aspect is not kept) squeezed to size x size, as the campaign did
// with cv2.resize(photo, (size, size), interpolation=cv2.INTER_AREA). Each axis by itself:
// INTER_AREA along an axis that shrinks, INTER_LINEAR along one that grows (OpenCV's INTER_AREA
// would use a linear variant for both as soon as one of them grows, and alias the other). Pure;
// thread-safe.
cv::Mat ResizeToSquare(const cv::Mat& picture, int size);

}  // namespace vizsla
