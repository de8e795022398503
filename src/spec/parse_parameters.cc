#include "src/spec/parse_parameters.h"

#include <algorithm>
#include <set>

#include "src/catalog/training_plan.h"
#include "src/study/closest_word.h"

namespace vizsla::spec {
namespace {

const std::vector<std::string>& ParameterNames() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> result;
    for (const ParameterInfo& info : KnownParameters()) result.push_back(info.name);
    return result;
  }();
  return names;
}

absl::StatusOr<const ParameterInfo*> FindInfo(const Reader& reader, const YAML::Mark& mark,
                                              const std::string& path, const std::string& name) {
  for (const ParameterInfo& info : KnownParameters()) {
    if (info.name == name) return &info;
  }
  if (name == "epochs") {
    return reader.Error(mark, path, "is no parameter; say it under budget: {epochs: N}");
  }
  return reader.Error(mark, path, StrCat("unknown parameter", Suggestion(name, ParameterNames())));
}

// A value of the parameter's kind; whether the catalog allows it is asked later.
absl::StatusOr<ParameterValue> ReadValue(const Reader& reader, const Field& field,
                                         const ParameterInfo& info) {
  if (info.kind == "word") {
    if (field.node.IsSequence()) {
      return reader.Error(field, StrCat("must be one word; to search over several, write ",
                                        info.name, ": {choices: [...]}"));
    }
    VIZSLA_ASSIGN_OR_RETURN(std::string word, reader.ReadText(field));
    return ParameterValue(std::move(word));
  }
  if (info.kind == "boolean") {
    VIZSLA_ASSIGN_OR_RETURN(const bool value, reader.ReadBool(field));
    return ParameterValue(value);
  }
  if (info.kind == "integer") {
    VIZSLA_ASSIGN_OR_RETURN(const int64_t value, reader.ReadInt(field));
    return ParameterValue(value);
  }
  if (info.kind == "number") {
    VIZSLA_ASSIGN_OR_RETURN(const double value, reader.ReadNumber(field));
    return ParameterValue(value);
  }
  if (!field.node.IsSequence()) {
    return reader.Error(
        field, StrCat("must be a list of integers such as [128, 128], not ", Describe(field.node)));
  }
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<Field> entries, reader.ReadList(field));
  IntList list;
  for (const Field& entry : entries) {
    VIZSLA_ASSIGN_OR_RETURN(const int64_t value, reader.ReadInt(entry));
    list.push_back(value);
  }
  return ParameterValue(std::move(list));
}

// The catalog's messages begin with "parameter NAME: "; here the place says that already.
std::pair<std::string, std::string> SplitMessage(const absl::Status& status) {
  constexpr std::string_view kPrefix = "parameter ";
  const std::string message(status.message());
  if (!message.starts_with(kPrefix)) return {"", message};
  const size_t colon = message.find(": ");
  if (colon == std::string::npos) return {"", message};
  return {message.substr(kPrefix.size(), colon - kPrefix.size()), message.substr(colon + 2)};
}

absl::Status CatalogError(const Reader& reader, const Field& field, const absl::Status& status) {
  return reader.Error(field, SplitMessage(status).second);
}

absl::StatusOr<ParameterValue> ReadAllowedValue(const Reader& reader, const Field& field,
                                                const ParameterInfo& info) {
  VIZSLA_ASSIGN_OR_RETURN(ParameterValue value, ReadValue(reader, field, info));
  const absl::Status allowed = ValidateParameter({info.name, CategoricalDomain{{value}}, {}});
  if (!allowed.ok()) return CatalogError(reader, field, allowed);
  return value;
}

// The two ends of `float:` and `int:`.
absl::StatusOr<std::vector<Field>> ReadEnds(const Reader& reader, const Field& range) {
  VIZSLA_ASSIGN_OR_RETURN(std::vector<Field> ends, reader.ReadList(range));
  if (ends.size() != 2) {
    return reader.Error(range, StrCat("must be a range [low, high], not ", ends.size(),
                                      ends.size() == 1 ? " value" : " values"));
  }
  return ends;
}

