#include "tests/pruning/pruner_simulation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace vizsla {

PrunerSimulation::PrunerSimulation(SimulationOptions options)
    : options_(std::move(options)),
      pruner_(MakePruner(options_.pruner, options_.context).value()),
      random_(StreamKey(options_.seed).With("simulation")),
      workers_(static_cast<size_t>(options_.workers)) {}

void PrunerSimulation::Run() {
  for (;;) {
    Assign();
    Worker* next = nullptr;
    for (Worker& worker : workers_) {
      if (worker.trial != 0 && (next == nullptr || worker.until < next->until)) next = &worker;
    }
    if (next == nullptr) break;
    for (const Worker& worker : workers_) {
      if (worker.trial == 0) idle_time_ += next->until - now_;
    }
    now_ = next->until;
    Step(*next);
    PruneLosers();
    if (options_.check_replay) CheckReplay();
  }
  for (auto& [number, row] : rows_) {
    if (row.state == TrialState::kPaused) row.state = TrialState::kPruned;
  }
}

void PrunerSimulation::Assign() {
  for (Worker& worker : workers_) {
    if (worker.trial != 0) continue;
    const std::optional<int64_t> trial = NextTrial();
    if (!trial) return;
    PrunerTrial row = rows_[*trial];
    row.state = TrialState::kRunning;
    Store(row);
    ++attempts_[*trial];
    worker = {*trial, checkpoints_[*trial], false, now_ + EpochTime(*trial)};
    PruneLosers();
    if (options_.check_replay) CheckReplay();
  }
}

std::optional<int64_t> PrunerSimulation::NextTrial() {
  for (const auto& [number, row] : rows_) {
    if (row.state == TrialState::kQueued) return number;
  }
  std::optional<int64_t> resumed = pruner_->NextToResume();
  if (!resumed) {
    const auto created = static_cast<int64_t>(rows_.size());
    if (created < options_.trials) {
      PrunerTrial row;
      row.number = options_.context.first_trial + created;
      row.planned_epochs = options_.planned_epochs ? options_.planned_epochs(row.number)
                                                   : options_.context.max_epochs;
      Store(row);
      return row.number;
    }
    all_created_ = true;
    pruner_->ObserveLastTrial(options_.context.first_trial + created - 1);
    PruneLosers();
    resumed = pruner_->NextToResume();
  }
  if (resumed) Promote(*resumed, /*resumed=*/true);
  return resumed;
}

void PrunerSimulation::Promote(int64_t trial, bool resumed) {
  PrunerTrial row = rows_.at(trial);
  const Promotion promotion{trial, row.rung, resumed};
  EXPECT_EQ(row.state, resumed ? TrialState::kPaused : TrialState::kRunning);
  if (on_promotion) on_promotion(*this, promotion);
  promotions_.push_back(promotion);
  ++row.rung;
  if (resumed) row.state = TrialState::kQueued;
  Store(row);
}

void PrunerSimulation::Store(const PrunerTrial& row) {
  rows_[row.number] = row;
  pruner_->Observe(row);
}

void PrunerSimulation::Step(Worker& worker) {
  if (random_.Bernoulli(options_.crash_probability)) {
    // Its checkpoints are as old as chance has it.
    int& checkpoint = checkpoints_[worker.trial];
    checkpoint = random_.Bernoulli(0.2)
                     ? 0
                     : checkpoint + static_cast<int>(random_.UniformInt(
                                        static_cast<uint64_t>(worker.epoch - checkpoint + 1)));
    return End(worker, TrialState::kQueued);
  }
  if (random_.Bernoulli(options_.failure_probability)) return End(worker, TrialState::kFailed);
  if (worker.pausing) {
    checkpoints_[worker.trial] = worker.epoch;
    return End(worker, TrialState::kPaused);
  }
  FinishEpoch(worker);
}

