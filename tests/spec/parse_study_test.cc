#include "src/spec/parse_study.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <regex>
#include <set>

#include "src/base/file.h"
#include "src/catalog/training_plan.h"

namespace vizsla {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

ParameterValue Word(const char* word) { return std::string(word); }

constexpr char kFull[] = R"(name: dogs-transfer
notes: heads over a frozen backbone
seed: 7
split: {test: 0.2, validation: 0.1, seed: 9, group_column: dog}
weights: {padding: tf_same, preprocessing: tf}
objective: {metric: val_accuracy, direction: maximize, select_by: val_loss}
budget: {trials: 24, epochs: 12, wall_time: 2h}
early_stopping: {metric: val_loss, patience: 5, min_delta: 0.01}
sampler: random
max_crashes: 4
checkpoint_interval: 15m
parameters:
  dropout_hidden: {float: [0, 0.6], when: {dense: [[128, 128], [512, 256]]}}
  network: mobilenet_v2
  unfreeze: none
  dense: {choices: [[], [128, 128], [512, 256]]}
  dropout: {float: [0.0, 0.6], step: 0.1}
  learning_rate: {float: [1e-4, 1.0e-2], log: true}
  batch_size: {int: [16, 64], step: 16}
  batch_norm: {choices: [true, false]}
enqueue:
  - name: notebook 3.4
    notes: best by hand
    parameters: {dense: [128, 128], dropout_hidden: 0.5, dropout: 0.5, learning_rate: 1e-3, batch_size: 32, batch_norm: true}
  - {name: wide, parameters: {dense: [1024], dropout: 0.65, learning_rate: 0.1, batch_size: 20, batch_norm: false}}
)";

std::vector<std::string> Perturbed(const PrunerSpec& pruner) {
  return std::get<PopulationOptions>(pruner).perturb;
}

TEST(ParseStudy, APopulationChangesAllThatMayChangeUnlessTold) {
  const std::string space =
      "parameters:\n  dense: {choices: [[1], [2]]}\n  dropout: {float: [0, 0.5]}\n"
      "  weight_decay: 0.01\n  optimizer: adamw\n  learning_rate: {float: [1e-4, 1e-2], log: "
      "true}\n";
  const std::string head = "name: a\nbudget: {trials: 8}\n";
  const auto all = ParseStudy(head + "pruner: population\n" + space, "a.yaml");
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_THAT(Perturbed(all->pruner), ElementsAre("dropout", "learning_rate"));
  const auto one = ParseStudy(
      head + "pruner: {kind: population, perturb: [learning_rate], interval: 3}\n" + space,
      "a.yaml");
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_THAT(Perturbed(one->pruner), ElementsAre("learning_rate"));
  EXPECT_EQ(std::get<PopulationOptions>(one->pruner).interval, 3);
  EXPECT_EQ(*StudySpecFromJson(ToJson(*one)), *one);

  // A stage that takes the population over changes what it varies itself.
  const auto staged = ParseStudy(
      head + "pruner: population\n" + space +
          "then:\n  - {name: finer, budget: {trials: 4, epochs: 9}, parameters: {label_smoothing: "
          "{float: [0, 0.2]}, dropout: {float: [0, 0.3]}}}\n",
      "a.yaml");
  ASSERT_TRUE(staged.ok()) << staged.status();
  EXPECT_THAT(Perturbed(staged->stages[0].pruner), ElementsAre("dropout", "label_smoothing"));
}

