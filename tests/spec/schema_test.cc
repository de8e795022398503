// docs/search-space.schema.json is built from KnownParameters here and compared with the stored
// file, so that editors and the parser agree. VIZSLA_UPDATE_SCHEMA=1 writes the file anew.
#include <gmock/gmock.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "src/base/file.h"
#include "src/catalog/preprocessing.h"
#include "src/catalog/training_plan.h"
#include "src/spec/parse_study.h"
#include "src/study/option_fields.h"
#include "src/study/policy_spec.h"

namespace vizsla {
namespace {

using json = nlohmann::ordered_json;

constexpr char kSchemaPath[] = VIZSLA_SOURCE_DIR "/docs/search-space.schema.json";

json Object(json properties, json required = json::array()) {
  json object = {{"type", "object"}, {"additionalProperties", false}};
  if (!required.empty()) object["required"] = std::move(required);
  object["properties"] = std::move(properties);
  return object;
}

json Described(json schema, const std::string& text) {
  schema["description"] = text;
  return schema;
}

json Number(double value) {
  return value == std::floor(value) && std::abs(value) < 1e15 ? json(static_cast<int64_t>(value))
                                                              : json(value);
}

// One value of the parameter.
json ValueSchema(const ParameterInfo& info) {
  if (info.kind == "word") return {{"enum", info.words}};
  if (info.kind == "layer name") return {{"$ref", "#/definitions/layer"}};
  if (info.kind == "boolean") return {{"type", "boolean"}};
  if (info.kind == "list of integers") {
    return {{"type", "array"},
            {"maxItems", 8},
            {"items",
             {{"type", "integer"}, {"minimum", Number(info.low)}, {"maximum", Number(info.high)}}}};
  }
  return {{"type", info.kind}, {"minimum", Number(info.low)}, {"maximum", Number(info.high)}};
}

json RangeSchema(const ParameterInfo& info) {
  const std::string type = info.kind == "integer" ? "int" : "float";
  return Object(
      {{type, {{"type", "array"}, {"minItems", 2}, {"maxItems", 2}, {"items", ValueSchema(info)}}},
       {"step", {{"type", info.kind}, {"exclusiveMinimum", 0}}},
       {"log", {{"type", "boolean"}}},
       {"when", {{"$ref", "#/definitions/when"}}}},
      {type});
}

json ParameterSchema(const ParameterInfo& info) {
  json forms = json::array();
  forms.push_back(ValueSchema(info));
  forms.push_back(Object(
      {{"choices",
        {{"type", "array"}, {"minItems", 1}, {"uniqueItems", true}, {"items", ValueSchema(info)}}},
       {"when", {{"$ref", "#/definitions/when"}}}},
      {"choices"}));
  if (info.kind == "integer" || info.kind == "number") forms.push_back(RangeSchema(info));
  const std::string usual =
      info.default_depends.empty() ? ToText(info.default_value) : info.default_depends;
  return {{"description", StrCat(info.help, " Default: ", usual, ".")}, {"anyOf", forms}};
}

json ConditionSchema(const ParameterInfo& info) {
  const json value = ValueSchema(info);
  return {{"anyOf", {value, {{"type", "array"}, {"items", value}}}}};
}

struct OptionSchema {
  json& properties;

