// Pruners within the scheduler: pausing, promoting and ending trials, each in the change of the
// report that caused it, so that neither restarts nor failed commits change what happens next.
#include <gmock/gmock.h>

#include <cmath>

#include "src/study/policy_spec.h"
#include "tests/scheduling/harness.h"

namespace vizsla {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

StudySpec PrunedSpec(int64_t trials, int epochs, const PrunerSpec& pruner) {
  StudySpec spec = SmallSpec("dogs", trials, epochs);
  spec.pruner = pruner;
  return spec;
}

// Rises with the epochs towards a height of the trial's own; some cross early.
double Accuracy(int64_t trial, int epoch) {
  const double height = 0.3 + 0.06 * static_cast<double>(trial * 7 % 11);
  const double rate = 0.4 + 0.1 * static_cast<double>(trial * 3 % 5);
  return height * (1 - std::exp(-rate * epoch));
}

class PruningTest : public Harness {
 protected:
  struct Hand {
    std::string name;
    WorkerId id;
    std::optional<LeaseGrant> lease;
    int epoch = 0;  // reported last
    ReportDirective told = ReportDirective::kContinue;
    bool done = false;
  };
  // Before each call to the scheduler.
  using Disturb = std::function<void(int step)>;

  // Lets the workers take turns until nothing is left; one line for each thing that happened.
  std::vector<std::string> Run(const StudySpec& spec, int workers, const Disturb& disturb) {
    Create(spec);
    std::vector<Hand> hands;
    for (int i = 1; i <= workers; ++i) hands.push_back({StrCat("w", i), {}, {}, 0, {}, false});
    std::vector<std::string> log;
    int step = 0;
    while (!std::all_of(hands.begin(), hands.end(), [](const Hand& hand) { return hand.done; })) {
      if (++step > 10000) {
        ADD_FAILURE() << "the study does not end";
        break;
      }
      for (Hand& hand : hands) {
        if (hand.done) continue;
        disturb(step);
        hand.id = Register(hand.name);
        if (std::string line = Act(hand); !line.empty()) log.push_back(std::move(line));
      }
    }
    return log;
  }

  // A call that is made again until its change is stored.
  template <typename Call>
  static auto Insist(const Call& call) {
    auto result = call();
    while (absl::IsUnavailable(result.status())) result = call();
    EXPECT_TRUE(result.ok()) << result.status();
    return result;
  }

  std::string Act(Hand& hand) {
    if (!hand.lease) return Take(hand);
    LeaseGrant& lease = *hand.lease;
    const int64_t number = lease.trial.number;
    const bool over = hand.epoch >= PlannedEpochs(lease.study.spec, lease.trial);
    if (!over && hand.told == ReportDirective::kContinue) {
      ++hand.epoch;
      hand.told = *Insist([&] { return Report(lease, hand.epoch, Accuracy(number, hand.epoch)); });
      return StrCat(hand.name, " reports epoch ", hand.epoch, " of ", number, ", told ",
                    static_cast<int>(hand.told));
    }
    Completion completion;
    completion.outcome = hand.told == ReportDirective::kPause   ? AttemptOutcome::kPaused
                         : hand.told == ReportDirective::kPrune ? AttemptOutcome::kPruned
                                                                : AttemptOutcome::kCompleted;
    completion.last_checkpoint = artifacts_.Add(LastName(lease, hand.epoch));
    completion.last_checkpoint_epoch = hand.epoch;
    const auto ended =
        Insist([&] { return scheduler_->Complete(lease.trial.id, lease.attempt, completion); });
    hand.lease.reset();
    return StrCat(hand.name, " ends ", number, " after epoch ", hand.epoch, ": ",
                  ToText(ended->state));
  }

  std::string Take(Hand& hand) {
    const auto acquired = Insist([&] { return scheduler_->Acquire(hand.id, 1); });
    if (acquired->leases.empty()) {
      hand.done = acquired->nothing_left;
      return hand.done ? StrCat(hand.name, " leaves") : "";
    }
    hand.lease = acquired->leases[0];
    hand.epoch = ResumeEpoch(hand.lease->trial);
    hand.told = ReportDirective::kContinue;
    if (hand.epoch > 0) {
      EXPECT_TRUE(artifacts_.Exists(hand.lease->resume_checkpoint));
      EXPECT_EQ(hand.lease->history.size(), static_cast<size_t>(hand.epoch));
    }
    return StrCat(hand.name, " takes ", hand.lease->trial.number, " at epoch ", hand.epoch);
  }

