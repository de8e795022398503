#include "src/study/study.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "src/base/sha256.h"

namespace vizsla {
namespace {

using ::testing::HasSubstr;

StudySpec Example() {
  StudySpec spec;
  spec.name = "dogs";
  spec.notes = "ü and \"quotes\"";
  spec.seed = 18446744073709551615u;
  spec.split = {0.2, 0.1, 7, "dog"};
  spec.weights = {"tf_same", "tf"};
  spec.objective = {"val_accuracy", Direction::kMaximize, "val_loss", Direction::kMinimize};
  spec.budget = {24, 30, std::chrono::seconds(7200)};
  spec.early_stopping = {"val_loss", Direction::kMinimize, 20, 0.001};
  spec.sampler = GridOptions();
  spec.max_crashes = 5;
  spec.checkpoint_interval = std::chrono::seconds(90);
  spec.space.parameters = {
      {"dense", CategoricalDomain{{IntList{}, IntList{128, 128}}}, {}},
      {"dropout", FloatDomain{0, 0.6, false, 0.2}, {}},
      {"dropout_hidden", FloatDomain{0, 0.6, false, 0.2}, {{"dense", {IntList{128, 128}}}}},
  };
  spec.enqueue = {{"3.4", "best by hand", {{"dense", IntList{128, 128}}, {"dropout", 0.5}}}};
  return spec;
}

TEST(CheckStudyName, TakesWhatStandsInAFileName) {
  for (const std::string& name :
       {std::string("a"), std::string("9"), std::string("Dogs-2_b.v1"), std::string(100, 'a')}) {
    EXPECT_EQ(CheckStudyName(name), absl::OkStatus()) << name;
  }
  for (const std::string& name :
       {std::string(), std::string("-a"), std::string("_a"), std::string(".a"), std::string("a b"),
        std::string("a/b"), std::string("h\xc3\xbcnde"), std::string("a\n"), std::string("a\0", 2),
        std::string(101, 'a')}) {
    EXPECT_EQ(CheckStudyName(name), absl::InvalidArgumentError(
                                        "must be letters, digits, '-', '_' and '.', beginning with "
                                        "a letter or digit, at most 100, not '" +
                                        name + "'"));
  }
}

TEST(StudySpec, JsonRoundTrips) {
  const StudySpec spec = Example();
  const auto back = StudySpecFromJsonText(ToJsonText(spec));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, spec);
  EXPECT_EQ(ToJsonText(*back), ToJsonText(spec));
  const auto defaults = StudySpecFromJsonText(ToJsonText(StudySpec()));
  ASSERT_TRUE(defaults.ok()) << defaults.status();
  EXPECT_EQ(*defaults, StudySpec());
}

TEST(StudySpec, JsonErrorsNameTheField) {
  const auto error = [](auto change) {
    nlohmann::json json = ToJson(Example());
    change(json);
    return StudySpecFromJson(json).status().ToString();
  };
  EXPECT_THAT(error([](auto& j) { j["colour"] = 1; }),
              HasSubstr("study: colour: unknown field (made by a newer Vizsla?)"));
  EXPECT_THAT(error([](auto& j) { j.erase("name"); }), HasSubstr("study: name: missing"));
  EXPECT_THAT(error([](auto& j) { j.erase("space"); }), HasSubstr("study: space: missing"));
  EXPECT_THAT(error([](auto& j) { j["notes"] = nullptr; }), HasSubstr("notes: must be a string"));
  EXPECT_THAT(error([](auto& j) { j["seed"] = -1; }), HasSubstr("seed: must be an integer"));
  EXPECT_THAT(error([](auto& j) { j["split"]["test"] = "a"; }),
              HasSubstr("split: test: must be a number"));
  EXPECT_THAT(error([](auto& j) { j["budget"]["epochs"] = 0; }),
              HasSubstr("budget: epochs: must be"));
  EXPECT_THAT(error([](auto& j) { j["budget"]["extra"] = 0; }),
              HasSubstr("budget: extra: unknown"));
  EXPECT_THAT(error([](auto& j) { j["objective"]["direction"] = "up"; }), HasSubstr("'up'"));
  EXPECT_THAT(error([](auto& j) { j["sampler"] = "magic"; }), HasSubstr("'magic'"));
  EXPECT_THAT(error([](auto& j) { j["space"] = 3; }), HasSubstr("must be a list"));
  EXPECT_THAT(error([](auto& j) { j["enqueue"][0]["parameters"]["x"] = nullptr; }),
              HasSubstr("enqueue 1: "));
  EXPECT_THAT(StudySpecFromJsonText("{").status().ToString(), HasSubstr("not JSON"));
  EXPECT_THAT(StudySpecFromJsonText("3").status().ToString(), HasSubstr("must be an object"));
}

// As release 0.1.0 stores Example(). Never edit it: databases hold such texts.
constexpr std::string_view kStoredByRelease010 =
    R"({"budget":{"epochs":30,"trials":24,"wall_time_s":7200},"checkpoint_interval_s":90,
"early_stopping":{"direction":"minimize","metric":"val_loss","min_delta":0.001,"patience":20},
"enqueue":[{"name":"3.4","notes":"best by hand","parameters":{"dense":[128,128],
"dropout":0.5}}],"max_crashes":5,"name":"dogs","notes":"ü and \"quotes\"",
"objective":{"direction":"maximize","metric":"val_accuracy","select_by":"val_loss",
"select_direction":"minimize"},"sampler":"grid","seed":18446744073709551615,
"space":[{"conditions":[],"domain":{"choices":[[],[128,128]],"type":"categorical"},
"name":"dense"},{"conditions":[],"domain":{"high":0.6,"log":false,"low":0.0,"step":0.2,
"type":"float"},"name":"dropout"},{"conditions":[{"parent":"dense","values":[[128,128]]}],
"domain":{"high":0.6,"log":false,"low":0.0,"step":0.2,"type":"float"},"name":"dropout_hidden"}],
"split":{"group_column":"dog","seed":7,"test":0.2,"validation":0.1},
"weights":{"padding":"tf_same","preprocessing":"tf"}})";