  template <typename Value>
  void operator()(std::string_view name, const Value& value, OptionRange range,
                  std::string_view meaning) const {
    json schema;
    std::string usual;
    if constexpr (std::is_same_v<Value, bool>) {
      schema = {{"type", "boolean"}};
      usual = value ? "true" : "false";
    } else if constexpr (std::is_enum_v<Value>) {
      schema = {{"enum", json::array()}};
      for (const char* word : {"promote", "stop", "sbx", "uniform"}) {
        if (FromText<Value>(word)) schema["enum"].push_back(word);
      }
      usual = ToText(value);
    } else if constexpr (std::is_same_v<Value, std::optional<double>>) {
      schema = {{"type", "number"}};
      usual = "none";
    } else if constexpr (std::is_same_v<Value, std::vector<std::string>>) {
      schema = {{"type", "array"}, {"items", {{"type", "string"}}}, {"minItems", 1}};
      usual = "all";
    } else {
      schema = {{"type", std::is_same_v<Value, int> ? "integer" : "number"},
                {"minimum", Number(range.low)}};
      if (range.high < kAnyNumber) schema["maximum"] = Number(range.high);
      usual = StrCat(value);
    }
    properties[std::string(name)] = Described(schema, StrCat(meaning, " Default: ", usual, "."));
  }
};

// A name, or a mapping of `kind` and its options.
template <typename Spec>
json PolicySchema(const std::vector<Spec>& all) {
  json words = json::array();
  json forms = json::array();
  for (Spec spec : all) {
    const std::string kind(ToText(KindOf(spec)));
    words.push_back(kind);
    json options = {{"kind", {{"const", kind}}}};
    std::visit([&](auto& chosen) { DescribeOptions(chosen, OptionSchema{options}); }, spec);
    forms.push_back(Object(options, {"kind"}));
  }
  forms.insert(forms.begin(), json{{"enum", words}});
  return {{"anyOf", forms}};
}

json MakeSchema() {
  json parameters = json::object();
  json values = json::object();
  json conditions = json::object();
  json layer;
  for (const ParameterInfo& info : KnownParameters()) {
    parameters[info.name] = ParameterSchema(info);
    values[info.name] = ValueSchema(info);
    conditions[info.name] = ConditionSchema(info);
    // Any layer of a network; the usual ones are offered.
    if (info.kind == "layer name") layer = {{"type", "string"}, {"examples", info.words}};
  }
  const json metric = {
      {"enum", {"train_loss", "train_accuracy", "val_loss", "val_accuracy", "val_top5_accuracy"}}};
  const json seed = {{"type", "integer"}, {"minimum", 0}};
  const json fraction = {{"type", "number"}, {"exclusiveMinimum", 0}, {"exclusiveMaximum", 1}};
  const json duration = {{"type", "string"}, {"pattern", "^\\+?[0-9]+[smhd]$"}};
  const json text = {{"type", "string"}};
  json preprocessing = json::array();
  for (const std::string_view name : PreprocessingNames()) preprocessing.push_back(name);

  json properties;
  properties["name"] = Described(
      {{"type", "string"}, {"pattern", "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"}}, "The study's name.");
  properties["notes"] = Described(text, "For people.");
  properties["seed"] = Described(seed, "Of everything random in the study. Default: 42.");
  properties["split"] = Described(
      Object(
          {{"test", fraction}, {"validation", fraction}, {"seed", seed}, {"group_column", text}}),
      "Test is taken of all photos (default 0.10), validation of the rest (0.08).");
  properties["weights"] =
      Described(Object({{"padding", {{"enum", {"tf_same", "symmetric"}}}},
                        {"preprocessing", {{"enum", preprocessing}}}}),
                "What the weights file expects, where it does not say so itself.");
  properties["objective"] = Described(
      {{"anyOf",
        {metric, Object({{"metric", metric},
                         {"direction", {{"enum", {"minimize", "maximize"}}}},
                         {"select_by", metric}})}}},
      "What the leaderboard ranks, and by what the epoch is chosen. Default: val_accuracy.");
  const json further = {
      {"enum",
       {"train_loss", "train_accuracy", "val_loss", "val_accuracy", "val_top5_accuracy",
        kParametersMetric, kMultiplyAddsMetric, kModelBytesMetric, kLatencyMetric}}};
  const json direction = {{"enum", {"minimize", "maximize"}}};
  // The parser alone knows that the first one may be no cost, and that no metric stands twice.
  properties["objectives"] = Described(
      {{"type", "array"},
       {"minItems", 1},
       {"items",
        {{"anyOf",
          {further, Object({{"metric", further}, {"direction", direction}, {"select_by", metric}},
                           {"metric"})}}}}},
      "Several at once, in place of objective: the first one is as there; the others are weighed "
      "against it.");
  const json trial_count = {{"type", "integer"}, {"minimum", 1}, {"maximum", 1000000000}};
  const json epoch_count = {{"type", "integer"}, {"minimum", 1}, {"maximum", 1000000}};
  properties["budget"] =
      Described(Object({{"trials", trial_count}, {"epochs", epoch_count}, {"wall_time", duration}}),
                "May be raised later by submitting the study again. Default of epochs: 30.");
  properties["early_stopping"] = Described(
      {{"anyOf",
        {{{"type", "boolean"}},
         Object({{"metric", metric},
                 {"patience", {{"type", "integer"}, {"minimum", 1}, {"maximum", 1000000}}},
                 {"min_delta", {{"type", "number"}, {"minimum", 0}}},
                 {"restore", {{"enum", {"best", "last"}}}}})}}},
      "Default: val_loss, patience 20, min_delta 0.001, restore best. false switches it off.");
  const json sampler = PolicySchema(AllSamplers());
  const json pruner = PolicySchema(AllPruners());
  properties["sampler"] =
      Described(sampler, "Chooses configurations; docs/samplers-and-pruners.md. Default: random.");
  properties["pruner"] =
      Described(pruner, "Cuts trials short; docs/samplers-and-pruners.md. Default: none.");
  const json counted = {{"type", "integer"}, {"minimum", 1}, {"maximum", 1000000000}};
  json stop = Object({{"target", {{"type", "number"}}},
                      {"no_improvement_trials", counted},
                      {"min_delta", {{"type", "number"}, {"minimum", 0}}},
                      {"epochs", counted}});
  stop["minProperties"] = 1;
  stop["dependencies"] = {{"min_delta", {"no_improvement_trials"}}};
  properties["stop"] =
      Described(stop, "Ends the study before its trials are used up; may be loosened later.");
  properties["learn_from"] = Described(
      {{"anyOf",
        {text, {{"type", "array"}, {"minItems", 1}, {"uniqueItems", true}, {"items", text}}}}},
      "Earlier studies whose trials the sampler (tpe, gp, cma_es) knows from the start.");
  const json run_count = {{"type", "integer"}, {"minimum", 1}, {"maximum", kMostRepeats}};
  properties["repeats"] =
      Described(run_count,
                "Runs of each configuration, each with a seed of its own; samplers and leaderboard "
                "see their mean. budget.trials counts configurations. Default: 1.");
  properties["final"] = Described(
      Object({{"top", {{"type", "integer"}, {"minimum", 1}, {"maximum", kMostFinalists}}},
              {"repeats", run_count}},
             {"top"}),
      "After the search the best `top` configurations are trained again, `repeats` (3) times each, "
      "on fresh seeds and without pruning; these runs alone rank them. May be added and raised "
      "later. Default: none.");
  properties["max_crashes"] = Described({{"type", "integer"}, {"minimum", 1}, {"maximum", 1000}},
                                        "A trial that crashed so often is failed. Default: 3.");
  properties["checkpoint_interval"] =
      Described(duration, "Between resumable checkpoints; 0s: after every epoch. Default: 60s.");
  properties["parameters"] = {{"$ref", "#/definitions/parameters"}};
  properties["enqueue"] = {{"$ref", "#/definitions/enqueue"}};
  json stage = Object(
      {{"name", text},
       {"notes", text},
       {"init_from",
        Described({{"enum", {"best", "none"}}},
                  "best: weights and configuration of the best trial so far; none: its "
                  "configuration alone. Default: best.")},
       {"top", Described({{"type", "integer"}, {"minimum", 1}, {"maximum", 1000}},
                         "So many of the best trials take turns as the source. Default: 1.")},
       {"budget", Object({{"trials", trial_count}, {"epochs", epoch_count}})},
       {"sampler", sampler},
       {"pruner", pruner},
       {"parameters", {{"$ref", "#/definitions/parameters"}}},
       {"enqueue", {{"$ref", "#/definitions/enqueue"}}}});
  properties["then"] = Described(
      {{"type", "array"}, {"minItems", 1}, {"items", std::move(stage)}},
      "Further stages: each begins when the trials before it have ended, and varies the best.");

  json schema = {{"$schema", "http://json-schema.org/draft-07/schema#"},
                 {"title", "Vizsla study"},
                 {"description", "A search space and all else that makes a study."}};
  schema.update(Object(properties, {"name", "parameters"}));
  json when = Object(conditions);
  when["minProperties"] = 1;
  schema["definitions"]["layer"] = layer;
  schema["definitions"]["when"] =
      Described(when, "Active only while each named parameter has one of the values.");
  json searched = Object(parameters);
  searched["minProperties"] = 1;
  schema["definitions"]["parameters"] =
      Described(searched, "What is searched: a plain value is fixed; choices, int and float vary.");
  json entry = Object(
      {{"name", text},
       {"notes", text},
       {"init_from", Described({{"anyOf", {text, {{"type", "integer"}, {"minimum", 1}}}}},
                               "Another enqueued trial's name, a trial's number, best or none.")},
       {"parameters", Object(values)}});
  entry["anyOf"] = {{{"required", {"parameters"}}}, {{"required", {"init_from"}}}};
  schema["definitions"]["enqueue"] =
      Described({{"type", "array"}, {"items", std::move(entry)}},
                "Exact configurations to try first; they may lie outside the ranges.");
  return schema;
}

TEST(SearchSpaceSchema, IsInStepWithTheCatalog) {
  const std::string expected = MakeSchema().dump(1) + "\n";
  if (std::getenv("VIZSLA_UPDATE_SCHEMA") != nullptr) {
    ASSERT_TRUE(WriteFileAtomically(kSchemaPath, expected).ok());
  }
  const auto stored = ReadFile(kSchemaPath);
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_TRUE(*stored == expected)
      << "docs/search-space.schema.json is not what the catalog says; write it anew with "
         "VIZSLA_UPDATE_SCHEMA=1 spec_test";
}

// What the schema and the parser both accept, and both refuse.
struct Sample {
  const char* name;
  const char* yaml;
  bool good;
};
const Sample kSamples[] = {
    {"heads", R"(name: heads
budget: {trials: 24, epochs: 30, wall_time: 2h}
objective: {metric: val_accuracy, select_by: val_loss}
early_stopping: {patience: 8}
weights: {padding: tf_same, preprocessing: tf}
parameters:
  network: mobilenet_v2
  dense: {choices: [[], [128, 128]]}
  dropout_hidden: {float: [0.0, 0.6], step: 0.1, when: {dense: [[128, 128]]}}
  learning_rate: {float: [1.0e-4, 1.0e-2], log: true}
  batch_size: {int: [16, 64], step: 16}
enqueue:
  - {name: linear, parameters: {dense: [], learning_rate: 0.001, batch_size: 20}}
)",
     true},
    {"scratch", R"(name: scratch
sampler: grid
early_stopping: false
objective: val_loss
parameters:
  network: {choices: [mobilenet_v2, scratch_v1]}
  pooling: {choices: [avg, max], when: {network: mobilenet_v2}}
  batch_norm: {choices: [true, false], when: {network: mobilenet_v2, pooling: [avg, max]}}
)",
     true},
    {"objectives", R"(name: objectives
budget: {trials: 4}
objectives: [{metric: val_accuracy, select_by: val_loss}, latency_ms, {metric: parameters, direction: minimize}]
sampler: {kind: nsga2, population: 8, crossover: uniform}
parameters: {network: mobilenet_v2, dropout: {float: [0.0, 0.5]}}
)",
     true},
    {"crossover",
     "name: a\nbudget: {trials: 1}\nsampler: {kind: nsga2, crossover: stop}\n"
     "parameters: {dropout: 0.5}\n",
     false},
    {"cost_metric",
     "name: a\nbudget: {trials: 1}\nobjectives: [val_accuracy, flops]\n"
     "parameters: {dropout: 0.5}\n",
     false},
    {"stages", R"(name: stages
budget: {trials: 4}
early_stopping: {restore: last}
parameters: {network: mobilenet_v2}
enqueue:
  - {name: transfer, parameters: {dropout: 0.2}}
  - {init_from: transfer, parameters: {unfreeze: all}}
  - {init_from: 1}
then:
  - name: fine-tune
    init_from: none
    top: 2
    budget: {trials: 2, epochs: 3}
    sampler: grid
    parameters: {unfreeze: {choices: [none, all], when: {network: mobilenet_v2}}}
    enqueue: [{init_from: best}, {parameters: {dropout: 0.1}}]
  - {budget: {trials: 1}}
)",
     true},
    {"rules", R"(name: rules
budget: {trials: 40}
sampler: tpe
learn_from: [old-dogs, older-dogs]
stop: {target: 0.9, no_improvement_trials: 30, min_delta: 0.001, epochs: 5000}
parameters: {dropout: {float: [0.0, 0.6]}}
)",
     true},
    {"no_rules", "name: a\nbudget: {trials: 1}\nparameters: {dropout: 0.5}\nstop: {}\n", false},
    {"delta_of_nothing",
     "name: a\nbudget: {trials: 1}\nparameters: {dropout: 0.5}\nstop: {min_delta: 0.1}\n", false},
    {"learns_twice",
     "name: a\nbudget: {trials: 1}\nsampler: gp\nlearn_from: [b, b]\nparameters: {dropout: 0.5}\n",
     false},
    {"stage_wall_time",
     "name: a\nbudget: {trials: 1}\nparameters: {dropout: 0.5}\nthen: [{budget: {trials: 1, "
     "wall_time: 2h}}]\n",
     false},
    {"stage_key",
     "name: a\nbudget: {trials: 1}\nparameters: {dropout: 0.5}\nthen: [{budget: {trials: 1}, "
     "epochs: 2}]\n",
     false},
    {"no_stages", "name: a\nbudget: {trials: 1}\nparameters: {dropout: 0.5}\nthen: []\n", false},
    {"entry_of_nothing",
     "name: a\nbudget: {trials: 1}\nparameters: {dropout: 0.5}\nenqueue: [{name: b}]\n", false},
    {"restore_word",
     "name: a\nbudget: {trials: 1}\nparameters: {dropout: 0.5}\nearly_stopping: {restore: "
     "first}\n",
     false},
    {"unknown_key", "name: a\nbudget: {trials: 1}\nparameters: {dropout: 0.5}\nspeed: 3\n", false},
    {"unknown_parameter", "name: a\nbudget: {trials: 1}\nparameters: {droput: 0.5}\n", false},
    {"outside", "name: a\nbudget: {trials: 1}\nparameters: {dropout: 1.5}\n", false},
    {"outside_range", "name: a\nbudget: {trials: 1}\nparameters: {image_size: {int: [8, 64]}}\n",
     false},
    {"wrong_word", "name: a\nbudget: {trials: 1}\nparameters: {pooling: mean}\n", false},
    {"no_parameters", "name: a\nbudget: {trials: 1}\n", false},
    {"duplicate_choice",
     "name: a\nbudget: {trials: 1}\nparameters: {pooling: {choices: [avg, avg]}}\n", false},
    {"wall_time", "name: a\nbudget: {trials: 1, wall_time: 2w}\nparameters: {dropout: 0.5}\n",
     false},
};

