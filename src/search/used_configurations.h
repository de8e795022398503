// The configurations of a space that trials have taken. Internal to src/search.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <unordered_set>
#include <utility>

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

  // The first of some draws that is free, draw(0), draw(1), ..., or FirstFree from the last one: so
  // often repeats itself only a finite space that is nearly full, or a full branch of an infinite
  // one. Not AllUsed.
  template <typename Draw>
  Configuration FreeDraw(const Draw& draw) const {
    Configuration drawn;
    for (uint64_t attempt = 0; attempt < kMostDraws; ++attempt) {
      drawn = draw(attempt);
      if (!Contains(drawn)) return drawn;
    }
    return FirstFree(std::move(drawn));
  }

 private:
  static constexpr uint64_t kMostDraws = 64;
  // The first half of the SHA-256 of the canonical JSON, floats on their steps: a hundred thousand
  // configurations of forty parameters take two megabytes instead of a hundred.
  using Key = std::array<uint64_t, 2>;
  struct HashOfKey {
    size_t operator()(const Key& key) const { return key[0]; }
  };
  Key KeyOf(const Configuration& configuration) const;

  const SearchSpace& space_;
  const std::optional<int64_t> count_;  // of configurations; nullopt: practically infinite
  std::unordered_set<Key, HashOfKey> keys_;
};

}  // namespace vizsla
