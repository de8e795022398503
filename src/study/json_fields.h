// Reads a JSON object field by field without exceptions. The first thing that is wrong is
// remembered and returned by Finish; a field that nobody asked for is wrong too.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>

#include "src/base/status.h"

namespace vizsla {

// Parses text; InvalidArgument "WHAT: not JSON: ..." otherwise.
absl::StatusOr<nlohmann::json> ParseJson(std::string_view text, std::string_view what);

// Gives an object, and the objects in it, the fields of `defaults` that they lack.
void FillIn(const nlohmann::json& defaults, nlohmann::json& object);

// Compact text; bytes that are no UTF-8 become U+FFFD instead of an exception.
std::string DumpJson(const nlohmann::json& json);

class JsonFields {
 public:
  // `json` must outlive this object. `what` names the object in messages.
  JsonFields(const nlohmann::json& json, std::string_view what);

  bool Has(const std::string& key) const;
  // Null when absent or not an object; absence is remembered as an error.
  const nlohmann::json* Get(const std::string& key);

  // Each returns a zero value after an error.
  std::string String(const std::string& key);
  int64_t Int(const std::string& key);
  int64_t Int(const std::string& key, int64_t low, int64_t high);
  uint64_t Unsigned(const std::string& key);
  double Double(const std::string& key);
  bool Bool(const std::string& key);

  // Remembers a failure that the caller found in a field.
  void Fail(const std::string& key, std::string_view reason);
  void Note(const absl::Status& status);

  // The first failure, or a field that was never read.
  absl::Status Finish();

 private:
  const nlohmann::json& json_;
  std::string what_;
  std::set<std::string> read_;
  absl::Status status_;
};

}  // namespace vizsla
