// A cluster simulated step by step: workers that crash, hang, repeat and delay their messages, lose
// answers and come back as zombies; a coordinator that restarts; a disk that is full now and then.
// A few hundred seeds; invariants after each, and every study ends with the scores of an
// undisturbed run. Each seed plays a plain study, and one whose trials start from others.
#include <gmock/gmock.h>

#include <cmath>
#include <deque>
#include <optional>

#include "src/base/log.h"
#include "src/base/random.h"
#include "src/study/objective.h"
#include "tests/scheduling/harness.h"
#include "tests/scheduling/stored_log.h"

namespace vizsla {
namespace {

constexpr int kSeeds = 300;
constexpr int kChaosSteps = 400;
constexpr int kWorkers = 3;
constexpr int kTrials = 6;
constexpr int kEpochs = 5;

// What training would give: a function of trial and epoch, as promised.
double Accuracy(int64_t trial, int epoch) {
  RandomStream stream(StreamKey(99).With(static_cast<uint64_t>(trial)).With(epoch));
  return std::floor(stream.Uniform() * 8) / 8;  // ties happen
}

struct Message {
  TrialId trial;
  AttemptNumber attempt;
  EpochReport report;
  std::string last;
};

// One worker process at a time; a crash replaces it by a fresh one.
struct SimulatedWorker {
  std::string name;
  std::optional<WorkerId> id;
  std::optional<LeaseGrant> lease;
  int next_epoch = 1;
  std::vector<EpochReport> reports;  // of the run so far
  int64_t steps = 0;
  bool hangs = false;
};

class Simulation {
 public:
  Simulation(uint64_t seed, bool staged)
      : random_(StreamKey(seed).With("simulation")), staged_(staged) {
    store_.SetCommitHook([this] {
      return full_disk_ ? absl::ResourceExhaustedError("the disk is full") : absl::OkStatus();
    });
    for (SimulatedWorker& worker : workers_) worker = NewProcess();
    Restart();
    StudySpec spec = SmallSpec("dogs", kTrials, kEpochs);
    spec.max_crashes = 3;
    spec.enqueue.push_back({"first", "", {{"learning_rate", 0.01}}, {}});
    if (staged) {
      // Four, one of them from another; then two from the best two.
      spec.budget.trials = kTrials - 2;
      spec.enqueue.push_back(
          {"", "", {{"units", int64_t{2}}}, {InitFrom::Kind::kTrial, "first", 0}});
      Stage stage;
      stage.top = 2;
      stage.budget = {2, kEpochs, {}};
      stage.space.parameters = {{"dropout", FloatDomain{0, 1, false, {}}, {}}};
      stage.enqueue = {{"", "", {{"dropout", 0.5}}, {InitFrom::Kind::kBest, "", 0}}};
      spec.stages = {stage};
    }
    EXPECT_TRUE(scheduler_->CreateStudy(spec, Inputs()).ok());
  }

  void Run() {
    for (int step = 0; step < kChaosSteps && !::testing::Test::HasFailure(); ++step) Chaos();
    full_disk_ = false;
    for (int step = 0; step < 2000 && !Finished(); ++step) {
      Order(workers_[static_cast<size_t>(step % kWorkers)]);
      clock_.Advance(Milliseconds(500));
      EXPECT_TRUE(scheduler_->Tick().ok());
      if (::testing::Test::HasFailure()) return;
    }
    EXPECT_TRUE(Finished()) << "the study does not end";
    CheckAll();
    CheckEnd();
    ExpectReplays(store_, "dogs");
  }

 private:
  PinnedInputs Inputs() { return {"photos", artifacts_.Add("split"), ""}; }

  void Restart() {
    scheduler_.reset();
    auto scheduler = Scheduler::Create(store_, artifacts_, clock_, {});
    ASSERT_TRUE(scheduler.ok()) << scheduler.status();
    scheduler_ = *std::move(scheduler);
  }

  bool Chance(double probability) { return random_.Bernoulli(probability); }

