// `init_from:` and `then:` in a study's YAML.
#include <gmock/gmock.h>

#include "src/spec/combinations.h"
#include "src/spec/parse_study.h"

namespace vizsla {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

ParameterValue Word(const char* word) { return std::string(word); }

constexpr char kTwoStages[] = R"(name: dogs
budget: {trials: 20, epochs: 30}
sampler: random
parameters:
  network: mobilenet_v2
  dense: {choices: [[], [128, 128]]}
  dropout: {float: [0.0, 0.6], step: 0.1}
enqueue:
  - {name: transfer, parameters: {dense: [], dropout: 0.5}}
  - {name: warm, init_from: transfer, parameters: {unfreeze: block_16_expand}}
  - {name: by number, init_from: 1}
  - {name: 7, init_from: best, parameters: {unfreeze: block_15_expand}}
then:
  - name: fine-tune
    notes: a lower rate
    budget: {trials: 8, epochs: 20}
    sampler: grid
    parameters:
      unfreeze: {choices: [none, block_16_expand, block_15_expand]}
      learning_rate: {choices: [1.0e-4, 1.0e-5], when: {unfreeze: [block_16_expand, block_15_expand]}}
      dropout_hidden: {float: [0, 0.4], step: 0.2, when: {dense: [128, 128]}}
    enqueue:
      - {name: again, init_from: warm}
      - {parameters: {unfreeze: all}}
      - {init_from: none, parameters: {unfreeze: all}}
      - {init_from: '7'}
  - init_from: none
    top: 3
    budget: {trials: 3, epochs: 100}
)";

TEST(ParseStages, ReadsEverything) {
  const auto study = ParseStudy(kTwoStages, "dogs.yaml");
  ASSERT_TRUE(study.ok()) << study.status();
  ASSERT_EQ(study->enqueue.size(), 4u);
  EXPECT_EQ(study->enqueue[0].init_from, InitFrom());
  // What starts from a known trial is complete: its source's configuration under its own.
  EXPECT_EQ(study->enqueue[1].init_from, (InitFrom{InitFrom::Kind::kTrial, "transfer", 0}));
  EXPECT_EQ(study->enqueue[1].configuration,
            (Configuration{{"network", Word("mobilenet_v2")},
                           {"dense", IntList{}},
                           {"dropout", 0.5},
                           {"unfreeze", Word("block_16_expand")}}));
  EXPECT_EQ(study->enqueue[2].init_from, (InitFrom{InitFrom::Kind::kTrial, "", 1}));
  EXPECT_EQ(study->enqueue[2].configuration, study->enqueue[0].configuration);
  EXPECT_EQ(study->enqueue[3].init_from, (InitFrom{InitFrom::Kind::kBest, "", 0}));
  EXPECT_EQ(study->enqueue[3].configuration,
            (Configuration{{"unfreeze", Word("block_15_expand")}}));

  ASSERT_EQ(study->stages.size(), 2u);
  const Stage& tune = study->stages[0];
  EXPECT_EQ(tune.name, "fine-tune");
  EXPECT_EQ(tune.notes, "a lower rate");
  EXPECT_TRUE(tune.init_weights);
  EXPECT_EQ(tune.top, 1);
  EXPECT_EQ(tune.budget, (Budget{8, 20, {}}));
  EXPECT_EQ(KindOf(tune.sampler), SamplerKind::kGrid);
  std::vector<std::string> names;
  for (const Parameter& parameter : tune.space.parameters) names.push_back(parameter.name);
  EXPECT_THAT(names, ElementsAre("unfreeze", "learning_rate", "dropout_hidden"));
  EXPECT_EQ(tune.space.parameters[2].conditions,
            (std::vector<Condition>{{"dense", {IntList{128, 128}}}}));
  ASSERT_EQ(tune.enqueue.size(), 4u);
  EXPECT_EQ(tune.enqueue[0].init_from, (InitFrom{InitFrom::Kind::kTrial, "warm", 0}));
  EXPECT_EQ(tune.enqueue[1].init_from.kind, InitFrom::Kind::kBest) << "as the stage";
  EXPECT_EQ(tune.enqueue[1].configuration, (Configuration{{"unfreeze", Word("all")}}));
  EXPECT_EQ(tune.enqueue[2].init_from.kind, InitFrom::Kind::kNone);
  EXPECT_EQ(tune.enqueue[3].init_from, (InitFrom{InitFrom::Kind::kTrial, "7", 0})) << "a name";

  const Stage& longer = study->stages[1];
  EXPECT_FALSE(longer.init_weights);
  EXPECT_EQ(longer.top, 3);
  EXPECT_EQ(longer.budget, (Budget{3, 100, {}}));
  EXPECT_EQ(KindOf(longer.sampler), SamplerKind::kRandom) << "as the study";
  EXPECT_TRUE(longer.space.parameters.empty());
  EXPECT_EQ(*StudySpecFromJsonText(ToJsonText(*study)), *study);
}