// Blames the range when it is wrong by itself, and otherwise what modifies it.
absl::Status CheckRange(const Reader& reader, const Mapping& mapping, const Field& range,
                        const Domain& plain, const Domain& full) {
  if (const absl::Status status = Validate(plain); !status.ok()) {
    return reader.Error(range, std::string(status.message()));
  }
  if (const absl::Status status = Validate(full); !status.ok()) {
    const Field* step = mapping.Find("step");
    const Field* blamed = step != nullptr ? step : mapping.Find("log");
    return reader.Error(blamed != nullptr ? *blamed : range, std::string(status.message()));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> ReadLog(const Reader& reader, const Mapping& mapping) {
  const Field* log = mapping.Find("log");
  return log == nullptr ? false : reader.ReadBool(*log);
}

absl::StatusOr<Domain> ReadFloatDomain(const Reader& reader, const Mapping& mapping,
                                       const Field& range) {
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<Field> ends, ReadEnds(reader, range));
  FloatDomain domain;
  VIZSLA_ASSIGN_OR_RETURN(domain.low, reader.ReadNumber(ends[0]));
  VIZSLA_ASSIGN_OR_RETURN(domain.high, reader.ReadNumber(ends[1]));
  const FloatDomain plain = domain;
  if (const Field* step = mapping.Find("step")) {
    VIZSLA_ASSIGN_OR_RETURN(domain.step, reader.ReadNumber(*step));
  }
  VIZSLA_ASSIGN_OR_RETURN(domain.log, ReadLog(reader, mapping));
  VIZSLA_RETURN_IF_ERROR(CheckRange(reader, mapping, range, plain, domain));
  return Domain(domain);
}

absl::StatusOr<Domain> ReadIntDomain(const Reader& reader, const Mapping& mapping,
                                     const Field& range) {
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<Field> ends, ReadEnds(reader, range));
  IntDomain domain;
  VIZSLA_ASSIGN_OR_RETURN(domain.low, reader.ReadInt(ends[0]));
  VIZSLA_ASSIGN_OR_RETURN(domain.high, reader.ReadInt(ends[1]));
  const IntDomain plain = domain;
  if (const Field* step = mapping.Find("step")) {
    VIZSLA_ASSIGN_OR_RETURN(domain.step, reader.ReadInt(*step));
  }
  VIZSLA_ASSIGN_OR_RETURN(domain.log, ReadLog(reader, mapping));
  VIZSLA_RETURN_IF_ERROR(CheckRange(reader, mapping, range, plain, domain));
  return Domain(domain);
}

absl::StatusOr<Domain> ReadChoices(const Reader& reader, const Mapping& mapping,
                                   const Field& choices, const ParameterInfo& info) {
  for (const char* key : {"step", "log"}) {
    if (const Field* field = mapping.Find(key)) {
      return reader.Error(*field, "has no meaning beside choices");
    }
  }
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<Field> entries, reader.ReadList(choices));
  if (entries.empty()) return reader.Error(choices, "there are no choices");
  CategoricalDomain domain;
  for (const Field& entry : entries) {
    VIZSLA_ASSIGN_OR_RETURN(ParameterValue value, ReadAllowedValue(reader, entry, info));
    if (std::find(domain.choices.begin(), domain.choices.end(), value) != domain.choices.end()) {
      return reader.Error(entry, StrCat("the choice ", ToText(value), " is there twice"));
    }
    domain.choices.push_back(std::move(value));
  }
  return Domain(std::move(domain));
}

absl::StatusOr<Domain> ReadDomain(const Reader& reader, const Mapping& mapping,
                                  const ParameterInfo& info) {
  const Field* found = nullptr;
  for (const char* key : {"float", "int", "choices"}) {
    const Field* field = mapping.Find(key);
    if (field == nullptr) continue;
    if (found != nullptr) {
      return reader.Error(*field, "only one of float, int and choices may stand here");
    }
    found = field;
  }
  if (found == nullptr) {
    return reader.Error(mapping.self(), "must say one of float, int or choices");
  }
  if (found == mapping.Find("choices")) return ReadChoices(reader, mapping, *found, info);
  VIZSLA_ASSIGN_OR_RETURN(Domain domain, found == mapping.Find("float")
                                             ? ReadFloatDomain(reader, mapping, *found)
                                             : ReadIntDomain(reader, mapping, *found));
  const absl::Status allowed = ValidateParameter({info.name, domain, {}});
  if (!allowed.ok()) return CatalogError(reader, *found, allowed);
  return domain;
}