TEST(ParseStudy, ReadsEverything) {
  const auto study = ParseStudy(kFull, "dogs.yaml");
  ASSERT_TRUE(study.ok()) << study.status();
  EXPECT_EQ(study->name, "dogs-transfer");
  EXPECT_EQ(study->notes, "heads over a frozen backbone");
  EXPECT_EQ(study->seed, 7u);
  EXPECT_EQ(study->split, (SplitSpec{0.2, 0.1, 9, "dog"}));
  EXPECT_EQ(study->weights, (WeightsSpec{"tf_same", "tf"}));
  EXPECT_EQ(study->objective,
            (Objective{"val_accuracy", Direction::kMaximize, "val_loss", Direction::kMinimize}));
  EXPECT_EQ(study->budget, (Budget{24, 12, std::chrono::hours(2)}));
  EXPECT_EQ(study->early_stopping, (EarlyStopping{"val_loss", Direction::kMinimize, 5, 0.01}));
  EXPECT_EQ(KindOf(study->sampler), SamplerKind::kRandom);
  EXPECT_EQ(study->max_crashes, 4);
  EXPECT_EQ(study->checkpoint_interval, std::chrono::minutes(15));

  // Parents stand before their children; otherwise the file's order is kept.
  std::vector<std::string> names;
  for (const Parameter& parameter : study->space.parameters) names.push_back(parameter.name);
  EXPECT_THAT(names, ElementsAre("network", "unfreeze", "dense", "dropout_hidden", "dropout",
                                 "learning_rate", "batch_size", "batch_norm"));
  EXPECT_EQ(study->space.Find("network")->domain,
            Domain(CategoricalDomain{{Word("mobilenet_v2")}}));
  EXPECT_EQ(study->space.Find("dense")->domain,
            Domain(CategoricalDomain{{IntList{}, IntList{128, 128}, IntList{512, 256}}}));
  EXPECT_EQ(study->space.Find("dropout")->domain, Domain(FloatDomain{0, 0.6, false, 0.1}));
  EXPECT_EQ(study->space.Find("learning_rate")->domain,
            Domain(FloatDomain{1e-4, 1e-2, true, std::nullopt}));
  EXPECT_EQ(study->space.Find("batch_size")->domain, Domain(IntDomain{16, 64, false, 16}));
  EXPECT_EQ(study->space.Find("batch_norm")->domain, Domain(CategoricalDomain{{true, false}}));
  EXPECT_EQ(study->space.Find("dropout_hidden")->conditions,
            (std::vector<Condition>{{"dense", {IntList{128, 128}, IntList{512, 256}}}}));
  EXPECT_TRUE(Validate(study->space).ok());

  // Fixed parameters are filled in; values outside the domains are kept.
  ASSERT_EQ(study->enqueue.size(), 2u);
  EXPECT_EQ(study->enqueue[0].name, "notebook 3.4");
  EXPECT_EQ(study->enqueue[0].notes, "best by hand");
  EXPECT_EQ(study->enqueue[0].configuration.at("network"), Word("mobilenet_v2"));
  EXPECT_EQ(study->enqueue[0].configuration.at("dropout_hidden"), ParameterValue(0.5));
  EXPECT_EQ(study->enqueue[1].configuration.at("dense"), ParameterValue(IntList{1024}));
  EXPECT_FALSE(study->enqueue[1].configuration.contains("dropout_hidden"));
  EXPECT_EQ(study->enqueue[1].configuration.at("batch_size"), ParameterValue(int64_t{20}));
}

TEST(ParseStudy, DefaultsAreTheDocumentedOnes) {
  const auto study =
      ParseStudy("name: a\nbudget: {trials: 3}\nparameters: {dropout: 0}\n", "a.yaml");
  ASSERT_TRUE(study.ok()) << study.status();
  StudySpec expected;
  expected.name = "a";
  expected.budget.trials = 3;
  expected.space.parameters = {
      {"dropout", CategoricalDomain{{0.0}}, {}}};  // an integer is a number
  EXPECT_EQ(*study, expected);
}

absl::StatusOr<StudySpec> WithHeader(const std::string& rest) {
  return ParseStudy("name: a\nbudget: {trials: 9}\n" + rest, "a.yaml");
}

TEST(ParseStudy, ShortForms) {
  const std::string parameters = "parameters: {dropout: 0.5}\n";
  const auto loss = WithHeader("objective: val_loss\n" + parameters);
  ASSERT_TRUE(loss.ok()) << loss.status();
  EXPECT_EQ(loss->objective,
            (Objective{"val_loss", Direction::kMinimize, "val_loss", Direction::kMinimize}));
  const auto off = WithHeader("early_stopping: false\n" + parameters);
  ASSERT_TRUE(off.ok()) << off.status();
  EXPECT_EQ(off->early_stopping.patience, 0);
  const auto list = WithHeader("parameters: {dense: [128, 64]}\n");
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(list->space.parameters[0].domain, Domain(CategoricalDomain{{IntList{128, 64}}}));
  const auto grid =
      ParseStudy("name: a\nsampler: grid\nparameters: {pooling: {choices: [avg]}}\n", "");
  ASSERT_TRUE(grid.ok()) << grid.status();
  EXPECT_EQ(grid->budget.trials, 0);  // the whole grid
}

std::string Study(const std::string& rest) { return "name: a\nbudget: {trials: 9}\n" + rest; }

