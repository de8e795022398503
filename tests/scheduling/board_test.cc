// The leaderboard that is kept up to date equals one computed from all trials, after any history.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <memory>
#include <thread>

#include "src/base/random.h"
#include "src/scheduling/trial_changes.h"
#include "tests/scheduling/harness.h"
#include "tests/scheduling/reference_board.h"

namespace vizsla {
namespace {

StudySpec Plain() { return SmallSpec("plain", 40, 2); }
StudySpec Repeated() {
  StudySpec spec = SmallSpec("repeated", 12, 2);
  spec.repeats = 3;
  spec.final_runs = {2, 2};
  return spec;
}
StudySpec TwoObjectives() {
  StudySpec spec = SmallSpec("two", 40, 2);
  spec.objective.further = {{"parameters", Direction::kMinimize}};
  return spec;
}
StudySpec ThreeObjectives() {
  StudySpec spec = TwoObjectives();
  spec.name = "three";
  spec.objective.further.push_back({"val_loss", Direction::kMinimize});
  return spec;
}
StudySpec Halved() {
  StudySpec spec = SmallSpec("halved", 40, 4);
  spec.pruner = AshaOptions{};
  return spec;
}

struct Case {
  const char* name;
  StudySpec (*spec)();
};

class BoardTest : public Harness {
 protected:
  void ExpectBoardIsRight(const std::string& study, int top) {
    auto board = scheduler_->GetBoard(study, top);
    ASSERT_TRUE(board.ok()) << board.status();
    ReferenceBoard expected;
    std::vector<EpochReport> reports;
    ASSERT_TRUE(store_
                    .Read([&](TrialReader& reader) -> absl::Status {
                      VIZSLA_ASSIGN_OR_RETURN(const Study stored, reader.FindStudy(study));
                      VIZSLA_ASSIGN_OR_RETURN(
                          expected, MakeReferenceBoard(reader, stored, top, clock_.Now()));
                      for (const BoardRow& row : board->rows) {
                        VIZSLA_ASSIGN_OR_RETURN(const Trial trial, reader.GetTrial(row.trial.id));
                        EXPECT_EQ(row.trial.state, trial.state);
                        EXPECT_EQ(row.trial.configuration, trial.configuration);
                        VIZSLA_ASSIGN_OR_RETURN(reports, reader.ListReports(trial.id));
                        Metrics best;
                        for (const EpochReport& report : reports) {
                          if (report.epoch == trial.best_epoch) best = report.metrics;
                        }
                        EXPECT_EQ(row.metrics.size(), best.size());
                      }
                      return absl::OkStatus();
                    })
                    .ok());
    EXPECT_EQ(PartsOf(*board).rows.size(), expected.rows.size());
    EXPECT_TRUE(PartsOf(*board) == expected) << "study " << study << ", top " << top;
  }

  // One thing that a worker, time or the disk may do.
  void Step(RandomStream& stream, WorkerId& worker, std::vector<LeaseGrant>& leases) {
    const uint64_t what = stream.UniformInt(20);
    if (what < 6 && leases.size() < 5) {
      // Each worker holds one lease.
      worker = Register(StrCat("w", stream.UniformInt(8)));
      const auto acquired = scheduler_->Acquire(worker, 1);
      if (!acquired.ok()) return;
      for (const LeaseGrant& lease : acquired->leases) leases.push_back(lease);
      return;
    }
    if (what == 18) {
      Restart();
      return;
    }
    if (what == 19) {
      Run(std::chrono::seconds(40));  // leases run out
      return;
    }
    if (leases.empty()) return;
    const size_t at = stream.UniformInt(leases.size());
    const LeaseGrant& lease = leases[at];
    if (what < 15) {
      const int epoch = GetTrial(lease.trial.id).epoch + 1;
      // Few values: ties.
      EpochReport report = MakeReport(epoch, static_cast<double>(stream.UniformInt(8)) / 8);
      report.metrics["parameters"] = static_cast<double>(stream.UniformInt(6));
      if (stream.Bernoulli(0.08)) report.metrics["val_accuracy"] = std::nan("");
      report.checkpoint_hash = artifacts_.Add(BestName(lease, epoch));
      scheduler_->Report(lease.trial.id, lease.attempt, report, "").IgnoreError();
      return;
    }
    const AttemptOutcome outcomes[] = {AttemptOutcome::kCompleted, AttemptOutcome::kPruned,
                                       AttemptOutcome::kFailed, AttemptOutcome::kPreempted};
    Complete(lease, outcomes[stream.UniformInt(4)]).IgnoreError();
    leases.erase(leases.begin() + static_cast<std::ptrdiff_t>(at));
  }
};

class BoardHistoryTest : public BoardTest, public ::testing::WithParamInterface<Case> {};

TEST_P(BoardHistoryTest, EqualsOneFromScratchAfterAnyHistory) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    StudySpec spec = GetParam().spec();
    spec.name += StrCat("-", seed);
    Create(spec);
    RandomStream stream{StreamKey(seed)};
    WorkerId worker = Register("w0");
    std::vector<LeaseGrant> leases;
    for (int step = 0; step < 250; ++step) {
      Advance(Milliseconds(137));
      const bool disk_is_full = stream.Bernoulli(0.08);
      if (disk_is_full) {
        store_.SetCommitHook([] { return absl::ResourceExhaustedError("no space"); });
      }
      if (disk_is_full && stream.Bernoulli(0.5)) scheduler_->GetBoard(spec.name, 0).IgnoreError();
      Step(stream, worker, leases);
      store_.SetCommitHook({});
      if (!stream.Bernoulli(0.6)) continue;  // several changes between two looks
      ExpectBoardIsRight(spec.name, static_cast<int>(stream.UniformInt(4)) * 3);
      if (HasFailure()) return;
    }
    ExpectBoardIsRight(spec.name, 0);
    ASSERT_TRUE(scheduler_->DeleteStudy(spec.name, /*force=*/true).ok());
    EXPECT_TRUE(absl::IsNotFound(scheduler_->GetBoard(spec.name, 0).status()));
  }
}