  SimulatedWorker NewProcess() {
    SimulatedWorker worker;
    worker.name = StrCat("host:", ++processes_, "/0");
    return worker;
  }

  WorkerId Register(const SimulatedWorker& worker) {
    WorkerInfo info;
    info.name = worker.name;
    info.dataset_fingerprints = {"photos"};
    return *scheduler_->RegisterWorker(info);
  }

  void Chaos() {
    clock_.Advance(Milliseconds(static_cast<int64_t>(random_.UniformInt(3000))));
    full_disk_ = Chance(0.02);
    const absl::Status tick = scheduler_->Tick();
    EXPECT_TRUE(tick.ok() || absl::IsResourceExhausted(tick)) << tick;
    if (Chance(0.02)) Restart();
    if (Chance(0.01)) clock_.Advance(std::chrono::seconds(40));  // a stall
    if (Chance(0.01)) {
      clock_.Advance(std::chrono::minutes(70));  // it was off, and sweeps when it comes back
      Restart();
    }
    if (Chance(0.01)) {
      const auto stopped = scheduler_->StopStudy("dogs");
      const auto resumed = scheduler_->CreateStudy(GetStudy().spec, Inputs());
      (void)stopped;
      (void)resumed;
    }
    SimulatedWorker& worker = workers_[random_.UniformInt(kWorkers)];
    if (worker.lease && Chance(0.03)) {
      // It dies without a word. Its last message may still be under way.
      worker = NewProcess();
    } else if (worker.lease && Chance(0.03)) {
      worker.hangs = true;
    } else if (worker.lease && Chance(0.05)) {
      End(worker, Chance(0.5) ? AttemptOutcome::kPreempted : AttemptOutcome::kCrashed);
    } else {
      Order(worker);
    }
    if (!late_.empty() && Chance(0.3)) Deliver();
    CheckAll();
  }

  // What a healthy worker does next.
  void Order(SimulatedWorker& worker) {
    if (worker.hangs) {
      Beat(worker);
      return;
    }
    if (!worker.lease) {
      Acquire(worker);
    } else if (Chance(0.3)) {
      worker.steps += 1;
      Beat(worker);
    } else if (worker.next_epoch > kEpochs) {
      End(worker, AttemptOutcome::kCompleted);
    } else {
      Report(worker);
    }
  }

  void Acquire(SimulatedWorker& worker) {
    if (!worker.id) worker.id = Register(worker);
    const auto acquired = scheduler_->Acquire(*worker.id, 1);
    if (absl::IsNotFound(acquired.status())) {
      worker.id.reset();
      return;
    }
    if (absl::IsResourceExhausted(acquired.status())) return;
    ASSERT_TRUE(acquired.ok()) << acquired.status();
    if (acquired->leases.empty()) return;
    const LeaseGrant& lease = acquired->leases.front();
    const int64_t trial = lease.trial.id.value();
    // At most one lease: attempts only grow, and what an older one says is refused from now on.
    EXPECT_GT(lease.attempt.value(), newest_[trial]);
    newest_[trial] = lease.attempt.value();
    EXPECT_LE(lease.trial.last_checkpoint_epoch, kEpochs);
    EXPECT_EQ(lease.resume_checkpoint.empty(), lease.trial.last_checkpoint_epoch == 0);
    if (!lease.resume_checkpoint.empty()) {
      EXPECT_TRUE(artifacts_.Exists(lease.resume_checkpoint));
    }
    EXPECT_EQ(lease.init_checkpoint, lease.trial.warm_start.checkpoint);
    EXPECT_FALSE(IsWaiting(lease.trial));
    if (!lease.init_checkpoint.empty()) {
      EXPECT_TRUE(artifacts_.Exists(lease.init_checkpoint));
    }
    EXPECT_EQ(static_cast<int>(lease.history.size()), lease.trial.last_checkpoint_epoch)
        << "the history reaches to the checkpoint, without a gap";
    if (Chance(0.05)) return;  // the answer is lost: it asks again
    worker.lease = lease;
    worker.reports = lease.history;
    worker.next_epoch = lease.trial.last_checkpoint_epoch + 1;
    worker.steps = 0;
  }

