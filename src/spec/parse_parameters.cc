#include "src/spec/parse_parameters.h"

#include <algorithm>

#include "src/catalog/training_plan.h"
#include "src/study/closest_word.h"
#include "src/study/take_over.h"

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

// A value of the parameter's kind; whether the catalog allows it is asked later.
absl::StatusOr<ParameterValue> ReadValue(const Reader& reader, const Field& field,
                                         const ParameterInfo& info) {
  if (info.kind == "word" || info.kind == "layer name") {
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

}  // namespace

absl::StatusOr<const ParameterInfo*> FindInfo(const Reader& reader, const YAML::Mark& mark,
                                              const std::string& path, const std::string& name) {
  for (const ParameterInfo& info : KnownParameters()) {
    if (info.name == name) return &info;
  }
  return reader.Error(mark, path, StrCat("unknown parameter", Suggestion(name, ParameterNames())));
}

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

namespace {

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

// The study's trials so far may have the parameter: a space declares it, or an enqueued trial says
// it.
bool EarlierTrialsMayHave(const StudySpec& earlier, const std::string& name) {
  for (int stage = 1; stage <= StageCount(earlier); ++stage) {
    const StageView view = StageOf(earlier, stage);
    if (view.space.Find(name) != nullptr) return true;
    for (const EnqueuedTrial& trial : view.enqueue) {
      if (trial.configuration.contains(name)) return true;
    }
  }
  return false;
}

// A condition on what the source of the trial has. Which values that can be, only the whole tells:
// see FindImpossible.
absl::Status CheckOuterCondition(const Reader& reader, const Condition& condition,
                                 const Field& place, const StudySpec& earlier) {
  if (!EarlierTrialsMayHave(earlier, condition.parent)) {
    return reader.Error(place, StrCat("depends on ", condition.parent,
                                      ", which neither this stage nor one before it has"));
  }
  for (const ParameterValue& value : condition.values) {
    const absl::Status allowed =
        ValidateParameter({condition.parent, CategoricalDomain{{value}}, {}});
    if (!allowed.ok()) return CatalogError(reader, place, allowed);
  }
  return absl::OkStatus();
}

absl::Status CheckConditions(const Reader& reader, const Draft& draft,
                             const std::vector<Draft>& all, const StudySpec* earlier) {
  for (size_t i = 0; i < draft.conditions.size(); ++i) {
    const Condition& condition = draft.parameter.conditions[i];
    const Field& place = draft.conditions[i];
    const auto parent = std::find_if(all.begin(), all.end(), [&](const Draft& other) {
      return other.parameter.name == condition.parent;
    });
    if (parent == all.end() && earlier != nullptr) {
      VIZSLA_RETURN_IF_ERROR(CheckOuterCondition(reader, condition, place, *earlier));
      continue;
    }
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
  const auto is_outside = [&](const std::string& name) {  // an earlier stage's
    return std::none_of(drafts.begin(), drafts.end(),
                        [&](const Draft& draft) { return draft.parameter.name == name; });
  };
  while (parsed.space.parameters.size() < drafts.size()) {
    size_t next = drafts.size();
    size_t first_left = drafts.size();
    for (size_t i = 0; i < drafts.size() && next == drafts.size(); ++i) {
      if (placed[i]) continue;
      first_left = std::min(first_left, i);
      const auto& conditions = drafts[i].parameter.conditions;
      const bool ready = std::all_of(conditions.begin(), conditions.end(), [&](const auto& c) {
        return parsed.space.Find(c.parent) != nullptr || is_outside(c.parent);
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

}  // namespace

absl::StatusOr<ParsedSpace> ParseParameters(const Reader& reader, const Field& parameters,
                                            const StudySpec* earlier) {
  VIZSLA_ASSIGN_OR_RETURN(const Mapping mapping, reader.ReadMapping(parameters, {}));
  if (mapping.entries().empty()) return reader.Error(parameters, "there are none");
  std::vector<Draft> drafts;
  for (const Mapping::Entry& entry : mapping.entries()) {
    VIZSLA_ASSIGN_OR_RETURN(Draft draft, ReadParameter(reader, entry));
    drafts.push_back(std::move(draft));
  }
  for (const Draft& draft : drafts) {
    VIZSLA_RETURN_IF_ERROR(CheckConditions(reader, draft, drafts, earlier));
  }
  VIZSLA_ASSIGN_OR_RETURN(ParsedSpace parsed, SortByDependence(reader, drafts));
  const SearchSpace closed = ClosedSpace(parsed.space);
  if (const auto never = NeverActive(closed); !never.empty()) {
    return reader.Error(parsed.places.at(never[0]),
                        "its conditions exclude each other: it is never active");
  }
  // Whatever the steps above did not name.
  if (const absl::Status status = Validate(closed); !status.ok()) {
    return CatalogError(reader, parameters, status);
  }
  return parsed;
}

}  // namespace vizsla::spec
