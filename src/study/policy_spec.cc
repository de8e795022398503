#include "src/study/policy_spec.h"

#include <absl/strings/str_join.h>

#include <cmath>
#include <utility>

#include "src/base/check.h"
#include "src/study/option_fields.h"

namespace vizsla {
namespace {

using json = nlohmann::json;

template <typename Spec, size_t... kIndices>
std::vector<Spec> AllOf(std::index_sequence<kIndices...>) {
  return {std::variant_alternative_t<kIndices, Spec>()...};
}

template <typename Spec>
std::vector<Spec> AllOf() {
  return AllOf<Spec>(std::make_index_sequence<std::variant_size_v<Spec>>());
}

// One option's value as JSON; null when it is not set.
template <typename Value>
json ToJsonValue(const Value& value) {
  if constexpr (std::is_same_v<Value, std::optional<double>>) {
    return value ? json(*value) : json();
  } else if constexpr (std::is_enum_v<Value>) {
    return ToText(value);
  } else {
    return value;
  }
}

template <typename Options>
json FieldsOf(Options options) {
  json fields = json::object();
  DescribeOptions(options,
                  [&](std::string_view name, const auto& value, OptionRange, std::string_view) {
                    fields[std::string(name)] = ToJsonValue(value);
                  });
  return fields;
}

// The options that are not the default ones.
template <typename Spec>
json ChosenOptions(const Spec& spec) {
  return std::visit(
      [](const auto& options) {
        const json usual = FieldsOf(std::decay_t<decltype(options)>());
        json chosen = json::object();
        const json fields = FieldsOf(options);
        for (const auto& [name, value] : fields.items()) {
          if (value != usual[name]) chosen[name] = value;
        }
        return chosen;
      },
      spec);
}

template <typename Spec>
std::string DescribeSpec(const Spec& spec) {
  std::vector<std::string> parts;
  const json chosen = ChosenOptions(spec);
  for (const auto& [name, value] : chosen.items()) {
    parts.push_back(
        StrCat(name, " ", value.is_string() ? value.template get<std::string>() : DumpJson(value)));
  }
  const std::string name(ToText(KindOf(spec)));
  return parts.empty() ? name : StrCat(name, " (", absl::StrJoin(parts, ", "), ")");
}

template <typename Spec>
json SpecToJson(const Spec& spec) {
  json chosen = ChosenOptions(spec);
  if (chosen.empty()) return ToText(KindOf(spec));
  chosen["kind"] = ToText(KindOf(spec));
  return chosen;
}

struct ReadOption {
  JsonFields& fields;

  template <typename Value>
  void operator()(std::string_view name, Value& value, OptionRange range, std::string_view) const {
    const std::string key(name);
    if (!fields.Has(key)) return;
    if constexpr (std::is_same_v<Value, bool>) {
      value = fields.Bool(key);
    } else if constexpr (std::is_same_v<Value, int>) {
      value = static_cast<int>(
          fields.Int(key, static_cast<int64_t>(range.low), static_cast<int64_t>(range.high)));
    } else if constexpr (std::is_enum_v<Value>) {
      const auto known = FromText<Value>(fields.String(key));
      known ? void(value = *known) : fields.Fail(key, "is an unknown word");
    } else if constexpr (std::is_same_v<Value, std::vector<std::string>>) {
      const json* list = fields.Get(key);
      value.clear();
      for (const json& entry : *list) {
        if (!entry.is_string()) return fields.Fail(key, "must be a list of names");
        value.push_back(entry.get<std::string>());
      }
    } else {
      const double number = fields.Double(key);
      if (!(number >= range.low && number <= range.high)) fields.Fail(key, "is out of range");
      value = number;
    }
  }
};

template <typename Spec>
Spec SpecFromJson(JsonFields& outer, const std::string& key, const std::vector<Spec>& all) {
  const json* value = outer.Get(key);
  if (value == nullptr) return all[0];
  const json object = value->is_object() ? *value : json{{"kind", *value}};
  JsonFields fields(object, key);
  if (!fields.Has("kind")) {
    outer.Fail(key, "has no kind");
    return all[0];
  }
  const std::string kind = fields.String("kind");
  for (Spec spec : all) {
    if (ToText(KindOf(spec)) != kind) continue;
    std::visit([&](auto& options) { DescribeOptions(options, ReadOption{fields}); }, spec);
    outer.Note(fields.Finish());
    return spec;
  }
  std::vector<std::string> words;
  for (const Spec& spec : all) words.emplace_back(ToText(KindOf(spec)));
  outer.Fail(key, StrCat("'", kind, "' is none of ", absl::StrJoin(words, ", ")));
  return all[0];
}

absl::Status Wrong(std::string_view option, std::string_view reason) {
  return absl::InvalidArgumentError(StrCat(option, ": ", reason));
}

struct CheckRange {
  absl::Status& status;