  void Beat(SimulatedWorker& worker) {
    if (!worker.lease || !worker.id) return;
    const auto directive =
        scheduler_->Heartbeat(*worker.id, worker.lease->trial.id, worker.lease->attempt,
                              {worker.next_epoch, worker.steps, 100});
    if (absl::IsNotFound(directive.status())) {
      worker.id = Register(worker);
      return;
    }
    ASSERT_TRUE(directive.ok()) << directive.status();
    if (*directive == ReportDirective::kCancel) {
      worker.lease.reset();
      worker.hangs = false;
    } else if (*directive == ReportDirective::kPreempt && !worker.hangs) {
      End(worker, AttemptOutcome::kPreempted);
    }
  }

  void Report(SimulatedWorker& worker) {
    const LeaseGrant& lease = *worker.lease;
    Message message;
    message.trial = lease.trial.id;
    message.attempt = lease.attempt;
    message.report.epoch = worker.next_epoch;
    message.report.attempt = lease.attempt;
    message.report.metrics = {{"val_accuracy", Accuracy(lease.trial.number, worker.next_epoch)}};
    const std::string key = StrCat(lease.trial.number, " ", worker.next_epoch);  // deterministic
    if (BecomesBest(Objective(), worker.reports, message.report)) {
      message.report.checkpoint_hash = artifacts_.Add("best " + key);
    }
    if (Chance(0.4)) message.last = artifacts_.Add("last " + key);
    if (Chance(0.05)) late_.push_back(message);  // a copy that arrives much later, or never
    const absl::Status status = Send(message);
    if (absl::IsFailedPrecondition(status)) {
      worker = NewProcess();  // fenced
      return;
    }
    if (absl::IsResourceExhausted(status)) return;  // tries again
    ASSERT_TRUE(status.ok()) << status;
    if (Chance(0.1)) return;  // the answer is lost: the same again, soon
    worker.reports.push_back(message.report);
    ++worker.next_epoch;
    worker.steps = 0;
  }

  absl::Status Send(const Message& message) {
    const auto directive =
        scheduler_->Report(message.trial, message.attempt, message.report, message.last);
    if (directive.ok()) {
      // A report that is acknowledged comes from the newest attempt.
      EXPECT_EQ(message.attempt.value(), newest_[message.trial.value()]);
      acknowledged_.push_back(message);
    }
    return directive.status();
  }

  void Deliver() {
    const Message message = late_.front();
    late_.pop_front();
    const absl::Status status = Send(message);
    EXPECT_TRUE(status.ok() || absl::IsFailedPrecondition(status) ||
                absl::IsResourceExhausted(status) || absl::IsInvalidArgument(status))
        << status;
  }

  void End(SimulatedWorker& worker, AttemptOutcome outcome) {
    const LeaseGrant lease = *worker.lease;
    const auto trial = scheduler_->Complete(lease.trial.id, lease.attempt, {outcome, "", "", 0});
    if (absl::IsResourceExhausted(trial.status())) return;
    if (Chance(0.2)) {
      const auto again = scheduler_->Complete(lease.trial.id, lease.attempt, {outcome, "", "", 0});
      EXPECT_TRUE(again.status() == trial.status() || absl::IsResourceExhausted(again.status()))
          << again.status();
    }
    EXPECT_TRUE(trial.ok() || absl::IsFailedPrecondition(trial.status())) << trial.status();
    SimulatedWorker rested;
    rested.name = worker.name;
    rested.id = worker.id;
    worker = rested;
  }

  Study GetStudy() {
    Study study;
    EXPECT_TRUE(store_
                    .Read([&](TrialReader& reader) -> absl::Status {
                      VIZSLA_ASSIGN_OR_RETURN(study, reader.FindStudy("dogs"));
                      return absl::OkStatus();
                    })
                    .ok());
    return study;
  }
  bool Finished() { return GetStudy().state == StudyState::kFinished; }

