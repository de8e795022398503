// Typed reading of YAML nodes with messages that carry the place. Internal to src/spec.
#pragma once

#include <yaml-cpp/yaml.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/status.h"

namespace vizsla::spec {

// A node and its path from the root, for messages: "parameters.dropout.step".
struct Field {
  YAML::Node node;
  std::string path;
  YAML::Mark mark;  // of the node, or of its key when nothing stands behind the key
};

// A mapping whose keys are known and unique.
class Mapping {
 public:
  struct Entry {
    std::string key;
    YAML::Mark key_mark;
    Field value;
  };
  const std::vector<Entry>& entries() const { return entries_; }
  // Null when absent.
  const Field* Find(std::string_view key) const;
  const Field& self() const { return self_; }

 private:
  friend class Reader;
  Field self_;
  std::vector<Entry> entries_;
};

// Knows the file's name. Not thread-safe (yaml-cpp's nodes are not).
class Reader {
 public:
  explicit Reader(std::string file_name) : file_name_(std::move(file_name)) {}

  // "FILE:LINE:COLUMN: field: reason".
  absl::Status Error(const YAML::Mark& mark, std::string_view field, std::string_view reason) const;
  absl::Status Error(const Field& field, std::string_view reason) const;

  // The keys must be among `known`; with an empty `known` any key may stand there.
  absl::StatusOr<Mapping> ReadMapping(const Field& field,
                                      const std::vector<std::string>& known) const;
  absl::StatusOr<std::vector<Field>> ReadList(const Field& field) const;

  absl::StatusOr<std::string> ReadText(const Field& field) const;
  // One of the words; a near miss is suggested.
  absl::StatusOr<std::string> ReadWord(const Field& field,
                                       const std::vector<std::string>& words) const;
  absl::StatusOr<bool> ReadBool(const Field& field) const;
  absl::StatusOr<int64_t> ReadInt(const Field& field) const;
  absl::StatusOr<int64_t> ReadInt(const Field& field, int64_t low, int64_t high) const;
  absl::StatusOr<uint64_t> ReadUnsigned(const Field& field) const;
  // Integers are numbers too; never NaN or infinite.
  absl::StatusOr<double> ReadNumber(const Field& field) const;
  // 90s, 15m, 2h, 1d; at least `least`.
  absl::StatusOr<std::chrono::seconds> ReadDuration(
      const Field& field, std::chrono::seconds least = std::chrono::seconds(1)) const;

 private:
  absl::Status WrongType(const Field& field, std::string_view wanted) const;
  std::string file_name_;
};

// A scalar without quotes: '42' is text, 42 is a number.
bool IsPlain(const YAML::Node& node);

// What a node is, for messages: "a list", "'abc'", "nothing".
std::string Describe(const YAML::Node& node);

}  // namespace vizsla::spec
