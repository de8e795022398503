#include "src/spec/parse_study.h"

#include "src/base/file.h"
#include "src/catalog/preprocessing.h"
#include "src/spec/parse_enqueue.h"
#include "src/spec/parse_parameters.h"
#include "src/spec/parse_population.h"
#include "src/spec/parse_repeats.h"
#include "src/spec/parse_stage.h"
#include "src/spec/parse_stop.h"
#include "src/spec/yaml_reader.h"
#include "src/study/init_from.h"
#include "src/study/objectives_check.h"

namespace vizsla {
namespace {

using spec::Field;
using spec::Mapping;
using spec::Reader;

const std::vector<std::string>& MetricNames() {
  static const std::vector<std::string> names = {"train_loss", "train_accuracy", "val_loss",
                                                 "val_accuracy", "val_top5_accuracy"};
  return names;
}

absl::StatusOr<std::string> ReadName(const Reader& reader, const Field& field) {
  VIZSLA_ASSIGN_OR_RETURN(std::string name, reader.ReadText(field));
  if (const absl::Status status = CheckStudyName(name); !status.ok()) {
    return reader.Error(field, std::string(status.message()));
  }
  return name;
}

absl::StatusOr<double> ReadFraction(const Reader& reader, const Field& field) {
  VIZSLA_ASSIGN_OR_RETURN(const double value, reader.ReadNumber(field));
  if (value <= 0 || value >= 1) {
    return reader.Error(field, StrCat("must be between 0 and 1, not ", value));
  }
  return value;
}

absl::StatusOr<SplitSpec> ReadSplit(const Reader& reader, const Field& field) {
  VIZSLA_ASSIGN_OR_RETURN(
      const Mapping mapping,
      reader.ReadMapping(field, {"test", "validation", "seed", "group_column"}));
  SplitSpec split;
  if (const Field* test = mapping.Find("test")) {
    VIZSLA_ASSIGN_OR_RETURN(split.test, ReadFraction(reader, *test));
  }
  if (const Field* validation = mapping.Find("validation")) {
    VIZSLA_ASSIGN_OR_RETURN(split.validation, ReadFraction(reader, *validation));
  }
  if (const Field* seed = mapping.Find("seed")) {
    VIZSLA_ASSIGN_OR_RETURN(split.seed, reader.ReadUnsigned(*seed));
  }
  if (const Field* group = mapping.Find("group_column")) {
    VIZSLA_ASSIGN_OR_RETURN(split.group_column, reader.ReadText(*group));
  }
  return split;
}

absl::StatusOr<WeightsSpec> ReadWeights(const Reader& reader, const Field& field) {
  VIZSLA_ASSIGN_OR_RETURN(const Mapping mapping,
                          reader.ReadMapping(field, {"padding", "preprocessing"}));
  WeightsSpec weights;
  if (const Field* padding = mapping.Find("padding")) {
    VIZSLA_ASSIGN_OR_RETURN(weights.padding, reader.ReadWord(*padding, {"tf_same", "symmetric"}));
  }
  if (const Field* preprocessing = mapping.Find("preprocessing")) {
    std::vector<std::string> names;
    for (const std::string_view name : PreprocessingNames()) names.emplace_back(name);
    VIZSLA_ASSIGN_OR_RETURN(weights.preprocessing, reader.ReadWord(*preprocessing, names));
  }
  return weights;
}

absl::StatusOr<Objective> ReadObjective(const Reader& reader, const Field& field) {
  Objective objective;
  if (field.node.IsScalar()) {
    VIZSLA_ASSIGN_OR_RETURN(objective.metric, reader.ReadWord(field, MetricNames()));
    objective.select_by = objective.metric;
    objective.direction = DefaultDirection(objective.metric);
    objective.select_direction = objective.direction;
    return objective;
  }
  VIZSLA_ASSIGN_OR_RETURN(const Mapping mapping,
                          reader.ReadMapping(field, {"metric", "direction", "select_by"}));
  if (const Field* metric = mapping.Find("metric")) {
    VIZSLA_ASSIGN_OR_RETURN(objective.metric, reader.ReadWord(*metric, MetricNames()));
  }
  objective.direction = DefaultDirection(objective.metric);
  if (const Field* direction = mapping.Find("direction")) {
    VIZSLA_ASSIGN_OR_RETURN(const std::string word,
                            reader.ReadWord(*direction, {"minimize", "maximize"}));
    objective.direction = word == "minimize" ? Direction::kMinimize : Direction::kMaximize;
  }
  objective.select_by = objective.metric;
  if (const Field* select_by = mapping.Find("select_by")) {
    VIZSLA_ASSIGN_OR_RETURN(objective.select_by, reader.ReadWord(*select_by, MetricNames()));
  }
  objective.select_direction = objective.select_by == objective.metric
                                   ? objective.direction
                                   : DefaultDirection(objective.select_by);
  return objective;
}

absl::StatusOr<FurtherObjective> ReadFurther(const Reader& reader, const Field& field) {
  std::vector<std::string> names = MetricNames();
  for (const char* cost :
       {kParametersMetric, kMultiplyAddsMetric, kModelBytesMetric, kLatencyMetric}) {
    names.emplace_back(cost);
  }
  FurtherObjective further;
  if (field.node.IsScalar()) {
    VIZSLA_ASSIGN_OR_RETURN(further.metric, reader.ReadWord(field, names));
    further.direction = DefaultDirection(further.metric);
    return further;
  }
  VIZSLA_ASSIGN_OR_RETURN(const Mapping mapping,
                          reader.ReadMapping(field, {"metric", "direction"}));
  const Field* metric = mapping.Find("metric");
  if (metric == nullptr) return reader.Error(field, "metric: missing");
  VIZSLA_ASSIGN_OR_RETURN(further.metric, reader.ReadWord(*metric, names));
  further.direction = DefaultDirection(further.metric);
  if (const Field* direction = mapping.Find("direction")) {
    VIZSLA_ASSIGN_OR_RETURN(const std::string word,
                            reader.ReadWord(*direction, {"minimize", "maximize"}));
    further.direction = word == "minimize" ? Direction::kMinimize : Direction::kMaximize;
  }
  return further;
}

// The first is what `objective` would be; the others are weighed against it.
absl::StatusOr<Objective> ReadObjectives(const Reader& reader, const Field& field) {
  VIZSLA_ASSIGN_OR_RETURN(const std::vector<Field> entries, reader.ReadList(field));
  if (entries.empty()) return reader.Error(field, "there are no objectives");
  VIZSLA_ASSIGN_OR_RETURN(Objective objective, ReadObjective(reader, entries[0]));
  for (size_t i = 1; i < entries.size(); ++i) {
    VIZSLA_ASSIGN_OR_RETURN(FurtherObjective further, ReadFurther(reader, entries[i]));
    objective.further.push_back(std::move(further));
    if (const absl::Status status = CheckObjectives(objective); !status.ok()) {
      return reader.Error(entries[i], std::string(status.message()));
    }
  }
  return objective;
}

// `restore: last` is what a trial's result is, so it is part of the objective.
absl::Status ReadRestore(const Reader& reader, const Field& field, Objective& objective) {
  VIZSLA_ASSIGN_OR_RETURN(const std::string word, reader.ReadWord(field, {"best", "last"}));
  objective.last_epoch = word == "last";
  if (objective.last_epoch && objective.select_by != objective.metric) {
    return reader.Error(field, StrCat("last and the objective's select_by: ", objective.select_by,
                                      " both choose the epoch; leave one out"));
  }
  return absl::OkStatus();
}

absl::StatusOr<EarlyStopping> ReadEarlyStopping(const Reader& reader, const Field& field,
                                                Objective& objective) {
  EarlyStopping rule;
  if (field.node.IsScalar()) {
    VIZSLA_ASSIGN_OR_RETURN(const bool on, reader.ReadBool(field));
    if (!on) rule.patience = 0;
    return rule;
  }
  VIZSLA_ASSIGN_OR_RETURN(
      const Mapping mapping,
      reader.ReadMapping(field, {"metric", "patience", "min_delta", "restore"}));
  if (const Field* metric = mapping.Find("metric")) {
    VIZSLA_ASSIGN_OR_RETURN(rule.metric, reader.ReadWord(*metric, MetricNames()));
  }
  rule.direction = DefaultDirection(rule.metric);
  if (const Field* patience = mapping.Find("patience")) {
    VIZSLA_ASSIGN_OR_RETURN(const int64_t epochs, reader.ReadInt(*patience, 1, 1000000));
    rule.patience = static_cast<int>(epochs);
  }
  if (const Field* min_delta = mapping.Find("min_delta")) {
    VIZSLA_ASSIGN_OR_RETURN(rule.min_delta, reader.ReadNumber(*min_delta));
    if (rule.min_delta < 0) return reader.Error(*min_delta, "must be at least 0");
  }
  if (const Field* restore = mapping.Find("restore")) {
    VIZSLA_RETURN_IF_ERROR(ReadRestore(reader, *restore, objective));
  }
  return rule;
}

// Everything that needs no other field.
absl::Status ReadPlainFields(const Reader& reader, const Mapping& root, StudySpec& study) {
  if (const Field* field = root.Find("notes")) {
    VIZSLA_ASSIGN_OR_RETURN(study.notes, reader.ReadText(*field));
  }
  if (const Field* field = root.Find("seed")) {
    VIZSLA_ASSIGN_OR_RETURN(study.seed, reader.ReadUnsigned(*field));
  }
  if (const Field* field = root.Find("split")) {
    VIZSLA_ASSIGN_OR_RETURN(study.split, ReadSplit(reader, *field));
  }
  if (const Field* field = root.Find("weights")) {
    VIZSLA_ASSIGN_OR_RETURN(study.weights, ReadWeights(reader, *field));
  }
  if (const Field* field = root.Find("objective")) {
    VIZSLA_ASSIGN_OR_RETURN(study.objective, ReadObjective(reader, *field));
  }
  if (const Field* field = root.Find("objectives")) {
    if (root.Find("objective") != nullptr) {
      return reader.Error(*field, "and objective: give one of the two");
    }
    VIZSLA_ASSIGN_OR_RETURN(study.objective, ReadObjectives(reader, *field));
  }
  if (const Field* field = root.Find("budget")) {
    VIZSLA_ASSIGN_OR_RETURN(study.budget, spec::ReadBudget(reader, *field, Budget()));
  }
  if (const Field* field = root.Find("early_stopping")) {
    VIZSLA_ASSIGN_OR_RETURN(study.early_stopping,
                            ReadEarlyStopping(reader, *field, study.objective));
  }
  VIZSLA_RETURN_IF_ERROR(spec::ReadRepeats(reader, root, study));
  if (const Field* field = root.Find("max_crashes")) {
    VIZSLA_ASSIGN_OR_RETURN(const int64_t count, reader.ReadInt(*field, 1, 1000));
    study.max_crashes = static_cast<int>(count);
  }
  if (const Field* field = root.Find("checkpoint_interval")) {
    VIZSLA_ASSIGN_OR_RETURN(study.checkpoint_interval,
                            reader.ReadDuration(*field, std::chrono::seconds(0)));
  }
  return absl::OkStatus();
}

absl::StatusOr<StudySpec> ReadStudy(const Reader& reader, const YAML::Node& document) {
  const Field whole{document, "", document.Mark()};
  if (!document.IsDefined() || document.IsNull()) {
    return reader.Error(whole, "the file is empty; a study needs name and parameters");
  }
  VIZSLA_ASSIGN_OR_RETURN(
      const Mapping root,
      reader.ReadMapping(
          whole, {"name",       "notes",      "seed",   "split",          "weights",
                  "objective",  "objectives", "budget", "early_stopping", "sampler",
                  "pruner",     "repeats",    "final",  "max_crashes",    "checkpoint_interval",
                  "parameters", "enqueue",    "then",   "stop",           "learn_from"}));
  StudySpec study;
  const Field* name = root.Find("name");
  if (name == nullptr) return reader.Error(whole, "name: missing: a study needs a name");
  VIZSLA_ASSIGN_OR_RETURN(study.name, ReadName(reader, *name));
  VIZSLA_RETURN_IF_ERROR(ReadPlainFields(reader, root, study));
  VIZSLA_RETURN_IF_ERROR(
      spec::ReadPolicies(reader, root, study.objective, study.budget, study.sampler, study.pruner));

  if (const Field* field = root.Find("stop")) {
    VIZSLA_ASSIGN_OR_RETURN(study.stop, spec::ReadStop(reader, *field));
  }
  if (const Field* field = root.Find("learn_from")) {
    VIZSLA_ASSIGN_OR_RETURN(study.learn_from, spec::ReadLearnFrom(reader, *field, study));
  }

  const Field* parameters = root.Find("parameters");
  if (parameters == nullptr) {
    return reader.Error(whole, "parameters: missing: say what is to be searched");
  }
  std::vector<spec::ParsedStage> stages(1);
  stages[0].whole = whole;
  VIZSLA_ASSIGN_OR_RETURN(stages[0].parameters, spec::ParseParameters(reader, *parameters));
  study.space = stages[0].parameters.space;
  VIZSLA_RETURN_IF_ERROR(
      spec::CheckSampler(reader, root, stages[0].parameters, study.sampler, study.budget));
  VIZSLA_RETURN_IF_ERROR(
      spec::CompletePopulation(reader, root, study.space, nullptr, study.budget, study.pruner));
  VIZSLA_RETURN_IF_ERROR(spec::CheckCombinations(reader, stages[0].parameters, study));
  if (const Field* enqueue = root.Find("enqueue")) {
    VIZSLA_ASSIGN_OR_RETURN(spec::ParsedEnqueue read,
                            spec::ParseEnqueue(reader, *enqueue, InitFrom::Kind::kNone));
    study.enqueue = std::move(read.trials);
    stages[0].enqueue = std::move(read.places);
    VIZSLA_RETURN_IF_ERROR(
        spec::CheckEnqueueFits(reader, *enqueue, study.enqueue.size(), study.budget));
  }
  if (const Field* then = root.Find("then")) {
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<Field> entries, reader.ReadList(*then));
    if (entries.empty()) return reader.Error(*then, "there are no stages");
    for (const Field& entry : entries) {
      VIZSLA_ASSIGN_OR_RETURN(spec::ParsedStage stage, spec::ReadStage(reader, entry, study));
      stages.push_back(std::move(stage));
    }
  }
  if (const auto problem = FindInitFromProblem(study)) {
    const spec::ParsedStage& stage = stages[static_cast<size_t>(problem->place.stage - 1)];
    return reader.Error(stage.enqueue[problem->place.entry].init_from, problem->reason);
  }
  VIZSLA_RETURN_IF_ERROR(spec::CompleteEnqueue(reader, stages[0].enqueue, study));
  VIZSLA_RETURN_IF_ERROR(spec::CheckStages(reader, stages, study));
  VIZSLA_RETURN_IF_ERROR(spec::CheckRepeatedPruners(reader, root, study));
  return study;
}

// yaml-cpp's words for a line that a tab indents ("illegal map value") help nobody.
absl::Status SyntaxError(const Reader& reader, const std::string& text,
                         const YAML::Exception& error) {
  size_t start = 0;
  for (int line = 0; line < error.mark.line && start < text.size(); ++line) {
    const size_t end = text.find('\n', start);
    start = end == std::string::npos ? text.size() : end + 1;
  }
  const size_t indent = text.find_first_not_of(' ', start);
  if (indent != std::string::npos && text[indent] == '\t') {
    YAML::Mark mark = error.mark;
    mark.column = static_cast<int>(indent - start);
    return reader.Error(mark, "", "not YAML: a tab cannot indent; use spaces");
  }
  return reader.Error(error.mark, "", StrCat("not YAML: ", error.msg));
}

}  // namespace

absl::StatusOr<StudySpec> ParseStudy(std::string_view yaml, std::string_view file_name) {
  const Reader reader{std::string(file_name)};
  const std::string text(yaml);
  // yaml-cpp throws; its exceptions end here.
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(text);
    if (documents.size() > 1) {
      return reader.Error(documents[1].Mark(), "", "a second document; one file holds one study");
    }
    return ReadStudy(reader, documents.empty() ? YAML::Node() : documents[0]);
  } catch (const YAML::Exception& error) {
    return SyntaxError(reader, text, error);
  }
}

absl::StatusOr<StudySpec> ParseStudyFile(const std::string& path) {
  VIZSLA_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  return ParseStudy(text, path);
}

}  // namespace vizsla
