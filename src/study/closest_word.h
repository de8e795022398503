// "Did you mean": the known word that is nearest to a mistyped one. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace vizsla {

// Nullopt when nothing is near enough (more than a third of the letters differ). Ties: the first.
std::optional<std::string> ClosestWord(std::string_view word, std::span<const std::string> known);

// "; did you mean 'dropout'?" or "; known are: a, b, c".
std::string Suggestion(std::string_view word, std::span<const std::string> known);

}  // namespace vizsla
