#include "worker/thumbnail.h"

#include <algorithm>
#include <cmath>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <vector>

#include "src/base/str_cat.h"
#include "src/image/decode.h"

namespace vizsla {
namespace {

constexpr int kLongerSide = 200;
constexpr int kQuality = 82;

}  // namespace

absl::StatusOr<std::string> MakeThumbnail(const PhotoReader& reader, const Photo& photo) {
  VIZSLA_ASSIGN_OR_RETURN(const std::string bytes, reader.Read(photo));
  VIZSLA_ASSIGN_OR_RETURN(const cv::Mat rgb, DecodePhoto(bytes));
  const double scale =
      std::min(1.0, static_cast<double>(kLongerSide) / std::max(rgb.cols, rgb.rows));
  const cv::Size size(std::max(1, static_cast<int>(std::lround(rgb.cols * scale))),
                      std::max(1, static_cast<int>(std::lround(rgb.rows * scale))));
  try {
    cv::Mat small;
    cv::resize(rgb, small, size, 0, 0, cv::INTER_AREA);
    cv::cvtColor(small, small, cv::COLOR_RGB2BGR);
    std::vector<uint8_t> jpeg;
    cv::imencode(".jpg", small, jpeg, {cv::IMWRITE_JPEG_QUALITY, kQuality});
    return std::string(reinterpret_cast<const char*>(jpeg.data()), jpeg.size());
  } catch (const cv::Exception& error) {
    return absl::InternalError(StrCat(photo.path, ": no thumbnail: ", error.what()));
  }
}

}  // namespace vizsla