  void StartAnew() {
    EXPECT_TRUE(scheduler_->DeleteStudy("dogs", true).ok());
    Restart();
  }

  static int64_t EpochsOf(const std::vector<std::string>& log) {
    return std::count_if(log.begin(), log.end(), [](const std::string& line) {
      return line.find(" reports epoch ") != std::string::npos;
    });
  }
};

// "line 7: this instead of that", or nothing. A container's own printer stops too early.
std::string FirstDifference(const std::vector<std::string>& given,
                            const std::vector<std::string>& expected) {
  for (size_t i = 0; i < std::max(given.size(), expected.size()); ++i) {
    const std::string a = i < given.size() ? given[i] : "(nothing)";
    const std::string b = i < expected.size() ? expected[i] : "(nothing)";
    if (a != b) return StrCat("line ", i, ": ", a, " instead of ", b);
  }
  return "";
}

const Trial& BestOf(const std::vector<Trial>& trials) {
  return *std::max_element(trials.begin(), trials.end(),
                           [](const Trial& a, const Trial& b) { return *a.score < *b.score; });
}

TEST_F(PruningTest, AshaPausesPromotesAndEnds) {
  const auto log = Run(PrunedSpec(9, 9, AshaOptions{.eta = 3}), 1, [](int) {});
  EXPECT_THAT(log, ::testing::Contains(HasSubstr(": paused")));
  EXPECT_THAT(log, ::testing::Contains(HasSubstr("at epoch 1")));
  EXPECT_THAT(log, ::testing::Contains(HasSubstr("at epoch 3")));
  EXPECT_EQ(log.back(), "w1 leaves");
  const std::vector<Trial> trials = AllTrials();
  ASSERT_EQ(trials.size(), 9u);
  int completed = 0;
  for (const Trial& trial : trials) {
    EXPECT_TRUE(IsFinished(trial.state)) << trial.number;
    completed += trial.state == TrialState::kCompleted ? 1 : 0;
    EXPECT_TRUE(trial.last_checkpoint.empty()) << "its resumable checkpoint is let go of";
  }
  EXPECT_GE(completed, 1);
  EXPECT_EQ(BestOf(trials).state, TrialState::kCompleted);
  EXPECT_EQ(BestOf(trials).epoch, 9);
  EXPECT_LT(EpochsOf(log), 9 * 9 / 2);
}

TEST_F(PruningTest, SynchronousHalvingEndsTheLosersOfARungAtOnce) {
  Run(PrunedSpec(9, 9, SuccessiveHalvingOptions{.eta = 3, .trials = 9}), 2, [](int) {});
  std::map<int, int> ended_at;
  for (const Trial& trial : AllTrials()) {
    ++ended_at[trial.epoch];
    if (trial.state == TrialState::kPruned) {
      EXPECT_EQ(trial.reason, "others of its rung were better");
    }
  }
  EXPECT_EQ(ended_at, (std::map<int, int>{{1, 6}, {3, 2}, {9, 1}}));
}

TEST_F(PruningTest, AMedianPrunerEndsTrialsAtOnce) {
  const auto log = Run(PrunedSpec(12, 5, MedianOptions{.startup_trials = 3}), 1, [](int) {});
  EXPECT_THAT(log, ::testing::Contains(HasSubstr(": pruned")));
  EXPECT_THAT(log, Each(Not(HasSubstr("paused"))));
}

class DisturbedPruning : public PruningTest, public ::testing::WithParamInterface<PrunerSpec> {};

TEST_P(DisturbedPruning, RestartsAtEveryStepChangeNothing) {
  for (const int workers : {1, 3}) {
    SCOPED_TRACE(workers);
    const StudySpec spec = PrunedSpec(20, 9, GetParam());
    const auto undisturbed = Run(spec, workers, [](int) {});
    StartAnew();
    EXPECT_EQ(FirstDifference(Run(spec, workers, [&](int) { Restart(); }), undisturbed), "");
    StartAnew();
  }
}

TEST_P(DisturbedPruning, FailedCommitsChangeNothing) {
  const StudySpec spec = PrunedSpec(20, 9, GetParam());
  const auto undisturbed = Run(spec, 2, [](int) {});
  StartAnew();
  // The first try of each change has run, and told the pruner, but is not stored.
  bool failed = false;
  const auto log = Run(spec, 2, [&](int) {
    failed = false;
    store_.SetCommitHook([&] {
      if (failed) return absl::OkStatus();
      failed = true;
      return absl::UnavailableError("the disk is full");
    });
  });
  EXPECT_EQ(FirstDifference(log, undisturbed), "");
}

INSTANTIATE_TEST_SUITE_P(
    Pruners, DisturbedPruning,
    ::testing::Values(PrunerSpec(MedianOptions{.startup_trials = 3}),
                      PrunerSpec(PatienceOptions{.patience = 1, .min_delta = 0.01}),
                      PrunerSpec(SuccessiveHalvingOptions{.eta = 3}),
                      PrunerSpec(HyperbandOptions{.eta = 3}), PrunerSpec(AshaOptions{.eta = 3}),
                      PrunerSpec(AshaOptions{.variant = AshaOptions::Variant::kStop, .eta = 3}),
                      PrunerSpec(PopulationOptions{.interval = 2, .perturb = {"learning_rate"}})),
    [](const auto& info) { return StrCat(ToText(KindOf(info.param)), info.index); });

TEST_F(PruningTest, ADeletedStudyLeavesNothingBehind) {
  const StudySpec spec = PrunedSpec(9, 9, AshaOptions{.eta = 3});
  const auto first = Run(spec, 1, [](int) {});
  ASSERT_TRUE(scheduler_->DeleteStudy("dogs", true).ok());
  EXPECT_EQ(FirstDifference(Run(spec, 1, [](int) {}), first), "");
}

TEST_F(PruningTest, ALostAnswerIsGivenAgain) {
  Create(PrunedSpec(9, 9, AshaOptions{.eta = 3}));
  const WorkerId worker = Register("w");
  const LeaseGrant first = Acquire(worker);
  EXPECT_EQ(*Report(first, 1, 0.5), ReportDirective::kPause);
  EXPECT_EQ(*Report(first, 1, 0.5), ReportDirective::kPause);
  Restart();
  EXPECT_EQ(*Report(first, 1, 0.5), ReportDirective::kPause);
}

// The worker died between the report and its pause: the epoch is trained again, and judged again.
TEST_F(PruningTest, ACrashBeforeThePauseIsNoPromotion) {
  Create(PrunedSpec(9, 9, AshaOptions{.eta = 3}));
  const LeaseGrant first = Acquire(Register("w"));
  EXPECT_EQ(*Report(first, 1, 0.5), ReportDirective::kPause);
  ASSERT_TRUE(Complete(first, AttemptOutcome::kCrashed).ok());
  const LeaseGrant second = Acquire(Register("w"));
  EXPECT_EQ(second.trial.number, first.trial.number);
  EXPECT_EQ(second.trial.rung, 0);
  EXPECT_EQ(*Report(second, 1, 0.5), ReportDirective::kPause);
}

TEST_F(PruningTest, ALaterStageWaitsForPromotions) {
  StudySpec spec = PrunedSpec(9, 9, AshaOptions{.eta = 3});
  Stage stage;
  stage.budget = {2, 2, {}};
  stage.space.parameters = {{"rate", FloatDomain{1e-5, 1e-3, true, {}}, {}}};
  spec.stages = {stage};
  Run(spec, 2, [](int) {});
  const std::vector<Trial> trials = AllTrials();
  ASSERT_EQ(trials.size(), 11u);
  const Trial& best = BestOf({trials.begin(), trials.begin() + 9});
  EXPECT_EQ(best.state, TrialState::kCompleted);
  EXPECT_EQ(trials[9].warm_start.trial, best.number);
}

TEST_F(PruningTest, EpochsOfBracketsCannotBeRaised) {
  StudySpec spec = PrunedSpec(9, 9, HyperbandOptions{.eta = 3});
  Create(spec);
  spec.budget.trials = 20;
  EXPECT_TRUE(scheduler_->CreateStudy(spec, Inputs()).ok());
  spec.budget.epochs = 27;
  EXPECT_THAT(std::string(scheduler_->CreateStudy(spec, Inputs()).status().message()),
              HasSubstr("the brackets of the hyperband pruner are made for 9"));
  StudySpec asha = PrunedSpec(9, 9, AshaOptions{.eta = 3});
  asha.name = "asha";
  Create(asha);
  asha.budget.epochs = 27;
  EXPECT_TRUE(scheduler_->CreateStudy(asha, Inputs()).ok());
}

}  // namespace
}  // namespace vizsla
