// The log of decisions and its replay: codec, equality after a real run, and a planted difference
// of each kind.
#include <gmock/gmock.h>

#include <cmath>
#include <functional>
#include <limits>

#include "tests/scheduling/harness.h"
#include "tests/scheduling/stored_log.h"

namespace vizsla {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;

constexpr int kEpochs = 9;

double Accuracy(int64_t trial, int epoch) {
  return 0.5 + 0.04 * static_cast<double>(trial * 7 % 5) + 0.01 * epoch;
}

class ReplayTest : public Harness {
 protected:
  // Twelve trials of TPE under ASHA, two workers in turns.
  void RunStudy() {
    StudySpec spec = SmallSpec("dogs", 12, kEpochs);
    TpeOptions tpe;
    tpe.startup_trials = 3;
    spec.sampler = tpe;
    AshaOptions asha;
    asha.min_epochs = 1;
    asha.eta = 3;
    spec.pruner = asha;
    spec.enqueue.push_back({"first", "", {{"learning_rate", 0.01}}, {}});
    Create(spec);
    const WorkerId workers[] = {Register("a:1/0"), Register("b:1/0")};
    for (int step = 0; GetStudy("dogs").state != StudyState::kFinished; ++step) {
      ASSERT_LT(step, 200);
      const auto acquired = scheduler_->Acquire(workers[step % 2], 1);
      ASSERT_TRUE(acquired.ok()) << acquired.status();
      if (!acquired->leases.empty()) Train(acquired->leases.front());
      if (step == 5) {
        Restart();
        return RunRest();
      }
    }
  }

  // Rewrites the first event for which `edit` returns true.
  static std::vector<DecisionRow> Edited(std::vector<DecisionRow> rows,
                                         const std::function<bool(LogEvent&)>& edit) {
    for (DecisionRow& row : rows) {
      std::vector<LogEvent> events = *DecodeEvents(row.events);
      bool edited = false;
      for (LogEvent& event : events) {
        if (!edited) edited = edit(event);
      }
      if (!edited) continue;
      row.events.clear();
      for (const LogEvent& event : events) Encode(event, row.events);
      return rows;
    }
    ADD_FAILURE() << "nothing was planted";
    return rows;
  }
  // Without the first event of the kind that `which` wants.
  static std::vector<DecisionRow> Without(std::vector<DecisionRow> rows,
                                          const std::function<bool(const LogEvent&)>& which) {
    for (DecisionRow& row : rows) {
      std::vector<LogEvent> events = *DecodeEvents(row.events);
      const auto found = std::find_if(events.begin(), events.end(), which);
      if (found == events.end()) continue;
      events.erase(found);
      row.events.clear();
      for (const LogEvent& event : events) Encode(event, row.events);
      return rows;
    }
    ADD_FAILURE() << "nothing to remove";
    return rows;
  }

