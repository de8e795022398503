#include "src/study/closest_word.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_join.h"
#include "src/base/str_cat.h"

namespace vizsla {
namespace {

// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours cost one.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> older(b.size() + 1), previous(b.size() + 1), current(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) previous[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, substituted});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], older[j - 2] + 1);
      }
    }
    std::swap(older, previous);
    std::swap(previous, current);
  }
  return previous[b.size()];
}

}  // namespace

std::optional<std::string> ClosestWord(std::string_view word, std::span<const std::string> known) {
  constexpr size_t kLongestWord = 100;  // longer ones are no typos
  if (word.size() > kLongestWord) return std::nullopt;
  const std::string* best = nullptr;
  size_t best_distance = 0;
  for (const std::string& candidate : known) {
    const size_t distance = EditDistance(word, candidate);
    const size_t limit = std::max<size_t>(1, std::max(word.size(), candidate.size()) / 3);
    if (distance > limit || (best != nullptr && distance >= best_distance)) continue;
    best = &candidate;
    best_distance = distance;
  }
  if (best == nullptr) return std::nullopt;
  return *best;
}

std::string Suggestion(std::string_view word, std::span<const std::string> known) {
  if (const auto closest = ClosestWord(word, known)) {
    return StrCat("; did you mean '", *closest, "'?");
  }
  return StrCat("; known are: ", absl::StrJoin(known, ", "));
}

}  // namespace vizsla
