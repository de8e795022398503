#include "src/spec/parse_study.h"

#include "src/base/file.h"
#include "src/catalog/preprocessing.h"
#include "src/catalog/training_plan.h"
#include "src/spec/parse_parameters.h"
#include "src/spec/yaml_reader.h"

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

absl::StatusOr<Budget> ReadBudget(const Reader& reader, const Field& field) {
  VIZSLA_ASSIGN_OR_RETURN(const Mapping mapping,
                          reader.ReadMapping(field, {"trials", "epochs", "wall_time"}));
  Budget budget;
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

absl::StatusOr<EarlyStopping> ReadEarlyStopping(const Reader& reader, const Field& field) {
  EarlyStopping rule;
  if (field.node.IsScalar()) {
    VIZSLA_ASSIGN_OR_RETURN(const bool on, reader.ReadBool(field));
    if (!on) rule.patience = 0;
    return rule;
  }
  VIZSLA_ASSIGN_OR_RETURN(const Mapping mapping,
                          reader.ReadMapping(field, {"metric", "patience", "min_delta"}));
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
  if (const Field* field = root.Find("budget")) {
    VIZSLA_ASSIGN_OR_RETURN(study.budget, ReadBudget(reader, *field));
  }
  if (const Field* field = root.Find("early_stopping")) {
    VIZSLA_ASSIGN_OR_RETURN(study.early_stopping, ReadEarlyStopping(reader, *field));
  }
  if (const Field* field = root.Find("sampler")) {
    VIZSLA_ASSIGN_OR_RETURN(const std::string word, reader.ReadWord(*field, {"random", "grid"}));
    study.sampler = word == "grid" ? SamplerKind::kGrid : SamplerKind::kRandom;
  }
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

absl::Status CheckSampler(const Reader& reader, const Mapping& root,
                          const spec::ParsedSpace& parsed, const StudySpec& study) {
  if (study.sampler == SamplerKind::kGrid) {
    for (const Parameter& parameter : parsed.space.parameters) {
      if (CountValues(parameter.domain)) continue;
      return reader.Error(parsed.places.at(parameter.name),
                          "the grid sampler cannot walk a continuous range; give it a step, or "
                          "take sampler: random");
    }
    if (study.budget.trials == 0 && !CountConfigurations(parsed.space)) {
      return reader.Error(root.self(), "budget.trials: missing, and the whole grid is too large");
    }
  } else if (study.budget.trials == 0) {
    const Field* budget = root.Find("budget");
    return reader.Error(budget != nullptr ? *budget : root.self(),
                        budget != nullptr ? "trials: missing: say how many configurations to try"
                                          : "budget: missing: say budget: {trials: N, epochs: N}");
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
      reader.ReadMapping(whole, {"name", "notes", "seed", "split", "weights", "objective", "budget",
                                 "early_stopping", "sampler", "max_crashes", "checkpoint_interval",
                                 "parameters", "enqueue"}));
  StudySpec study;
  const Field* name = root.Find("name");
  if (name == nullptr) return reader.Error(whole, "name: missing: a study needs a name");
  VIZSLA_ASSIGN_OR_RETURN(study.name, ReadName(reader, *name));
  VIZSLA_RETURN_IF_ERROR(ReadPlainFields(reader, root, study));

  const Field* parameters = root.Find("parameters");
  if (parameters == nullptr) {
    return reader.Error(whole, "parameters: missing: say what is to be searched");
  }
  VIZSLA_ASSIGN_OR_RETURN(const spec::ParsedSpace parsed,
                          spec::ParseParameters(reader, *parameters));
  study.space = parsed.space;
  VIZSLA_RETURN_IF_ERROR(CheckSampler(reader, root, parsed, study));
  VIZSLA_RETURN_IF_ERROR(spec::CheckCombinations(reader, parsed, study));
  if (const Field* enqueue = root.Find("enqueue")) {
    VIZSLA_ASSIGN_OR_RETURN(study.enqueue,
                            spec::ParseEnqueue(reader, *enqueue, study.space, study));
    if (study.budget.trials != 0 &&
        study.budget.trials < static_cast<int64_t>(study.enqueue.size())) {
      return reader.Error(
          *enqueue,
          StrCat(study.enqueue.size(), " trials do not fit the budget of ", study.budget.trials));
    }
  }
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