// `when: {network: mobilenet_v2}`, `when: {pooling: [avg, max]}`, `when: {dense: [[128], [512,
// 256]]}`; `when: {dense: [128, 128]}` is the one list.
absl::StatusOr<std::vector<ParameterValue>> ReadConditionValues(const Reader& reader,
                                                                const Field& field,
                                                                const ParameterInfo& parent) {
  std::vector<Field> entries = {field};
  const bool one_list = parent.kind == "list of integers" && field.node.IsSequence() &&
                        (field.node.size() == 0 || !field.node[0].IsSequence());
  if (field.node.IsSequence() && !one_list) {
    VIZSLA_ASSIGN_OR_RETURN(entries, reader.ReadList(field));
    if (entries.empty()) return reader.Error(field, "names no value");
  }
  std::vector<ParameterValue> values;
  for (const Field& entry : entries) {
    VIZSLA_ASSIGN_OR_RETURN(ParameterValue value, ReadValue(reader, entry, parent));
    values.push_back(std::move(value));
  }
  return values;
}

// A parameter and where its conditions stand.
struct Draft {
  Parameter parameter;
  Field field;
  std::vector<Field> conditions;
};

absl::StatusOr<Draft> ReadParameter(const Reader& reader, const Mapping::Entry& entry) {
  VIZSLA_ASSIGN_OR_RETURN(const ParameterInfo* info,
                          FindInfo(reader, entry.key_mark, entry.value.path, entry.key));
  Draft draft;
  draft.parameter.name = entry.key;
  draft.field = entry.value;
  if (!entry.value.node.IsMap()) {
    VIZSLA_ASSIGN_OR_RETURN(ParameterValue value, ReadAllowedValue(reader, entry.value, *info));
    draft.parameter.domain = CategoricalDomain{{std::move(value)}};
    return draft;
  }
  VIZSLA_ASSIGN_OR_RETURN(
      const Mapping mapping,
      reader.ReadMapping(entry.value, {"float", "int", "choices", "step", "log", "when"}));
  VIZSLA_ASSIGN_OR_RETURN(draft.parameter.domain, ReadDomain(reader, mapping, *info));
  const Field* when = mapping.Find("when");
  if (when == nullptr) return draft;
  VIZSLA_ASSIGN_OR_RETURN(const Mapping conditions, reader.ReadMapping(*when, {}));
  if (conditions.entries().empty()) return reader.Error(*when, "names no parameter");
  for (const Mapping::Entry& condition : conditions.entries()) {
    VIZSLA_ASSIGN_OR_RETURN(
        const ParameterInfo* parent,
        FindInfo(reader, condition.key_mark, condition.value.path, condition.key));
    VIZSLA_ASSIGN_OR_RETURN(std::vector<ParameterValue> values,
                            ReadConditionValues(reader, condition.value, *parent));
    draft.parameter.conditions.push_back({condition.key, std::move(values)});
    draft.conditions.push_back(condition.value);
  }
  return draft;
}

absl::Status CheckConditions(const Reader& reader, const Draft& draft,
                             const std::vector<Draft>& all) {
  for (size_t i = 0; i < draft.conditions.size(); ++i) {
    const Condition& condition = draft.parameter.conditions[i];
    const Field& place = draft.conditions[i];
    const auto parent = std::find_if(all.begin(), all.end(), [&](const Draft& other) {
      return other.parameter.name == condition.parent;
    });
    if (parent == all.end()) {
      return reader.Error(
          place, StrCat("depends on ", condition.parent, ", which this study does not have"));
    }
    if (!CountValues(parent->parameter.domain)) {
      return reader.Error(place,
                          StrCat("depends on ", condition.parent,
                                 ", which is continuous and never has an exact value; give it a "
                                 "step"));
    }
    for (const ParameterValue& value : condition.values) {
      if (!Contains(parent->parameter.domain, value)) {
        return reader.Error(place, StrCat("depends on ", condition.parent, " being ", ToText(value),
                                          ", which it can never be (it is ",
                                          ToText(parent->parameter.domain), ")"));
      }
    }
  }
  return absl::OkStatus();
}

// Stable: parameters keep the file's order but for children that stand before a parent.
absl::StatusOr<ParsedSpace> SortByDependence(const Reader& reader,
                                             const std::vector<Draft>& drafts) {
  ParsedSpace parsed;
  std::vector<bool> placed(drafts.size(), false);
  while (parsed.space.parameters.size() < drafts.size()) {
    size_t next = drafts.size();
    size_t first_left = drafts.size();
    for (size_t i = 0; i < drafts.size() && next == drafts.size(); ++i) {
      if (placed[i]) continue;
      first_left = std::min(first_left, i);
      const auto& conditions = drafts[i].parameter.conditions;
      const bool ready = std::all_of(conditions.begin(), conditions.end(), [&](const auto& c) {
        return parsed.space.Find(c.parent) != nullptr;
      });
      if (ready) next = i;
    }
    if (next == drafts.size()) {
      return reader.Error(drafts[first_left].conditions[0],
                          "the conditions form a circle: it depends on itself");
    }
    placed[next] = true;
    parsed.space.parameters.push_back(drafts[next].parameter);
    parsed.places[drafts[next].parameter.name] = drafts[next].field;
  }
  return parsed;
}

