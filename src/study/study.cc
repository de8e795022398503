#include "src/study/study.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "src/base/check.h"
#include "src/base/sha256.h"
#include "src/study/json_fields.h"

namespace vizsla {
namespace {

using nlohmann::json;

// Everything that makes it the same study; objects without the parts that may change.
json ImmutableJson(const StudySpec& spec) {
  json immutable = ToJson(spec);
  immutable.erase("name");
  immutable.erase("notes");
  immutable.erase("budget");
  immutable.erase("stop");
  immutable.erase("final");
  if (immutable.contains("stages")) {
    for (json& stage : immutable["stages"]) {
      stage.erase("notes");
      stage.erase("budget");
    }
  }
  return immutable;
}

std::string DescribeParameter(const Parameter& parameter) {
  std::string text = ToText(parameter.domain);
  for (const Condition& condition : parameter.conditions) {
    absl::StrAppend(
        &text, " when ", condition.parent, " is ",
        absl::StrJoin(condition.values, " or ", [](std::string* out, const ParameterValue& value) {
          absl::StrAppend(out, ToText(value));
        }));
  }
  return text;
}

// One readable line for each leaf field.
void Flatten(const json& value, const std::string& path,
             std::map<std::string, std::string>& lines) {
  if (value.is_object() && !value.empty()) {
    for (const auto& [key, field] : value.items()) {
      Flatten(field, path.empty() ? key : StrCat(path, ".", key), lines);
    }
    return;
  }
  lines[path] = value.is_string() ? value.get<std::string>() : DumpJson(value);
  if (lines[path].empty()) lines[path] = "(empty)";
}

using Lines = std::map<std::string, std::string>;

void AddSpace(const SearchSpace& space, const std::string& prefix, Lines& lines) {
  std::vector<std::string> order;
  for (const Parameter& parameter : space.parameters) {
    lines[StrCat(prefix, "parameters.", parameter.name)] = DescribeParameter(parameter);
    order.push_back(parameter.name);
  }
  lines[StrCat(prefix, "order of parameters")] = absl::StrJoin(order, ", ");
}

void AddEnqueue(const std::vector<EnqueuedTrial>& enqueue, const std::string& prefix,
                Lines& lines) {
  for (size_t i = 0; i < enqueue.size(); ++i) {
    const EnqueuedTrial& trial = enqueue[i];
    const std::string path = StrCat(prefix, "enqueue.", i + 1);
    lines[StrCat(path, ".name")] = trial.name.empty() ? "(empty)" : trial.name;
    lines[StrCat(path, ".notes")] = trial.notes.empty() ? "(empty)" : trial.notes;
    lines[StrCat(path, ".parameters")] = ToJsonText(trial.configuration);
    lines[StrCat(path, ".init_from")] = ToText(trial.init_from);
  }
}

Lines ImmutableLines(const StudySpec& spec) {
  json fields = ImmutableJson(spec);
  for (const char* apart : {"space", "enqueue", "stages"}) fields.erase(apart);
  Lines lines;
  Flatten(fields, "", lines);
  AddSpace(spec.space, "", lines);
  AddEnqueue(spec.enqueue, "", lines);
  for (size_t i = 0; i < spec.stages.size(); ++i) {
    const Stage& stage = spec.stages[i];
    const std::string prefix = StrCat("then.", i + 1, ".");
    lines[StrCat(prefix, "name")] = stage.name.empty() ? "(empty)" : stage.name;
    lines[StrCat(prefix, "init_from")] = stage.init_weights ? "best" : "none";
    lines[StrCat(prefix, "top")] = StrCat(stage.top);
    lines[StrCat(prefix, "sampler")] = Describe(stage.sampler);
    lines[StrCat(prefix, "pruner")] = Describe(stage.pruner);
    AddSpace(stage.space, prefix, lines);
    AddEnqueue(stage.enqueue, prefix, lines);
  }
  return lines;
}

Direction DirectionFromJson(JsonFields& fields, const std::string& key) {
  const std::string text = fields.String(key);
  if (text == "minimize") return Direction::kMinimize;
  if (text != "maximize") fields.Fail(key, StrCat("'", text, "' is no direction"));
  return Direction::kMaximize;
}

SplitSpec SplitFromJson(JsonFields& outer, const json& value) {
  JsonFields fields(value, "split");
  SplitSpec split;
  split.test = fields.Double("test");
  split.validation = fields.Double("validation");
  split.seed = fields.Unsigned("seed");
  split.group_column = fields.String("group_column");
  outer.Note(fields.Finish());
  return split;
}

WeightsSpec WeightsFromJson(JsonFields& outer, const json& value) {
  JsonFields fields(value, "weights");
  WeightsSpec weights;
  weights.padding = fields.String("padding");
  weights.preprocessing = fields.String("preprocessing");
  outer.Note(fields.Finish());
  return weights;
}

std::vector<FurtherObjective> FurtherFromJson(JsonFields& outer, const json& value) {
  std::vector<FurtherObjective> all;
  if (!value.is_array()) {
    outer.Fail("further", "must be a list");
    return all;
  }
  for (const json& entry : value) {
    JsonFields fields(entry, "further");
    FurtherObjective& objective = all.emplace_back();
    objective.metric = fields.String("metric");
    objective.direction = DirectionFromJson(fields, "direction");
    outer.Note(fields.Finish());
  }
  return all;
}

Objective ObjectiveFromJson(JsonFields& outer, const json& value) {
  JsonFields fields(value, "objective");
  Objective objective;
  objective.metric = fields.String("metric");
  objective.direction = DirectionFromJson(fields, "direction");
  objective.select_by = fields.String("select_by");
  objective.select_direction = DirectionFromJson(fields, "select_direction");
  if (fields.Has("epoch")) {
    objective.last_epoch = fields.String("epoch") == "last";
    if (!objective.last_epoch) fields.Fail("epoch", "must be last");
  }
  if (fields.Has("further")) objective.further = FurtherFromJson(fields, *fields.Get("further"));
  outer.Note(fields.Finish());
  return objective;
}

EarlyStopping EarlyStoppingFromJson(JsonFields& outer, const json& value) {
  JsonFields fields(value, "early_stopping");
  EarlyStopping rule;
  rule.metric = fields.String("metric");
  rule.direction = DirectionFromJson(fields, "direction");
  rule.patience = static_cast<int>(fields.Int("patience", 0, 1 << 30));
  rule.min_delta = fields.Double("min_delta");
  outer.Note(fields.Finish());
  return rule;
}

std::vector<std::string> NamesFromJson(JsonFields& fields, const std::string& key,
                                       const json& list) {
  std::vector<std::string> names;
  if (!list.is_array()) fields.Fail(key, "must be a list of names");
  for (const json& name : list) {
    if (name.is_string()) {
      names.push_back(name.get<std::string>());
    } else {
      fields.Fail(key, "must be a list of names");
    }
  }
  return names;
}

// What a study means that was stored before the newest fields existed.
json WithDefaults(json study) {
  json defaults = ToJson(StudySpec());
  for (const char* needed : {"name", "space"}) defaults.erase(needed);
  FillIn(defaults, study);
  return study;
}

std::string_view ToText(Direction direction) {
  return direction == Direction::kMinimize ? "minimize" : "maximize";
}

}  // namespace

std::string_view ToText(StudyState state) {
  switch (state) {
    case StudyState::kActive:
      return "active";
    case StudyState::kStopped:
      return "stopped";
    case StudyState::kFinished:
      return "finished";
  }
  VIZSLA_CHECK(false);
}

absl::Status CheckStudyName(std::string_view name) {
  constexpr size_t kLongest = 100;
  const auto allowed = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
  };
  if (!name.empty() && name.size() <= kLongest &&
      absl::ascii_isalnum(static_cast<unsigned char>(name.front())) &&
      std::all_of(name.begin(), name.end(), allowed)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(StrCat(
      "must be letters, digits, '-', '_' and '.', beginning with a letter or digit, at most ",
      kLongest, ", not '", name, "'"));
}

int StageCount(const StudySpec& spec) { return 1 + static_cast<int>(spec.stages.size()); }

StageView StageOf(const StudySpec& spec, int stage) {
  VIZSLA_CHECK(stage >= 1 && stage <= StageCount(spec));
  if (stage == 1) return {spec.budget, spec.sampler, spec.pruner, spec.space, spec.enqueue};
  const Stage& later = spec.stages[static_cast<size_t>(stage - 2)];
  return {later.budget, later.sampler, later.pruner, later.space, later.enqueue};
}

std::string DescribeStage(const StudySpec& spec, int stage) {
  VIZSLA_CHECK(stage >= 1 && stage <= StageCount(spec));
  return DescribeStage(stage, stage == 1 ? "" : spec.stages[static_cast<size_t>(stage - 2)].name);
}

int PlannedEpochs(const StudySpec& spec, const Trial& trial) {
  return PlannedEpochs(StageOf(spec, std::clamp(trial.stage, 1, StageCount(spec))).budget,
                       trial.configuration);
}

int PlannedEpochs(const Budget& budget, const Configuration& configuration) {
  const auto own = configuration.find(kEpochsParameter);
  if (own == configuration.end()) return budget.epochs;
  const auto* epochs = std::get_if<int64_t>(&own->second);
  const bool less = epochs != nullptr && *epochs >= 1 && *epochs <= budget.epochs;
  return less ? static_cast<int>(*epochs) : budget.epochs;
}

nlohmann::json ToJson(const StudySpec& spec) {
  json enqueue = json::array();
  for (const EnqueuedTrial& trial : spec.enqueue) enqueue.push_back(ToJson(trial));
  const Objective& objective = spec.objective;
  const EarlyStopping& rule = spec.early_stopping;
  json fields = {
      {"name", spec.name},
      {"notes", spec.notes},
      {"seed", spec.seed},
      {"split",
       {{"test", spec.split.test},
        {"validation", spec.split.validation},
        {"seed", spec.split.seed},
        {"group_column", spec.split.group_column}}},
      {"weights",
       {{"padding", spec.weights.padding}, {"preprocessing", spec.weights.preprocessing}}},
      {"objective",
       {{"metric", objective.metric},
        {"direction", ToText(objective.direction)},
        {"select_by", objective.select_by},
        {"select_direction", ToText(objective.select_direction)}}},
      {"budget", ToJson(spec.budget)},
      {"early_stopping",
       {{"metric", rule.metric},
        {"direction", ToText(rule.direction)},
        {"patience", rule.patience},
        {"min_delta", rule.min_delta}}},
      {"sampler", ToJson(spec.sampler)},
      {"max_crashes", spec.max_crashes},
      {"checkpoint_interval_s", spec.checkpoint_interval.count()},
      {"space", ToJson(spec.space)},
      {"enqueue", enqueue},
  };
  // Left out when they say nothing, so that older studies keep their hash.
  if (objective.last_epoch) fields["objective"]["epoch"] = "last";
  for (const FurtherObjective& further : objective.further) {
    fields["objective"]["further"].push_back(
        {{"metric", further.metric}, {"direction", ToText(further.direction)}});
  }
  if (spec.pruner != PrunerSpec()) fields["pruner"] = ToJson(spec.pruner);
  if (spec.repeats != 1) fields["repeats"] = spec.repeats;
  if (spec.final_runs.top > 0) fields["final"] = ToJson(spec.final_runs);
  for (const Stage& stage : spec.stages) fields["stages"].push_back(ToJson(stage));
  if (!spec.stop.empty()) fields["stop"] = ToJson(spec.stop);
  if (!spec.learn_from.empty()) fields["learn_from"] = spec.learn_from;
  return fields;
}

absl::StatusOr<StudySpec> StudySpecFromJson(const nlohmann::json& value) {
  const json whole = WithDefaults(value);
  JsonFields fields(whole, "study");
  StudySpec spec;
  spec.name = fields.String("name");
  spec.notes = fields.String("notes");
  spec.seed = fields.Unsigned("seed");
  if (const json* field = fields.Get("split")) spec.split = SplitFromJson(fields, *field);
  if (const json* field = fields.Get("weights")) spec.weights = WeightsFromJson(fields, *field);
  if (const json* field = fields.Get("objective")) {
    spec.objective = ObjectiveFromJson(fields, *field);
  }
  if (const json* field = fields.Get("budget")) spec.budget = BudgetFromJson(fields, *field);
  if (const json* field = fields.Get("early_stopping")) {
    spec.early_stopping = EarlyStoppingFromJson(fields, *field);
  }
  spec.sampler = SamplerFromJson(fields, "sampler");
  if (fields.Has("pruner")) spec.pruner = PrunerFromJson(fields, "pruner");
  if (fields.Has("repeats")) {
    spec.repeats = static_cast<int>(fields.Int("repeats", 1, kMostRepeats));
  }
  if (fields.Has("final")) spec.final_runs = FinalRunsFromJson(fields, *fields.Get("final"));
  spec.max_crashes = static_cast<int>(fields.Int("max_crashes", 1, 1 << 30));
  spec.checkpoint_interval =
      std::chrono::seconds(fields.Int("checkpoint_interval_s", 0, int64_t{1} << 40));
  if (const json* field = fields.Get("space")) {
    auto space = SearchSpaceFromJson(*field);
    fields.Note(space.status());
    if (space.ok()) spec.space = *std::move(space);
  }
  if (const json* field = fields.Get("enqueue")) spec.enqueue = EnqueueFromJson(fields, *field);
  if (fields.Has("stages")) spec.stages = StagesFromJson(fields, *fields.Get("stages"));
  if (fields.Has("stop")) spec.stop = StopRulesFromJson(fields, *fields.Get("stop"));
  if (fields.Has("learn_from")) {
    spec.learn_from = NamesFromJson(fields, "learn_from", *fields.Get("learn_from"));
  }
  VIZSLA_RETURN_IF_ERROR(fields.Finish());
  return spec;
}

std::string ToJsonText(const StudySpec& spec) { return DumpJson(ToJson(spec)); }

absl::StatusOr<StudySpec> StudySpecFromJsonText(std::string_view text) {
  VIZSLA_ASSIGN_OR_RETURN(const json value, ParseJson(text, "study"));
  return StudySpecFromJson(value);
}

std::string ImmutableHash(const StudySpec& spec) {
  return Sha256Hex(DumpJson(ImmutableJson(spec)));
}

std::string DiffImmutable(const StudySpec& stored, const StudySpec& given) {
  const auto before = ImmutableLines(stored);
  const auto after = ImmutableLines(given);
  std::vector<std::string> differences;
  for (const auto& [path, old_text] : before) {
    const auto found = after.find(path);
    if (found == after.end()) {
      differences.push_back(StrCat(path, ": ", old_text, " -> (absent)"));
    } else if (found->second != old_text) {
      differences.push_back(StrCat(path, ": ", old_text, " -> ", found->second));
    }
  }
  for (const auto& [path, new_text] : after) {
    if (!before.contains(path)) {
      differences.push_back(StrCat(path, ": (absent) -> ", new_text));
    }
  }
  return absl::StrJoin(differences, "\n");
}

}  // namespace vizsla
