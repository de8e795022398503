// Samplers that learn from earlier studies, and from enqueued trials.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/scheduling/learn_policy.h"
#include "src/search/sampler.h"
#include "src/study/policy_spec.h"
#include "tests/scheduling/harness.h"

namespace vizsla {
namespace {

using ::testing::HasSubstr;

class LearningTest : public Harness {
 protected:
  static double Rate(const Trial& trial) {
    return std::get<double>(trial.configuration.at("learning_rate"));
  }
  // Best at a learning rate of 0.01.
  static double ScoreOf(const Trial& trial) {
    return 0.9 - 0.1 * std::abs(std::log10(Rate(trial)) + 2);
  }
  Trial TrainNext() {
    const LeaseGrant lease = Acquire(Register("w"));
    EXPECT_TRUE(Report(lease, 1, ScoreOf(lease.trial)).ok());
    const auto trial = Complete(lease);
    EXPECT_TRUE(trial.ok()) << trial.status();
    return trial.ok() ? *trial : Trial();
  }
  // 30 trials, of which two do not fit the parameters of others.
  void MakeOldStudy() {
    StudySpec old = SmallSpec("old", 30, 1);
    old.enqueue = {{"outside", "", {{"learning_rate", 0.5}}},
                   {"other", "", {{"learning_rate", 0.01}, {"momentum", 0.9}}}};
    Create(old);
    for (int i = 0; i < 30; ++i) TrainNext();
    ASSERT_EQ(GetStudy("old").state, StudyState::kFinished);
  }
  static StudySpec Learner(const std::string& name, const SamplerSpec& sampler) {
    StudySpec spec = SmallSpec(name, 20, 1);
    spec.sampler = sampler;
    spec.learn_from = {"old"};
    return spec;
  }
  std::vector<LearnedTrial> Learned(const Study& study) {
    std::vector<LearnedTrial> learned;
    EXPECT_TRUE(store_
                    .Read([&](TrialReader& reader) -> absl::Status {
                      VIZSLA_ASSIGN_OR_RETURN(learned, reader.ListLearned(study.id));
                      return absl::OkStatus();
                    })
                    .ok());
    return learned;
  }
};

TEST_F(LearningTest, TakesTheTrialsThatFitAndSaysSo) {
  MakeOldStudy();
  const Study study = Create(Learner("new", TpeOptions()));
  EXPECT_EQ(study.learned, "learns from 28 trials of 'old' (2 more do not fit its parameters)");
  EXPECT_EQ(GetStudy("new").learned, study.learned);
  const std::vector<LearnedTrial> learned = Learned(study);
  ASSERT_EQ(learned.size(), 28);
  EXPECT_EQ(learned[0].number, 3);
  EXPECT_EQ(scheduler_->GetBoard("new", 0)->total_trials, 0) << "they stand on no leaderboard";
  EXPECT_EQ(Acquire(Register("w")).trial.number, 1);
}

TEST_F(LearningTest, IsPinnedWhenTheStudyIsMade) {
  MakeOldStudy();
  for (const SamplerSpec& sampler :
       {SamplerSpec(TpeOptions()), SamplerSpec(GaussianProcessOptions()),
        SamplerSpec(CmaEsOptions())}) {
    const std::string kind(ToText(KindOf(sampler)));
    Create(Learner(kind, sampler));
    // What a sampler suggests that was told directly.
    const StudySpec spec = Learner(kind, sampler);
    auto direct = *MakeSampler(spec);
    for (const Trial& trial : AsObservations(Learned(GetStudy(kind)))) direct->Learn(trial);
    const auto expected = *direct->Suggest(1);
    auto ignorant = *MakeSampler(spec);
    EXPECT_NE(*ignorant->Suggest(1), expected) << kind << " has learnt nothing";
    const LeaseGrant first = Acquire(Register("w"));
    EXPECT_EQ(first.trial.configuration, *expected) << kind;
    ASSERT_TRUE(Report(first, 1, ScoreOf(first.trial)).ok());
    ASSERT_TRUE(Complete(first).ok());
    direct->Observe(GetTrial(first.trial.id));
    // Neither a restart nor more of the old study changes what comes next.
    Restart();
    const LeaseGrant second = Acquire(Register("w"));
    EXPECT_EQ(second.trial.configuration, **direct->Suggest(2)) << kind;
    ASSERT_TRUE(scheduler_->DeleteStudy(kind, true).ok());
  }
}

TEST_F(LearningTest, OutlivesTheStudyThatItLearntFrom) {
  MakeOldStudy();
  const StudySpec spec = Learner("new", TpeOptions());
  const Study study = Create(spec);
  auto direct = *MakeSampler(spec);
  for (const Trial& trial : AsObservations(Learned(study))) direct->Learn(trial);
  ASSERT_TRUE(scheduler_->DeleteStudy("old", false).ok());
  Restart();
  EXPECT_EQ(Acquire(Register("w")).trial.configuration, **direct->Suggest(1));
  // The same submission resumes it, though its source is gone.
  EXPECT_FALSE(scheduler_->CreateStudy(spec, Inputs())->created);
  EXPECT_EQ(Learned(study).size(), 28);
}

// Ten trials of the learner, each better placed than ten of one that begins at random.
TEST_F(LearningTest, HelpsFromTheFirstTrialOn) {
  MakeOldStudy();
  for (const SamplerSpec& sampler :
       {SamplerSpec(TpeOptions()), SamplerSpec(GaussianProcessOptions()),
        SamplerSpec(CmaEsOptions())}) {
    const std::string kind(ToText(KindOf(sampler)));
    double with = 0;
    double without = 0;
    Create(Learner(StrCat(kind, "-new"), sampler));
    for (int i = 0; i < 10; ++i) with += ScoreOf(TrainNext());
    ASSERT_TRUE(scheduler_->StopStudy(StrCat(kind, "-new")).ok());
    StudySpec plain = Learner(StrCat(kind, "-plain"), sampler);
    plain.learn_from.clear();
    Create(plain);
    for (int i = 0; i < 10; ++i) without += ScoreOf(TrainNext());
    ASSERT_TRUE(scheduler_->StopStudy(StrCat(kind, "-plain")).ok());
    EXPECT_GT(with, without) << kind;
  }
}

TEST_F(LearningTest, UsesNoConfigurationUp) {
  StudySpec old = GridSpec("old", 4, 1);
  Create(old);
  for (int i = 0; i < 4; ++i) {
    const LeaseGrant lease = Acquire(Register("w"));
    ASSERT_TRUE(Report(lease, 1, 0.1 * i).ok());
    ASSERT_TRUE(Complete(lease).ok());
  }
  StudySpec spec = GridSpec("new", 4, 1);
  spec.sampler = TpeOptions();
  spec.learn_from = {"old"};
  Create(spec);
  std::set<std::string> drawn;
  for (int i = 0; i < 4; ++i) {
    drawn.insert(ToJsonText(Acquire(Register(StrCat("w", i))).trial.configuration));
  }
  EXPECT_EQ(drawn.size(), 4);
}

TEST_F(LearningTest, RefusesWhatCannotTeachIt) {
  MakeOldStudy();
  const auto refusal = [&](const StudySpec& spec) {
    return Message(scheduler_->CreateStudy(spec, Inputs()).status());
  };
  StudySpec spec = Learner("new", RandomOptions());
  EXPECT_THAT(refusal(spec), HasSubstr("the random sampler learns from no trial"));
  spec.sampler = SobolOptions();
  EXPECT_THAT(refusal(spec), HasSubstr("the sobol sampler learns from no trial"));
  spec.sampler = TpeOptions();
  spec.learn_from = {"older"};
  EXPECT_THAT(refusal(spec), HasSubstr("there is no study 'older'"));
  spec.learn_from = {"old", "old"};
  EXPECT_THAT(refusal(spec), HasSubstr("'old' stands there twice"));
  spec.learn_from = {"new"};
  EXPECT_THAT(refusal(spec), HasSubstr("is this study itself"));
  spec.learn_from = {"old"};
  spec.objective.metric = "val_loss";
  spec.objective.direction = Direction::kMinimize;
  EXPECT_THAT(refusal(spec), HasSubstr("the scores of study 'old' are val_accuracy, maximized, "
                                       "those of 'new' will be val_loss, minimized"));
  EXPECT_TRUE(absl::IsNotFound(store_.Read([](TrialReader& reader) {
    return reader.FindStudy("new").status();
  }))) << "nothing of it is left";
}

// Every sampler knows an enqueued trial from the moment it is made: of four configurations three
// are enqueued, and each sampler draws the fourth, though none of the others has ended.
TEST_F(LearningTest, EverySamplerObservesEnqueuedTrials) {
  for (const SamplerSpec& sampler : AllSamplers()) {
    const std::string kind(ToText(KindOf(sampler)));
    StudySpec spec = GridSpec(kind, 4, 1);
    spec.sampler = sampler;
    spec.enqueue = {{"", "", {{"pooling", std::string("avg")}, {"units", int64_t{1}}}},
                    {"", "", {{"pooling", std::string("max")}, {"units", int64_t{2}}}},
                    {"", "", {{"pooling", std::string("avg")}, {"units", int64_t{2}}}}};
    Create(spec);
    for (int i = 0; i < 3; ++i) Acquire(Register(StrCat(kind, i)));
    const Configuration fourth = Acquire(Register(StrCat(kind, 3))).trial.configuration;
    EXPECT_EQ(ToJsonText(fourth), R"({"pooling":"max","units":1})") << kind;
    ASSERT_TRUE(scheduler_->StopStudy(kind).ok());
  }
}

// And learns from its score: the model-based ones draw elsewhere when it is bad than when it is
// good.
TEST_F(LearningTest, ModelsLearnFromTheScoresOfEnqueuedTrials) {
  for (const SamplerSpec& sampler : {SamplerSpec(TpeOptions{.startup_trials = 6}),
                                     SamplerSpec(GaussianProcessOptions{.startup_trials = 6}),
                                     SamplerSpec(CmaEsOptions{.population = 6})}) {
    std::vector<double> drawn;
    for (const double sign : {1.0, -1.0}) {
      StudySpec spec = SmallSpec(StrCat(ToText(KindOf(sampler)), sign), 7, 1);
      spec.sampler = sampler;
      for (const double rate : {1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1}) {
        spec.enqueue.push_back({"", "", {{"learning_rate", rate}}});
      }
      Create(spec);
      for (int i = 0; i < 6; ++i) {
        const LeaseGrant lease = Acquire(Register("w"));
        ASSERT_TRUE(Report(lease, 1, 0.5 + sign * 0.1 * std::log10(Rate(lease.trial))).ok());
        ASSERT_TRUE(Complete(lease).ok());
      }
      drawn.push_back(Rate(Acquire(Register("w")).trial));
      ASSERT_TRUE(scheduler_->StopStudy(spec.name).ok());
    }
    EXPECT_GT(drawn[0], drawn[1]) << ToText(KindOf(sampler));
  }
}

}  // namespace
}  // namespace vizsla
