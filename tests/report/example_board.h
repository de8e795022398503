// A small board for tests: every kind of row that a reader may meet.
#pragma once

#include <cmath>

#include "src/report/leaderboard.h"

namespace vizsla {

inline Trial ExampleTrial(int64_t number, TrialState state, std::optional<double> score) {
  Trial trial;
  trial.id = TrialId(100 + number);
  trial.study = StudyId(1);
  trial.number = number;
  trial.state = state;
  trial.score = score;
  trial.configuration = {{"dropout", 0.25 * static_cast<double>(number)},
                         {"dense", IntList{128, 64}},
                         {"image_size", int64_t{160}}};
  trial.created_at = FromUnixMillis(1795488730123);
  if (score.has_value()) {
    trial.best_epoch = 2;
    trial.best_checkpoint = std::string(64, 'a');
  }
  return trial;
}

inline LeaderboardView ExampleBoard() {
  LeaderboardView board;
  Study& study = board.study.study;
  study.id = StudyId(1);
  study.spec.name = "dogs";
  study.spec.budget.epochs = 3;
  study.spec.space.parameters = {{"image_size", CategoricalDomain{{int64_t{160}}}, {}},
                                 {"dropout", FloatDomain{.low = 0, .high = 1, .step = {}}, {}},
                                 {"dense", CategoricalDomain{{IntList{128, 64}, IntList{}}}, {}}};
  study.inputs.dataset_fingerprint = std::string(64, 'd');
  study.inputs.split_hash = std::string(64, 'e');
  study.created_at = FromUnixMillis(1795488730000);
  study.active_time = Milliseconds(61'000);
  board.study.trial_counts = {{"completed", 1}, {"running", 1}, {"diverged", 1}, {"queued", 1}};
  board.study.planned_trials = 6;
  board.total_trials = 4;
  board.eta = Milliseconds(185'000);

  LeaderboardRowView completed;
  completed.rank = 1;
  completed.trial = ExampleTrial(2, TrialState::kCompleted, 0.78125);
  completed.trial.epoch = 3;
  completed.trial.name = "the notebook's";
  completed.trial.worker = "host:42/0";
  completed.trial.attempt = AttemptNumber(1);
  completed.elapsed = Milliseconds(75'000);
  completed.metrics = {{"val_accuracy", 0.78125}, {"val_loss", 0.9}};

  LeaderboardRowView running;
  running.rank = 2;
  running.trial = ExampleTrial(1, TrialState::kRunning, 0.5);
  running.trial.epoch = 1;
  running.running_epoch = 2;
  running.steps_done = 30;
  running.steps_total = 40;
  running.elapsed = Milliseconds(30'000);
  running.eta = Milliseconds(31'000);
  running.metrics = {{"val_accuracy", 0.5}};

  LeaderboardRowView diverged;
  diverged.trial = ExampleTrial(3, TrialState::kDiverged, std::nan(""));
  diverged.trial.epoch = 1;
  diverged.trial.reason = "train_loss is NaN, \"at\" epoch 1";
  diverged.metrics = {{"val_accuracy", std::nan("")}};

  LeaderboardRowView queued;
  queued.trial = ExampleTrial(4, TrialState::kQueued, std::nullopt);
  queued.trial.best_checkpoint.clear();
  board.rows = {completed, running, diverged, queued};
  return board;
}

}  // namespace vizsla
