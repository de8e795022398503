// Small questions about names and bytes that the data set's modules share. Pure.
#pragma once

#include <string>
#include <string_view>

namespace vizsla {

bool IsUtf8(std::string_view text);

// The same text with what is not UTF-8 or not printable replaced by '?': for messages.
std::string Printable(std::string_view text);

// True for .jpg, .jpeg and .png in any case.
bool HasPhotoEnding(std::string_view path);

// Without its ending: "cat/x.tar.jpg" -> "cat/x.tar". Only photo endings are removed.
std::string_view WithoutPhotoEnding(std::string_view path);

// What a file is by its first bytes, whatever its name says.
enum class PhotoKind : char { kOther = '-', kJpeg = 'j', kPng = 'p' };
PhotoKind PhotoKindOf(std::string_view bytes);

// "it is text", "it is a GIF picture", ...: why bytes of kOther are no photo, as a part of a
// sentence.
std::string DescribeForeignBytes(std::string_view bytes);

}  // namespace vizsla
