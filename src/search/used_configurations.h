// The configurations of a space that trials have taken. Internal to src/search.
#pragma once

#include <optional>
#include <string>
#include <unordered_set>

#include "src/study/search_space.h"

namespace vizsla {

class UsedConfigurations {
 public:
  // `space` must outlive this object.
  explicit UsedConfigurations(const SearchSpace& space)
      : space_(space), count_(CountConfigurations(space)) {}

  // Configurations outside the space (enqueued by the user) are ignored: they use up nothing.
  void Add(const Configuration& configuration);
  bool Contains(const Configuration& configuration) const;
  // Every configuration of a finite space is used.
  bool AllUsed() const { return count_ && static_cast<int64_t>(keys_.size()) >= *count_; }

  // The first free one from `start` on in the order of NextConfiguration, round the end. `start` is
  // of the space, which is finite or has a free configuration; not AllUsed.
  Configuration FirstFree(Configuration start) const;

 private:
  const SearchSpace& space_;
  const std::optional<int64_t> count_;    // of configurations; nullopt: practically infinite
  std::unordered_set<std::string> keys_;  // canonical JSON, floats on their steps
};

}  // namespace vizsla