TEST(ParseStages, EpochsAreTheStudysUnlessSaid) {
  const auto study = ParseStudy(
      "name: a\nbudget: {trials: 2, epochs: 7}\nparameters: {dropout: 0.5}\n"
      "then: [{budget: {trials: 1}}]\n",
      "a.yaml");
  ASSERT_TRUE(study.ok()) << study.status();
  EXPECT_EQ(study->stages[0].budget, (Budget{1, 7, {}}));
}

TEST(ParseStages, RestoreIsPartOfTheObjective) {
  const std::string header = "name: a\nbudget: {trials: 2}\nparameters: {dropout: 0.5}\n";
  const auto last = ParseStudy(header + "early_stopping: {patience: 3, restore: last}\n", "a.yaml");
  ASSERT_TRUE(last.ok()) << last.status();
  EXPECT_TRUE(last->objective.last_epoch);
  const auto best = ParseStudy(header + "early_stopping: {patience: 3, restore: best}\n", "a.yaml");
  ASSERT_TRUE(best.ok()) << best.status();
  EXPECT_EQ(best->objective, Objective()) << "what is always so";
}

struct BadStage {
  const char* what;
  std::string yaml;
  const char* place;   // LINE:COLUMN
  const char* reason;  // part of the sentence, with the field
};

// Lines 1 to 6; what follows begins in line 7.
std::string Base(const std::string& rest) {
  return "name: a\nbudget: {trials: 9, epochs: 5}\nparameters:\n  network: mobilenet_v2\n"
         "  dropout: {float: [0.1, 0.5]}\n  dense: {choices: [[], [64]]}\n" +
         rest;
}
std::string Enqueue(const std::string& rest) {
  return Base("enqueue:\n  - {name: first, parameters: {dropout: 0.2, dense: []}}\n" + rest);
}
std::string Then(const std::string& rest) {
  return Base("then:\n  - budget: {trials: 2}\n" + rest);
}

