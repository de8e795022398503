// A whole cluster on a clock that is moved by hand: chaos for some steps, then calm until the study
// has ended; invariants meanwhile and afterwards, and a replay of every decision.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "tests/scheduling/simulated_worker.h"
#include "tests/scheduling/stored_log.h"

namespace vizsla {

struct Schedule {
  uint64_t seed = 1;
  StudySpec spec;
  std::optional<StudySpec> raised;  // submitted again some time: a budget, looser rules
  int workers = 4;
  // Time passes by up to so much from one worker's step to the next one's.
  Milliseconds longest_step{2000};
  int chaos_steps = 200;
  int calm_steps = 4000;  // within which the study must end
  int check_every = 50;
};

// A store that can be told to have no room.
struct SimulatedDisk {
  TrialStore& store;
  std::function<void(bool full)> set_full;
};

class ClusterSimulation {
 public:
  ClusterSimulation(const Schedule& schedule, SimulatedDisk disk)
      : schedule_(schedule),
        disk_(std::move(disk)),
        random_(StreamKey(schedule.seed).With("cluster")),
        world_{nullptr, artifacts_, network_, random_, clock_, 0, {}, {}} {
    Restart();
    inputs_ = {"photos-1", artifacts_.Add("split"), artifacts_.Add("weights")};
    const auto created = world_.scheduler->CreateStudy(schedule_.spec, inputs_);
    EXPECT_TRUE(created.ok()) << created.status();
    for (int i = 0; i < schedule_.workers; ++i) workers_.emplace_back(world_);
  }

  ReplayResult Run() {
    network_.set_faults({0.05, 0.05, 0.08});
    for (int step = 0; step < schedule_.chaos_steps && !Failed(); ++step) {
      Chaos();
      if (step % schedule_.check_every == 0) Check();
    }
    disk_.set_full(false);
    network_.set_faults({});
    for (int step = 0; step < schedule_.calm_steps && !Failed() && !Finished(); ++step) {
      Pass(schedule_.longest_step / 4);
      workers_[static_cast<size_t>(step) % workers_.size()].Step();
    }
    EXPECT_TRUE(Finished()) << "the study does not end:\n" << Describe();
    Check();
    return ExpectReplays(disk_.store, schedule_.spec.name);
  }

 private:
  static constexpr Milliseconds kTick{500};

  bool Failed() const { return ::testing::Test::HasFailure(); }
  bool Chance(double probability) { return random_.Bernoulli(probability); }
  void Check() { invariants_.Check(schedule_.spec.name, world_.acknowledged); }

  void Restart() {
    world_.scheduler.reset();
    auto scheduler = Scheduler::Create(disk_.store, artifacts_, clock_, {});
    ASSERT_TRUE(scheduler.ok()) << scheduler.status();
    world_.scheduler = *std::move(scheduler);
  }

  void Pass(Milliseconds time) {
    clock_.Advance(time);
    network_.Deliver();
    if (clock_.Now() - ticked_at_ < kTick) return;
    ticked_at_ = clock_.Now();
    const absl::Status tick = world_.scheduler->Tick();
    EXPECT_TRUE(tick.ok() || absl::IsResourceExhausted(tick)) << tick;
  }

  void Chaos() {
    // What befalls the coordinator is as frequent however many workers there are.
    const double often = static_cast<double>(schedule_.longest_step.count()) / 2000;
    disk_.set_full(Chance(0.02));
    Pass(Milliseconds(static_cast<int64_t>(
        random_.UniformInt(static_cast<uint64_t>(schedule_.longest_step.count())))));
    if (Chance(0.02 * often)) Restart();
    // A machine that was suspended.
    if (Chance(0.005 * often)) clock_.Advance(std::chrono::seconds(40));
    if (Chance(0.01 * often)) {
      (void)world_.scheduler->StopStudy(schedule_.spec.name);
      (void)world_.scheduler->ResumeStudy(schedule_.spec.name);
    }
    if (schedule_.raised && Chance(0.01 * often)) {
      const auto again = world_.scheduler->CreateStudy(*schedule_.raised, inputs_);
      EXPECT_TRUE(again.ok() || IsExpectedTrouble(again.status())) << again.status();
    }
    SimulatedWorker& worker = workers_[random_.UniformInt(workers_.size())];
    if (Chance(0.02)) {
      worker.Die();
    } else if (Chance(0.02)) {
      worker.CutOff(std::chrono::seconds(10 + random_.UniformInt(80)));
    } else if (Chance(0.02)) {
      worker.GiveBack();
    } else {
      worker.Step();
    }
  }

  std::string Describe() {
    std::string text;
    const Board board = *world_.scheduler->GetBoard(schedule_.spec.name, 0);
    for (const BoardRow& row : board.rows) {
      const Trial& trial = row.trial;
      text += StrCat("trial ", trial.number, " of stage ", trial.stage, ": ", ToText(trial.state),
                     ", epoch ", trial.epoch, ", rung ", trial.rung, ", attempt ",
                     trial.attempt.value(), ", ", trial.reason, "\n");
    }
    return text;
  }

  bool Finished() {
    bool finished = false;
    bool stopped = false;
    const absl::Status status = disk_.store.Read([&](TrialReader& reader) -> absl::Status {
      VIZSLA_ASSIGN_OR_RETURN(const Study study, reader.FindStudy(schedule_.spec.name));
      finished = study.state == StudyState::kFinished;
      stopped = study.state == StudyState::kStopped;
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
    // A stop whose resumption met a full disk.
    if (stopped) {
      EXPECT_TRUE(world_.scheduler->ResumeStudy(schedule_.spec.name).ok());
    }
    return finished;
  }

  const Schedule schedule_;
  Timestamp ticked_at_{};
  SimulatedDisk disk_;
  ManualClock clock_{FromUnixMillis(1'700'000'000'000)};
  FakeArtifacts artifacts_{clock_};
  RandomStream random_;
  SimulatedNetwork network_{random_, clock_};
  SimulatedWorld world_;
  PinnedInputs inputs_;
  std::deque<SimulatedWorker> workers_;
  ClusterInvariants invariants_{disk_.store, artifacts_};
};

}  // namespace vizsla
