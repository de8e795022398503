#include "src/spec/parse_policy.h"

#include "src/study/option_fields.h"

namespace vizsla::spec {
namespace {

// Reads the options that are given; the first failure stays in `status`.
struct ReadOption {
  const Reader& reader;
  const Mapping& mapping;
  absl::Status& status;

  template <typename Value>
  void operator()(std::string_view name, Value& value, OptionRange range, std::string_view) const {
    const Field* field = mapping.Find(name);
    if (field != nullptr && status.ok()) status = Read(*field, value, range);
  }

 private:
  absl::Status Read(const Field& field, bool& value, OptionRange) const {
    VIZSLA_ASSIGN_OR_RETURN(value, reader.ReadBool(field));
    return absl::OkStatus();
  }
  absl::Status Read(const Field& field, int& value, OptionRange range) const {
    VIZSLA_ASSIGN_OR_RETURN(
        const int64_t whole,
        reader.ReadInt(field, static_cast<int64_t>(range.low), static_cast<int64_t>(range.high)));
    value = static_cast<int>(whole);
    return absl::OkStatus();
  }
  absl::Status Read(const Field& field, double& value, OptionRange) const {
    VIZSLA_ASSIGN_OR_RETURN(value, reader.ReadNumber(field));
    return absl::OkStatus();
  }
  absl::Status Read(const Field& field, std::optional<double>& value, OptionRange) const {
    VIZSLA_ASSIGN_OR_RETURN(value, reader.ReadNumber(field));
    return absl::OkStatus();
  }
  absl::Status Read(const Field& field, std::vector<std::string>& value, OptionRange) const {
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<Field> entries, reader.ReadList(field));
    for (const Field& entry : entries) {
      VIZSLA_ASSIGN_OR_RETURN(std::string name, reader.ReadText(entry));
      value.push_back(std::move(name));
    }
    if (value.empty()) return reader.Error(field, "must name at least one parameter");
    return absl::OkStatus();
  }
  absl::Status Read(const Field& field, AshaOptions::Variant& value, OptionRange) const {
    VIZSLA_ASSIGN_OR_RETURN(const std::string word, reader.ReadWord(field, {"promote", "stop"}));
    value = *FromText<AshaOptions::Variant>(word);
    return absl::OkStatus();
  }
  absl::Status Read(const Field& field, Nsga2Options::Crossover& value, OptionRange) const {
    VIZSLA_ASSIGN_OR_RETURN(const std::string word, reader.ReadWord(field, {"sbx", "uniform"}));
    value = *FromText<Nsga2Options::Crossover>(word);
    return absl::OkStatus();
  }
};

template <typename Options>
std::vector<std::string> NamesOf(Options options) {
  std::vector<std::string> names = {"kind"};
  DescribeOptions(options, [&](std::string_view name, const auto&, OptionRange, std::string_view) {
    names.emplace_back(name);
  });
  return names;
}

template <typename Spec>
absl::StatusOr<Spec> ReadKind(const Reader& reader, const Field& field,
                              const std::vector<Spec>& all) {
  std::vector<std::string> words;
  for (const Spec& spec : all) words.emplace_back(ToText(KindOf(spec)));
  VIZSLA_ASSIGN_OR_RETURN(const std::string word, reader.ReadWord(field, words));
  for (const Spec& spec : all) {
    if (ToText(KindOf(spec)) == word) return spec;
  }
  return all[0];
}

template <typename Spec>
absl::StatusOr<Spec> ReadSpec(const Reader& reader, const Field& field,
                              const std::vector<Spec>& all) {
  if (!field.node.IsMap()) return ReadKind(reader, field, all);
  VIZSLA_ASSIGN_OR_RETURN(const Mapping any, reader.ReadMapping(field, {}));
  const Field* kind = any.Find("kind");
  if (kind == nullptr) return reader.Error(field, "kind: missing");
  VIZSLA_ASSIGN_OR_RETURN(Spec spec, ReadKind(reader, *kind, all));
  VIZSLA_RETURN_IF_ERROR(std::visit(
      [&](auto& options) -> absl::Status {
        VIZSLA_ASSIGN_OR_RETURN(const Mapping mapping, reader.ReadMapping(field, NamesOf(options)));
        absl::Status status;
        DescribeOptions(options, ReadOption{reader, mapping, status});
        return status;
      },
      spec));
  return spec;
}

// "OPTION: reason" at the option's place where it is given.
absl::Status At(const Reader& reader, const Field& field, const absl::Status& status) {
  if (status.ok()) return status;
  const std::string message(status.message());
  const size_t colon = message.find(": ");
  const std::string name = message.substr(0, colon);
  const std::string reason = message.substr(colon + 2);
  if (field.node.IsMap()) {
    VIZSLA_ASSIGN_OR_RETURN(const Mapping mapping, reader.ReadMapping(field, {}));
    if (const Field* option = mapping.Find(name)) return reader.Error(*option, reason);
  }
  return reader.Error(field, StrCat(name, ": ", reason));
}

}  // namespace

absl::StatusOr<SamplerSpec> ReadSampler(const Reader& reader, const Field& field) {
  VIZSLA_ASSIGN_OR_RETURN(SamplerSpec spec, ReadSpec(reader, field, AllSamplers()));
  VIZSLA_RETURN_IF_ERROR(At(reader, field, CheckOptions(spec)));
  return spec;
}

absl::StatusOr<PrunerSpec> ReadPruner(const Reader& reader, const Field& field, int max_epochs) {
  VIZSLA_ASSIGN_OR_RETURN(PrunerSpec spec, ReadSpec(reader, field, AllPruners()));
  VIZSLA_RETURN_IF_ERROR(At(reader, field, CheckOptions(spec, max_epochs)));
  return spec;
}

}  // namespace vizsla::spec
