#include "src/weights/safetensors.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "src/weights/escape_name.h"
#include "src/weights/tensor_size.h"

namespace vizsla {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // as the reference implementation
constexpr size_t kLengthBytes = 8;

absl::Status Bad(const std::string& reason) { return absl::InvalidArgumentError(reason); }

absl::Status BadTensor(const std::string& name, const std::string& reason) {
  return Bad(StrCat("tensor \"", EscapeName(name), "\": ", reason));
}

std::optional<TensorType> TypeFromText(const std::string& text) {
  for (TensorType type :
       {TensorType::kF32, TensorType::kF64, TensorType::kF16, TensorType::kBF16, TensorType::kI64,
        TensorType::kI32, TensorType::kI16, TensorType::kI8, TensorType::kU8, TensorType::kBool}) {
    if (ToText(type) == text) return type;
  }
  return std::nullopt;
}

std::optional<uint64_t> AsUnsigned(const json& value) {
  if (!value.is_number_unsigned()) return std::nullopt;
  return value.get<uint64_t>();
}

// Parses the header and refuses keys that stand twice, of which nlohmann would keep the last
// silently.
absl::StatusOr<json> ParseHeader(std::string_view text) {
  std::vector<std::set<std::string>> keys;
  std::string twice;
  const auto watch = [&](int, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end && !keys.empty()) keys.pop_back();
    if (event == json::parse_event_t::key && !keys.empty() &&
        !keys.back().insert(parsed.get_ref<const std::string&>()).second) {
      twice = parsed.get<std::string>();
    }
    return true;
  };
  json header = json::parse(text.begin(), text.end(), watch, /*allow_exceptions=*/false);
  if (header.is_discarded() || !header.is_object()) {
    return Bad("the header is not a JSON object: damaged, or not a safetensors file");
  }
  if (!twice.empty()) return Bad(StrCat("the header names \"", EscapeName(twice), "\" twice"));
  return header;
}

struct Placed {
  uint64_t begin;
  uint64_t end;
  std::string name;
};

absl::StatusOr<std::pair<TensorView, Placed>> ParseEntry(const std::string& name, const json& entry,
                                                         std::string_view data) {
  if (!entry.is_object()) return BadTensor(name, "its entry in the header is not an object");
  for (const auto& [key, value] : entry.items()) {
    if (key != "dtype" && key != "shape" && key != "data_offsets") {
      return BadTensor(name, StrCat("unknown key \"", EscapeName(key), "\""));
    }
  }
  if (!entry.contains("dtype") || !entry["dtype"].is_string()) return BadTensor(name, "no dtype");
  const std::string& dtype = entry["dtype"].get_ref<const std::string&>();
  const std::optional<TensorType> type = TypeFromText(dtype);
  if (!type) return BadTensor(name, StrCat("unknown dtype \"", EscapeName(dtype), "\""));

  TensorView view;
  view.type = *type;
  if (!entry.contains("shape") || !entry["shape"].is_array()) return BadTensor(name, "no shape");
  for (const json& size : entry["shape"]) {
    const std::optional<uint64_t> number = AsUnsigned(size);
    if (!number || *number > INT64_MAX) return BadTensor(name, "a size of its shape is no count");
    view.shape.push_back(static_cast<int64_t>(*number));
  }
  const std::optional<int64_t> count = CheckedElementCount(view.shape);
  if (!count) return BadTensor(name, "its shape is too large");

  if (!entry.contains("data_offsets") || !entry["data_offsets"].is_array() ||
      entry["data_offsets"].size() != 2) {
    return BadTensor(name, "no pair of data_offsets");
  }
  const std::optional<uint64_t> begin = AsUnsigned(entry["data_offsets"][0]);
  const std::optional<uint64_t> end = AsUnsigned(entry["data_offsets"][1]);
  if (!begin || !end || *begin > *end) return BadTensor(name, "its data_offsets are no range");
  if (*end > data.size()) {
    return absl::DataLossError(StrCat("cut short: tensor \"", EscapeName(name), "\" ends at byte ",
                                      *end, " of the data, but only ", data.size(),
                                      " bytes are there"));
  }
  const uint64_t bytes = static_cast<uint64_t>(*count) * BytesOf(*type);
  if (*end - *begin != bytes) {
    return BadTensor(
        name, StrCat("its shape needs ", bytes, " bytes, its data_offsets hold ", *end - *begin));
  }
  view.bytes = std::as_bytes(std::span(data.data() + *begin, bytes));
  return std::make_pair(std::move(view), Placed{*begin, *end, name});
}