TEST(ParseStudy, SeveralObjectives) {
  const std::string rest = "parameters: {dropout: 0.5}\n";
  const auto study =
      ParseStudy(Study("objectives:\n"
                       "  - {metric: val_accuracy, select_by: val_loss}\n"
                       "  - parameters\n"
                       "  - {metric: latency_ms, direction: maximize}\n"
                       "sampler: {kind: nsga2, population: 8, crossover: uniform}\n" +
                       rest),
                 "a.yaml");
  ASSERT_TRUE(study.ok()) << study.status();
  EXPECT_EQ(study->objective.metric, "val_accuracy");
  EXPECT_EQ(study->objective.select_by, "val_loss");
  EXPECT_THAT(study->objective.further,
              ElementsAre(FurtherObjective{"parameters", Direction::kMinimize},
                          FurtherObjective{"latency_ms", Direction::kMaximize}));
  Nsga2Options options;
  options.population = 8;
  options.crossover = Nsga2Options::Crossover::kUniform;
  EXPECT_EQ(study->sampler, SamplerSpec(options));
  EXPECT_EQ(*StudySpecFromJsonText(ToJsonText(*study)), *study);
  // A list of one is the short form of `objective`, and hashes alike.
  const auto one = ParseStudy(Study("objectives: [val_loss]\n" + rest), "a.yaml");
  const auto plain = ParseStudy(Study("objective: val_loss\n" + rest), "a.yaml");
  ASSERT_TRUE(one.ok() && plain.ok()) << one.status();
  EXPECT_EQ(ImmutableHash(*one), ImmutableHash(*plain));
  EXPECT_NE(ImmutableHash(*study), ImmutableHash(*plain));
}

TEST(ParseStudy, ConditionsMayNameOneValue) {
  const auto study = WithHeader(R"(parameters:
  network: {choices: [mobilenet_v2, scratch_v1]}
  pooling: {choices: [avg, max], when: {network: mobilenet_v2}}
  dense: {choices: [[], [64, 64]], when: {network: mobilenet_v2}}
  dropout_hidden: {float: [0, 0.5], when: {dense: [64, 64]}}
  dropout: {float: [0, 0.5], when: {dense: [], pooling: [avg, max]}}
)");
  ASSERT_TRUE(study.ok()) << study.status();
  EXPECT_EQ(study->space.Find("pooling")->conditions,
            (std::vector<Condition>{{"network", {Word("mobilenet_v2")}}}));
  EXPECT_EQ(study->space.Find("dropout_hidden")->conditions,
            (std::vector<Condition>{{"dense", {IntList{64, 64}}}}));
  EXPECT_EQ(
      study->space.Find("dropout")->conditions,
      (std::vector<Condition>{{"dense", {IntList{}}}, {"pooling", {Word("avg"), Word("max")}}}));
}

struct BadInput {
  const char* what;
  std::string yaml;
  const char* place;   // LINE:COLUMN
  const char* reason;  // part of the sentence, with the field
};

void PrintTo(const BadInput& bad, std::ostream* out) { *out << bad.what; }

class ParseStudyErrors : public ::testing::TestWithParam<BadInput> {};

TEST_P(ParseStudyErrors, NameThePlaceAndTheReason) {
  const BadInput& bad = GetParam();
  const absl::Status status = ParseStudy(bad.yaml, "space.yaml").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << bad.yaml;
  const std::string message(status.message());
  EXPECT_THAT(message, StartsWith(StrCat("space.yaml:", bad.place, ": ")));
  EXPECT_THAT(message, HasSubstr(bad.reason));
}

std::string Parameters(const std::string& lines) { return Study("parameters:\n" + lines); }

// The lines, and 64,000 more configurations for each of theirs: more than are looked at.
std::string HugeSpace(const std::string& lines) {
  std::string sizes;
  for (int size = 64; size < 104; ++size) absl::StrAppend(&sizes, size, ", ");
  std::string batches;
  for (int batch = 2; batch < 402; ++batch) absl::StrAppend(&batches, batch, ", ");
  return Parameters(StrCat(lines, "  image_size: {choices: [", sizes,
                           "]}\n  batch_size: {choices: [", batches,
                           "]}\n  augmentation: {choices: [none, v1, v2, v3]}\n",
                           "  learning_rate: {float: [0.001, 0.01]}\n"));
}

