#include "src/image/resize.h"

#include <opencv2/imgproc.hpp>

namespace vizsla {

cv::Mat ResizeToSquare(const cv::Mat& picture, int size) {
  if (picture.cols == size && picture.rows == size) return picture;
  const bool wide_shrinks = picture.cols >= size;
  const bool high_shrinks = picture.rows >= size;
  cv::Mat result;
  if (wide_shrinks == high_shrinks) {
    cv::resize(picture, result, cv::Size(size, size), 0, 0,
               wide_shrinks ? cv::INTER_AREA : cv::INTER_LINEAR);
    return result;
  }
  // Shrink first: fewer pixels are left to enlarge.
  cv::Mat shrunk;
  cv::resize(picture, shrunk, cv::Size(std::min(picture.cols, size), std::min(picture.rows, size)),
             0, 0, cv::INTER_AREA);
  cv::resize(shrunk, result, cv::Size(size, size), 0, 0, cv::INTER_LINEAR);
  return result;
}

}  // namespace vizsla
