// absl::StrCat for code that speaks std::string_view. Debian builds Abseil with a string_view type
// of its own, to which std::string_view does not convert; everything that absl::StrCat takes works
// here too.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>

#include "absl/strings/str_cat.h"

namespace vizsla {
namespace internal {

template <typename T>
decltype(auto) ToAbsl(const T& value) {
  if constexpr (std::is_same_v<T, std::string_view>) {
    return absl::string_view(value.data(), value.size());
  } else {
    return (value);
  }
}

}  // namespace internal

template <typename... T>
std::string StrCat(const T&... values) {
  return absl::StrCat(absl::AlphaNum(internal::ToAbsl(values))...);
}

}  // namespace vizsla