const BadInput kBadInputs[] = {
    // YAML itself.
    {"Syntax", "name: a\nparameters: {dropout: [0.1\n", "3:1", "not YAML: "},
    {"Tab", "name: a\nparameters:\n\tdropout: 1\n", "3:1", "not YAML: a tab cannot indent"},
    {"Empty", "", "1:1", "the file is empty"},
    {"List", "- a\n- b\n", "1:1", "must be a mapping, not a list"},
    {"TwoDocuments", "name: a\n---\nname: b\n", "3:1", "a second document"},
    // Top level.
    {"TwoObjectiveKeys", Study("objective: val_loss\nobjectives: [val_loss]\n"), "4:13",
     "objectives: and objective: give one of the two"},
    {"NoObjectives", Study("objectives: []\n"), "3:13", "objectives: there are no objectives"},
    {"CostFirst", Study("objectives: [parameters, val_accuracy]\n"), "3:14", "'parameters'"},
    {"ObjectiveTwice", Study("objectives: [val_accuracy, {metric: val_accuracy}]\n"), "3:28",
     "val_accuracy is an objective already"},
    {"UnknownCost", Study("objectives: [val_accuracy, latency]\n"), "3:28",
     "did you mean 'latency_ms'?"},
    {"OneScoreSampler",
     Study("objectives: [val_accuracy, parameters]\nsampler: gp\nparameters: {dropout: 0.5}\n"),
     "4:10", "gp learns from one score, but the study has several objectives"},
    {"ComparingPruner",
     Study("objectives: [val_accuracy, parameters]\npruner: {kind: asha}\n"
           "parameters: {dropout: 0.5}\n"),
     "4:9", "asha compares trials by val_accuracy alone"},
    {"StageOfOneScore",
     Study("objectives: [val_accuracy, parameters]\nparameters: {dropout: 0.5}\n"
           "then: [{budget: {trials: 1}, sampler: tpe}]\n"),
     "5:39", "tpe learns from one score"},
    {"UnknownKey", "name: a\nparamters: {}\n", "2:1",
     "paramters: unknown key; did you mean 'parameters'?"},
    {"DuplicateKey", "name: a\nseed: 1\nname: b\n", "3:1", "name: is there twice"},
    {"NoName", "parameters: {dropout: 0.5}\n", "1:1", "name: missing"},
    {"BadName", "name: ../etc\n", "1:7", "name: must be letters"},
    {"DashName", "name: -rf\n", "1:7", "name: must be letters"},
    {"NoParameters", "name: a\nbudget: {trials: 1}\n", "1:1", "parameters: missing"},
    {"EmptyParameters", Study("parameters: {}\n"), "3:13", "parameters: there are none"},
    {"ParametersList", Study("parameters: [a]\n"), "3:13", "parameters: must be a mapping"},
    {"BadSeed", Study("seed: -1\n"), "3:7", "seed: must be an integer of at least 0, not '-1'"},
    {"QuotedSeed", Study("seed: '1'\n"), "3:7", "seed: must be an integer"},
    {"BadFraction", Study("split: {test: 1.5}\n"), "3:15",
     "split.test: must be between 0 and 1, not 1.5"},
    {"ZeroFraction", Study("split: {validation: 0}\n"), "3:21",
     "split.validation: must be between"},
    {"SplitKey", Study("split: {tset: 0.1}\n"), "3:9",
     "split.tset: unknown key; did you mean 'test'?"},
    {"Padding", Study("weights: {padding: same}\n"), "3:20", "weights.padding: unknown: 'same'"},
    {"Preprocessing", Study("weights: {preprocessing: tff}\n"), "3:26", "did you mean 'tf'?"},
    {"Metric", Study("objective: val_acuracy\n"), "3:12",
     "objective: unknown: 'val_acuracy'; did you mean 'val_accuracy'?"},
    {"SelectBy", Study("objective: {select_by: loss}\n"), "3:24", "objective.select_by: unknown"},
    {"Direction", Study("objective: {direction: up}\n"), "3:24", "known are: minimize, maximize"},
    {"NoTrials", "name: a\nbudget: {epochs: 3}\nparameters: {dropout: 0.5}\n", "2:9",
     "budget: trials: missing"},
    {"NoBudget", "name: a\nparameters: {dropout: 0.5}\n", "1:1", "budget: missing"},
    {"ZeroTrials", "name: a\nbudget: {trials: 0}\n", "2:18", "budget.trials: must be from 1"},
    {"ZeroEpochs", "name: a\nbudget: {trials: 1, epochs: 0}\n", "2:29",
     "budget.epochs: must be from 1"},
    {"FractionalTrials", "name: a\nbudget: {trials: 1.5}\n", "2:18",
     "budget.trials: must be an integer, not '1.5'"},
    {"WallTime", "name: a\nbudget: {wall_time: 90}\n", "2:21",
     "budget.wall_time: must be a duration such as 90s, 15m, 2h or 1d, not '90'"},
    {"WallTimeUnit", "name: a\nbudget: {wall_time: 2w}\n", "2:21", "must be a duration"},
    {"NoWallTime", "name: a\nbudget: {wall_time: 0s}\n", "2:21", "must be a duration"},
    {"NegativeTime", Study("checkpoint_interval: -5s\n"), "3:22", "must be a duration"},
    {"HugeTime", Study("checkpoint_interval: 9223372036854775807d\n"), "3:22",
     "must be a duration"},
    {"Patience", Study("early_stopping: {patience: 0}\n"), "3:28",
     "early_stopping.patience: must be"},
    {"MinDelta", Study("early_stopping: {min_delta: -1}\n"), "3:29", "must be at least 0"},
    {"EarlyStoppingWord", Study("early_stopping: never\n"), "3:17", "must be true or false"},
    {"Sampler", Study("sampler: bayes\n"), "3:10",
     "sampler: unknown: 'bayes'; known are: random, grid, sobol, halton, tpe, gp, cma_es"},
    {"SamplerOption", Study("sampler: {kind: tpe, startup: 3}\n"), "3:22",
     "sampler.startup: unknown"},
    {"SamplerOptionOfAnother", Study("sampler: {kind: gp, candidates: 3}\n"), "3:21",
     "sampler.candidates: unknown"},
    {"SamplerOptionRange", Study("sampler: {kind: tpe, candidates: 0}\n"), "3:34",
     "sampler.candidates: must be"},
    {"SamplerWithoutKind", Study("sampler: {candidates: 3}\n"), "3:10", "kind: missing"},
    {"Population", Study("sampler: {kind: cma_es, population: 1}\n"), "3:37",
     "sampler.population: 1 trial is no generation"},
    {"Pruner", Study("pruner: ashes\n"), "3:9",
     "pruner: unknown: 'ashes'; known are: none, median"},
    {"PrunerVariant", Study("pruner: {kind: asha, variant: go}\n"), "3:31", "unknown: 'go'"},
    {"PrunerBounds", Study("pruner: threshold\n"), "3:9", "pruner: lower: missing"},
    {"PrunerEpochs",
     "name: a\nbudget: {trials: 2, epochs: 4}\npruner: {kind: asha, min_epochs: 4}\n"
     "parameters: {}\n",
     "3:34", "pruner.min_epochs: 4, but trials have only 4 epochs"},
    {"PopulationOption", Study("pruner: {kind: population, perturb: []}\n"), "3:37",
     "must name at least one parameter"},
    {"PopulationInterval", Study("pruner: {kind: population, interval: 99}\n"), "3:38",
     "none would ever be compared"},
    {"PopulationShape",
     Study("pruner: {kind: population, perturb: [dense]}\nparameters:\n"
           "  dense: {choices: [[1], [2]]}\n"),
     "3:9", "perturb: dense cannot change in the middle of training"},
    {"PopulationName",
     Study("pruner: {kind: population, perturb: [momentun]}\nparameters:\n"
           "  dropout: {float: [0, 0.5]}\n"),
     "3:9", "perturb: momentun is no parameter of the study"},
    {"PopulationWithoutAny",
     Study("pruner: population\nparameters:\n  dense: {choices: [[1], [2]]}\n"), "3:9",
     "needs a parameter that may change in training"},
    {"PopulationTooSmall",
     "name: a\nbudget: {trials: 3}\npruner: population\nparameters:\n"
     "  dropout: {float: [0, 0.5]}\n",
     "3:9", "0.25 of the 3 trials is less than one"},
    {"Crashes", Study("max_crashes: 0\n"), "3:14", "max_crashes: must be from 1"},
    // Parameters.
    {"UnknownParameter", Parameters("  droput: 0.5\n"), "4:3",
     "parameters.droput: unknown parameter; did you mean 'dropout'?"},
    {"DuplicateParameter", Parameters("  dropout: 0.5\n  dropout: 0.4\n"), "5:3", "is there twice"},
    {"OutsideCatalog", Parameters("  dropout: 1.5\n"), "4:12",
     "parameters.dropout: must be a number from 0 to 0.95, not 1.5"},
    {"RangeOutsideCatalog", Parameters("  dropout: {float: [0, 1]}\n"), "4:20",
     "parameters.dropout.float: must be a number from 0 to 0.95, not 1"},
    {"WrongWord", Parameters("  pooling: average\n"), "4:12", "must be one of avg, max, flatten"},
    {"WordList", Parameters("  pooling: [avg, max]\n"), "4:12", "write pooling: {choices: [...]}"},
    {"Nothing", Parameters("  dropout:\n  pooling: avg\n"), "4:3",
     "dropout: must be a number, not nothing"},
    {"ScalarForList", Parameters("  dense: 128\n"), "4:10",
     "must be a list of integers such as [128, 128], not '128'"},
    {"FloatInList", Parameters("  dense: [128, 1.5]\n"), "4:16",
     "parameters.dense[2]: must be an integer"},
    {"LongList", Parameters("  dense: [1, 2, 3, 4, 5, 6, 7, 8, 9]\n"), "4:10", "up to 8 sizes"},
    {"FloatForInt", Parameters("  batch_size: 32.0\n"), "4:15", "must be an integer, not '32.0'"},
    {"FloatRangeForInt", Parameters("  batch_size: {float: [16, 64]}\n"), "4:23",
     "not a float range"},
    {"IntRangeForFloat", Parameters("  dropout: {int: [0, 0]}\n"), "4:18", "not an int range"},
    {"YesForBool", Parameters("  batch_norm: yes\n"), "4:15", "must be true or false, not 'yes'"},
    {"EmptyRange", Parameters("  dropout: {float: [0.6, 0.1]}\n"), "4:20",
     "the range [0.6, 0.1] is empty"},
    {"OneEnd", Parameters("  dropout: {float: [0.6]}\n"), "4:20",
     "must be a range [low, high], not 1 value"},
    {"NotARange", Parameters("  dropout: {float: 0.6}\n"), "4:20", "must be a list, not '0.6'"},
    {"InfiniteEnd", Parameters("  dropout: {float: [0, .inf]}\n"), "4:24", "must be a number"},
    {"StepTooLarge", Parameters("  dropout: {float: [0, 0.5], step: 0.6}\n"), "4:36",
     "parameters.dropout.step: step 0.6 exceeds the range [0, 0.5]"},
    {"IntStepTooLarge", Parameters("  batch_size: {int: [16, 20], step: 16}\n"), "4:37",
     "exceeds the range"},
    {"ZeroStep", Parameters("  dropout: {float: [0, 0.5], step: 0}\n"), "4:36",
     "step must be above 0"},
    {"LogFromZero", Parameters("  dropout: {float: [0, 0.5], log: true}\n"), "4:35",
     "log needs a range above 0, not [0, 0.5]"},
    {"LogAndStep", Parameters("  dropout: {float: [0.1, 0.5], step: 0.1, log: true}\n"), "4:38",
     "log and step exclude each other"},
    {"LogWord", Parameters("  dropout: {float: [0.1, 0.5], log: 1}\n"), "4:37",
     "must be true or false"},
    {"NoDomain", Parameters("  dropout: {step: 0.1}\n"), "4:12", "one of float, int or choices"},
    {"TwoDomains", Parameters("  dropout: {float: [0, 0.1], choices: [0.1]}\n"), "4:39",
     "only one of"},
    {"DomainKey", Parameters("  dropout: {flaot: [0, 0.1]}\n"), "4:13", "did you mean 'float'?"},
    {"NoChoices", Parameters("  pooling: {choices: []}\n"), "4:22", "there are no choices"},
    {"DuplicateChoice", Parameters("  pooling: {choices: [avg, max, avg]}\n"), "4:33",
     "the choice avg is there twice"},
    {"DuplicateListChoice", Parameters("  dense: {choices: [[64], [64]]}\n"), "4:27",
     "the choice [64] is there twice"},
    {"ChoiceOutside", Parameters("  pooling: {choices: [avg, sum]}\n"), "4:28", "not sum"},
    {"ChoicesStep", Parameters("  dropout: {choices: [0.1], step: 0.1}\n"), "4:35",
     "no meaning beside"},
    // Conditions.
    {"ConditionUnknown", Parameters("  dropout: {float: [0, 0.5], when: {colour: red}}\n"), "4:37",
     "when.colour: unknown parameter"},
    {"ConditionAbsent", Parameters("  dropout: {float: [0, 0.5], when: {pooling: avg}}\n"), "4:46",
     "depends on pooling, which this study does not have"},
    {"ConditionImpossible",
     Parameters("  pooling: avg\n  dropout: {float: [0, 0.5], when: {pooling: max}}\n"), "5:46",
     "depends on pooling being max, which it can never be (it is avg)"},
    {"ConditionContinuous",
     Parameters(
         "  dropout: {float: [0, 0.5]}\n  dense: {choices: [[], [8]], when: {dropout: 0.5}}\n"),
     "5:47", "is continuous"},
    {"ConditionKind",
     Parameters("  batch_size: 32\n  dropout: {float: [0, 0.5], when: {batch_size: big}}\n"),
     "5:49", "must be an integer, not 'big'"},
    {"ConditionEmpty", Parameters("  pooling: avg\n  dropout: {float: [0, 0.5], when: {}}\n"),
     "5:36", "names no parameter"},
    {"ConditionNoValue",
     Parameters("  pooling: avg\n  dropout: {float: [0, 0.5], when: {pooling: []}}\n"), "5:46",
     "names no value"},
    {"ConditionCircle",
     Parameters("  pooling: {choices: [avg, max], when: {dense: [8]}}\n"
                "  dense: {choices: [[], [8]], when: {pooling: avg}}\n"),
     "4:48", "the conditions form a circle"},
    {"ConditionSelf", Parameters("  pooling: {choices: [avg, max], when: {pooling: avg}}\n"),
     "4:50", "the conditions form a circle"},
    {"ConditionsExclude",
     Parameters("  network: {choices: [mobilenet_v2, scratch_v1]}\n"
                "  pooling: {choices: [avg, max], when: {network: mobilenet_v2}}\n"
                "  dropout: {float: [0, 0.5], when: {network: scratch_v1, pooling: avg}}\n"),
     "6:12", "its conditions exclude each other"},
    // Combinations.
    {"ScratchWithHead",
     Parameters("  network: {choices: [mobilenet_v2, scratch_v1]}\n  unfreeze: none\n"), "5:13",
     "parameters.unfreeze: scratch_v1 has no backbone"},
    {"ScratchWithHeadInALargeSpace",
     Parameters(
         "  network: {choices: [mobilenet_v2, scratch_v1]}\n  unfreeze: {choices: [none, all]}\n"
         "  learning_rate: {float: [0.001, 0.01]}\n"),
     "5:13", "parameters.unfreeze: scratch_v1 has no backbone"},
    {"SecondNetworkOfAHugeSpace",
     HugeSpace("  network: {choices: [mobilenet_v2, scratch_v1]}\n  unfreeze: none\n"), "5:13",
     "parameters.unfreeze: scratch_v1 has no backbone"},
    {"SecondInitialWeightsOfAHugeSpace",
     HugeSpace("  network: scratch_v1\n  initial_weights: {choices: [random, pretrained]}\n"),
     "5:20", "parameters.initial_weights: scratch_v1 has no pretrained weights"},
    {"SmallImages",
     Parameters(
         "  image_size: {int: [16, 224], step: 16}\n  learning_rate: {float: [0.001, 0.01]}\n"),
     "4:15", "parameters.image_size: 16 is too small for mobilenet_v2"},
    {"UnfreezePointOfAnotherBackbone", Parameters("  network: vgg16\n  unfreeze: mixed9\n"), "5:13",
     "parameters.unfreeze: vgg16 has no layer mixed9"},
    {"ImagesTooSmallForThePools",
     Parameters("  network: scratch_v3\n  image_size: 48\n  blocks: 4\n"), "5:15",
     "parameters.image_size: 48 is too small for the pools of scratch_v3 with 4 blocks"},
    {"BlocksOfABackbone", Parameters("  network: resnet50\n  blocks: 3\n"), "5:11",
     "parameters.blocks: is of scratch networks; resnet50 has no such parameter"},
    {"MomentumOfAdam", Parameters("  momentum: 0.9\n"), "4:13",
     "parameters.momentum: is of sgd and rmsprop, not of adam"},
    {"CustomAugmentationOfAPolicy", Parameters("  augmentation: v3\n  rotation: 20.0\n"), "5:13",
     "parameters.rotation: is of `augmentation: custom` only"},
    {"PenaltyWithoutDenseLayers", Parameters("  dense: []\n  l2: 0.01\n"), "5:7",
     "parameters.l2: is of the head's dense layers"},
    {"PenaltyWithoutDenseLayersInALargeSpace",
     Parameters("  dense: {choices: [[256], []]}\n  l2: {choices: [0.0, 0.001]}\n"
                "  learning_rate: {float: [1.0e-4, 1.0e-3], log: true}\n"),
     "5:7", "parameters.l2: is of the head's dense layers"},
    {"PenaltyWithoutDenseLayersInARange",
     Parameters("  dense: {choices: [[256], [512], []]}\n  l2: {float: [0.0, 0.001]}\n"), "5:7",
     "parameters.l2: is of the head's dense layers"},
    {"MoreEpochsThanTheBudget", Parameters("  epochs: 31\n"), "4:11",
     "parameters.epochs: 31 is more than the budget's 30 epochs"},
    {"GridContinuous", "name: a\nsampler: grid\nparameters:\n  dropout: {float: [0, 0.5]}\n",
     "4:12", "parameters.dropout: the grid sampler cannot walk a continuous range; give it a step"},
    // Enqueued trials.
    {"EnqueueNoList", Parameters("  dropout: 0.5\nenqueue: {name: a}\n"), "5:10",
     "enqueue: must be a list"},
    {"EnqueueKey", Parameters("  dropout: 0.5\nenqueue:\n  - {nmae: a}\n"), "6:6",
     "enqueue[1].nmae: unknown key; did you mean 'name'?"},
    {"EnqueueNoParameters", Parameters("  dropout: 0.5\nenqueue:\n  - {name: a}\n"), "6:5",
     "parameters: missing"},
    {"EnqueueUnknown", Parameters("  dropout: 0.5\nenqueue:\n  - parameters: {pool: avg}\n"),
     "6:18", "enqueue[1].parameters.pool: unknown parameter"},
    {"EnqueueValue", Parameters("  dropout: 0.5\nenqueue:\n  - parameters: {dropout: 2}\n"), "6:27",
     "enqueue[1].parameters.dropout: must be a number from 0 to 0.95, not 2"},
    {"EnqueueMissing",
     Parameters("  dropout: {float: [0, 0.5]}\nenqueue:\n  - parameters: {pooling: avg}\n"), "6:17",
     "dropout is missing: the study varies it"},
    {"EnqueueCombination",
     Parameters("  dropout: 0.5\nenqueue:\n  - parameters: {network: scratch_v1, unfreeze: all}\n"),
     "6:49", "scratch_v1 has no backbone"},
    {"EnqueueTooMany",
     "name: a\nbudget: {trials: 1}\nparameters: {dropout: {float: [0, 0.5]}}\nenqueue:\n"
     "  - parameters: {dropout: 0.1}\n  - parameters: {dropout: 0.2}\n",
     "5:3", "2 trials do not fit the budget of 1"},
};