 private:
  void RunRest() {
    const WorkerId worker = Register("c:1/0");
    Advance(std::chrono::minutes(2));
    for (int step = 0; GetStudy("dogs").state != StudyState::kFinished; ++step) {
      ASSERT_LT(step, 200);
      ASSERT_TRUE(scheduler_->Tick().ok());
      const auto acquired = scheduler_->Acquire(worker, 1);
      ASSERT_TRUE(acquired.ok()) << acquired.status();
      if (!acquired->leases.empty()) Train(acquired->leases.front());
    }
  }
  void Train(const LeaseGrant& lease) {
    for (int epoch = lease.trial.last_checkpoint_epoch + 1; epoch <= kEpochs; ++epoch) {
      const auto directive =
          Report(lease, epoch, Accuracy(lease.trial.number, epoch), /*with_last=*/true);
      ASSERT_TRUE(directive.ok()) << directive.status();
      if (*directive == ReportDirective::kContinue) continue;
      ASSERT_TRUE(Complete(lease, *directive == ReportDirective::kPause ? AttemptOutcome::kPaused
                                                                        : AttemptOutcome::kPruned)
                      .ok());
      return;
    }
    ASSERT_TRUE(Complete(lease).ok());
  }
};

TEST(DecisionLogTest, EveryEventReadsBackAsWritten) {
  TrialCreatedEvent created{7, {}};
  created.trial.stage = 2;
  created.trial.name = "sieben";
  created.trial.configuration_json = R"({"units":2})";
  created.trial.warm_start = {WarmStart::Kind::kBest, 3, "abcdef012345"};
  created.trial.state = TrialState::kInfeasible;
  created.trial.score = -0.25;
  TrialChangedEvent changed;
  changed.number = 300;
  changed.state = TrialState::kPaused;
  changed.rung = 2;
  changed.score = std::optional<double>(std::numeric_limits<double>::quiet_NaN());
  changed.best_checkpoint = "";
  const std::vector<LogEvent> events = {
      ProgramEvent{"0.1.0", 1},
      StudyEvent{true, StudyState::kActive, "{}"},
      StudyEvent{false, StudyState::kFinished, std::nullopt},
      created,
      changed,
      ReportEvent{300, 20, 3, {0.1, -std::numeric_limits<double>::infinity()}},
      NextEvent{17},
      PruneEvent{300, PruneDecision::kPause},
      LosersEvent{1, {4, 1000}},
      SourcesEvent{2},
      StageEvent{3},
      FinishEvent{FinishEvent::Why::kWallTime, 86'400'000},
      StalledEvent{{5, 6}},
  };
  std::string bytes;
  for (const LogEvent& event : events) Encode(event, bytes);
  const auto decoded = DecodeEvents(bytes);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  ASSERT_EQ(decoded->size(), events.size());
  for (size_t i = 0; i < events.size(); ++i) {
    std::string once, again;
    Encode(events[i], once);
    Encode((*decoded)[i], again);
    EXPECT_EQ((*decoded)[i].index(), events[i].index());
    EXPECT_EQ(once, again) << "event " << i;
  }
  const auto& report = std::get<ReportEvent>((*decoded)[5]);
  EXPECT_EQ(report.values[0], 0.1);
  EXPECT_EQ(report.number, 300);
  EXPECT_TRUE(std::isnan(**std::get<TrialChangedEvent>((*decoded)[4]).score));
  EXPECT_EQ(std::get<LosersEvent>((*decoded)[8]).numbers, (std::vector<int64_t>{4, 1000}));
  // Cut off anywhere, it is either whole events or an error; never a crash.
  for (size_t size = 0; size < bytes.size(); ++size) (void)DecodeEvents(bytes.substr(0, size));
  EXPECT_FALSE(DecodeEvents(bytes.substr(0, bytes.size() - 1)).ok());
  EXPECT_FALSE(DecodeEvents("\x7e").ok()) << "an unknown kind";
}

TEST(DecisionLogTest, AnEpochIsLoggedInFewBytes) {
  std::string bytes;
  Trial before, after;
  after.number = before.number = 99'999;
  after.epoch = 20;
  after.score = 0.75;
  after.best_epoch = 20;
  after.best_checkpoint = std::string(64, 'a');
  Encode(ReportEvent{99'999, 20, 3, {0.75}}, bytes);
  Encode(*Difference(before, after), bytes);
  EXPECT_LE(bytes.size(), 50u);
}

TEST_F(ReplayTest, EveryDecisionOfAStudyIsDerivedAgain) {
  RunStudy();
  const ReplayResult result = ExpectReplays(store_, "dogs");
  EXPECT_EQ(result.counts.suggestions, 11) << "one was enqueued";
  EXPECT_GT(result.counts.promotions, 0);
  EXPECT_GT(result.counts.pauses, 0);
  EXPECT_EQ(result.counts.ends, 1);
  ASSERT_EQ(result.programs.size(), 1u);
  EXPECT_EQ(result.programs[0], (ProgramEvent{VIZSLA_VERSION, kDecisionAlgorithms}));
}

TEST_F(ReplayTest, AChangedConfigurationIsFound) {
  RunStudy();
  const auto rows = Edited(StoredLog(store_, "dogs"), [](LogEvent& event) {
    auto* created = std::get_if<TrialCreatedEvent>(&event);
    if (created == nullptr || created->number != 5) return false;
    created->trial.configuration_json = R"({"learning_rate":0.0123})";
    return true;
  });
  const ReplayResult result = Replayed(rows);
  ASSERT_GT(result.difference_count, 0);
  EXPECT_EQ(result.differences[0].decision, "the creation of trial 5");
  EXPECT_THAT(result.differences[0].logged, HasSubstr("0.0123"));
}

TEST_F(ReplayTest, AChangedMetricIsFound) {
  RunStudy();
  // The first epoch of the trial that was promoted first: it would have been the worst.
  int64_t promoted = 0;
  for (const DecisionRow& row : StoredLog(store_, "dogs")) {
    const std::vector<LogEvent> events = *DecodeEvents(row.events);
    for (const LogEvent& event : events) {
      const auto* next = std::get_if<NextEvent>(&event);
      const auto* word = std::get_if<PruneEvent>(&event);
      if (promoted != 0) break;
      if (next != nullptr) promoted = next->resumed;
      if (word != nullptr && word->decision == PruneDecision::kPromote) promoted = word->number;
    }
  }
  ASSERT_NE(promoted, 0);
  const auto rows = Edited(StoredLog(store_, "dogs"), [&](LogEvent& event) {
    auto* report = std::get_if<ReportEvent>(&event);
    if (report == nullptr || report->number != promoted || report->epoch != 1) return false;
    report->values[0] = -5;
    return true;
  });
  EXPECT_GT(Replayed(rows).difference_count, 0);
}

TEST_F(ReplayTest, ARemovedSuggestionIsFound) {
  RunStudy();
  const auto rows = Without(StoredLog(store_, "dogs"), [](const LogEvent& event) {
    return std::holds_alternative<NextEvent>(event);
  });
  const ReplayResult result = Replayed(rows);
  ASSERT_GT(result.difference_count, 0);
  EXPECT_EQ(result.differences[0].derived, "no new trial");
}

TEST_F(ReplayTest, ARemovedCreationIsFound) {
  RunStudy();
  const auto rows = Without(StoredLog(store_, "dogs"), [](const LogEvent& event) {
    const auto* created = std::get_if<TrialCreatedEvent>(&event);
    return created != nullptr && created->number == 4;
  });
  const ReplayResult result = Replayed(rows);
  ASSERT_GT(result.difference_count, 0);
  EXPECT_THAT(result.differences,
              Contains(AllOf(Field(&ReplayDifference::logged, "nothing"),
                             Field(&ReplayDifference::derived, HasSubstr("trial 4")))));
}

TEST_F(ReplayTest, ARemovedRowIsFound) {
  RunStudy();
  std::vector<DecisionRow> rows = StoredLog(store_, "dogs");
  rows.erase(rows.begin() + 3);
  const ReplayResult result = Replayed(rows);
  ASSERT_GT(result.difference_count, 0);
  EXPECT_EQ(result.differences[0].decision, "the log itself");
}

TEST_F(ReplayTest, AnotherOrderIsFound) {
  RunStudy();
  std::vector<DecisionRow> rows = StoredLog(store_, "dogs");
  // Two suggestions change places, under the old numbers.
  std::vector<size_t> suggestions;
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::vector<LogEvent> events = *DecodeEvents(rows[i].events);
    for (const LogEvent& event : events) {
      const auto* next = std::get_if<NextEvent>(&event);
      if (next != nullptr && next->resumed == 0) suggestions.push_back(i);
    }
  }
  ASSERT_GT(suggestions.size(), 4u);
  std::swap(rows[suggestions[2]].events, rows[suggestions[3]].events);
  EXPECT_GT(Replayed(rows).difference_count, 0);
}

TEST_F(ReplayTest, AnotherWordOfThePrunerIsFound) {
  RunStudy();
  const auto rows = Edited(StoredLog(store_, "dogs"), [](LogEvent& event) {
    auto* word = std::get_if<PruneEvent>(&event);
    if (word == nullptr || word->decision != PruneDecision::kContinue) return false;
    word->decision = PruneDecision::kPrune;
    return true;
  });
  const ReplayResult result = Replayed(rows);
  ASSERT_EQ(result.difference_count, 1);
  EXPECT_EQ(result.differences[0].logged, "prune");
  EXPECT_EQ(result.differences[0].derived, "continue");
  EXPECT_THAT(result.differences[0].inputs, HasSubstr("val_accuracy"));
}

TEST_F(ReplayTest, AnEarlyEndIsFound) {
  RunStudy();
  std::vector<DecisionRow> rows = StoredLog(store_, "dogs");
  Encode(FinishEvent{FinishEvent::Why::kNoWork, 0}, rows[4].events);
  const ReplayResult result = Replayed(rows);
  ASSERT_GT(result.difference_count, 0);
  EXPECT_EQ(result.differences[0].decision, "the end of the study");
}

TEST_F(ReplayTest, AStudyThatIsOlderThanItsLogCannotBeReplayed) {
  RunStudy();
  std::vector<DecisionRow> rows = StoredLog(store_, "dogs");
  DecisionReplay replay;
  EXPECT_TRUE(absl::IsFailedPrecondition(replay.Add(rows[6])));
}

TEST_F(ReplayTest, ARaisedBudgetIsReplayed) {
  RunStudy();
  StudySpec spec = GetStudy("dogs").spec;
  spec.budget.trials = 14;
  ASSERT_TRUE(scheduler_->CreateStudy(spec, Inputs()).ok());
  const LeaseGrant lease = Acquire(Register("d:1/0"));
  EXPECT_EQ(lease.trial.number, 13);
  EXPECT_EQ(ExpectReplays(store_, "dogs").counts.suggestions, 12);
}

// Found by the simulation: the study would have hung for ever.
TEST_F(ReplayTest, APausedTrialThatAnotherOneWaitsForEndsWhenNothingElseRuns) {
  StudySpec spec = SmallSpec("dogs", 2, kEpochs);
  AshaOptions asha;
  asha.eta = 3;
  spec.pruner = asha;
  spec.enqueue = {{"first", "", {{"learning_rate", 0.01}}, {}},
                  {"", "", {{"learning_rate", 0.02}}, {InitFrom::Kind::kTrial, "first", 0}}};
  Create(spec);
  const WorkerId worker = Register("a:1/0");
  const LeaseGrant first = Acquire(worker);
  ASSERT_EQ(*Report(first, 1, 0.5, /*with_last=*/true), ReportDirective::kPause);
  ASSERT_TRUE(Complete(first, AttemptOutcome::kPaused).ok());
  const LeaseGrant second = Acquire(worker);
  EXPECT_EQ(second.trial.number, 2);
  EXPECT_EQ(second.trial.warm_start.trial, 1);
  EXPECT_EQ(GetTrial(first.trial.id).state, TrialState::kPruned);
  EXPECT_EQ(ExpectReplays(store_, "dogs").counts.prunings, 1);
}

TEST_F(ReplayTest, AFailedCommitLeavesNothingInTheLog) {
  Create(SmallSpec("dogs", 4, 3));
  const WorkerId worker = Register("a:1/0");
  store_.SetCommitHook([] { return absl::ResourceExhaustedError("the disk is full"); });
  EXPECT_FALSE(scheduler_->Acquire(worker, 1).ok());
  store_.SetCommitHook([] { return absl::OkStatus(); });
  Acquire(worker);
  EXPECT_EQ(ExpectReplays(store_, "dogs").counts.suggestions, 1);
}

}  // namespace
}  // namespace vizsla
