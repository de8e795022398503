#include "src/spec/parse_stage.h"

#include "src/catalog/training_plan.h"
#include "src/spec/combinations.h"
#include "src/spec/parse_policy.h"
#include "src/spec/parse_population.h"
#include "src/study/objectives_check.h"
#include "src/study/take_over.h"

namespace vizsla::spec {

absl::StatusOr<Budget> ReadBudget(const Reader& reader, const Field& field, Budget budget) {
  VIZSLA_ASSIGN_OR_RETURN(const Mapping mapping,
                          reader.ReadMapping(field, {"trials", "epochs", "wall_time"}));
  if (const Field* trials = mapping.Find("trials")) {
    VIZSLA_ASSIGN_OR_RETURN(budget.trials, reader.ReadInt(*trials, 1, 1000000000));
  }
  if (const Field* epochs = mapping.Find("epochs")) {
    VIZSLA_ASSIGN_OR_RETURN(const int64_t count, reader.ReadInt(*epochs, 1, 1000000));
    budget.epochs = static_cast<int>(count);
  }
  if (const Field* wall_time = mapping.Find("wall_time")) {
    VIZSLA_ASSIGN_OR_RETURN(budget.wall_time, reader.ReadDuration(*wall_time));
  }
  return budget;
}

namespace {

// A pruner that a stage has taken over from the study need not fit it.
absl::Status CheckPruner(const Reader& reader, const Mapping& root, const PrunerSpec& pruner,
                         const Budget& budget) {
  const absl::Status status = CheckOptions(pruner, budget.epochs);
  if (status.ok()) return status;
  return reader.Error(root.self(), StrCat("pruner: the study's ", Describe(pruner), ": ",
                                          std::string(status.message()),
                                          "; give this stage its own, or pruner: none"));
}

}  // namespace

absl::Status ReadPolicies(const Reader& reader, const Mapping& root, const Objective& objective,
                          const Budget& budget, SamplerSpec& sampler, PrunerSpec& pruner) {
  if (const Field* field = root.Find("sampler")) {
    VIZSLA_ASSIGN_OR_RETURN(sampler, ReadSampler(reader, *field));
  }
  if (const Field* field = root.Find("pruner")) {
    VIZSLA_ASSIGN_OR_RETURN(pruner, ReadPruner(reader, *field, budget.epochs));
  }
  VIZSLA_RETURN_IF_ERROR(CheckPruner(reader, root, pruner, budget));
  const absl::Status status = CheckPolicies(objective, sampler, pruner);
  if (status.ok()) return status;
  // "sampler: ..." or "pruner: ...", where it is given.
  const std::string message(status.message());
  const size_t colon = message.find(": ");
  const Field* field = root.Find(message.substr(0, colon));
  return field != nullptr ? reader.Error(*field, message.substr(colon + 2))
                          : reader.Error(root.self(), message);
}

absl::Status CheckSampler(const Reader& reader, const Mapping& root, const ParsedSpace& parsed,
                          const SamplerSpec& sampler, const Budget& budget) {
  if (KindOf(sampler) == SamplerKind::kGrid) {
    for (const Parameter& parameter : parsed.space.parameters) {
      if (CountValues(parameter.domain)) continue;
      return reader.Error(parsed.places.at(parameter.name),
                          "the grid sampler cannot walk a continuous range; give it a step, or "
                          "take sampler: random");
    }
    if (budget.trials == 0 && !CountConfigurations(ClosedSpace(parsed.space))) {
      return reader.Error(root.self(), "budget.trials: missing, and the whole grid is too large");
    }
  } else if (budget.trials == 0) {
    const Field* field = root.Find("budget");
    return reader.Error(field != nullptr ? *field : root.self(),
                        field != nullptr ? "trials: missing: say how many configurations to try"
                                         : "budget: missing: say budget: {trials: N, epochs: N}");
  }
  return absl::OkStatus();
}

absl::Status CheckEnqueueFits(const Reader& reader, const Field& enqueue, size_t entries,
                              const Budget& budget) {
  if (budget.trials == 0 || budget.trials >= static_cast<int64_t>(entries)) return absl::OkStatus();
  return reader.Error(enqueue, StrCat(entries, " trials do not fit the budget of ", budget.trials));
}

absl::Status CheckCombinations(const Reader& reader, const ParsedSpace& parsed,
                               const StudySpec& study) {
  constexpr int64_t kMostOfAPart = 50000;  // a fraction of a second
  absl::Status problem;
  WalkCombinations(parsed.space, {}, kMostOfAPart, [&](const Configuration& configuration) {
    const auto plan = ResolvePlan(configuration, study.budget, AssumedTraits(study.weights));
    if (plan.ok()) return true;
    const auto [name, reason] = SplitMessage(plan.status());
    const auto place = parsed.places.find(name);
    const std::string where = StrCat(reason, " (in ", ToJsonText(configuration), ")");
    problem = place != parsed.places.end()
                  ? reader.Error(place->second, where)
                  : reader.Error(YAML::Mark(), "parameters", StrCat(name, ": ", where));
    return false;
  });
  return problem;
}

absl::StatusOr<ParsedStage> ReadStage(const Reader& reader, const Field& field, StudySpec& study) {
  VIZSLA_ASSIGN_OR_RETURN(
      const Mapping mapping,
      reader.ReadMapping(field, {"name", "notes", "init_from", "top", "budget", "sampler", "pruner",
                                 "parameters", "enqueue"}));
  Stage stage;
  stage.sampler = study.sampler;
  stage.pruner = study.pruner;
  stage.budget.epochs = study.budget.epochs;
  if (const Field* name = mapping.Find("name")) {
    VIZSLA_ASSIGN_OR_RETURN(stage.name, reader.ReadText(*name));
  }
  if (const Field* notes = mapping.Find("notes")) {
    VIZSLA_ASSIGN_OR_RETURN(stage.notes, reader.ReadText(*notes));
  }
  if (const Field* init_from = mapping.Find("init_from")) {
    VIZSLA_ASSIGN_OR_RETURN(const std::string word, reader.ReadWord(*init_from, {"best", "none"}));
    stage.init_weights = word == "best";
  }
  if (const Field* top = mapping.Find("top")) {
    VIZSLA_ASSIGN_OR_RETURN(const int64_t count, reader.ReadInt(*top, 1, 1000));
    stage.top = static_cast<int>(count);
  }
  if (const Field* budget = mapping.Find("budget")) {
    VIZSLA_ASSIGN_OR_RETURN(stage.budget, ReadBudget(reader, *budget, stage.budget));
    if (stage.budget.wall_time) {
      return reader.Error(*budget, "wall_time is the whole study's: say it in the study's budget");
    }
  }
  ParsedStage parsed;
  parsed.whole = field;
  if (const Field* parameters = mapping.Find("parameters")) {
    VIZSLA_ASSIGN_OR_RETURN(parsed.parameters, ParseParameters(reader, *parameters, &study));
    stage.space = parsed.parameters.space;
  }
  VIZSLA_RETURN_IF_ERROR(
      ReadPolicies(reader, mapping, study.objective, stage.budget, stage.sampler, stage.pruner));
  VIZSLA_RETURN_IF_ERROR(
      CheckSampler(reader, mapping, parsed.parameters, stage.sampler, stage.budget));
  const bool takes_over = mapping.Find("pruner") == nullptr;
  VIZSLA_RETURN_IF_ERROR(CompletePopulation(reader, mapping, stage.space,
                                            takes_over ? &study.space : nullptr, stage.budget,
                                            stage.pruner));
  if (const Field* enqueue = mapping.Find("enqueue")) {
    const auto by_default = stage.init_weights ? InitFrom::Kind::kBest : InitFrom::Kind::kNone;
    VIZSLA_ASSIGN_OR_RETURN(ParsedEnqueue read, ParseEnqueue(reader, *enqueue, by_default));
    stage.enqueue = std::move(read.trials);
    parsed.enqueue = std::move(read.places);
    VIZSLA_RETURN_IF_ERROR(CheckEnqueueFits(reader, *enqueue, stage.enqueue.size(), stage.budget));
  }
  study.stages.push_back(std::move(stage));
  return parsed;
}

absl::Status CheckStages(const Reader& reader, const std::vector<ParsedStage>& stages,
                         const StudySpec& study) {
  const auto problem = FindImpossible(study, AssumedTraits(study.weights));
  if (!problem) return absl::OkStatus();
  const ParsedStage& stage = stages[static_cast<size_t>(problem->stage - 1)];
  const Field* place = nullptr;
  const Field* otherwise = &stage.whole;
  if (problem->entry) {
    const EnqueuedPlaces& places = stage.enqueue[*problem->entry];
    place = places.values.Find(problem->parameter);
    otherwise = &places.parameters;
  } else if (const auto found = stage.parameters.places.find(problem->parameter);
             found != stage.parameters.places.end()) {
    place = &found->second;
  }
  if (place != nullptr || problem->parameter.empty()) {
    return reader.Error(place != nullptr ? *place : *otherwise, problem->reason);
  }
  return reader.Error(*otherwise, StrCat(problem->parameter, ": ", problem->reason));
}

}  // namespace vizsla::spec
