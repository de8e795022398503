// The configurations of a space that trials have taken. Internal to src/search.
#pragma once

#include <string>
#include <unordered_set>

#include "src/study/search_space.h"

namespace vizsla {

class UsedConfigurations {
 public:
  // `space` must outlive this object.
  explicit UsedConfigurations(const SearchSpace& space) : space_(space) {}

  // Configurations outside the space (enqueued by the user) are ignored: they use up nothing.
  void Add(const Configuration& configuration);
  bool Contains(const Configuration& configuration) const;
  int64_t count() const { return static_cast<int64_t>(keys_.size()); }

 private:
  const SearchSpace& space_;
  std::unordered_set<std::string> keys_;  // canonical JSON, floats on their steps
};

}  // namespace vizsla