INSTANTIATE_TEST_SUITE_P(All, ParseStudyErrors, ::testing::ValuesIn(kBadInputs),
                         [](const auto& info) { return std::string(info.param.what); });

TEST(ParseStudy, NeverCrashesOnDamagedFiles) {
  const std::string whole = kFull;
  for (size_t cut = 0; cut < whole.size(); cut += 3) {
    const auto study = ParseStudy(whole.substr(0, cut), "cut.yaml");
    if (!study.ok()) {
      EXPECT_THAT(std::string(study.status().message()), StartsWith("cut.yaml:"));
    }
  }
  for (size_t at = 0; at < whole.size(); at += 2) {
    for (const char c : {'{', ']', ':', '"', '&', '*', '\0', '\xff'}) {
      std::string damaged = whole;
      damaged[at] = c;
      const auto study = ParseStudy(damaged, "x.yaml");
      if (!study.ok()) {
        EXPECT_THAT(std::string(study.status().message()), StartsWith("x.yaml:"));
      }
    }
  }
  EXPECT_FALSE(ParseStudy(std::string(100000, '['), "deep.yaml").ok());
  EXPECT_FALSE(ParseStudy("name: &a [*a]\nparameters: {dense: *a}\n", "cycle.yaml").ok());
}

TEST(ParseStudyFile, NamesAMissingFile) {
  const absl::Status status = ParseStudyFile("/no/such/space.yaml").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(status.ToString(), HasSubstr("/no/such/space.yaml"));
}

