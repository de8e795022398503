#include "src/study/json_fields.h"

#include <limits>

namespace vizsla {

absl::StatusOr<nlohmann::json> ParseJson(std::string_view text, std::string_view what) {
  nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) {
    return absl::InvalidArgumentError(StrCat(what, ": not JSON: ", text.substr(0, 60)));
  }
  return json;
}

std::string DumpJson(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void FillIn(const nlohmann::json& defaults, nlohmann::json& object) {
  if (!defaults.is_object() || !object.is_object()) return;
  for (const auto& [key, value] : defaults.items()) {
    const auto [field, added] = object.emplace(key, value);
    if (!added) FillIn(value, *field);
  }
}

JsonFields::JsonFields(const nlohmann::json& json, std::string_view what)
    : json_(json), what_(what) {
  if (!json.is_object()) {
    status_ = absl::InvalidArgumentError(
        StrCat(what, ": must be an object, is ", DumpJson(json).substr(0, 60)));
  }
}

bool JsonFields::Has(const std::string& key) const {
  return json_.is_object() && json_.contains(key);
}

const nlohmann::json* JsonFields::Get(const std::string& key) {
  read_.insert(key);
  if (!json_.is_object()) return nullptr;
  const auto found = json_.find(key);
  if (found == json_.end()) {
    Fail(key, "missing");
    return nullptr;
  }
  return &*found;
}

std::string JsonFields::String(const std::string& key) {
  const nlohmann::json* field = Get(key);
  if (field == nullptr) return "";
  if (!field->is_string()) {
    Fail(key, "must be a string");
    return "";
  }
  return field->get<std::string>();
}

int64_t JsonFields::Int(const std::string& key) {
  return Int(key, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max());
}

int64_t JsonFields::Int(const std::string& key, int64_t low, int64_t high) {
  const nlohmann::json* field = Get(key);
  if (field == nullptr) return 0;
  const bool too_big =
      field->is_number_unsigned() &&
      field->get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (!field->is_number_integer() || too_big) {
    Fail(key, "must be an integer");
    return 0;
  }
  const int64_t value = field->get<int64_t>();
  if (value < low || value > high) {
    Fail(key, StrCat("must be from ", low, " to ", high, ", is ", value));
    return 0;
  }
  return value;
}

uint64_t JsonFields::Unsigned(const std::string& key) {
  const nlohmann::json* field = Get(key);
  if (field == nullptr) return 0;
  if (!field->is_number_integer() || (!field->is_number_unsigned() && field->get<int64_t>() < 0)) {
    Fail(key, "must be an integer of at least 0");
    return 0;
  }
  return field->get<uint64_t>();
}

double JsonFields::Double(const std::string& key) {
  const nlohmann::json* field = Get(key);
  if (field == nullptr) return 0;
  if (!field->is_number()) {
    Fail(key, "must be a number");
    return 0;
  }
  return field->get<double>();
}

bool JsonFields::Bool(const std::string& key) {
  const nlohmann::json* field = Get(key);
  if (field == nullptr) return false;
  if (!field->is_boolean()) {
    Fail(key, "must be true or false");
    return false;
  }
  return field->get<bool>();
}

void JsonFields::Fail(const std::string& key, std::string_view reason) {
  if (status_.ok()) {
    status_ = absl::InvalidArgumentError(StrCat(what_, ": ", key, ": ", reason));
  }
}

void JsonFields::Note(const absl::Status& status) {
  if (status_.ok()) status_ = Annotate(status, what_);
}

absl::Status JsonFields::Finish() {
  if (status_.ok() && json_.is_object()) {
    for (const auto& [key, value] : json_.items()) {
      if (!read_.contains(key)) Fail(key, "unknown field (made by a newer Vizsla?)");
    }
  }
  return status_;
}

}  // namespace vizsla