  void CheckAll() {
    const absl::Status status = store_.Read([&](TrialReader& reader) -> absl::Status {
      VIZSLA_ASSIGN_OR_RETURN(const Study study, reader.FindStudy("dogs"));
      VIZSLA_ASSIGN_OR_RETURN(const auto trials, reader.ListTrials(study.id, {}));
      int64_t number = 0;
      std::map<TrialId, std::vector<EpochReport>> reports;
      for (const Trial& trial : trials) {
        EXPECT_EQ(trial.number, ++number) << "none counted twice, none left out";
        VIZSLA_ASSIGN_OR_RETURN(reports[trial.id], reader.ListReports(trial.id));
        CheckTrial(trial, reports[trial.id]);
        VIZSLA_ASSIGN_OR_RETURN(const auto attempts, reader.ListAttempts(trial.id));
        CheckAttempts(trial, attempts);
      }
      EXPECT_LE(number, kTrials);
      CheckSources(trials);
      for (const Message& message : acknowledged_) {
        CheckAcknowledged(message, reports[message.trial]);
      }
      CheckNeeded(study.inputs.split_hash);
      for (const Trial& trial : trials) {
        CheckNeeded(trial.best_checkpoint);
        CheckNeeded(trial.last_checkpoint);
        CheckNeeded(trial.warm_start.checkpoint);
        for (const EpochReport& report : reports[trial.id]) CheckNeeded(report.checkpoint_hash);
      }
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
  }

  // A stage begins when the one before has ended; a source is decided once, has ended itself, and
  // gives its best.
  void CheckSources(const std::vector<Trial>& trials) {
    const bool second = trials.back().stage == 2;
    for (const Trial& trial : trials) {
      EXPECT_TRUE(!second || trial.stage == 2 || IsFinished(trial.state));
      const WarmStart& start = trial.warm_start;
      if (start.checkpoint.empty()) continue;
      const auto [known, added] = sources_.emplace(trial.number, start);
      EXPECT_EQ(known->second, start) << "decided once";
      const Trial& source = trials[static_cast<size_t>(start.trial - 1)];
      EXPECT_TRUE(IsFinished(source.state) && MayWin(source));
      EXPECT_EQ(start.checkpoint, source.best_checkpoint);
      EXPECT_LE(source.stage, trial.stage);
      if (trial.stage == 2) {
        EXPECT_EQ(source.stage, 1);
        int better = 0;
        for (const Trial& other : trials) {
          if (other.stage == 1 && RanksBefore(Objective(), other, source)) ++better;
        }
        EXPECT_LT(better, 2) << "one of the best two";
      }
    }
  }

  void CheckNeeded(const std::string& hash) {
    EXPECT_TRUE(hash.empty() || artifacts_.Exists(hash)) << "a needed artifact was removed";
  }

  static void CheckTrial(const Trial& trial, const std::vector<EpochReport>& reports) {
    int epoch = 0;
    std::vector<EpochReport> run;
    for (const EpochReport& report : reports) {
      EXPECT_EQ(report.epoch, ++epoch) << "epochs without gaps, each once";
      EXPECT_EQ(report.metrics.at("val_accuracy"), Accuracy(trial.number, report.epoch));
      if (report.epoch <= trial.epoch) run.push_back(report);
    }
    EXPECT_EQ(static_cast<int>(run.size()), trial.epoch);
    const auto score = SelectScore(Objective(), run);
    EXPECT_EQ(score.has_value(), trial.score.has_value());
    if (score) {
      EXPECT_EQ(trial.score, score->value);
      EXPECT_EQ(trial.best_epoch, score->epoch);
      EXPECT_EQ(trial.best_checkpoint, Sha256Hex(StrCat("best ", trial.number, " ", score->epoch)))
          << "the best checkpoint is the best score's";
    }
    EXPECT_LE(trial.crashes, 3);
    EXPECT_EQ(trial.state == TrialState::kFailed, trial.crashes == 3);
  }

  static void CheckAttempts(const Trial& trial, const std::vector<AttemptRow>& attempts) {
    EXPECT_EQ(static_cast<int64_t>(attempts.size()), trial.attempt.value());
    int open = 0, crashed = 0;
    for (const AttemptRow& attempt : attempts) {
      if (!attempt.ended_at) ++open;
      if (attempt.outcome == AttemptOutcome::kCrashed) ++crashed;
      EXPECT_EQ(attempt.outcome == AttemptOutcome::kRunning, !attempt.ended_at);
    }
    EXPECT_EQ(open, trial.state == TrialState::kRunning ? 1 : 0) << "at most one lease";
    EXPECT_EQ(crashed, trial.crashes) << "crashes count, preemptions do not";
  }

  static void CheckAcknowledged(const Message& message, const std::vector<EpochReport>& reports) {
    for (const EpochReport& report : reports) {
      if (report.epoch != message.report.epoch) continue;
      EXPECT_GE(report.attempt, message.attempt) << "only a later attempt may replace it";
      EXPECT_EQ(report.metrics, message.report.metrics);
      return;
    }
    ADD_FAILURE() << "an acknowledged report of epoch " << message.report.epoch << " is lost";
  }

  void CheckEnd() {
    const Board board = *scheduler_->GetBoard("dogs", 0);
    const bool all_failed = std::none_of(board.rows.begin(), board.rows.end(), [](const auto& row) {
      return row.trial.state == TrialState::kCompleted;
    });
    EXPECT_TRUE(all_failed || board.total_trials == kTrials);
    std::set<std::string> expected = {Sha256Hex("split")};
    for (const BoardRow& row : board.rows) {
      const Trial& trial = row.trial;
      // Trial 2 of the staged study starts from trial 1, which may have failed.
      const bool orphan = staged_ && trial.number == 2 && trial.state == TrialState::kInfeasible;
      EXPECT_TRUE(trial.state == TrialState::kCompleted || trial.state == TrialState::kFailed ||
                  orphan)
          << ToText(trial.state);
      if (!trial.best_checkpoint.empty()) expected.insert(trial.best_checkpoint);
      if (trial.state != TrialState::kCompleted) continue;
      EXPECT_EQ(trial.epoch, kEpochs);
      double best = 0;
      for (int epoch = 1; epoch <= kEpochs; ++epoch) {
        best = std::max(best, Accuracy(trial.number, epoch));
      }
      EXPECT_EQ(trial.score, best) << "as if nothing had happened";
    }
    // Two hours later nothing lies about that nobody needs.
    clock_.Advance(std::chrono::hours(2));
    Restart();
    EXPECT_TRUE(scheduler_->Tick().ok());
    for (const std::string& hash : artifacts_.All()) EXPECT_TRUE(expected.contains(hash));
    EXPECT_EQ(artifacts_.All().size(), expected.size());
  }

  RandomStream random_;
  const bool staged_;
  ManualClock clock_{FromUnixMillis(1'700'000'000'000)};
  MemoryTrialStore store_;
  FakeArtifacts artifacts_{clock_};
  std::unique_ptr<Scheduler> scheduler_;
  SimulatedWorker workers_[kWorkers];
  int processes_ = 0;
  bool full_disk_ = false;
  std::map<int64_t, int64_t> newest_;     // the newest attempt that was granted, by trial
  std::map<int64_t, WarmStart> sources_;  // as first seen, by trial
  std::vector<Message> acknowledged_;
  std::deque<Message> late_;
};

TEST(SimulationTest, NothingIsLostWhateverHappens) {
  spdlog::set_level(spdlog::level::err);
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(StrCat("seed ", seed));
    for (const bool staged : {false, true}) Simulation(seed, staged).Run();
    ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace vizsla
