#include "src/image/jpeg.h"

// jpeglib.h needs size_t and FILE to be declared before it.
#include <csetjmp>
#include <cstdio>
#include <exception>
#include <string>
#include <utility>

// clang-format off
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include "src/image/limits.h"
#include "src/image/orientation.h"

namespace vizsla {
namespace {

// libjpeg reports errors by a function that must not return: it jumps back to where decoding began.
struct ErrorManager {
  jpeg_error_mgr base;  // first, so that libjpeg's pointer to it is a pointer to this
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
  bool damaged;
};

// Warnings after which pixels are made up. Others (bytes too many between two segments, an odd
// version number) leave the picture whole.
bool MeansDamage(int code) {
  switch (code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
    case JWRN_BOGUS_PROGRESSION:
      return true;
    default:
      return false;
  }
}

void OnError(j_common_ptr info) {
  auto* manager = reinterpret_cast<ErrorManager*>(info->err);
  if (!manager->damaged) info->err->format_message(info, manager->message);
  std::longjmp(manager->jump, 1);
}

void OnMessage(j_common_ptr info, int level) {
  auto* manager = reinterpret_cast<ErrorManager*>(info->err);
  if (level >= 0 || manager->damaged || !MeansDamage(info->err->msg_code)) return;
  info->err->format_message(info, manager->message);
  manager->damaged = true;
}

void OnOutput(j_common_ptr) {}

int OrientationOf(const jpeg_decompress_struct& info) {
  constexpr std::string_view kPrefix("Exif\0\0", 6);
  for (const jpeg_marker_struct* marker = info.marker_list; marker != nullptr;
       marker = marker->next) {
    const std::string_view data(reinterpret_cast<const char*>(marker->data), marker->data_length);
    if (marker->marker == JPEG_APP0 + 1 && data.starts_with(kPrefix)) {
      return ExifOrientation(data.substr(kPrefix.size()));
    }
  }
  return 1;
}

// CMYK in place of RGB: each ink darkens, black darkens all. The values are taken as Adobe writes
// them, 255 for no ink, with or without Adobe's marker: as PIL does.
void CmykRowToRgb(const JSAMPLE* cmyk, int width, uint8_t* rgb) {
  for (int x = 0; x < width; ++x, cmyk += 4, rgb += 3) {
    for (int c = 0; c < 3; ++c) rgb[c] = static_cast<uint8_t>((cmyk[c] * cmyk[3] + 127) / 255);
  }
}

// Everything that libjpeg's jump may cross: plain structures only, and matrices that the caller
// owns, so that no destructor is skipped.
enum class Outcome { kDone, kFailed, kTooLarge };
Outcome Decode(std::string_view bytes, jpeg_decompress_struct& info, ErrorManager& manager,
               cv::Mat& picture, cv::Mat& cmyk_row, int& orientation) {
  if (setjmp(manager.jump) != 0) return Outcome::kFailed;
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_save_markers(&info, JPEG_APP0 + 1, 0xFFFF);
  jpeg_read_header(&info, TRUE);
  if (!IsWithinPixelLimit(info.image_width, info.image_height)) return Outcome::kTooLarge;
  const bool cmyk = info.num_components == 4;
  info.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(&info);
  const int width = static_cast<int>(info.output_width);
  picture.create(static_cast<int>(info.output_height), width, CV_8UC3);
  if (cmyk) cmyk_row.create(1, width, CV_8UC4);
  while (info.output_scanline < info.output_height) {
    uint8_t* rgb = picture.ptr(static_cast<int>(info.output_scanline));
    JSAMPLE* row = cmyk ? cmyk_row.ptr() : rgb;
    if (jpeg_read_scanlines(&info, &row, 1) == 0) return Outcome::kFailed;
    if (cmyk) CmykRowToRgb(row, width, rgb);
  }
  orientation = OrientationOf(info);
  jpeg_finish_decompress(&info);
  return Outcome::kDone;
}

struct Destroyer {
  jpeg_decompress_struct& info;
  ~Destroyer() { jpeg_destroy_decompress(&info); }
};

}  // namespace

absl::StatusOr<cv::Mat> DecodeJpeg(std::string_view bytes) {
  jpeg_decompress_struct info{};
  ErrorManager manager{};
  info.err = jpeg_std_error(&manager.base);
  manager.base.error_exit = OnError;
  manager.base.emit_message = OnMessage;
  manager.base.output_message = OnOutput;
  cv::Mat picture;
  cv::Mat cmyk_row;
  int orientation = 1;
  const Destroyer destroyer{info};
  Outcome outcome = Outcome::kFailed;
  try {
    outcome = Decode(bytes, info, manager, picture, cmyk_row, orientation);
  } catch (const std::exception& error) {  // memory for the picture
    return absl::ResourceExhaustedError(StrCat("the JPEG: ", error.what()));
  }
  if (outcome == Outcome::kTooLarge) return TooManyPixels(info.image_width, info.image_height);
  if (manager.damaged) {
    return absl::DataLossError(StrCat("the JPEG is cut off or damaged (", manager.message, ")"));
  }
  if (outcome == Outcome::kFailed) {
    return absl::DataLossError(StrCat("the JPEG cannot be decoded (", manager.message, ")"));
  }
  return Upright(std::move(picture), orientation);
}

}  // namespace vizsla
