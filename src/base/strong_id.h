// Integer ids that cannot be mixed up: StrongId<struct StudyTag> is no StrongId<struct TrialTag>.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace vizsla {

template <typename Tag>
class StrongId {
 public:
  constexpr StrongId() = default;
  constexpr explicit StrongId(int64_t value) : value_(value) {}
  constexpr int64_t value() const { return value_; }
  constexpr auto operator<=>(const StrongId&) const = default;

 private:
  int64_t value_ = 0;
};

}  // namespace vizsla

template <typename Tag>
struct std::hash<vizsla::StrongId<Tag>> {
  size_t operator()(vizsla::StrongId<Tag> id) const { return std::hash<int64_t>{}(id.value()); }
};
