// Against Optuna's figures, recorded by make_importance_fixture.py.
#include "src/report/parameter_importance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "src/base/file.h"

namespace vizsla {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Domain DomainFrom(const nlohmann::json& json) {
  if (json["kind"] == "choice") {
    CategoricalDomain domain;
    for (const nlohmann::json& choice : json["choices"]) {
      domain.choices.push_back(*ParameterValueFromJson(choice));
    }
    return domain;
  }
  if (json["kind"] == "int") {
    return IntDomain{json["low"], json["high"], json["log"], json["step"]};
  }
  FloatDomain domain{json["low"], json["high"], json["log"], std::nullopt};
  if (!json["step"].is_null()) domain.step = json["step"].get<double>();
  return domain;
}

struct RecordedStudy {
  std::string name;
  Direction direction = Direction::kMaximize;
  std::vector<Parameter> parameters;
  std::vector<ScoredConfiguration> trials;
  std::map<std::string, double> raw;
  std::map<std::string, double> shares;
};

std::vector<RecordedStudy> ReadStudies() {
  const auto text = ReadFile(VIZSLA_SOURCE_DIR "/tests/report/data/importance.json");
  EXPECT_TRUE(text.ok()) << text.status();
  std::vector<RecordedStudy> studies;
  const nlohmann::json recorded = nlohmann::json::parse(*text);
  for (const nlohmann::json& json : recorded["studies"]) {
    RecordedStudy study;
    study.name = json["name"];
    if (json["direction"] == "minimize") study.direction = Direction::kMinimize;
    for (const auto& [name, domain] : json["space"].items()) {
      study.parameters.push_back({name, DomainFrom(domain), {}});
    }
    for (const nlohmann::json& trial : json["trials"]) {
      ScoredConfiguration scored;
      for (const auto& [name, value] : trial["params"].items()) {
        scored.configuration[name] = *ParameterValueFromJson(value);
      }
      scored.score = trial["score"];
      study.trials.push_back(std::move(scored));
    }
    study.raw = json["raw"];
    study.shares = json["shares"];
    studies.push_back(std::move(study));
  }
  return studies;
}

TEST(PedAnova, AgreesWithOptuna) {
  const std::vector<RecordedStudy> studies = ReadStudies();
  ASSERT_THAT(studies, SizeIs(8));
  for (const RecordedStudy& study : studies) {
    const auto ours = PedAnova(study.parameters, study.trials, study.direction);
    for (const auto& [name, expected] : study.raw) {
      EXPECT_NEAR(ours.at(name), expected, 1e-9 + 1e-8 * expected) << study.name << ": " << name;
    }
  }
}

TEST(PedAnova, SharesAgreeWithOptunaAndTheMostImportantIsFirst) {
  for (const RecordedStudy& study : ReadStudies()) {
    const ImportanceReport report =
        AssessImportance(study.parameters, study.trials, study.direction);
    if (study.name == "all equal") {
      // Optuna calls all equally important; we say that it cannot be told.
      EXPECT_THAT(report.parameters, IsEmpty());
      EXPECT_THAT(report.caveat, HasSubstr("no parameter stands out"));
      continue;
    }
    double sum = 0;
    double before = 1;
    for (const ParameterImportance& parameter : report.parameters) {
      EXPECT_NEAR(parameter.share, study.shares.at(parameter.name), 1e-8)
          << study.name << ": " << parameter.name;
      EXPECT_LE(parameter.share, before);
      before = parameter.share;
      sum += parameter.share;
    }
    EXPECT_NEAR(sum, 1, 1e-12) << study.name;
  }
}

TEST(PedAnova, AValueOutsideTheDomainCountsAsAbsent) {
  const std::vector<Parameter> parameters = {
      {"x", FloatDomain{.low = 0, .high = 1, .step = {}}, {}}};
  std::vector<ScoredConfiguration> inside;
  for (int i = 0; i < 20; ++i) inside.push_back({{{"x", i / 20.0}}, i / 20.0});
  std::vector<ScoredConfiguration> absent = inside;
  std::vector<ScoredConfiguration> outside = inside;
  absent.push_back({{}, -1});
  outside.push_back({{{"x", 7.0}}, -1});
  EXPECT_EQ(PedAnova(parameters, outside, Direction::kMaximize),
            PedAnova(parameters, absent, Direction::kMaximize));
}

TEST(AssessImportance, SaysWhyThereIsNothingToSay) {
  const std::vector<Parameter> parameters = {
      {"x", FloatDomain{.low = 0, .high = 1, .step = {}}, {}}};
  EXPECT_THAT(AssessImportance({}, {}, Direction::kMaximize).caveat,
              HasSubstr("No parameter varies"));
  EXPECT_THAT(AssessImportance(parameters, {}, Direction::kMaximize).caveat,
              HasSubstr("there is none"));
  EXPECT_THAT(AssessImportance(parameters, {{{{"x", 0.5}}, 1}}, Direction::kMaximize).caveat,
              HasSubstr("there is one"));
  const ImportanceReport few = AssessImportance(
      parameters, {{{{"x", 0.1}}, 1}, {{{"x", 0.9}}, 2}, {{}, 0}}, Direction::kMaximize);
  EXPECT_THAT(few.caveat, HasSubstr("the best tenth of 3 scored trials is 1 trial"));
  EXPECT_THAT(few.caveat, HasSubstr("only some trials have"));
  ASSERT_THAT(few.parameters, SizeIs(1));
  EXPECT_FALSE(few.parameters[0].always);
}

}  // namespace
}  // namespace vizsla
