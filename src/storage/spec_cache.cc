#include "src/storage/spec_cache.h"

#include <utility>

namespace vizsla {

absl::StatusOr<StudySpec> SpecCache::Parse(std::string_view text) {
  std::shared_ptr<const StudySpec> known;
  {
    std::lock_guard lock(mutex_);
    const auto found = specs_.find(text);
    if (found != specs_.end()) known = found->second;
  }
  if (known != nullptr) return *known;
  VIZSLA_ASSIGN_OR_RETURN(StudySpec spec, StudySpecFromJsonText(text));
  known = std::make_shared<const StudySpec>(std::move(spec));
  std::lock_guard lock(mutex_);
  if (specs_.size() >= kLargest) specs_.clear();
  specs_.insert_or_assign(std::string(text), known);
  return *known;
}

}  // namespace vizsla
