#include "src/study/canonical_json.h"

#include <charconv>
#include <cmath>
#include <system_error>
#include <utility>
#include <variant>

#include "src/study/json_append.h"

namespace vizsla {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

class Reader {
 public:
  explicit Reader(std::string_view text) : at_(text.data()), end_(at_ + text.size()) {}

  bool at_end() const { return at_ == end_; }

  bool Take(char expected) {
    if (at_ == end_ || *at_ != expected) return false;
    ++at_;
    return true;
  }

  // Printable ASCII in quotes, no escapes.
  bool TakeText(std::string_view& text) {
    if (!Take('"')) return false;
    const char* const start = at_;
    while (at_ != end_ && *at_ >= ' ' && *at_ <= '~' && *at_ != '"' && *at_ != '\\') ++at_;
    text = std::string_view(start, static_cast<size_t>(at_ - start));
    return Take('"');
  }

  bool TakeValue(ParameterValue& value) {
    if (at_ == end_) return false;
    switch (*at_) {
      case '"': {
        std::string_view text;
        if (!TakeText(text)) return false;
        value.emplace<std::string>(text);
        return true;
      }
      case 't':
        value = true;
        return TakeWord("true");
      case 'f':
        value = false;
        return TakeWord("false");
      case '[':
        return TakeList(value.emplace<IntList>());
      default:
        return TakeNumber(value);
    }
  }

 private:
  bool TakeWord(std::string_view word) {
    if (!std::string_view(at_, static_cast<size_t>(end_ - at_)).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  bool TakeList(IntList& list) {
    if (!Take('[')) return false;
    if (Take(']')) return true;
    do {
      ParameterValue entry;
      if (!TakeNumber(entry)) return false;
      const auto* integer = std::get_if<int64_t>(&entry);
      if (integer == nullptr) return false;
      list.push_back(*integer);
    } while (Take(','));
    return Take(']');
  }

  bool TakeDigits() {
    const char* const start = at_;
    while (at_ != end_ && IsDigit(*at_)) ++at_;
    return at_ != start;
  }

  // JSON's grammar is narrower than what from_chars reads.
  bool TakeNumber(ParameterValue& value) {
    const char* const start = at_;
    const bool negative = Take('-');
    const bool zero = Take('0');
    if (!zero && !TakeDigits()) return false;
    bool integer = true;
    if (Take('.')) {
      integer = false;
      if (!TakeDigits()) return false;
    }
    if (Take('e') || Take('E')) {
      integer = false;
      if (!Take('-')) Take('+');
      if (!TakeDigits()) return false;
    }
    if (integer && negative && zero) return false;  // -0
    return integer ? Convert(start, value.emplace<int64_t>())
                   : Convert(start, value.emplace<double>());
  }

  template <typename Number>
  bool Convert(const char* start, Number& number) const {
    const auto [stop, error] = std::from_chars(start, at_, number);
    return error == std::errc() && stop == at_;
  }

  const char* at_;
  const char* const end_;
};

// Appends a value; false when it takes the long way.
struct Writer {
  std::string& json;

  bool operator()(bool value) const {
    json += value ? "true" : "false";
    return true;
  }
  bool operator()(int64_t value) const {
    AppendNumber(value, json);
    return true;
  }
  bool operator()(double value) const {
    if (!std::isfinite(value)) return false;
    AppendNumber(value, json);
    return true;
  }
  bool operator()(const std::string& value) const { return AppendPlainText(value, json); }
  bool operator()(const IntList& value) const {
    json += '[';
    for (size_t i = 0; i < value.size(); ++i) {
      if (i > 0) json += ',';
      AppendNumber(value[i], json);
    }
    json += ']';
    return true;
  }
};

}  // namespace

std::optional<Configuration> ReadCanonicalConfiguration(std::string_view text) {
  Reader reader(text);
  Configuration configuration;
  if (!reader.Take('{')) return std::nullopt;
  if (!reader.Take('}')) {
    do {
      std::string_view name;
      ParameterValue value;
      if (!reader.TakeText(name) || !reader.Take(':') || !reader.TakeValue(value)) {
        return std::nullopt;
      }
      if (!configuration.empty() && configuration.rbegin()->first >= name) return std::nullopt;
      configuration.emplace_hint(configuration.end(), name, std::move(value));
    } while (reader.Take(','));
    if (!reader.Take('}')) return std::nullopt;
  }
  if (!reader.at_end()) return std::nullopt;
  return configuration;
}

std::optional<std::string> WriteCanonicalConfiguration(const Configuration& configuration) {
  std::string json;
  for (const auto& [name, value] : configuration) {
    if (!BeginMember(name, json)) return std::nullopt;
    if (!std::visit(Writer{json}, value)) return std::nullopt;
  }
  EndObject(json);
  return json;
}

}  // namespace vizsla
