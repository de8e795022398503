#include "src/spec/yaml_reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "src/study/closest_word.h"

namespace vizsla::spec {
namespace {

template <typename T>
bool ParseWhole(std::string_view text, T& value) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  return result.ec == std::errc() && result.ptr == text.data() + text.size() && !text.empty();
}

}  // namespace

// yaml-cpp tags quoted scalars "!".
bool IsPlain(const YAML::Node& node) { return node.IsScalar() && node.Tag() != "!"; }

std::string Describe(const YAML::Node& node) {
  if (!node.IsDefined() || node.IsNull()) return "nothing";
  if (node.IsSequence()) return "a list";
  if (node.IsMap()) return "a mapping";
  constexpr size_t kLongest = 60;
  const std::string text = node.Scalar();
  return text.size() <= kLongest ? StrCat("'", text, "'")
                                 : StrCat("'", text.substr(0, kLongest), "...'");
}

const Field* Mapping::Find(std::string_view key) const {
  for (const Entry& entry : entries_) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

absl::Status Reader::Error(const YAML::Mark& mark, std::string_view field,
                           std::string_view reason) const {
  // A null mark (an absent node) is -1: it is shown as the file's start.
  const int line = std::max(mark.line, 0) + 1;
  const int column = std::max(mark.column, 0) + 1;
  return absl::InvalidArgumentError(StrCat(file_name_, ":", line, ":", column, ": ",
                                           std::string(field), field.empty() ? "" : ": ",
                                           std::string(reason)));
}

absl::Status Reader::Error(const Field& field, std::string_view reason) const {
  return Error(field.mark, field.path, reason);
}

absl::Status Reader::WrongType(const Field& field, std::string_view wanted) const {
  return Error(field, StrCat("must be ", std::string(wanted), ", not ", Describe(field.node)));
}

absl::StatusOr<Mapping> Reader::ReadMapping(const Field& field,
                                            const std::vector<std::string>& known) const {
  if (!field.node.IsMap()) return WrongType(field, "a mapping");
  Mapping mapping;
  mapping.self_ = field;
  for (const auto& pair : field.node) {
    if (!pair.first.IsScalar()) return Error(pair.first.Mark(), field.path, "a key must be a word");
    const std::string key = pair.first.Scalar();
    const std::string path = field.path.empty() ? key : StrCat(field.path, ".", key);
    if (mapping.Find(key) != nullptr) return Error(pair.first.Mark(), path, "is there twice");
    if (!known.empty() && std::find(known.begin(), known.end(), key) == known.end()) {
      return Error(pair.first.Mark(), path, StrCat("unknown key", Suggestion(key, known)));
    }
    const YAML::Mark mark = pair.second.IsNull() ? pair.first.Mark() : pair.second.Mark();
    mapping.entries_.push_back({key, pair.first.Mark(), {pair.second, path, mark}});
  }
  return mapping;
}

absl::StatusOr<std::vector<Field>> Reader::ReadList(const Field& field) const {
  if (!field.node.IsSequence()) return WrongType(field, "a list");
  std::vector<Field> entries;
  for (const YAML::Node& node : field.node) {
    entries.push_back({node, StrCat(field.path, "[", entries.size() + 1, "]"), node.Mark()});
  }
  return entries;
}

absl::StatusOr<std::string> Reader::ReadText(const Field& field) const {
  if (!field.node.IsScalar()) return WrongType(field, "text");
  return field.node.Scalar();
}

absl::StatusOr<std::string> Reader::ReadWord(const Field& field,
                                             const std::vector<std::string>& words) const {
  VIZSLA_ASSIGN_OR_RETURN(std::string word, ReadText(field));
  if (std::find(words.begin(), words.end(), word) != words.end()) return word;
  return Error(field, StrCat("unknown: '", word, "'", Suggestion(word, words)));
}

absl::StatusOr<bool> Reader::ReadBool(const Field& field) const {
  if (IsPlain(field.node) && field.node.Scalar() == "true") return true;
  if (IsPlain(field.node) && field.node.Scalar() == "false") return false;
  return WrongType(field, "true or false");
}

absl::StatusOr<int64_t> Reader::ReadInt(const Field& field) const {
  int64_t value = 0;
  if (!IsPlain(field.node) || !ParseWhole(field.node.Scalar(), value)) {
    return WrongType(field, "an integer");
  }
  return value;
}

absl::StatusOr<int64_t> Reader::ReadInt(const Field& field, int64_t low, int64_t high) const {
  VIZSLA_ASSIGN_OR_RETURN(const int64_t value, ReadInt(field));
  if (value < low || value > high) {
    return Error(field, StrCat("must be from ", low, " to ", high, ", not ", value));
  }
  return value;
}

absl::StatusOr<uint64_t> Reader::ReadUnsigned(const Field& field) const {
  uint64_t value = 0;
  if (!IsPlain(field.node) || !ParseWhole(field.node.Scalar(), value)) {
    return WrongType(field, "an integer of at least 0");
  }
  return value;
}

absl::StatusOr<double> Reader::ReadNumber(const Field& field) const {
  double value = 0;
  if (!IsPlain(field.node) || !ParseWhole(field.node.Scalar(), value) || !std::isfinite(value)) {
    return WrongType(field, "a number");
  }
  return value;
}

absl::StatusOr<std::chrono::seconds> Reader::ReadDuration(const Field& field,
                                                          std::chrono::seconds least) const {
  constexpr char kWanted[] = "a duration such as 90s, 15m, 2h or 1d";
  constexpr int64_t kLongest = int64_t{366} * 24 * 3600 * 10;
  if (!field.node.IsScalar()) return WrongType(field, kWanted);
  std::string_view text = field.node.Scalar();
  int64_t unit = 0;
  if (text.ends_with('s')) unit = 1;
  if (text.ends_with('m')) unit = 60;
  if (text.ends_with('h')) unit = 3600;
  if (text.ends_with('d')) unit = 24 * 3600;
  if (unit == 0) return WrongType(field, kWanted);
  text.remove_suffix(1);
  int64_t count = 0;
  if (!ParseWhole(text, count) || count < 0 || count > kLongest / unit ||
      std::chrono::seconds(count * unit) < least) {
    return WrongType(field, kWanted);
  }
  return std::chrono::seconds(count * unit);
}

}  // namespace vizsla::spec