// The format forbids holes and overlaps, so that nothing can hide in a file and no byte counts
// twice.
absl::Status CheckPlacement(std::vector<Placed> placed, uint64_t data_size) {
  std::sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  });
  uint64_t position = 0;
  for (const Placed& tensor : placed) {
    if (tensor.begin < position) return BadTensor(tensor.name, "overlaps the tensor before it");
    if (tensor.begin > position) {
      return BadTensor(tensor.name, StrCat("a hole of ", tensor.begin - position,
                                           " bytes that no tensor owns is before it"));
    }
    position = tensor.end;
  }
  if (position != data_size) {
    return Bad(StrCat(data_size - position, " bytes after the last tensor belong to none"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SafetensorsContents> ParseSafetensors(std::string_view file) {
  if (file.size() < kLengthBytes) {
    return absl::DataLossError(
        StrCat("cut short: ", file.size(), " bytes, not even a header's length"));
  }
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, file.data(), kLengthBytes);
  if (header_bytes > kMaxHeaderBytes) {
    return Bad(StrCat("claims a header of ", header_bytes,
                      " bytes (at most 100 MB): not a safetensors file"));
  }
  if (header_bytes > file.size() - kLengthBytes) {
    return absl::DataLossError(StrCat("cut short: the header has ", header_bytes,
                                      " bytes, but only ", file.size() - kLengthBytes,
                                      " are there"));
  }
  VIZSLA_ASSIGN_OR_RETURN(const json header, ParseHeader(file.substr(kLengthBytes, header_bytes)));
  const std::string_view data = file.substr(kLengthBytes + header_bytes);

  SafetensorsContents contents;
  std::vector<Placed> placed;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      if (!entry.is_object()) return Bad("__metadata__ is not an object of texts");
      for (const auto& [key, value] : entry.items()) {
        if (!value.is_string())
          return Bad(StrCat("__metadata__: \"", EscapeName(key), "\" is no text"));
        contents.metadata.emplace(key, value.get<std::string>());
      }
      continue;
    }
    VIZSLA_ASSIGN_OR_RETURN(auto parsed, ParseEntry(name, entry, data));
    contents.tensors.emplace(name, std::move(parsed.first));
    placed.push_back(std::move(parsed.second));
  }
  VIZSLA_RETURN_IF_ERROR(CheckPlacement(std::move(placed), data.size()));
  return contents;
}

std::string SerializeSafetensors(const std::map<std::string, TensorView>& tensors,
                                 const std::map<std::string, std::string>& metadata) {
  json header = json::object();  // sorted by name, as the map is
  if (!metadata.empty()) header["__metadata__"] = metadata;
  uint64_t position = 0;
  for (const auto& [name, view] : tensors) {
    const uint64_t end = position + view.bytes.size();
    header[name] = {{"dtype", std::string(ToText(view.type))},
                    {"shape", view.shape},
                    {"data_offsets", {position, end}}};
    position = end;
  }
  // Metadata may hold any bytes (a host name, a path); a name that is not UTF-8 must not end a
  // search.
  std::string text = header.dump(-1, ' ', false, json::error_handler_t::replace);
  while (text.size() % 8 != 0) text.push_back(' ');

  const uint64_t header_bytes = text.size();
  std::string file(kLengthBytes, '\0');
  std::memcpy(file.data(), &header_bytes, kLengthBytes);
  file.reserve(kLengthBytes + text.size() + position);
  file += text;
  for (const auto& [name, view] : tensors) {
    file.append(reinterpret_cast<const char*>(view.bytes.data()), view.bytes.size());
  }
  return file;
}

}  // namespace vizsla
