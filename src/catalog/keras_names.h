// Names that Keras gives to layers without one.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "src/base/str_cat.h"

namespace vizsla {

// "conv2d", "conv2d_1", "conv2d_2", ... for each kind, in the order of construction, as in the
// first model of a process (keras/backend.py, get_uid).
class KerasNames {
 public:
  std::string Next(std::string_view kind) {
    const int count = counts_[std::string(kind)]++;
    return count == 0 ? std::string(kind) : StrCat(kind, "_", count);
  }

 private:
  std::map<std::string, int> counts_;
};

}  // namespace vizsla