INSTANTIATE_TEST_SUITE_P(Studies, BoardHistoryTest,
                         ::testing::Values(Case{"plain", Plain}, Case{"repeated", Repeated},
                                           Case{"two", TwoObjectives},
                                           Case{"three", ThreeObjectives}, Case{"halved", Halved}),
                         [](const auto& info) { return std::string(info.param.name); });

// Boards that are looked at while trials end: whatever a look shows fits together.
TEST_F(BoardTest, IsOfOneSnapshotWhileOthersWrite) {
  Create(SmallSpec("busy", 150, 1));
  std::atomic<bool> done{false};
  const auto look = [&](int top) {
    int64_t completed = 0;
    while (!done) {
      const Board board = *scheduler_->GetBoard("busy", top);
      int64_t sum = 0;
      for (const auto& [state, count] : board.trial_counts) sum += count;
      EXPECT_EQ(sum, board.total_trials);
      const auto now = board.trial_counts.find("completed");
      const int64_t completed_now = now == board.trial_counts.end() ? 0 : now->second;
      EXPECT_GE(completed_now, completed) << "no look goes back";
      completed = completed_now;
      std::optional<double> last;
      int64_t shown_completed = 0;
      for (const BoardRow& row : board.rows) {
        shown_completed += row.trial.state == TrialState::kCompleted;
        if (row.rank == 0 || !row.trial.score) continue;
        if (last) {
          EXPECT_LE(*row.trial.score, *last) << "the rows are those that were ranked";
        }
        last = row.trial.score;
      }
      if (top == 0) {
        EXPECT_EQ(shown_completed, completed_now);
      }
    }
  };
  std::vector<std::thread> lookers;
  for (const int top : {0, 5, 5}) lookers.emplace_back(look, top);
  const WorkerId worker = Register("w");
  RandomStream stream{StreamKey(1)};
  for (int i = 0; i < 150; ++i) {
    const LeaseGrant lease = Acquire(worker);
    EXPECT_TRUE(Report(lease, 1, stream.Uniform()).ok());
    EXPECT_TRUE(Complete(lease).ok());
  }
  done = true;
  for (std::thread& looker : lookers) looker.join();
  ExpectBoardIsRight("busy", 0);
}

TEST(TrialChanges, AreNotedBeforeTheyCanBeSeenAndUntilTheyAreTrimmed) {
  TrialChanges changes;
  const StudyId study(1);
  auto open = std::make_unique<TrialChanges::Transaction>(changes);
  open->Note(study, TrialId(7));  // before anybody tracks the study
  const int64_t tracking = changes.Track(study);
  const int64_t before = changes.Settled();
  EXPECT_EQ(changes.Since(study, tracking, before), std::vector<TrialId>{TrialId(7)});
  {
    TrialChanges::Transaction other(changes);
    other.Note(study, TrialId(8));
    other.Note(study, TrialId(8));
    other.Note(StudyId(2), TrialId(9));
  }
  EXPECT_EQ(changes.Settled(), before) << "an older one is open";
  open.reset();
  const int64_t after = changes.Settled();
  EXPECT_EQ(changes.Since(study, tracking, before), (std::vector<TrialId>{TrialId(7), TrialId(8)}));
  EXPECT_EQ(changes.Since(study, tracking, after), std::vector<TrialId>());
  changes.Trim(study, after);
  EXPECT_EQ(changes.Since(study, tracking, before), std::vector<TrialId>());
  EXPECT_EQ(changes.Since(StudyId(2), tracking, before), std::nullopt) << "nobody tracks it";
}

TEST(TrialChanges, TrackingEndsWhenAllHasChanged) {
  TrialChanges changes;
  const int64_t tracking = changes.Track(StudyId(1));
  TrialChanges::Transaction transaction(changes);
  for (size_t i = 0; i <= TrialChanges::kMostTracked; ++i) {
    EXPECT_TRUE(changes.IsTracked(StudyId(1), tracking));
    transaction.Note(StudyId(1), TrialId(static_cast<int64_t>(i) + 1));
  }
  EXPECT_FALSE(changes.IsTracked(StudyId(1), tracking));
  EXPECT_EQ(changes.Since(StudyId(1), tracking, 0), std::nullopt);
  EXPECT_NE(changes.Track(StudyId(1)), tracking);
}

}  // namespace
}  // namespace vizsla
