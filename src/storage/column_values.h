// Columns of a row as the domain's types. Internal to src/storage.
#pragma once

#include <cmath>
#include <limits>
#include <optional>
#include <string_view>

#include "src/base/clock.h"
#include "src/base/status.h"
#include "src/storage/sqlite.h"

namespace vizsla {

inline Timestamp TimeAt(const Query& query, int column) {
  return FromUnixMillis(query.Int(column));
}

inline std::optional<Timestamp> OptionalTimeAt(const Query& query, int column) {
  if (query.IsNull(column)) return std::nullopt;
  return TimeAt(query, column);
}

// An enumerator that this program knows, or DataLoss.
template <typename Enum>
absl::StatusOr<Enum> EnumAt(const Query& query, int column, Enum last, std::string_view what) {
  const int64_t value = query.Int(column);
  if (value < 0 || value > static_cast<int64_t>(last)) {
    return absl::DataLossError(StrCat("the database holds an unknown ", what, ": ", value));
  }
  return static_cast<Enum>(value);
}

// SQLite stores NaN as NULL; a column score_is_nan beside the score tells it from "no score".
inline bool IsNan(const std::optional<double>& score) { return score && std::isnan(*score); }

// A score, as it is stored: BindScore in its own column, IsNan in the next.
inline void BindScore(Query& query, const std::optional<double>& score) {
  if (IsNan(score)) {
    query.BindNull();
  } else {
    query.Bind(score);
  }
}

// A score and, in the next column, whether it is NaN.
inline std::optional<double> ScoreAt(const Query& query, int column) {
  if (query.Int(column + 1) != 0) return std::numeric_limits<double>::quiet_NaN();
  if (query.IsNull(column)) return std::nullopt;
  return query.Real(column);
}

}  // namespace vizsla
