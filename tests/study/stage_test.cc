// Stages and warm starts in a study's specification: JSON, identity, epochs.
#include "src/study/stage.h"

#include <gmock/gmock.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "src/study/study.h"

namespace vizsla {
namespace {

using ::testing::HasSubstr;

ParameterValue Word(const char* word) { return std::string(word); }

StudySpec TwoStages() {
  StudySpec spec;
  spec.name = "dogs";
  spec.budget = {8, 10, {}};
  spec.space.parameters = {{"network", CategoricalDomain{{Word("mobilenet_v2")}}, {}},
                           {"dropout", FloatDomain{0, 0.6, false, 0.2}, {}}};
  spec.enqueue = {{"transfer", "", {{"dropout", 0.2}}, {}},
                  {"tuned", "", {{"dropout", 0.4}}, {InitFrom::Kind::kTrial, "transfer", 0}},
                  {"last", "", {{"unfreeze", Word("all")}}, {InitFrom::Kind::kBest, "", 0}}};
  Stage stage;
  stage.name = "fine-tune";
  stage.notes = "a lower rate";
  stage.init_weights = false;
  stage.top = 3;
  stage.budget = {4, 20, {}};
  stage.sampler = GridOptions();
  stage.space.parameters = {{"unfreeze", CategoricalDomain{{Word("none"), Word("all")}}, {}},
                            {"backbone_learning_rate",
                             FloatDomain{1e-5, 1e-4, true, {}},
                             {{"unfreeze", {Word("all")}}, {"network", {Word("mobilenet_v2")}}}}};
  stage.enqueue = {{"by hand", "", {{"unfreeze", Word("all")}}, {InitFrom::Kind::kTrial, "", 7}}};
  spec.stages = {stage};
  return spec;
}

TEST(StageJson, RoundTrips) {
  const StudySpec spec = TwoStages();
  const auto back = StudySpecFromJsonText(ToJsonText(spec));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, spec);
  StudySpec odd = spec;
  odd.enqueue[1].init_from.name = "best";  // a trial's name, not the word
  EXPECT_EQ(*StudySpecFromJsonText(ToJsonText(odd)), odd);
}

TEST(StageJson, AnAbsentFieldHasItsDefaultAndAnUnknownOneIsRefused) {
  nlohmann::json json = ToJson(TwoStages());
  json["stages"][0] = {{"budget", {{"trials", 2}}}};
  const auto spec = StudySpecFromJson(json);
  ASSERT_TRUE(spec.ok()) << spec.status();
  Stage expected;
  expected.budget.trials = 2;
  EXPECT_EQ(spec->stages[0], expected);

  const auto error = [](auto change) {
    nlohmann::json changed = ToJson(TwoStages());
    change(changed);
    return std::string(StudySpecFromJson(changed).status().message());
  };
  EXPECT_THAT(error([](auto& j) { j["stages"][0]["colour"] = 1; }),
              HasSubstr("stage 2: colour: unknown field"));
  EXPECT_THAT(error([](auto& j) { j["stages"][0]["init_from"] = "worst"; }),
              HasSubstr("stage 2: init_from: 'worst' is none of best, none"));
  EXPECT_THAT(error([](auto& j) { j["stages"][0]["top"] = 0; }), HasSubstr("stage 2: top"));
  EXPECT_THAT(error([](auto& j) { j["stages"] = 3; }), HasSubstr("stages: must be a list"));
  EXPECT_THAT(error([](auto& j) { j["enqueue"][1]["init_from"] = true; }),
              HasSubstr("enqueue 2: init_from: true names no trial"));
  EXPECT_THAT(error([](auto& j) { j["enqueue"][1]["init_from"] = 0; }),
              HasSubstr("names no trial"));
  EXPECT_THAT(error([](auto& j) {
                j["enqueue"][1]["init_from"] = {{"name", ""}};
              }),
              HasSubstr("is empty"));
  EXPECT_THAT(error([](auto& j) { j["objective"]["epoch"] = "first"; }),
              HasSubstr("epoch: must be last"));
}

TEST(StageHash, IgnoresNotesAndBudgetsOfStagesOnly) {
  const StudySpec spec = TwoStages();
  const std::string hash = ImmutableHash(spec);
  StudySpec same = spec;
  same.stages[0].notes = "another";
  same.stages[0].budget = {400, 100, {}};
  EXPECT_EQ(ImmutableHash(same), hash);
  EXPECT_EQ(DiffImmutable(spec, same), "");

  const std::vector<std::function<void(StudySpec&)>> changes = {
      [](StudySpec& s) { s.stages.clear(); },
      [](StudySpec& s) { s.stages.push_back(s.stages[0]); },
      [](StudySpec& s) { s.stages[0].name = "other"; },
      [](StudySpec& s) { s.stages[0].init_weights = true; },
      [](StudySpec& s) { s.stages[0].top = 1; },
      [](StudySpec& s) { s.stages[0].sampler = RandomOptions(); },
      [](StudySpec& s) { s.stages[0].space.parameters.pop_back(); },
      [](StudySpec& s) { s.stages[0].space.parameters[1].conditions.pop_back(); },
      [](StudySpec& s) { s.stages[0].enqueue.clear(); },
      [](StudySpec& s) { s.stages[0].enqueue[0].init_from.number = 6; },
      [](StudySpec& s) { s.enqueue[1].init_from = {}; },
      [](StudySpec& s) { s.objective.last_epoch = true; },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    StudySpec changed = spec;
    changes[i](changed);
    EXPECT_NE(ImmutableHash(changed), hash) << "change " << i;
    EXPECT_NE(DiffImmutable(spec, changed), "") << "change " << i;
  }
}

TEST(StageHash, DifferencesAreReadable) {
  StudySpec given = TwoStages();
  given.stages[0].space.parameters[0].domain = CategoricalDomain{{Word("all")}};
  given.enqueue[1].init_from = {InitFrom::Kind::kTrial, "", 1};
  const std::string diff = DiffImmutable(TwoStages(), given);
  EXPECT_THAT(diff, HasSubstr("then.1.parameters.unfreeze: {choices: [none, all]} -> all"));
  EXPECT_THAT(diff, HasSubstr("enqueue.2.init_from: transfer -> 1"));
}

TEST(PlannedEpochs, AreTheStagesOrTheTrialsOwn) {
  const StudySpec spec = TwoStages();
  Trial trial;
  EXPECT_EQ(PlannedEpochs(spec, trial), 10);
  trial.configuration["epochs"] = int64_t{6};
  EXPECT_EQ(PlannedEpochs(spec, trial), 6);
  trial.configuration["epochs"] = int64_t{15};
  EXPECT_EQ(PlannedEpochs(spec, trial), 10) << "at most the budget";
  trial.stage = 2;
  EXPECT_EQ(PlannedEpochs(spec, trial), 15);
}

TEST(DescribeStage, NamesIt) {
  EXPECT_EQ(DescribeStage(TwoStages(), 1), "stage 1");
  EXPECT_EQ(DescribeStage(TwoStages(), 2), "stage 2 (fine-tune)");
}

}  // namespace
}  // namespace vizsla
