// Remembers what the specifications of studies parse to: every report reads its study, and a
// study's text hardly ever changes. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "src/base/status.h"
#include "src/study/study.h"

namespace vizsla {

class SpecCache {
 public:
  // StudySpecFromJsonText(text), with its errors.
  absl::StatusOr<StudySpec> Parse(std::string_view text);

 private:
  static constexpr size_t kLargest = 64;  // specifications; a full cache begins anew

  std::mutex mutex_;
  // By their text; guarded by mutex_.
  std::map<std::string, std::shared_ptr<const StudySpec>, std::less<>> specs_;
};

}  // namespace vizsla