const BadStage kBadStages[] = {
    // init_from of enqueued trials.
    {"UnknownName", Enqueue("  - {init_from: frist}\n"), "9:17",
     "enqueue[2].init_from: no enqueued trial is called 'frist'; did you mean 'first'?"},
    {"Itself", Enqueue("  - {name: b, init_from: b}\n"), "9:26",
     "enqueue[2].init_from: is the trial itself"},
    {"ItsNumber", Enqueue("  - {init_from: 2}\n"), "9:17", "is the trial itself"},
    {"Circle", Enqueue("  - {name: b, init_from: c}\n  - {name: c, init_from: b}\n"), "9:26",
     "enqueue[2].init_from: forms a circle"},
    {"NoSuchNumber", Enqueue("  - {init_from: 5}\n"), "9:17",
     "there is no enqueued trial 5: they are 1 to 2"},
    {"Zero", Enqueue("  - {init_from: 0}\n"), "9:17", "init_from: must be from 1"},
    {"TwoOfAName", Enqueue("  - {name: first, init_from: first}\n"), "9:30",
     "2 enqueued trials are called 'first'"},
    {"ListOfSources", Enqueue("  - {init_from: [first]}\n"), "9:17", "must be text, not a list"},
    {"NothingSaid", Enqueue("  - {name: b}\n"), "9:5", "enqueue[2]: parameters: missing"},
    {"OtherNetworksPoint", Enqueue("  - {init_from: first, parameters: {unfreeze: mixed9}}\n"),
     "9:47", "enqueue[2].parameters.unfreeze: mobilenet_v2 has no layer mixed9"},
    {"OtherNetworksPointOfBest", Enqueue("  - {init_from: best, parameters: {unfreeze: mixed9}}\n"),
     "9:46", "enqueue[2].parameters.unfreeze: mobilenet_v2 has no layer mixed9"},
    {"LaterStage",
     Enqueue("  - {init_from: later}\nthen:\n  - {budget: {trials: 1}, enqueue: [{name: later, "
             "init_from: best}]}\n"),
     "9:17", "'later' is of a later stage"},
    {"NobodyLeft",
     "name: a\nbudget: {trials: 1}\nparameters: {dropout: 0.5}\nenqueue: [{init_from: best}]\n",
     "4:23", "enqueue[1].init_from: no trial is left to be the best one"},
    // Stages.
    {"UnknownKey", Then("    epochs: 3\n"), "9:5", "then[1].epochs: unknown key"},
    {"NotAList", Base("then: {budget: {trials: 2}}\n"), "7:7", "then: must be a list"},
    {"NoStages", Base("then: []\n"), "7:7", "then: there are no stages"},
    {"NoBudget", Base("then:\n  - name: b\n"), "8:5", "then[1]: budget: missing"},
    {"NoTrials", Base("then:\n  - budget: {epochs: 3}\n"), "8:13",
     "then[1].budget: trials: missing"},
    {"WallTime", Base("then:\n  - budget: {trials: 1, wall_time: 2h}\n"), "8:13",
     "then[1].budget: wall_time is the whole study's"},
    {"InitFromName", Then("    init_from: first\n"), "9:16",
     "then[1].init_from: unknown: 'first'; known are: best, none"},
    {"Top", Then("    top: 0\n"), "9:10", "then[1].top: must be from 1 to 1000"},
    {"StageSampler", Then("    sampler: bayes\n"), "9:14", "then[1].sampler: unknown: 'bayes'"},
    {"GridContinuous",
     Then("    sampler: grid\n    parameters:\n      dropout: {float: [0, 0.5]}\n"), "11:16",
     "then[1].parameters.dropout: the grid sampler cannot walk a continuous range"},
    {"UnknownParameter", Then("    parameters:\n      droput: 0.3\n"), "10:7",
     "then[1].parameters.droput: unknown parameter; did you mean 'dropout'?"},
    {"ValueOutside", Then("    parameters:\n      dropout: 3\n"), "10:16",
     "then[1].parameters.dropout: "},
    {"EmptyParameters", Then("    parameters: {}\n"), "9:17", "then[1].parameters: there are none"},
    {"UnknownParent",
     Then("    parameters:\n      dropout: {float: [0, 0.4], when: {pooling: avg}}\n"), "10:50",
     "then[1].parameters.dropout.when.pooling: depends on pooling, which neither this stage nor "
     "one before it has"},
    {"ParentsValue",
     Then("    parameters:\n      dropout: {float: [0, 0.4], when: {network: mobilenet}}\n"),
     "10:50", "then[1].parameters.dropout.when.network: "},
    {"NeverActive",
     Then("    parameters:\n      dropout: {float: [0, 0.4], when: {network: resnet50}}\n"),
     "10:16", "then[1].parameters.dropout: is never active: no trial of the stages before"},
    {"TooManyEnqueued",
     Then("    enqueue: [{init_from: best}, {init_from: best}, {init_from: none}]\n"), "9:14",
     "3 trials do not fit the budget of 2"},
    {"EnqueuedUnknown", Then("    enqueue: [{init_from: nobody}]\n"), "9:27",
     "then[1].enqueue[1].init_from: no enqueued trial is called 'nobody'"},
    {"EnqueuedBeyondTheBudget", Then("    enqueue: [{init_from: 10}]\n"), "9:27",
     "there is no trial 10: the first stage's are 1 to 9"},
    // What no source can make possible.
    {"PointOfAnotherBackbone", Then("    parameters:\n      unfreeze: {choices: [all, mixed9]}\n"),
     "10:17", "then[1].parameters.unfreeze: mobilenet_v2 has no layer mixed9"},
    {"EnqueuedPointOfAnotherBackbone", Then("    enqueue: [{parameters: {unfreeze: mixed9}}]\n"),
     "9:39", "then[1].enqueue[1].parameters.unfreeze: mobilenet_v2 has no layer mixed9"},
    {"MoreEpochsThanTheStage", Then("    parameters:\n      epochs: 6\n"), "10:15",
     "then[1].parameters.epochs: 6 is more"},
    // Weights that cannot be taken over.
    {"DenseLayersThatNoSourceHas", Then("    parameters:\n      dense: [512]\n"), "10:14",
     "then[1].parameters.dense: [512] does not fit the weights that it starts from, of a head of "
     "dense layers [] (in {\"dense\":[512]}, whatever the trial starts from)"},
    {"AnotherNetworksWeights", Then("    parameters: {network: resnet50}\n"), "9:27",
     "then[1].parameters.network: resnet50 does not fit the weights that it starts from, of "
     "mobilenet_v2"},
    {"ANormThatNoSourceHas",
     "name: a\nbudget: {trials: 9}\nparameters: {dense: [64], dropout: {float: [0.1, 0.5]}}\n"
     "then:\n  - budget: {trials: 2}\n    parameters: {batch_norm_place: every}\n",
     "6:36",
     "then[1].parameters.batch_norm_place: every does not fit the weights that it starts from, of "
     "a head with batch norm (last)"},
    {"AFlattenedMap", Then("    parameters: {pooling: flatten}\n"), "9:27",
     "then[1].parameters.pooling: flatten does not fit the weights that it starts from, of a head "
     "on 1280 features"},
    {"EnqueuedWithoutTheSourcesNorm", Then("    enqueue: [{parameters: {batch_norm: false}}]\n"),
     "9:41",
     "then[1].enqueue[1].parameters.batch_norm: false does not fit the weights that it starts "
     "from, of a head with batch norm (last)"},
    {"EnqueuedOnItsSource", Enqueue("  - {init_from: first, parameters: {dense: [64]}}\n"), "9:44",
     "enqueue[2].parameters.dense: [64] does not fit the weights that it starts from, of a head "
     "of dense layers []"},
    // The epoch that counts.
    {"Restore", Base("early_stopping: {restore: first}\n"), "7:27",
     "early_stopping.restore: unknown: 'first'; known are: best, last"},
    {"RestoreAndSelectBy",
     Base("objective: {metric: val_accuracy, select_by: val_loss}\nearly_stopping: {restore: "
          "last}\n"),
     "8:27", "early_stopping.restore: last and the objective's select_by: val_loss both choose"},
};