  template <typename Value>
  void operator()(std::string_view name, const Value& value, OptionRange range,
                  std::string_view) const {
    double number = range.low;
    if constexpr (std::is_same_v<Value, int> || std::is_same_v<Value, double>) {
      number = value;
    } else if constexpr (std::is_same_v<Value, std::optional<double>>) {
      number = value.value_or(range.low);
    }
    if (number >= range.low && number <= range.high) return;
    status.Update(Wrong(name, range.high >= kMostEpochs
                                  ? StrCat(number, " is less than ", range.low)
                                  : StrCat(number, " is outside ", range.low, " to ", range.high)));
  }
};

template <typename Spec>
absl::Status CheckRanges(const Spec& spec) {
  absl::Status status;
  std::visit([&](auto options) { DescribeOptions(options, CheckRange{status}); }, spec);
  return status;
}

absl::Status CheckTogether(const auto&, int) { return absl::OkStatus(); }

absl::Status CheckTogether(const ThresholdOptions& options, int) {
  if (!options.lower && !options.upper)
    return Wrong("lower", "missing: give lower or upper, or both");
  if (options.lower && options.upper && *options.lower > *options.upper) {
    return Wrong("lower", StrCat(*options.lower, " is above upper, ", *options.upper));
  }
  return absl::OkStatus();
}

absl::Status CheckFirstRung(int min_epochs, int max_epochs) {
  if (min_epochs < max_epochs) return absl::OkStatus();
  return Wrong("min_epochs", StrCat(min_epochs, ", but trials have only ", max_epochs,
                                    " epochs: none would ever be pruned"));
}

absl::Status CheckTogether(const SuccessiveHalvingOptions& options, int max_epochs) {
  return CheckFirstRung(options.min_epochs, max_epochs);
}

absl::Status CheckTogether(const HyperbandOptions& options, int max_epochs) {
  VIZSLA_RETURN_IF_ERROR(CheckFirstRung(options.min_epochs, max_epochs));
  if (int64_t{options.min_epochs} * options.eta <= max_epochs) return absl::OkStatus();
  return Wrong("eta", StrCat(options.eta, " times min_epochs is more than the ", max_epochs,
                             " epochs that trials have: none would ever be pruned"));
}

absl::Status CheckTogether(const AshaOptions& options, int max_epochs) {
  return CheckFirstRung(options.min_epochs, max_epochs);
}

absl::Status CheckTogether(const PopulationOptions& options, int max_epochs) {
  if (options.interval < max_epochs) return absl::OkStatus();
  return Wrong("interval", StrCat(options.interval, ", but trials have only ", max_epochs,
                                  " epochs: none would ever be compared"));
}

}  // namespace

std::string_view ToText(SamplerKind kind) {
  switch (kind) {
    case SamplerKind::kRandom:
      return "random";
    case SamplerKind::kGrid:
      return "grid";
    case SamplerKind::kSobol:
      return "sobol";
    case SamplerKind::kHalton:
      return "halton";
    case SamplerKind::kTpe:
      return "tpe";
    case SamplerKind::kGaussianProcess:
      return "gp";
    case SamplerKind::kCmaEs:
      return "cma_es";
    case SamplerKind::kNsga2:
      return "nsga2";
  }
  VIZSLA_CHECK(false);
}

std::string_view ToText(PrunerKind kind) {
  switch (kind) {
    case PrunerKind::kNone:
      return "none";
    case PrunerKind::kMedian:
      return "median";
    case PrunerKind::kPercentile:
      return "percentile";
    case PrunerKind::kThreshold:
      return "threshold";
    case PrunerKind::kPatience:
      return "patience";
    case PrunerKind::kSuccessiveHalving:
      return "successive_halving";
    case PrunerKind::kHyperband:
      return "hyperband";
    case PrunerKind::kAsha:
      return "asha";
    case PrunerKind::kPopulation:
      return "population";
  }
  VIZSLA_CHECK(false);
}

std::string Describe(const SamplerSpec& spec) { return DescribeSpec(spec); }
std::string Describe(const PrunerSpec& spec) { return DescribeSpec(spec); }

const std::vector<SamplerSpec>& AllSamplers() {
  static const auto* const all = new std::vector<SamplerSpec>(AllOf<SamplerSpec>());
  return *all;
}

const std::vector<PrunerSpec>& AllPruners() {
  static const auto* const all = new std::vector<PrunerSpec>(AllOf<PrunerSpec>());
  return *all;
}

json ToJson(const SamplerSpec& spec) { return SpecToJson(spec); }
json ToJson(const PrunerSpec& spec) { return SpecToJson(spec); }

SamplerSpec SamplerFromJson(JsonFields& fields, const std::string& key) {
  return SpecFromJson(fields, key, AllSamplers());
}

PrunerSpec PrunerFromJson(JsonFields& fields, const std::string& key) {
  return SpecFromJson(fields, key, AllPruners());
}

absl::Status CheckOptions(const SamplerSpec& spec) {
  VIZSLA_RETURN_IF_ERROR(CheckRanges(spec));
  const auto* cma_es = std::get_if<CmaEsOptions>(&spec);
  if (cma_es == nullptr || cma_es->population != 1) return absl::OkStatus();
  return Wrong("population", "1 trial is no generation; give 2 or more, or 0 for the usual number");
}

absl::Status CheckOptions(const PrunerSpec& spec, int max_epochs) {
  VIZSLA_RETURN_IF_ERROR(CheckRanges(spec));
  return std::visit([&](const auto& options) { return CheckTogether(options, max_epochs); }, spec);
}

}  // namespace vizsla