// What the coordinator does not know yet; the worker's real traits are checked when it has the
// weights.
WeightsTraits PlaceholderTraits(const StudySpec& spec) {
  return {"", spec.weights.padding.empty() ? "tf_same" : spec.weights.padding,
          spec.weights.preprocessing.empty() ? "tf" : spec.weights.preprocessing};
}

const ParameterValue* FixedValue(const Parameter& parameter) {
  const auto* domain = std::get_if<CategoricalDomain>(&parameter.domain);
  return domain != nullptr && domain->choices.size() == 1 ? &domain->choices[0] : nullptr;
}

absl::StatusOr<EnqueuedTrial> ReadEnqueued(const Reader& reader, const Field& field,
                                           const SearchSpace& space, const StudySpec& spec) {
  VIZSLA_ASSIGN_OR_RETURN(const Mapping mapping,
                          reader.ReadMapping(field, {"name", "notes", "parameters"}));
  EnqueuedTrial trial;
  if (const Field* name = mapping.Find("name")) {
    VIZSLA_ASSIGN_OR_RETURN(trial.name, reader.ReadText(*name));
  }
  if (const Field* notes = mapping.Find("notes")) {
    VIZSLA_ASSIGN_OR_RETURN(trial.notes, reader.ReadText(*notes));
  }
  const Field* parameters = mapping.Find("parameters");
  if (parameters == nullptr) return reader.Error(field, "parameters: missing");
  VIZSLA_ASSIGN_OR_RETURN(const Mapping values, reader.ReadMapping(*parameters, {}));
  for (const Mapping::Entry& entry : values.entries()) {
    VIZSLA_ASSIGN_OR_RETURN(const ParameterInfo* info,
                            FindInfo(reader, entry.key_mark, entry.value.path, entry.key));
    VIZSLA_ASSIGN_OR_RETURN(ParameterValue value, ReadAllowedValue(reader, entry.value, *info));
    trial.configuration.emplace(entry.key, std::move(value));
  }
  for (const Parameter& parameter : space.parameters) {
    if (trial.configuration.contains(parameter.name)) continue;
    if (!IsActive(parameter, trial.configuration)) continue;
    const ParameterValue* fixed = FixedValue(parameter);
    if (fixed == nullptr) {
      return reader.Error(*parameters, StrCat(parameter.name,
                                              " is missing: the study varies "
                                              "it, so an enqueued trial must say it"));
    }
    trial.configuration.emplace(parameter.name, *fixed);
  }
  const auto plan = ResolvePlan(trial.configuration, spec.budget, PlaceholderTraits(spec));
  if (!plan.ok()) {
    const auto [name, reason] = SplitMessage(plan.status());
    const Field* given = values.Find(name);
    return reader.Error(given != nullptr ? *given : *parameters,
                        given != nullptr || name.empty() ? reason : StrCat(name, ": ", reason));
  }
  return trial;
}

// Combinations depend on words, booleans and on how small integers are: numbers and lists that no
// condition looks at are represented by one value, integers by their ends.
SearchSpace ReduceForCombinations(const SearchSpace& space) {
  std::set<std::string> parents;
  for (const Parameter& parameter : space.parameters) {
    for (const Condition& condition : parameter.conditions) parents.insert(condition.parent);
  }
  SearchSpace reduced = space;
  for (Parameter& parameter : reduced.parameters) {
    if (parents.contains(parameter.name)) continue;
    if (auto* floats = std::get_if<FloatDomain>(&parameter.domain)) {
      *floats = FloatDomain{floats->low, floats->low, false, std::nullopt};
    } else if (auto* integers = std::get_if<IntDomain>(&parameter.domain)) {
      const int64_t last = *CountValues(parameter.domain) - 1;
      if (last > 1)
        *integers = IntDomain{integers->low, integers->low + integers->step * last, false,
                              integers->step * last};
    } else {
      auto& choices = std::get<CategoricalDomain>(parameter.domain).choices;
      const bool words = std::holds_alternative<std::string>(choices[0]) ||
                         std::holds_alternative<bool>(choices[0]) ||
                         std::holds_alternative<int64_t>(choices[0]);
      if (!words) choices.resize(1);
    }
  }
  return reduced;
}

