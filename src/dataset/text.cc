#include "src/dataset/text.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "absl/strings/ascii.h"

namespace vizsla {
namespace {

constexpr std::array<std::string_view, 3> kPhotoEndings = {".jpg", ".jpeg", ".png"};

// Length of the UTF-8 sequence at the start of `text`, 0 when there is none (RFC 3629: no overlong
// forms, no surrogates, nothing above U+10FFFF).
size_t Utf8Length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  if (lead == 0xE0 && byte(1) < 0xA0) return 0;
  if (lead == 0xED && byte(1) > 0x9F) return 0;
  if (lead == 0xF0 && byte(1) < 0x90) return 0;
  if (lead == 0xF4 && byte(1) > 0x8F) return 0;
  return length;
}

// One character of UTF-8. U+0080 to U+009F count too: some terminals obey them.
bool IsControl(std::string_view character) {
  if (character.size() == 1) return absl::ascii_iscntrl(static_cast<unsigned char>(character[0]));
  return character.starts_with('\xC2') && static_cast<uint8_t>(character[1]) < 0xA0;
}

std::string_view PhotoEnding(std::string_view path) {
  for (const std::string_view ending : kPhotoEndings) {
    if (path.size() < ending.size()) continue;
    const std::string_view end = path.substr(path.size() - ending.size());
    const bool same = std::equal(end.begin(), end.end(), ending.begin(), [](char a, char b) {
      return absl::ascii_tolower(static_cast<unsigned char>(a)) == b;
    });
    if (same) return end;
  }
  return {};
}

}  // namespace

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = Utf8Length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string Printable(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const size_t length = Utf8Length(text);
    if (length == 0 || IsControl(text.substr(0, length))) {
      result += '?';
      text.remove_prefix(std::max<size_t>(length, 1));
    } else {
      result += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  return result;
}

bool HasPhotoEnding(std::string_view path) { return !PhotoEnding(path).empty(); }

std::string_view WithoutPhotoEnding(std::string_view path) {
  return path.substr(0, path.size() - PhotoEnding(path).size());
}

PhotoKind PhotoKindOf(std::string_view bytes) {
  if (bytes.starts_with("\xFF\xD8\xFF")) return PhotoKind::kJpeg;
  if (bytes.starts_with("\x89PNG\r\n\x1A\n")) return PhotoKind::kPng;
  return PhotoKind::kOther;
}

std::string DescribeForeignBytes(std::string_view bytes) {
  if (bytes.empty()) return "it is empty";
  if (bytes.starts_with("GIF8")) return "it is a GIF picture";
  if (bytes.starts_with("BM")) return "it is a BMP picture";
  if (bytes.starts_with("RIFF")) return "it is a WebP picture or another RIFF file";
  if (bytes.starts_with(std::string_view("II*\0", 4)) ||
      bytes.starts_with(std::string_view("MM\0*", 4))) {
    return "it is a TIFF picture";
  }
  const std::string_view start = bytes.substr(0, 512);
  const bool text = std::all_of(start.begin(), start.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || absl::ascii_isprint(byte) || absl::ascii_isspace(byte);
  });
  return text ? "it is text" : "its first bytes are no picture's";
}

}  // namespace vizsla
