// The log of decisions and its replay: codec, equality after a real run, and a planted difference
// of each kind.
#include <gmock/gmock.h>

#include <cmath>
#include <functional>
#include <limits>

#include "src/scheduling/decision_recorder.h"
#include "tests/scheduling/harness.h"
#include "tests/scheduling/recorded_run.h"
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
  created.trial.repeat_of = 4;
  created.trial.final_run = true;
  created.trial.lineage = {5, 2, 1, "012345abcdef"};
  created.trial.further_values = {1e6, -1};
  created.trial.last_checkpoint = {"aaaaaaaaaaaa", 8};
  created.trial.finished_at = FromUnixMillis(1'700'000'000'123);
  TrialChangedEvent changed;
  changed.number = 300;
  changed.changes.state = TrialState::kPaused;
  changed.changes.rung = 2;
  changed.changes.score = std::optional<double>(std::numeric_limits<double>::quiet_NaN());
  changed.changes.best_checkpoint = "";
  changed.changes.finished_at = std::optional<Timestamp>();
  LearnedTrial learned{"old", 12, {{"units", int64_t{3}}}, TrialState::kPruned, 4, 0.5};
  StopProgress progress{99, 3, 0.75, 2, 7, 0.5, 1};
  const std::vector<LogEvent> events = {
      ProgramEvent{"0.1.0", 1},
      StudyEvent{true, StudyState::kActive, "{}"},
      StudyEvent{false, StudyState::kFinished, std::nullopt},
      created,
      changed,
      ReportEvent{300, 20, 3, true, {0.1, -std::numeric_limits<double>::infinity()}},
      NextEvent{17},
      PruneEvent{300, PruneDecision::kPause},
      LosersEvent{1, {4, 1000}},
      SourcesEvent{2},
      StageEvent{3},
      FinishEvent{FinishEvent::Why::kWallTime, 86'400'000},
      StalledEvent{{5, 6}},
      LearnedEvent{"old", {learned}},
      RepeatsEvent{8},
      FinalRunsEvent{},
      ReplaceEvent{1, 4, 2},
      ReplaceEvent{2, 0, 0},
      CountEvent{CountEvent::Why::kEnd, 300, progress},
      StopEvent{{StopDecision::Kind::kGoOn, ""}},
      StopEvent{{StopDecision::Kind::kEndStudy, "target 0.7 reached by trial 3 (0.75)"}},
      HopelessEvent{4, {5, 300}},
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
  EXPECT_TRUE(report.diverged);
  const LoggedTrial& seven = std::get<TrialCreatedEvent>((*decoded)[3]).trial;
  EXPECT_EQ(seven.lineage, (Lineage{5, 2, 1, "012345abcdef"}));
  EXPECT_EQ(seven.further_values, (std::vector<double>{1e6, -1}));
  EXPECT_EQ(**seven.finished_at, FromUnixMillis(1'700'000'000'123));
  EXPECT_TRUE(std::isnan(**std::get<TrialChangedEvent>((*decoded)[4]).changes.score));
  EXPECT_EQ(std::get<CountEvent>((*decoded)[18]).progress, progress);
  EXPECT_EQ(std::get<HopelessEvent>((*decoded)[21]).ended, 4);
  EXPECT_EQ(std::get<HopelessEvent>((*decoded)[21]).numbers, (std::vector<int64_t>{5, 300}));
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
  after.last_checkpoint = std::string(64, 'b');
  after.last_checkpoint_epoch = 20;
  Encode(ReportEvent{99'999, 20, 3, false, {0.75}}, bytes);
  Encode(TrialChangedEvent{99'999, *Difference(before, after, LoggedParts())}, bytes);
  EXPECT_LE(bytes.size(), 50u);
}

TEST(DecisionLogTest, ATrialThatChangesInAnythingThatDecisionsNeedIsLogged) {
  const LoggedParts population{{"val_accuracy"}, true};
  Trial trial;
  trial.number = 5;
  trial.repeat_of = 3;
  trial.final_run = true;
  trial.lineage = {2, 4, 1, std::string(64, 'c')};
  trial.further_values = {1.5};
  trial.last_checkpoint = std::string(64, 'd');
  trial.last_checkpoint_epoch = 4;
  trial.finished_at = FromUnixMillis(77);
  const auto changes = Difference(Trial(), trial, population);
  ASSERT_TRUE(changes.has_value());
  Trial rebuilt;
  ASSERT_TRUE(Apply(*changes, rebuilt).ok());
  EXPECT_EQ(rebuilt.repeat_of, 3);
  EXPECT_TRUE(rebuilt.final_run);
  EXPECT_EQ(rebuilt.lineage, (Lineage{2, 4, 1, std::string(kLoggedHash, 'c')}));
  EXPECT_EQ(rebuilt.further_values, trial.further_values);
  EXPECT_EQ(rebuilt.last_checkpoint_epoch, 4);
  EXPECT_EQ(rebuilt.finished_at, trial.finished_at);
  EXPECT_FALSE(Difference(trial, trial, population).has_value());

  Trial resumed = trial;
  resumed.last_checkpoint_epoch = 5;
  EXPECT_TRUE(Difference(trial, resumed, population).has_value());
  EXPECT_FALSE(Difference(trial, resumed, LoggedParts()).has_value())
      << "only a population goes on from others' checkpoints";
  Trial other = trial;
  other.notes = "of no account";
  other.worker = "w";
  other.checkpoint_dropped = true;
  EXPECT_FALSE(Difference(trial, other, population).has_value());
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

// --- what decides beside samplers and pruners ---

// The log of a recorded run that replays as it is.
std::vector<DecisionRow> LogOf(const StudySpec& spec, ReplayCounts* counts = nullptr) {
  RecordedRun run(spec);
  run.Play(-1, Death::kBefore);
  const ReplayResult result = ExpectReplays(run.store(), spec.name);
  if (counts != nullptr) *counts = result.counts;
  return StoredLog(run.store(), spec.name);
}

std::string FirstDifference(const std::vector<DecisionRow>& rows) {
  const ReplayResult result = Replayed(rows);
  return result.differences.empty() ? "none" : result.differences[0].decision;
}

StudySpec PopulationSpec() {
  StudySpec spec = SmallSpec("dogs", 4, 6);
  PopulationOptions options;
  options.interval = 2;
  options.quantile = 0.5;
  options.perturb = {"learning_rate"};
  spec.pruner = options;
  return spec;
}

TEST_F(ReplayTest, APopulationIsReplayed) {
  ReplayCounts counts;
  const std::vector<DecisionRow> log = LogOf(PopulationSpec(), &counts);
  EXPECT_GT(counts.replacements, 0);
  const auto another_source = Edited(log, [](LogEvent& event) {
    auto* replaced = std::get_if<ReplaceEvent>(&event);
    if (replaced == nullptr || replaced->loser == 0) return false;
    replaced->source = replaced->loser;
    return true;
  });
  EXPECT_EQ(FirstDifference(another_source), "who gives way in the population");
  const auto nobody = Edited(log, [](LogEvent& event) {
    auto* replaced = std::get_if<ReplaceEvent>(&event);
    if (replaced == nullptr || replaced->loser == 0) return false;
    replaced->loser = 0;
    return true;
  });
  EXPECT_EQ(FirstDifference(nobody), "who gives way in the population");
  // The same source from another checkpoint of it.
  const auto another_epoch = Edited(log, [](LogEvent& event) {
    auto* created = std::get_if<TrialCreatedEvent>(&event);
    if (created == nullptr || !created->trial.lineage) return false;
    --created->trial.lineage->parent_epoch;
    return true;
  });
  EXPECT_THAT(FirstDifference(another_epoch), HasSubstr("the creation of trial"));
}

StudySpec RepeatsSpec() {
  StudySpec spec = SmallSpec("dogs", 3, 2);
  spec.repeats = 2;
  spec.final_runs = {2, 3};
  return spec;
}

TEST_F(ReplayTest, RepeatsAndFinalRunsAreReplayed) {
  ReplayCounts counts;
  const std::vector<DecisionRow> log = LogOf(RepeatsSpec(), &counts);
  EXPECT_EQ(counts.suggestions, 3);
  EXPECT_EQ(counts.repeats, 3 + 6);
  const auto unasked = Without(
      log, [](const LogEvent& event) { return std::holds_alternative<RepeatsEvent>(event); });
  EXPECT_THAT(FirstDifference(unasked), HasSubstr("the creation of trial"));
  const auto of_another = Edited(log, [](LogEvent& event) {
    auto* created = std::get_if<TrialCreatedEvent>(&event);
    if (created == nullptr || !created->trial.final_run) return false;
    created->trial.repeat_of = 2 + (*created->trial.repeat_of == 2 ? 1 : 0);
    return true;
  });
  EXPECT_THAT(FirstDifference(of_another), HasSubstr("the creation of trial"));
  // A repeat too few.
  const auto missing = Without(log, [](const LogEvent& event) {
    const auto* created = std::get_if<TrialCreatedEvent>(&event);
    return created != nullptr && created->trial.repeat_of.has_value();
  });
  EXPECT_EQ(FirstDifference(missing), "what follows from a decision");
  const auto no_final = Without(
      log, [](const LogEvent& event) { return std::holds_alternative<FinalRunsEvent>(event); });
  EXPECT_THAT(FirstDifference(no_final), HasSubstr("the creation of trial"));
}

StudySpec RuledSpec() {
  StudySpec spec = SmallSpec("dogs", 20, 3);
  spec.stop.epochs = 14;
  spec.stop.no_improvement_trials = 15;
  return spec;
}

TEST_F(ReplayTest, StoppingRulesAreReplayed) {
  ReplayCounts counts;
  const std::vector<DecisionRow> log = LogOf(RuledSpec(), &counts);
  EXPECT_GT(counts.rules, 14);
  EXPECT_EQ(counts.ends, 1);
  const auto counted_twice = Edited(log, [](LogEvent& event) {
    auto* count = std::get_if<CountEvent>(&event);
    if (count == nullptr || count->progress.epochs != 5) return false;
    count->progress.epochs = 6;
    return true;
  });
  EXPECT_THAT(FirstDifference(counted_twice),
              HasSubstr("what stopping rules count after a report"));
  const auto early = Edited(log, [](LogEvent& event) {
    auto* stop = std::get_if<StopEvent>(&event);
    if (stop == nullptr) return false;
    stop->decision = {StopDecision::Kind::kEndStudy, "all 14 epochs of stop.epochs are spent"};
    return true;
  });
  EXPECT_EQ(FirstDifference(early), "what the stopping rules say");
  const auto unsaid = Without(log, [](const LogEvent& event) {
    const auto* stop = std::get_if<StopEvent>(&event);
    return stop != nullptr && stop->decision.kind == StopDecision::Kind::kEndStudy;
  });
  EXPECT_EQ(FirstDifference(unsaid), "the end of the study");
  // A running trial ends otherwise than the rule has it.
  bool ended = false;
  const auto otherwise = Edited(log, [&](LogEvent& event) {
    const auto* stop = std::get_if<StopEvent>(&event);
    ended = ended || (stop != nullptr && stop->decision.kind == StopDecision::Kind::kEndStudy);
    auto* changed = std::get_if<TrialChangedEvent>(&event);
    if (!ended || changed == nullptr || !changed->changes.state) return false;
    changed->changes.state = TrialState::kCancelled;
    return true;
  });
  EXPECT_THAT(FirstDifference(otherwise), HasSubstr("ends with its study"));
}

TEST_F(ReplayTest, LoosenedRulesAreCountedAnewInTheReplay) {
  StudySpec spec = RuledSpec();
  Create(spec);
  const WorkerId worker = Register("a:1/0");
  while (GetStudy("dogs").state != StudyState::kFinished) {
    const LeaseGrant lease = Acquire(worker);
    for (int epoch = 1; epoch <= 3; ++epoch) {
      if (*Report(lease, epoch, Accuracy(lease.trial.number, epoch)) == ReportDirective::kCancel) {
        break;
      }
    }
    (void)Complete(lease);
  }
  spec.stop.epochs = 20;
  spec.stop.no_improvement_trials = 16;
  ASSERT_TRUE(scheduler_->CreateStudy(spec, Inputs()).ok());
  EXPECT_EQ(GetStudy("dogs").state, StudyState::kActive);
  Acquire(worker);
  ExpectReplays(store_, "dogs");
}

TEST_F(ReplayTest, SeveralObjectivesAreReplayed) {
  StudySpec spec = SmallSpec("dogs", 14, 2);
  spec.objective.further = {{"parameters", Direction::kMinimize}};
  spec.sampler = Nsga2Options{.population = 4};
  ReplayCounts counts;
  const std::vector<DecisionRow> log = LogOf(spec, &counts);
  EXPECT_EQ(counts.suggestions, 14);
  // With all costs alike other trials would have been parents.
  std::vector<DecisionRow> rows = log;
  for (DecisionRow& row : rows) {
    std::vector<LogEvent> events = *DecodeEvents(row.events);
    row.events.clear();
    for (LogEvent& event : events) {
      auto* changed = std::get_if<TrialChangedEvent>(&event);
      if (changed != nullptr && changed->changes.further_values) {
        changed->changes.further_values = {1};
      }
      Encode(event, row.events);
    }
  }
  EXPECT_THAT(FirstDifference(rows), HasSubstr("the creation of trial"));
}

TEST_F(ReplayTest, WhatIsLearntFromEarlierStudiesIsReplayed) {
  const auto run = [&](const StudySpec& spec) {
    Create(spec);
    const WorkerId worker = Register("a:1/0");
    while (GetStudy(spec.name).state != StudyState::kFinished) {
      const LeaseGrant lease = Acquire(worker);
      ASSERT_TRUE(Report(lease, 1, Accuracy(lease.trial.number, 1)).ok());
      ASSERT_TRUE(Complete(lease).ok());
    }
  };
  run(SmallSpec("old", 12, 1));
  StudySpec spec = SmallSpec("new", 6, 1);
  spec.sampler = TpeOptions();
  spec.learn_from = {"old"};
  run(spec);
  EXPECT_EQ(ExpectReplays(store_, "new").counts.learned, 12);
  ASSERT_TRUE(scheduler_->DeleteStudy("old", false).ok());
  ExpectReplays(store_, "new");

  const std::vector<DecisionRow> log = StoredLog(store_, "new");
  const auto edited = [&](const std::function<void(LearnedEvent&)>& edit) {
    return Edited(log, [&](LogEvent& event) {
      auto* learned = std::get_if<LearnedEvent>(&event);
      if (learned == nullptr) return false;
      edit(*learned);
      return true;
    });
  };
  EXPECT_EQ(FirstDifference(edited([](LearnedEvent& event) { event.study = "other"; })),
            "the earlier study that is learnt from");
  EXPECT_EQ(FirstDifference(edited([](LearnedEvent& event) {
              event.trials[3].configuration = {{"learning_rate", 0.5}};
            })),
            "what is learnt of study 'old'");
  EXPECT_THAT(FirstDifference(edited([](LearnedEvent& event) { event.trials.clear(); })),
              HasSubstr("the creation of trial"));
}

TEST_F(ReplayTest, RunsThatEndWithTheirConfigurationAreReplayed) {
  StudySpec spec = SmallSpec("dogs", 2, 1);
  spec.repeats = 3;
  Create(spec);
  const LeaseGrant first = Acquire(Register("a:1/0"));
  Completion impossible{AttemptOutcome::kInfeasible, "the photo has shrunk to nothing"};
  impossible.on_any_worker = true;
  ASSERT_TRUE(scheduler_->Complete(first.trial.id, first.attempt, impossible).ok());
  const WorkerId other = Register("b:1/0");
  for (int run = 4; run <= 6; ++run) {
    const LeaseGrant lease = Acquire(other);
    ASSERT_EQ(lease.trial.number, run);
    ASSERT_TRUE(Report(lease, 1, 0.5).ok());
    ASSERT_TRUE(Complete(lease).ok());
  }
  ExpectReplays(store_, "dogs");
  const std::vector<DecisionRow> log = StoredLog(store_, "dogs");

  const auto said = [&](const std::vector<int64_t>& numbers) {
    return Edited(log, [&](LogEvent& event) {
      auto* hopeless = std::get_if<HopelessEvent>(&event);
      if (hopeless == nullptr) return false;
      EXPECT_EQ(hopeless->ended, 1);
      EXPECT_EQ(hopeless->numbers, (std::vector<int64_t>{2, 3}));
      hopeless->numbers = numbers;
      return true;
    });
  };
  const ReplayResult missing = Replayed(said({2}));
  ASSERT_EQ(missing.difference_count, 2);
  EXPECT_EQ(missing.differences[0].decision, "the queued runs that end with trial 1");
  EXPECT_EQ(missing.differences[0].logged, "trial 2");
  EXPECT_EQ(missing.differences[0].derived, "trials 2, 3");
  EXPECT_EQ(missing.differences[1].decision, "the change of trial 3");
  EXPECT_EQ(FirstDifference(said({2, 3, 4})), "the queued runs that end with trial 1");
  EXPECT_EQ(FirstDifference(said({})), "the queued runs that end with trial 1");

  const auto ends = [](int64_t number) {
    return [number](const LogEvent& event) {
      const auto* changed = std::get_if<TrialChangedEvent>(&event);
      return changed != nullptr && changed->number == number &&
             changed->changes.state == TrialState::kInfeasible;
    };
  };
  const ReplayResult goes_on = Replayed(Without(log, ends(3)));
  ASSERT_GT(goes_on.difference_count, 0);
  EXPECT_THAT(goes_on.differences,
              Contains(Field(&ReplayDifference::derived, HasSubstr("trial 3 infeasible"))));

  // A log of a program that did not note it yet.
  const auto is_hopeless = [](const LogEvent& event) {
    return std::holds_alternative<HopelessEvent>(event);
  };
  const std::vector<DecisionRow> older = Without(log, is_hopeless);
  EXPECT_EQ(Replayed(older).difference_count, 0);
  // Of it, too, only runs of that configuration may end so.
  std::vector<DecisionRow> another = older;
  TrialChangedEvent planted;
  planted.number = 6;
  planted.changes.state = TrialState::kInfeasible;
  for (DecisionRow& row : another) {
    const std::vector<LogEvent> events = *DecodeEvents(row.events);
    const auto makes_it = [](const LogEvent& event) {
      const auto* created = std::get_if<TrialCreatedEvent>(&event);
      return created != nullptr && created->number == 6;
    };
    if (std::any_of(events.begin(), events.end(), makes_it)) Encode(planted, row.events);
  }
  EXPECT_EQ(FirstDifference(another), "the change of trial 6");
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

// The id of a study that was never stored is given to the next one, which has another objective.
TEST(DecisionRecorderTest, AFailedStudyLeavesNothingToTheNextOneOfItsId) {
  MemoryTrialStore store;
  DecisionRecorder recorder;
  const auto create = [&](const std::string& metric, bool fails) {
    return store.Write([&](TrialWriter& writer) -> absl::Status {
      recorder.Begin(writer);
      Study study;
      study.spec = SmallSpec("dogs", 1, kEpochs);
      study.spec.objective.metric = study.spec.objective.select_by = metric;
      VIZSLA_ASSIGN_OR_RETURN(study.id, recorder.InsertStudy(study));
      Trial trial;
      trial.study = study.id;
      trial.number = 1;
      VIZSLA_ASSIGN_OR_RETURN(const TrialId id, recorder.InsertTrial(trial));
      EpochReport report;
      report.epoch = 1;
      report.attempt = AttemptNumber(1);
      report.metrics = {{metric, 0.25}};
      VIZSLA_RETURN_IF_ERROR(recorder.UpsertReport(id, report));
      if (fails) return absl::FailedPreconditionError("refused");
      return recorder.Store(Timestamp());
    });
  };
  EXPECT_FALSE(create("val_loss", /*fails=*/true).ok());
  ASSERT_TRUE(create("val_accuracy", /*fails=*/false).ok());
  std::vector<double> logged;
  for (const DecisionRow& row : StoredLog(store, "dogs")) {
    const std::vector<LogEvent> events = *DecodeEvents(row.events);
    for (const LogEvent& event : events) {
      if (const auto* const report = std::get_if<ReportEvent>(&event)) logged = report->values;
    }
  }
  EXPECT_EQ(logged, std::vector<double>{0.25});
}

}  // namespace
}  // namespace vizsla