TEST(StudySpec, WhatEarlierReleasesStoredIsRead) {
  const auto stored = StudySpecFromJsonText(kStoredByRelease010);
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_EQ(*stored, Example());
}

TEST(StudySpec, AFieldThatWasNotStoredYetHasItsDefault) {
  nlohmann::json json = nlohmann::json::parse(kStoredByRelease010);
  json.erase("checkpoint_interval_s");
  json.erase("weights");
  json["split"].erase("group_column");
  json["early_stopping"].erase("min_delta");
  json["enqueue"][0].erase("notes");
  const auto stored = StudySpecFromJson(json);
  ASSERT_TRUE(stored.ok()) << stored.status();
  StudySpec expected = Example();
  expected.checkpoint_interval = StudySpec().checkpoint_interval;
  expected.weights = WeightsSpec();
  expected.split.group_column = "";
  expected.early_stopping.min_delta = EarlyStopping().min_delta;
  expected.enqueue[0].notes = "";
  EXPECT_EQ(*stored, expected);
}

// SHA-256 of kStoredByRelease010 without name, notes and budget, as Python's json.dumps writes it
// with sorted keys. What makes a stored study the same one must outlive every release.
TEST(ImmutableHash, IsThatOfRelease010) {
  EXPECT_EQ(ImmutableHash(Example()),
            "6e1c7fefc1f90f0d7e87d715cf12a8b70e10b13fdd0bb6e825d0d68abc2a9d24");
}