// The space once for each value of the word `name`, which has only that value there.
std::vector<SearchSpace> SplitBy(const SearchSpace& space, std::string_view name) {
  const Parameter* found = space.Find(name);
  if (found == nullptr) return {space};
  const size_t place = static_cast<size_t>(found - space.parameters.data());
  std::vector<SearchSpace> parts;
  for (const ParameterValue& value : std::get<CategoricalDomain>(found->domain).choices) {
    parts.push_back(space);
    parts.back().parameters[place].domain = CategoricalDomain{{value}};
  }
  return parts;
}

absl::Status CheckConfiguration(const Reader& reader, const ParsedSpace& parsed,
                                const StudySpec& spec, const Configuration& configuration) {
  const auto plan = ResolvePlan(configuration, spec.budget, PlaceholderTraits(spec));
  if (plan.ok()) return absl::OkStatus();
  const auto [name, reason] = SplitMessage(plan.status());
  const auto place = parsed.places.find(name);
  const std::string where = StrCat(reason, " (in ", ToJsonText(configuration), ")");
  if (place != parsed.places.end()) return reader.Error(place->second, where);
  return reader.Error(YAML::Mark(), "parameters", StrCat(name, ": ", where));
}

}  // namespace

absl::StatusOr<ParsedSpace> ParseParameters(const Reader& reader, const Field& parameters) {
  VIZSLA_ASSIGN_OR_RETURN(const Mapping mapping, reader.ReadMapping(parameters, {}));
  if (mapping.entries().empty()) return reader.Error(parameters, "there are none");
  std::vector<Draft> drafts;
  for (const Mapping::Entry& entry : mapping.entries()) {
    VIZSLA_ASSIGN_OR_RETURN(Draft draft, ReadParameter(reader, entry));
    drafts.push_back(std::move(draft));
  }
  for (const Draft& draft : drafts) {
    VIZSLA_RETURN_IF_ERROR(CheckConditions(reader, draft, drafts));
  }
  VIZSLA_ASSIGN_OR_RETURN(ParsedSpace parsed, SortByDependence(reader, drafts));
  if (const auto never = NeverActive(parsed.space); !never.empty()) {
    return reader.Error(parsed.places.at(never[0]),
                        "its conditions exclude each other: it is never active");
  }
  // Whatever the steps above did not name.
  if (const absl::Status status = Validate(parsed.space); !status.ok()) {
    return CatalogError(reader, parameters, status);
  }
  return parsed;
}

absl::StatusOr<std::vector<EnqueuedTrial>> ParseEnqueue(const Reader& reader, const Field& enqueue,
                                                        const SearchSpace& space,
                                                        const StudySpec& spec) {
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<Field> entries, reader.ReadList(enqueue));
  std::vector<EnqueuedTrial> trials;
  for (const Field& entry : entries) {
    VIZSLA_ASSIGN_OR_RETURN(EnqueuedTrial trial, ReadEnqueued(reader, entry, space, spec));
    trials.push_back(std::move(trial));
  }
  return trials;
}

absl::Status CheckCombinations(const Reader& reader, const ParsedSpace& parsed,
                               const StudySpec& spec) {
  constexpr int64_t kMostConfigurations = 10000;
  constexpr int64_t kMostOfAPart = 50000;  // a fraction of a second
  SearchSpace space = parsed.space;
  if (CountConfigurations(space).value_or(kMostConfigurations + 1) > kMostConfigurations) {
    space = ReduceForCombinations(space);
  }
  // What is allowed depends on these two most, and the first parameter moves slowest: one walk over
  // the whole of a large space would end before it met the second network.
  for (const SearchSpace& of_network : SplitBy(space, "network")) {
    for (const SearchSpace& part : SplitBy(of_network, "initial_weights")) {
      std::optional<Configuration> configuration = FirstConfiguration(part);
      for (int64_t seen = 0; configuration && seen < kMostOfAPart; ++seen) {
        VIZSLA_RETURN_IF_ERROR(CheckConfiguration(reader, parsed, spec, *configuration));
        configuration = NextConfiguration(part, *configuration);
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace vizsla::spec
