#include "src/image/decode.h"

#include "src/dataset/text.h"
#include "src/image/jpeg.h"
#include "src/image/png.h"

namespace vizsla {

absl::StatusOr<cv::Mat> DecodePhoto(std::string_view bytes) {
  switch (PhotoKindOf(bytes)) {
    case PhotoKind::kJpeg:
      return DecodeJpeg(bytes);
    case PhotoKind::kPng:
      return DecodePng(bytes);
    case PhotoKind::kOther:
      break;
  }
  return absl::DataLossError(
      StrCat("the file is neither JPEG nor PNG: ", DescribeForeignBytes(bytes)));
}

}  // namespace vizsla