TEST(ImmutableHash, IgnoresNameNotesAndBudgetOnly) {
  const StudySpec spec = Example();
  const std::string hash = ImmutableHash(spec);
  EXPECT_TRUE(IsSha256Hex(hash));
  StudySpec same = spec;
  same.name = "other";
  same.notes = "other";
  same.budget = {1000, 99, std::nullopt};
  EXPECT_EQ(ImmutableHash(same), hash);
  EXPECT_EQ(DiffImmutable(spec, same), "");

  const std::vector<std::function<void(StudySpec&)>> changes = {
      [](StudySpec& s) { s.seed = 1; },
      [](StudySpec& s) { s.split.test = 0.3; },
      [](StudySpec& s) { s.split.validation = 0.3; },
      [](StudySpec& s) { s.split.seed = 1; },
      [](StudySpec& s) { s.split.group_column = ""; },
      [](StudySpec& s) { s.weights.padding = "symmetric"; },
      [](StudySpec& s) { s.weights.preprocessing = "torch"; },
      [](StudySpec& s) { s.objective.metric = "val_loss"; },
      [](StudySpec& s) { s.objective.direction = Direction::kMinimize; },
      [](StudySpec& s) { s.objective.select_by = "val_accuracy"; },
      [](StudySpec& s) { s.objective.select_direction = Direction::kMaximize; },
      [](StudySpec& s) { s.early_stopping.patience = 0; },
      [](StudySpec& s) { s.early_stopping.min_delta = 0; },
      [](StudySpec& s) { s.early_stopping.metric = "train_loss"; },
      [](StudySpec& s) { s.early_stopping.direction = Direction::kMaximize; },
      [](StudySpec& s) { s.sampler = RandomOptions(); },
      [](StudySpec& s) { s.max_crashes = 1; },
      [](StudySpec& s) { s.checkpoint_interval = std::chrono::seconds(1); },
      [](StudySpec& s) { s.space.parameters.pop_back(); },
      [](StudySpec& s) { std::swap(s.space.parameters[0], s.space.parameters[1]); },
      [](StudySpec& s) {
        s.space.parameters[1].domain = FloatDomain{0, 0.5, false, 0.1};
      },
      [](StudySpec& s) { s.space.parameters[2].conditions.clear(); },
      [](StudySpec& s) { s.enqueue.clear(); },
      [](StudySpec& s) { s.enqueue[0].configuration["dropout"] = 0.4; },
      [](StudySpec& s) { s.enqueue[0].name = "3.5"; },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    StudySpec changed = spec;
    changes[i](changed);
    EXPECT_NE(ImmutableHash(changed), hash) << "change " << i;
    EXPECT_NE(DiffImmutable(spec, changed), "") << "change " << i;
  }
}

TEST(DiffImmutable, IsReadable) {
  const StudySpec stored = Example();
  StudySpec given = stored;
  given.seed = 7;
  given.space.parameters[1].domain = CategoricalDomain{{0.5}};
  given.space.parameters.pop_back();
  const std::string diff = DiffImmutable(stored, given);
  EXPECT_THAT(diff, HasSubstr("seed: 18446744073709551615 -> 7"));
  EXPECT_THAT(diff, HasSubstr("parameters.dropout: {float: [0, 0.6], step: 0.2} -> 0.5"));
  EXPECT_THAT(diff, HasSubstr("parameters.dropout_hidden: {float: [0, 0.6], step: 0.2} when dense "
                              "is [128, 128] -> (absent)"));
  EXPECT_THAT(diff, ::testing::Not(HasSubstr("split")));
}

TEST(StudyWords, AreLowerCase) {
  EXPECT_EQ(ToText(StudyState::kActive), "active");
  EXPECT_EQ(ToText(StudyState::kStopped), "stopped");
  EXPECT_EQ(ToText(StudyState::kFinished), "finished");
  EXPECT_EQ(ToText(SamplerKind::kRandom), "random");
  EXPECT_EQ(ToText(SamplerKind::kGrid), "grid");
}

}  // namespace
}  // namespace vizsla