TEST(ParseStudy, TheGuidesExamplesAreValid) {
  const auto guide = ReadFile(VIZSLA_SOURCE_DIR "/docs/search-spaces.md");
  ASSERT_TRUE(guide.ok()) << guide.status();
  const std::string fence = "```yaml\n";
  int seen = 0;
  for (size_t at = guide->find(fence); at != std::string::npos; at = guide->find(fence, at + 1)) {
    const size_t start = at + fence.size();
    std::string example = guide->substr(start, guide->find("```", start) - start);
    // Fragments are completed to a study.
    if (example.starts_with("  ")) example = Study("parameters:\n" + example);
    if (example.starts_with("then")) example = Study("parameters: {dropout: 0.5}\n" + example);
    if (example.starts_with("enqueue"))
      example = Study("parameters: {network: mobilenet_v2}\n" + example);
    const auto study = ParseStudy(example, "guide.yaml");
    EXPECT_TRUE(study.ok()) << study.status() << "\n" << example;
    ++seen;
  }
  EXPECT_EQ(seen, 5);
}

constexpr char kSpaces[] = VIZSLA_SOURCE_DIR "/search_spaces";

std::set<std::string> ProjectsSpaces() {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kSpaces)) {
    if (entry.path().extension() == ".yaml") names.insert(entry.path().filename().string());
  }
  return names;
}

TEST(ParseStudyFile, TheProjectsSpacesAreValid) {
  for (const std::string& name : ProjectsSpaces()) {
    const auto study = ParseStudyFile(StrCat(kSpaces, "/", name));
    EXPECT_TRUE(study.ok()) << study.status();
    if (study.ok()) {
      EXPECT_EQ(*StudySpecFromJsonText(ToJsonText(*study)), *study);
    }
  }
}

TEST(ParseStudyFile, TheProjectsSpacesAreThoseOfTheirPage) {
  const auto page = ReadFile(StrCat(kSpaces, "/README.md"));
  ASSERT_TRUE(page.ok()) << page.status();
  std::set<std::string> linked;
  const std::regex link(R"(\]\(([^)/]+\.yaml)\))");
  for (std::sregex_iterator it(page->begin(), page->end(), link), end; it != end; ++it) {
    linked.insert((*it)[1].str());
  }
  EXPECT_FALSE(linked.empty());
  EXPECT_EQ(ProjectsSpaces(), linked);
}

}  // namespace
}  // namespace vizsla
