#include "src/report/classification_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <limits>
#include <random>

#include "src/base/file.h"
#include "src/report/leaderboard.h"

namespace vizsla {
namespace {

using testing::HasSubstr;

struct Example {
  std::vector<float> probabilities;
  std::vector<int> labels;
  std::vector<std::string> classes;
};

// Softmax of noise that leans towards the label; one class without photos and one never predicted.
Example RandomExample(int photos, int classes, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> noise;
  Example example;
  for (int c = 0; c < classes; ++c) example.classes.push_back("class " + std::to_string(c));
  for (int i = 0; i < photos; ++i) {
    const int label = static_cast<int>(random() % (classes - 1));  // the last class has none
    example.labels.push_back(label);
    std::vector<double> row(classes);
    double sum = 0;
    for (int c = 0; c < classes; ++c) {
      row[c] = std::exp(noise(random) + (c == label ? 1.5 : 0) - (c == 0 ? 100 : 0));
      sum += row[c];
    }
    for (double value : row) example.probabilities.push_back(static_cast<float>(value / sum));
  }
  return example;
}

constexpr char kReference[] = R"(
import json, sys, warnings
import numpy as np
from sklearn.metrics import classification_report, log_loss, top_k_accuracy_score
warnings.simplefilter("ignore")
with open(sys.argv[1]) as file:
    example = json.load(file)
p = np.array(example["probabilities"], dtype=np.float32).reshape(len(example["labels"]), -1)
labels = np.array(example["labels"])
every = list(range(p.shape[1]))
report = classification_report(labels, p.argmax(1), labels=every, target_names=example["classes"],
                               output_dict=True, zero_division=0)
q = np.clip(p.astype(np.float64), np.finfo(np.float32).tiny, 1)
out = {"loss": float(-np.log(q[np.arange(len(labels)), labels]).mean()),
       "top5": float(top_k_accuracy_score(labels, p, k=min(5, p.shape[1]), labels=every)),
       "accuracy": float((p.argmax(1) == labels).mean()),
       "sklearn_loss": float(log_loss(labels, q / q.sum(1, keepdims=True), labels=every, eps=1e-38)),
       "report": report}
print(json.dumps(out))
)";

void ExpectScores(const ClassScores& ours, const nlohmann::json& reference) {
  EXPECT_NEAR(ours.precision, reference["precision"].get<double>(), 1e-12) << ours.name;
  EXPECT_NEAR(ours.recall, reference["recall"].get<double>(), 1e-12) << ours.name;
  EXPECT_NEAR(ours.f1, reference["f1-score"].get<double>(), 1e-12) << ours.name;
  EXPECT_EQ(ours.support, reference["support"].get<int64_t>()) << ours.name;
}

class AgainstSklearn : public testing::TestWithParam<int> {};

TEST_P(AgainstSklearn, AgreesInEveryFigure) {
  if (std::system("/usr/bin/python3 -c 'import sklearn' 2>/dev/null") != 0) {
    GTEST_SKIP() << "python3-sklearn, the reference, is not installed";
  }
  const int classes = GetParam();
  const Example example = RandomExample(400, classes, 7U + classes);
  auto folder = TemporaryDirectory::Create();
  ASSERT_TRUE(folder.ok());
  const std::string path = folder->path();
  std::ofstream(path + "/reference.py") << kReference;
  std::ofstream(path + "/example.json") << nlohmann::json{{"probabilities", example.probabilities},
                                                          {"labels", example.labels},
                                                          {"classes", example.classes}};
  const std::string command = "/usr/bin/python3 " + path + "/reference.py " + path +
                              "/example.json > " + path + "/out.json";
  ASSERT_EQ(std::system(command.c_str()), 0);
  std::ifstream output(path + "/out.json");
  const nlohmann::json reference = nlohmann::json::parse(output);

  const auto report =
      MakeClassificationReport(example.probabilities, example.labels, example.classes);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_NEAR(report->loss, reference["loss"].get<double>(), 1e-6);
  // sklearn normalizes float32 rows again before it takes the logarithm.
  EXPECT_NEAR(report->loss, reference["sklearn_loss"].get<double>(), 1e-5);
  EXPECT_NEAR(report->accuracy, reference["accuracy"].get<double>(), 1e-12);
  EXPECT_NEAR(report->top5_accuracy, reference["top5"].get<double>(), 1e-12);
  ASSERT_EQ(report->classes.size(), example.classes.size());
  for (const ClassScores& scores : report->classes) {
    ExpectScores(scores, reference["report"][scores.name]);
  }
  ExpectScores(report->macro_average, reference["report"]["macro avg"]);
  ExpectScores(report->weighted_average, reference["report"]["weighted avg"]);
}

INSTANTIATE_TEST_SUITE_P(Classes, AgainstSklearn, testing::Values(3, 8, 120));

TEST(MakeClassificationReport, CountsByHand) {
  const std::vector<float> probabilities = {0.7F, 0.2F, 0.1F,  //
                                            0.6F, 0.3F, 0.1F,  //
                                            0.1F, 0.8F, 0.1F,  //
                                            0.2F, 0.2F, 0.6F};
  const auto report =
      MakeClassificationReport(probabilities, std::vector<int>{0, 1, 1, 2}, {"a", "b", "c"});
  ASSERT_TRUE(report.ok());
  EXPECT_DOUBLE_EQ(report->accuracy, 0.75);
  EXPECT_DOUBLE_EQ(report->top5_accuracy, 1.0);
  EXPECT_DOUBLE_EQ(report->classes[0].precision, 0.5);
  EXPECT_DOUBLE_EQ(report->classes[0].recall, 1.0);
  EXPECT_DOUBLE_EQ(report->classes[1].precision, 1.0);
  EXPECT_DOUBLE_EQ(report->classes[1].recall, 0.5);
  EXPECT_NEAR(report->loss, -(std::log(0.7) + std::log(0.3) + std::log(0.8) + std::log(0.6)) / 4,
              1e-7);
}

TEST(MakeClassificationReport, CountsTheLabelInATieByItsPosition) {
  // Six equal probabilities: the first five are the top five.
  const std::vector<float> even(6, 1.0F / 6);
  const std::vector<std::string> classes = {"a", "b", "c", "d", "e", "f"};
  EXPECT_EQ(MakeClassificationReport(even, std::vector<int>{4}, classes)->top5_accuracy, 1);
  EXPECT_EQ(MakeClassificationReport(even, std::vector<int>{5}, classes)->top5_accuracy, 0);
  EXPECT_EQ(MakeClassificationReport(even, std::vector<int>{0}, classes)->accuracy, 1);
}

TEST(MakeClassificationReport, KeepsTheLossFinite) {
  const auto report =
      MakeClassificationReport(std::vector<float>{1, 0}, std::vector<int>{1}, {"a", "b"});
  ASSERT_TRUE(report.ok());
  EXPECT_NEAR(report->loss, 87.34, 0.01);
}

TEST(MakeClassificationReport, RefusesWhatIsNoProbability) {
  const std::vector<std::string> classes = {"a", "b"};
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto message = [&](std::vector<float> probabilities, std::vector<int> labels) {
    const auto report = MakeClassificationReport(probabilities, labels, classes);
    EXPECT_TRUE(absl::IsInvalidArgument(report.status()));
    return std::string(report.status().message());
  };
  EXPECT_THAT(message({0.5F, nan}, {0}), HasSubstr("photo 0, class 1: nan is no probability"));
  EXPECT_THAT(message({0.5F, 0.5F}, {2}), HasSubstr("label 2 is outside the 2 classes"));
  EXPECT_THAT(message({0.5F}, {0}), HasSubstr("1 probabilities do not make 1 photos of 2 classes"));
  EXPECT_THAT(message({}, {}), HasSubstr("no photos"));
}

EvaluationView ExampleEvaluation() {
  EvaluationView view;
  view.study = "dogs";
  view.trial = 7;
  view.epoch = 12;
  view.split = "test";
  view.model_hash = std::string(64, 'a');
  view.report = *MakeClassificationReport(std::vector<float>{0.9F, 0.1F, 0.6F, 0.4F},
                                          std::vector<int>{0, 1}, {"pug", "beagle"});
  view.test_uses = 1;
  view.objective = "val_accuracy";
  view.search_score = 0.8;
  view.unreadable_photos = 1;
  return view;
}

TEST(RenderEvaluation, ShowsClassesAndFigures) {
  const std::string text = RenderEvaluation(ExampleEvaluation(), {});
  EXPECT_THAT(text, HasSubstr("Trial 7 of dogs, epoch 12, on the test split: 2 photos\n"));
  EXPECT_THAT(text, HasSubstr("pug                  0.5000  1.0000  0.6667       1\n"));
  EXPECT_THAT(text, HasSubstr("accuracy        0.5000\n"));
  EXPECT_THAT(text, HasSubstr("the search reported val_accuracy 0.8000\n"));
  EXPECT_THAT(text, HasSubstr("1 photo of the split could not be read and is not counted\n"));
  EXPECT_THAT(text, HasSubstr("the test split of this study has been used once\n"));
}

TEST(EvaluationToJson, HasTheContractsFields) {
  const nlohmann::ordered_json json = EvaluationToJson(ExampleEvaluation());
  EXPECT_EQ(json["split"], "test");
  EXPECT_EQ(json["accuracy"], 0.5);
  EXPECT_EQ(json["top5_accuracy"], 1.0);
  EXPECT_EQ(json["classes"][1]["name"], "beagle");
  EXPECT_EQ(json["classes"][1]["recall"], 0.0);
  EXPECT_EQ(json["test_uses"], 1);
  EvaluationView validation = ExampleEvaluation();
  validation.test_uses.reset();
  EXPECT_TRUE(EvaluationToJson(validation)["test_uses"].is_null());
}

}  // namespace
}  // namespace vizsla
