#include "src/report/predictions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vizsla {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::vector<std::string> kClasses = {"beagle", "pug", "boxer"};

Predictions Example() {
  // Right; wrong and sure; wrong and unsure; as wrong as that but surer; tie of all three.
  const std::vector<float> probabilities = {0.7F, 0.2F, 0.1F, 0.1F, 0.0F, 0.9F, 0.4F, 0.3F,
                                            0.3F, 0.6F, 0.3F, 0.1F, 0.3F, 0.3F, 0.3F};
  const std::vector<int> labels = {0, 1, 1, 1, 2};
  Predictions predictions;
  predictions.evaluation.report = *MakeClassificationReport(probabilities, labels, kClasses);
  predictions.evaluation.study = "dogs \"1\"";
  predictions.evaluation.trial = 7;
  predictions.evaluation.epoch = 3;
  predictions.evaluation.split = "validation";
  predictions.evaluation.objective = "val_accuracy";
  predictions.evaluation.search_score = 0.25;
  predictions.evaluation.unreadable_photos = 2;
  predictions.photos = PredictionsOf(probabilities, labels, {"a", "b", "c", "d", "e"}, 3);
  return predictions;
}

TEST(Predictions, TakeTheMostProbableClassAndTheFirstAmongEquals) {
  const Predictions predictions = Example();
  EXPECT_EQ(predictions.photos[1].predicted, 2);
  EXPECT_FLOAT_EQ(predictions.photos[1].predicted_probability, 0.9F);
  EXPECT_FLOAT_EQ(predictions.photos[1].label_probability, 0);
  EXPECT_EQ(predictions.photos[4].predicted, 0);
}

TEST(Predictions, MostWrongFirst) {
  const std::vector<PhotoPrediction> photos = Example().photos;
  // b has no probability for its class; c, d and e have 0.3, d being the surest mistake.
  EXPECT_THAT(MostWrong(photos, 10), ElementsAre(1, 3, 2, 4));
  EXPECT_THAT(MostWrong(photos, 2), ElementsAre(1, 3));
  EXPECT_THAT(MostWrong({}, 2), IsEmpty());
}

TEST(Predictions, ConfusionAgreesWithTheReport) {
  const Predictions predictions = Example();
  const auto matrix = ConfusionMatrix(predictions.photos, 3);
  EXPECT_THAT(matrix,
              ElementsAre(ElementsAre(1, 0, 0), ElementsAre(2, 0, 1), ElementsAre(1, 0, 0)));
  int64_t right = 0;
  for (size_t i = 0; i < 3; ++i) right += matrix[i][i];
  EXPECT_DOUBLE_EQ(right / 5.0, predictions.evaluation.report.accuracy);
  for (size_t i = 0; i < 3; ++i) {
    int64_t support = 0;
    for (const int64_t count : matrix[i]) support += count;
    EXPECT_EQ(support, predictions.evaluation.report.classes[i].support);
  }
}

TEST(Predictions, MostConfusedPairsFirst) {
  const auto pairs = MostConfused({{5, 3, 0}, {3, 0, 0}, {1, 2, 9}}, 10);
  ASSERT_EQ(pairs.size(), 4U);
  // Three photos each: the one of three counts more than the one of eight.
  EXPECT_EQ(pairs[0].label, 1);
  EXPECT_DOUBLE_EQ(pairs[0].share, 1);
  EXPECT_EQ(pairs[1].label, 0);
  EXPECT_EQ(pairs[1].predicted, 1);
  EXPECT_DOUBLE_EQ(pairs[1].share, 0.375);
  EXPECT_EQ(pairs[2].photos, 2);
  EXPECT_THAT(MostConfused({{5, 3}, {3, 0}}, 1), testing::SizeIs(1));
  EXPECT_THAT(MostConfused({}, 5), IsEmpty());
}

TEST(Predictions, JsonComesBackTheSame) {
  Predictions predictions = Example();
  predictions.photos[1].thumbnail = std::string("\xFF\xD8\0\xFF", 4);
  const auto read = PredictionsFromJsonText(ToJsonText(predictions));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(ToJsonText(*read), ToJsonText(predictions));
  EXPECT_EQ(read->photos[1].thumbnail, predictions.photos[1].thumbnail);
  EXPECT_EQ(read->evaluation.study, "dogs \"1\"");
  EXPECT_EQ(read->evaluation.report.classes[2].name, "boxer");
  EXPECT_EQ(read->evaluation.search_score, 0.25);
  EXPECT_EQ(read->evaluation.test_uses, std::nullopt);
  EXPECT_EQ(read->evaluation.unreadable_photos, 2);
}

TEST(Predictions, BadJsonNamesItsPlace) {
  const std::string good = ToJsonText(Example());
  const auto error_after = [&](const std::string& from, const std::string& to) {
    std::string bad = good;
    const size_t at = bad.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    bad.replace(at, from.size(), to);
    return std::string(PredictionsFromJsonText(bad).status().message());
  };
  EXPECT_THAT(std::string(PredictionsFromJsonText("{").status().message()), HasSubstr("not JSON"));
  EXPECT_THAT(error_after("\"predicted\": 2", "\"predicted\": 3"), HasSubstr("predicted"));
  EXPECT_THAT(error_after("\"photo\": \"a\"", "\"picture\": \"a\""), HasSubstr("photo"));
  EXPECT_THAT(error_after("\"accuracy\":", "\"precision\":"), HasSubstr("accuracy"));
}

}  // namespace
}  // namespace vizsla
