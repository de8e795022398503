// The trained loss against PyTorch and scikit-learn (reference_losses.py), and the mean of a
// photo's and its mirror image's probabilities.
#include "src/train/loss.h"

#include <gtest/gtest.h>

#include "src/train/class_weights.h"
#include "src/train/test_time_flip.h"
#include "tests/train/python_reference.h"
#include "tests/train/synthetic_source.h"

namespace vizsla {
namespace {

using nlohmann::json;

constexpr int kClasses = 4;

// Photos 0 .. 11; the first classes have more of them.
class LossTest : public ::testing::Test {
 protected:
  LossTest() {
    source_.label_of = [](uint32_t photo) { return photo < 6 ? 0 : static_cast<int>(photo) % 4; };
    torch::manual_seed(5);
    logits_ = (torch::randn({5, kClasses}) * 2).requires_grad_();
  }

  std::vector<PhotoView> Rows(double weight) const {
    std::vector<PhotoView> rows;
    for (const uint32_t photo : kPhotos) {
      PhotoView row{.photo = photo};
      if (weight < 1) {
        row.mixed_in = MixedIn{.photo = PartnerOf(photo), .mix = {.weight = weight}};
      }
      rows.push_back(row);
    }
    return rows;
  }
  static uint32_t PartnerOf(uint32_t photo) { return (photo + 5) % 12; }

  static constexpr uint32_t kPhotos[] = {0, 7, 9, 10, 11};
  SyntheticSource source_{12, kClasses, 4, 1};
  torch::Tensor logits_;
};

TEST_F(LossTest, FollowsPyTorchAndScikitLearn) {
  if (!HasPythonTorch()) {
    GTEST_SKIP() << "needs python3-torch (deploy/install-deps.sh --tests)";
  }
  json question;
  question["logits"] = ToJson(logits_);
  for (const uint32_t photo : kPhotos) {
    question["labels"].push_back(source_.label(photo));
    question["partners"].push_back(source_.label(PartnerOf(photo)));
  }
  for (uint32_t photo = 0; photo < 12; ++photo) {
    question["train_labels"].push_back(source_.label(photo));
  }
  for (const bool balanced : {false, true}) {
    for (const double smoothing : {0.0, 0.1}) {
      for (const double weight : {1.0, 0.3}) {
        question["cases"].push_back(
            {{"balanced", balanced}, {"smoothing", smoothing}, {"weight", weight}});
      }
    }
  }
  const json answer = AskPython(VIZSLA_REFERENCE_LOSSES, question);
  ASSERT_EQ(answer.size(), 8u);
  for (size_t i = 0; i < 8; ++i) {
    const json& c = question["cases"][i];
    SCOPED_TRACE(c.dump());
    const auto kind = c["balanced"] ? ClassWeights::kBalanced : ClassWeights::kNone;
    const TrainingLoss loss(source_, c["smoothing"], WeightsOfClasses(kind, source_, kClasses),
                            torch::kCPU);
    logits_.mutable_grad() = torch::Tensor();
    const torch::Tensor sum = loss.Sum(logits_, loss.TargetsOf(Rows(c["weight"])));
    sum.backward();
    EXPECT_NEAR(sum.item<double>(), answer[i]["loss"], 1e-5);
    EXPECT_TRUE(torch::allclose(logits_.grad(), TensorFrom(answer[i]["gradient"]), 1e-5, 1e-6));
  }
}

// Ranks without rows of the last batch take part.
TEST_F(LossTest, OfNoRowsIsZero) {
  const TrainingLoss loss(
      source_, 0.1, WeightsOfClasses(ClassWeights::kBalanced, source_, kClasses), torch::kCPU);
  const torch::Tensor none = torch::zeros({0, kClasses}).requires_grad_();
  const torch::Tensor sum = loss.Sum(none, loss.TargetsOf({}));
  EXPECT_EQ(sum.item<double>(), 0);
  sum.backward();
}

TEST(TestTimeFlipTest, AveragesProbabilities) {
  torch::manual_seed(6);
  const torch::Tensor logits = torch::randn({6, 4}) * 5;
  EXPECT_TRUE(CombineViews(logits, false).is_same(logits));
  const torch::Tensor expected =
      (torch::softmax(logits.narrow(0, 0, 3), 1) + torch::softmax(logits.narrow(0, 3, 3), 1)) / 2;
  const torch::Tensor combined = CombineViews(logits, true);
  EXPECT_TRUE(torch::allclose(torch::exp(combined), expected, 1e-5, 1e-7));
  EXPECT_TRUE(torch::allclose(torch::softmax(combined, 1), expected, 1e-5, 1e-7));
  // A probability of e^-200 has no float, its logarithm has.
  EXPECT_NEAR(CombineViews(torch::tensor({{200.f, 0.f}, {200.f, 0.f}}), true)[0][1].item<double>(),
              -200, 1e-3);
}

TEST(TestTimeFlipTest, PhotosThenTheirMirrorImages) {
  const std::vector<PhotoView> views = EvaluationViews(3, 5, true);
  ASSERT_EQ(views.size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(views[i].photo, 3 + i % 2);
    EXPECT_EQ(views[i].view, View{.flip = i >= 2});
  }
  EXPECT_EQ(EvaluationViews(3, 5, false).size(), 2u);
  EXPECT_TRUE(EvaluationViews(5, 5, true).empty());
}

}  // namespace
}  // namespace vizsla