constexpr char kValidator[] = R"(
import json, sys
try:
    import jsonschema, yaml
except ImportError as error:
    print(error)
    sys.exit(77)
schema = json.load(open(sys.argv[1]))
jsonschema.Draft7Validator.check_schema(schema)
for path in sys.argv[2:]:
    errors = list(jsonschema.Draft7Validator(schema).iter_errors(yaml.safe_load(open(path))))
    good = '/bad-' not in path
    if good != (not errors):
        print(path, errors[:1])
        sys.exit(1)
)";

TEST(SearchSpaceSchema, AcceptsAndRefusesAsTheParserDoes) {
  const auto folder = TemporaryDirectory::Create();
  ASSERT_TRUE(folder.ok());
  const std::string script = folder->path() + "/validate.py";
  ASSERT_TRUE(WriteFileAtomically(script, kValidator).ok());
  std::string command = StrCat("/usr/bin/python3 ", script, " ", kSchemaPath);
  for (const Sample& sample : kSamples) {
    const std::string path =
        StrCat(folder->path(), sample.good ? "/good-" : "/bad-", sample.name, ".yaml");
    ASSERT_TRUE(WriteFileAtomically(path, sample.yaml).ok());
    absl::StrAppend(&command, " ", path);
    const auto study = ParseStudyFile(path);
    EXPECT_EQ(study.ok(), sample.good) << study.status();
  }
  for (const auto& entry :
       std::filesystem::directory_iterator(VIZSLA_SOURCE_DIR "/search_spaces")) {
    if (entry.path().extension() == ".yaml") absl::StrAppend(&command, " ", entry.path().string());
  }
  const int result = std::system(command.c_str());
  if (WIFEXITED(result) && WEXITSTATUS(result) == 77) {
    GTEST_SKIP() << "python3-jsonschema or python3-yaml is not installed";
  }
  EXPECT_EQ(result, 0) << command;
}

}  // namespace
}  // namespace vizsla
