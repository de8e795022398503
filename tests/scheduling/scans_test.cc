// What a study does in its everyday work costs no more when its history is long: nothing walks over
// all of its trials.
#include <gtest/gtest.h>

#include "src/scheduling/forwarding_writer.h"
#include "tests/scheduling/harness.h"

namespace vizsla {
namespace {

// Which method walked over the trials of a whole study, and how often.
using Walks = std::map<std::string, int>;

class CountingWriter final : public ForwardingWriter {
 public:
  CountingWriter(TrialWriter& to, Walks& walks) : to_(to), walks_(walks) {}

  absl::StatusOr<std::vector<Trial>> ListTrials(StudyId study,
                                                std::span<const TrialState> states) override {
    if (IsWhole(states)) ++walks_["ListTrials"];
    return to_.ListTrials(study, states);
  }
  absl::StatusOr<int64_t> CountTrials(StudyId study, std::span<const TrialState> states) override {
    if (IsWhole(states)) ++walks_["CountTrials"];
    return to_.CountTrials(study, states);
  }
  absl::Status ForEachTrial(StudyId study,
                            const std::function<absl::Status(const Trial&)>& each) override {
    ++walks_["ForEachTrial"];
    return to_.ForEachTrial(study, each);
  }
  absl::StatusOr<std::vector<TrialSummary>> SummarizeTrials(StudyId study) override {
    ++walks_["SummarizeTrials"];
    return to_.SummarizeTrials(study);
  }
  absl::StatusOr<std::vector<StateSummary>> SummarizeStates(StudyId study) override {
    ++walks_["SummarizeStates"];
    return to_.SummarizeStates(study);
  }

 protected:
  TrialWriter& to() override { return to_; }

 private:
  // Ended trials are the ones that become many.
  static bool IsWhole(std::span<const TrialState> states) {
    return states.empty() || std::any_of(states.begin(), states.end(), IsFinished);
  }

  TrialWriter& to_;
  Walks& walks_;
};

class CountingStore final : public TrialStore {
 public:
  absl::Status Write(const std::function<absl::Status(TrialWriter&)>& change) override {
    return store_.Write([&](TrialWriter& writer) {
      CountingWriter counting(writer, walks_);
      return change(counting);
    });
  }
  uint64_t FailedCommits() const override { return store_.FailedCommits(); }
  absl::Status Read(const std::function<absl::Status(TrialReader&)>& query) override {
    return store_.Read([&](TrialReader& reader) {
      // The store in memory has one class for both.
      CountingWriter counting(dynamic_cast<TrialWriter&>(reader), walks_);
      return query(counting);
    });
  }
  Walks walks_;