void PrunerSimulation::FinishEpoch(Worker& worker) {
  const int64_t trial = worker.trial;
  PrunerTrial row = rows_.at(trial);
  const int epoch = ++worker.epoch;
  ++epochs_trained_;
  row.epoch = epoch;
  const Report report{AttemptNumber(attempts_[trial]), ValueAt(trial, epoch)};
  reports_[trial][epoch] = report;
  const bool report_first = random_.Bernoulli(0.5);
  if (!report_first) Store(row);
  pruner_->ObserveReport(trial, epoch, report.attempt, report.value);
  if (report_first) Store(row);
  if (!std::isfinite(report.value)) return End(worker, TrialState::kDiverged);
  if (epoch == row.planned_epochs) return End(worker, TrialState::kCompleted);
  for (;;) {
    switch (pruner_->Decide(trial)) {
      case PruneDecision::kPromote:
        Promote(trial, /*resumed=*/false);
        continue;
      case PruneDecision::kPrune:
        return End(worker, TrialState::kPruned);
      case PruneDecision::kPause:
        worker.pausing = true;
        worker.until = now_ + 0.1;
        return;
      case PruneDecision::kContinue:
        worker.until = now_ + EpochTime(trial);
        return;
    }
  }
}

void PrunerSimulation::End(Worker& worker, TrialState state) {
  PrunerTrial row = rows_.at(worker.trial);
  row.state = state;
  worker = {};
  Store(row);
}

void PrunerSimulation::PruneLosers() {
  for (const int64_t number : pruner_->ToPrune()) {
    PrunerTrial row = rows_.at(number);
    ASSERT_EQ(row.state, TrialState::kPaused);
    row.state = TrialState::kPruned;
    Store(row);
  }
  ASSERT_TRUE(pruner_->ToPrune().empty());
}

void PrunerSimulation::CheckReplay() {
  const auto rebuilt = MakePruner(options_.pruner, options_.context).value();
  std::vector<std::function<void()>> events;
  for (const auto& [number, row] : rows_) {
    events.emplace_back([&rebuilt, &row] { rebuilt->Observe(row); });
  }
  for (const auto& [number, values] : reports_) {
    for (const auto& [epoch, report] : values) {
      events.emplace_back([&rebuilt, &report, number = number, epoch = epoch] {
        rebuilt->ObserveReport(number, epoch, report.attempt, report.value);
      });
    }
  }
  if (all_created_) {
    events.emplace_back([&] { rebuilt->ObserveLastTrial(rows_.rbegin()->first); });
  }
  const size_t once = events.size();
  for (size_t i = 0; i < once / 4; ++i) events.push_back(events[random_.UniformInt(once)]);
  random_.Shuffle(events);
  for (const auto& event : events) event();
  ASSERT_EQ(rebuilt->NextToResume(), pruner_->NextToResume());
  ASSERT_EQ(rebuilt->ToPrune(), pruner_->ToPrune());
  for (const auto& [number, row] : rows_) {
    ASSERT_EQ(rebuilt->Decide(number), pruner_->Decide(number)) << "trial " << number;
  }
}

double PrunerSimulation::EpochTime(int64_t trial) {
  const double speed =
      0.5 + RandomStream(StreamKey(options_.seed).With("speed").With(static_cast<uint64_t>(trial)))
                .Uniform();
  return speed * random_.Uniform(0.9, 1.1);
}

double PrunerSimulation::ValueAt(int64_t trial, int epoch) {
  const double value = options_.curve(trial, epoch);
  if (attempts_[trial] == 1) return value;
  return value + options_.rerun_noise * random_.Uniform(-1, 1);
}

int64_t PrunerSimulation::Winner() const {
  int64_t winner = 0;
  double best = 0;
  for (const auto& [number, row] : rows_) {
    if (row.state != TrialState::kCompleted) continue;
    const double value = reports_.at(number).at(row.epoch).value;
    if (winner != 0 && !IsBetter(options_.context.direction, value, best)) continue;
    winner = number;
    best = value;
  }
  return winner;
}

}  // namespace vizsla
