// Expected failures are absl::Status; these macros pass them on, and Annotate adds the place.
#pragma once

#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/base/str_cat.h"

namespace vizsla {

// The same code and payload-free message, prefixed: "labels.csv: line 3: unknown id". Ok stays ok.
inline absl::Status Annotate(const absl::Status& status, std::string_view place) {
  if (status.ok()) return status;
  return absl::Status(status.code(), StrCat(place, ": ", status.message()));
}

}  // namespace vizsla

#define VIZSLA_RETURN_IF_ERROR(expression)           \
  do {                                               \
    absl::Status vizsla_status_ = (expression);      \
    if (!vizsla_status_.ok()) return vizsla_status_; \
  } while (false)

#define VIZSLA_CONCAT_INNER_(a, b) a##b
#define VIZSLA_CONCAT_(a, b) VIZSLA_CONCAT_INNER_(a, b)

// VIZSLA_ASSIGN_OR_RETURN(auto x, F());  declares or assigns x, or returns F's status.
#define VIZSLA_ASSIGN_OR_RETURN(left, expression) \
  VIZSLA_ASSIGN_OR_RETURN_IMPL_(VIZSLA_CONCAT_(vizsla_or_, __LINE__), left, expression)
#define VIZSLA_ASSIGN_OR_RETURN_IMPL_(result, left, expression) \
  auto result = (expression);                                   \
  if (!result.ok()) return std::move(result).status();          \
  left = std::move(result).value()
