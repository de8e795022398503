#include "src/spec/parse_enqueue.h"

#include "src/catalog/training_plan.h"
#include "src/spec/combinations.h"
#include "src/spec/parse_parameters.h"
#include "src/study/init_from.h"
#include "src/study/take_over.h"

namespace vizsla::spec {
namespace {

// A plain number is a trial's number, plain best and none are words; in quotes all are names.
absl::StatusOr<InitFrom> ReadInitFrom(const Reader& reader, const Field& field) {
  VIZSLA_ASSIGN_OR_RETURN(const std::string text, reader.ReadText(field));
  InitFrom init_from;
  if (IsPlain(field.node)) {
    if (text == "none") return init_from;
    init_from.kind = text == "best" ? InitFrom::Kind::kBest : InitFrom::Kind::kTrial;
    if (text == "best") return init_from;
    if (reader.ReadInt(field).ok()) {
      VIZSLA_ASSIGN_OR_RETURN(init_from.number, reader.ReadInt(field, 1, 1000000000));
      return init_from;
    }
  }
  init_from.kind = InitFrom::Kind::kTrial;
  init_from.name = text;
  if (text.empty()) return reader.Error(field, "names no trial");
  return init_from;
}

const ParameterValue* FixedValue(const Parameter& parameter) {
  const auto* domain = std::get_if<CategoricalDomain>(&parameter.domain);
  return domain != nullptr && domain->choices.size() == 1 ? &domain->choices[0] : nullptr;
}

// Adds the fixed parameters that the entry may leave out.
absl::Status AddFixed(const Reader& reader, const Field& place, const SearchSpace& space,
                      Configuration& configuration) {
  for (const Parameter& parameter : space.parameters) {
    if (configuration.contains(parameter.name)) continue;
    if (!IsActive(parameter, configuration)) continue;
    const ParameterValue* fixed = FixedValue(parameter);
    if (fixed == nullptr) {
      return reader.Error(place, StrCat(parameter.name,
                                        " is missing: the study varies it, so an enqueued trial "
                                        "must say it"));
    }
    configuration.emplace(parameter.name, *fixed);
  }
  return absl::OkStatus();
}

absl::Status CheckPlan(const Reader& reader, const EnqueuedPlaces& places, const StudySpec& study,
                       const Configuration& configuration) {
  const auto plan = ResolvePlan(configuration, study.budget, AssumedTraits(study.weights));
  if (plan.ok()) return absl::OkStatus();
  const auto [name, reason] = SplitMessage(plan.status());
  const Field* given = places.values.Find(name);
  return reader.Error(given != nullptr ? *given : places.parameters,
                      given != nullptr || name.empty() ? reason : StrCat(name, ": ", reason));
}

}  // namespace

absl::StatusOr<ParsedEnqueue> ParseEnqueue(const Reader& reader, const Field& enqueue,
                                           InitFrom::Kind by_default) {
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<Field> entries, reader.ReadList(enqueue));
  ParsedEnqueue parsed;
  for (const Field& entry : entries) {
    VIZSLA_ASSIGN_OR_RETURN(
        const Mapping mapping,
        reader.ReadMapping(entry, {"name", "notes", "init_from", "parameters"}));
    EnqueuedTrial trial;
    EnqueuedPlaces places{entry, entry, entry, {}};
    if (const Field* name = mapping.Find("name")) {
      VIZSLA_ASSIGN_OR_RETURN(trial.name, reader.ReadText(*name));
    }
    if (const Field* notes = mapping.Find("notes")) {
      VIZSLA_ASSIGN_OR_RETURN(trial.notes, reader.ReadText(*notes));
    }
    trial.init_from.kind = by_default;
    const Field* init_from = mapping.Find("init_from");
    if (init_from != nullptr) {
      places.init_from = *init_from;
      VIZSLA_ASSIGN_OR_RETURN(trial.init_from, ReadInitFrom(reader, *init_from));
    }
    const Field* parameters = mapping.Find("parameters");
    if (parameters != nullptr) {
      places.parameters = *parameters;
      VIZSLA_ASSIGN_OR_RETURN(places.values, reader.ReadMapping(*parameters, {}));
    } else if (init_from == nullptr) {
      return reader.Error(entry, "parameters: missing");
    }
    for (const Mapping::Entry& value : places.values.entries()) {
      VIZSLA_ASSIGN_OR_RETURN(const ParameterInfo* info,
                              FindInfo(reader, value.key_mark, value.value.path, value.key));
      VIZSLA_ASSIGN_OR_RETURN(ParameterValue read, ReadAllowedValue(reader, value.value, *info));
      trial.configuration.emplace(value.key, std::move(read));
    }
    parsed.trials.push_back(std::move(trial));
    parsed.places.push_back(std::move(places));
  }
  return parsed;
}

absl::Status CompleteEnqueue(const Reader& reader, const std::vector<EnqueuedPlaces>& places,
                             StudySpec& study) {
  for (const size_t i : InOrderOfSources(study)) {
    EnqueuedTrial& trial = study.enqueue[i];
    if (!IsComplete(study, {1, i})) continue;
    if (const auto source = FindEnqueued(study, trial.init_from, 1)) {
      trial.configuration =
          TakeOver(study, 1, study.enqueue[source->entry].configuration, trial.configuration);
    } else {
      VIZSLA_RETURN_IF_ERROR(
          AddFixed(reader, places[i].parameters, study.space, trial.configuration));
    }
    VIZSLA_RETURN_IF_ERROR(CheckPlan(reader, places[i], study, trial.configuration));
  }
  return absl::OkStatus();
}

}  // namespace vizsla::spec
