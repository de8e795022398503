// Shared by the convert_*.cc files.
#pragma once

#include <google/protobuf/map.h>

#include <string>
#include <string_view>

#include "src/base/sha256.h"
#include "src/base/status.h"
#include "src/study/trial.h"

namespace vizsla::convert_internal {

inline absl::Status Refuse(std::string_view field, const std::string& reason) {
  return absl::InvalidArgumentError(StrCat(std::string(field), ": ", reason));
}

inline absl::Status CheckHash(std::string_view field, const std::string& hash) {
  if (IsSha256Hex(hash)) return absl::OkStatus();
  return Refuse(
      field, StrCat("'", hash.substr(0, 80), "' is no SHA-256 (64 lower-case hexadecimal digits)"));
}

inline absl::Status CheckHashOrEmpty(std::string_view field, const std::string& hash) {
  return hash.empty() ? absl::OkStatus() : CheckHash(field, hash);
}

inline absl::Status CheckAtLeast(std::string_view field, int64_t value, int64_t least) {
  if (value >= least) return absl::OkStatus();
  return Refuse(field, StrCat(value, " is less than ", least));
}

inline void MetricsToProto(const Metrics& metrics,
                           google::protobuf::Map<std::string, double>* out) {
  for (const auto& [name, value] : metrics) (*out)[name] = value;
}

inline absl::StatusOr<Metrics> MetricsFromProto(
    std::string_view field, const google::protobuf::Map<std::string, double>& metrics) {
  Metrics result;
  for (const auto& [name, value] : metrics) {
    if (name.empty() || name.size() > 100)
      return Refuse(field, "a metric's name is empty or too long");
    result[name] = value;
  }
  return result;
}

}  // namespace vizsla::convert_internal