class BadStages : public ::testing::TestWithParam<BadStage> {};

TEST_P(BadStages, NameThePlaceAndTheReason) {
  const auto study = ParseStudy(GetParam().yaml, "dogs.yaml");
  ASSERT_FALSE(study.ok()) << GetParam().yaml;
  EXPECT_EQ(study.status().code(), absl::StatusCode::kInvalidArgument);
  const std::string message(study.status().message());
  EXPECT_THAT(message, StartsWith(StrCat("dogs.yaml:", GetParam().place, ": "))) << GetParam().yaml;
  EXPECT_THAT(message, HasSubstr(GetParam().reason)) << GetParam().yaml;
}
INSTANTIATE_TEST_SUITE_P(All, BadStages, ::testing::ValuesIn(kBadStages),
                         [](const auto& info) { return info.param.what; });

// What some source makes possible is not refused: which one wins, only the search can tell.
TEST(ParseStages, ASecondNetworksPointsAreAllowed) {
  const auto study = ParseStudy(R"(name: a
budget: {trials: 4}
parameters:
  network: {choices: [mobilenet_v2, inception_v3]}
then:
  - budget: {trials: 2}
    parameters:
      unfreeze: {choices: [mixed9, block_16_expand]}
  - budget: {trials: 2}
    parameters:
      unfreeze: {choices: [mixed8, mixed7], when: {network: inception_v3}}
)",
                                "a.yaml");
  EXPECT_TRUE(study.ok()) << study.status();
}

TEST(ParseStages, WeightsThatSomeSourceHasAreAllowed) {
  const std::string allowed[] = {
      Then("    parameters: {dense: [64]}\n"),  // one of the first stage's
      Then("    parameters: {dense: {choices: [[], [64]]}, pooling: max}\n"),
      Then("    enqueue: [{parameters: {dense: [64]}}]\n"),
      // Without weights, everything may differ.
      Then("    init_from: none\n    parameters: {network: resnet50, dense: [512]}\n"),
      Then("    enqueue: [{init_from: none, parameters: {dense: [512]}}]\n"),
      // The second stage's enqueued trial may be what the third starts from.
      Then("    enqueue: [{init_from: none, parameters: {dense: [512]}}]\n"
           "  - budget: {trials: 1}\n    parameters: {dense: [512]}\n"),
  };
  for (const std::string& yaml : allowed) {
    const auto study = ParseStudy(yaml, "a.yaml");
    EXPECT_TRUE(study.ok()) << yaml << study.status();
  }
}

TEST(FindImpossible, LooksThroughStages) {
  auto study = ParseStudy(kTwoStages, "dogs.yaml");
  ASSERT_TRUE(study.ok()) << study.status();
  EXPECT_FALSE(FindImpossible(*study, AssumedTraits({})).has_value());
  study->stages[1].space.parameters = {
      {"unfreeze", CategoricalDomain{{Word("mixed9")}}, {{"network", {Word("mobilenet_v2")}}}}};
  const auto problem = FindImpossible(*study, AssumedTraits({}));
  ASSERT_TRUE(problem.has_value());
  EXPECT_EQ(problem->stage, 3);
  EXPECT_EQ(problem->entry, std::nullopt);
  EXPECT_EQ(problem->parameter, "unfreeze");
}

}  // namespace
}  // namespace vizsla