 private:
  MemoryTrialStore store_;
};

StudySpec Plain() { return SmallSpec("study", 1000, 2); }
StudySpec Tpe() {
  StudySpec spec = Plain();
  spec.sampler = TpeOptions{};
  return spec;
}
StudySpec Stopping() {
  StudySpec spec = Plain();
  spec.stop.target = 0.99;
  spec.stop.no_improvement_trials = 500;
  return spec;
}
StudySpec Repeated() {
  StudySpec spec = Plain();
  spec.repeats = 2;
  spec.final_runs = {2, 2};
  return spec;
}
StudySpec TwoObjectives() {
  StudySpec spec = Plain();
  spec.objective.further = {{"parameters", Direction::kMinimize}};
  return spec;
}
StudySpec Halved() {
  StudySpec spec = Plain();
  spec.pruner = AshaOptions{};
  return spec;
}

// The twelfth trial is one of the second stage, and each of its sources has been asked.
StudySpec Staged() {
  StudySpec spec = Plain();
  spec.budget.trials = 6;
  Stage stage;
  stage.budget = {1000, 2, {}};
  stage.top = 3;
  stage.sampler = TpeOptions{};
  stage.space.parameters = {{"dropout", FloatDomain{0, 1, false, {}}, {}}};
  spec.stages = {stage};
  return spec;
}
StudySpec StagedTwoObjectives() {
  StudySpec spec = Staged();
  spec.objective = TwoObjectives().objective;
  spec.stages[0].sampler = Nsga2Options{};
  return spec;
}
StudySpec StagedRepeated() {
  StudySpec spec = Staged();
  spec.budget.trials = 3;
  spec.stages[0].top = 2;
  spec.repeats = 2;
  return spec;
}
StudySpec StagedPopulation() {
  StudySpec spec = Staged();
  spec.stages[0].budget.trials = 40;
  spec.stages[0].pruner = PopulationOptions{};
  return spec;
}
// The first of the queue waits for the best one from beginning to end.
StudySpec Waiting() {
  StudySpec spec = Plain();
  spec.enqueue = {{"last", "", {{"dropout", 0.5}}, {InitFrom::Kind::kBest, "", 0}},
                  {"first", "", {{"learning_rate", 0.01}}, {}}};
  return spec;
}

struct Case {
  const char* name;
  StudySpec (*spec)();
};

class ScansTest : public ::testing::TestWithParam<Case> {
 protected:
  void Train(double accuracy) {
    auto acquired = scheduler_->Acquire(worker_, 1);
    ASSERT_TRUE(acquired.ok()) << acquired.status();
    ASSERT_EQ(acquired->leases.size(), 1u);
    const LeaseGrant& lease = acquired->leases.front();
    auto directive = ReportDirective::kContinue;
    for (int epoch = 1; epoch <= 2 && directive == ReportDirective::kContinue; ++epoch) {
      EpochReport report;
      report.epoch = epoch;
      report.metrics = {{"val_accuracy", accuracy}, {"val_loss", 1.0}, {"parameters", accuracy}};
      report.checkpoint_hash = artifacts_.Add(StrCat(lease.trial.id.value(), " ", epoch));
      directive = *scheduler_->Report(lease.trial.id, lease.attempt, report, "");
    }
    Completion completion;
    if (directive == ReportDirective::kPrune) completion.outcome = AttemptOutcome::kPruned;
    if (directive == ReportDirective::kPause) completion.outcome = AttemptOutcome::kPaused;
    ASSERT_TRUE(scheduler_->Complete(lease.trial.id, lease.attempt, completion).ok());
    clock_.Advance(std::chrono::seconds(1));
    ASSERT_TRUE(scheduler_->Tick().ok());
    ASSERT_TRUE(scheduler_->GetBoard("study", 5).ok());
  }

  ManualClock clock_{FromUnixMillis(1'700'000'000'000)};
  CountingStore store_;
  FakeArtifacts artifacts_{clock_};
  std::unique_ptr<Scheduler> scheduler_ =
      *Scheduler::Create(store_, artifacts_, clock_, SchedulerOptions{});
  WorkerId worker_;
};

TEST_P(ScansTest, EverydayWorkWalksOverNoStudy) {
  const PinnedInputs inputs{"photos-1", artifacts_.Add("split"), artifacts_.Add("weights")};
  ASSERT_TRUE(scheduler_->CreateStudy(GetParam().spec(), inputs).ok());
  WorkerInfo info;
  info.name = "w";
  info.dataset_fingerprints = {"photos-1"};
  info.weights_hashes = {Sha256Hex("weights")};
  worker_ = *scheduler_->RegisterWorker(info);
  for (int i = 0; i < 12; ++i) Train(0.5 + 0.01 * i);
  EXPECT_FALSE(store_.walks_.empty()) << "nothing is counted";
  store_.walks_.clear();
  for (int i = 0; i < 12; ++i) Train(0.6 - 0.01 * i);
  EXPECT_EQ(store_.walks_, Walks());
}

INSTANTIATE_TEST_SUITE_P(Studies, ScansTest,
                         ::testing::Values(Case{"plain", Plain}, Case{"tpe", Tpe},
                                           Case{"stopping", Stopping}, Case{"repeated", Repeated},
                                           Case{"two", TwoObjectives}, Case{"halved", Halved},
                                           Case{"staged", Staged},
                                           Case{"staged_two", StagedTwoObjectives},
                                           Case{"staged_repeated", StagedRepeated},
                                           Case{"staged_population", StagedPopulation},
                                           Case{"waiting", Waiting}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace vizsla
