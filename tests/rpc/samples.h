// Values for tests, with every field set to something of its own.
#pragma once

#include <string>

#include "src/base/sha256.h"
#include "src/scheduling/scheduler.h"
#include "src/study/study.h"
#include "src/study/trial.h"

namespace vizsla::testing {

inline std::string Hash(const std::string& text) { return Sha256Hex(text); }

inline StudySpec SampleSpec(const std::string& name = "dogs") {
  StudySpec spec;
  spec.name = name;
  spec.notes = "heads on a frozen backbone";
  spec.seed = 7;
  spec.split.test = 0.2;
  spec.budget.trials = 12;
  spec.budget.epochs = 5;
  spec.space.parameters = {
      {"pooling", CategoricalDomain{{std::string("avg"), std::string("max")}}, {}},
      {"dropout", FloatDomain{0.1, 0.5, false, std::nullopt}, {}},
      {"learning_rate", FloatDomain{1e-4, 1e-2, true, std::nullopt}, {}},
  };
  spec.enqueue = {{"notebook",
                   "the campaign's best",
                   {{"pooling", std::string("avg")}, {"dropout", 0.5}, {"learning_rate", 1e-3}}}};
  return spec;
}

inline PinnedInputs SampleInputs() { return {Hash("data"), Hash("split"), Hash("weights")}; }

inline Study SampleStudy() {
  Study study;
  study.id = StudyId(3);
  study.spec = SampleSpec();
  study.notes = "as edited since";
  study.inputs = SampleInputs();
  study.state = StudyState::kStopped;
  study.created_at = FromUnixMillis(1'700'000'000'123);
  study.finished_at = FromUnixMillis(1'700'000'900'456);
  study.active_time = Milliseconds(4567);
  return study;
}

inline EpochReport SampleReport(int epoch = 2) {
  EpochReport report;
  report.epoch = epoch;
  report.attempt = AttemptNumber(4);
  report.metrics = {{"val_loss", 1.25}, {"val_accuracy", 0.625}};
  report.duration = Milliseconds(789);
  report.reported_at = FromUnixMillis(1'700'000'100'000);
  report.checkpoint_hash = Hash("epoch");
  return report;
}

inline Trial SampleTrial() {
  Trial trial;
  trial.id = TrialId(11);
  trial.study = StudyId(3);
  trial.number = 5;
  trial.name = "notebook";
  trial.notes = "avg";
  trial.configuration = {{"dense", IntList{128, 128}},
                         {"dropout", 0.5},
                         {"batch_size", int64_t{32}},
                         {"batch_norm", true},
                         {"pooling", std::string("avg")}};
  trial.state = TrialState::kPaused;
  trial.attempt = AttemptNumber(4);
  trial.crashes = 2;
  trial.epoch = 9;
  trial.score = 0.75;
  trial.best_epoch = 8;
  trial.best_checkpoint = Hash("best");
  trial.last_checkpoint = Hash("last");
  trial.last_checkpoint_epoch = 9;
  trial.worker = "node7:4711/0";
  trial.reason = "waits at a rung";
  trial.created_at = FromUnixMillis(1'700'000'000'200);
  trial.started_at = FromUnixMillis(1'700'000'000'300);
  trial.finished_at = FromUnixMillis(1'700'000'000'400);
  trial.stage = 2;
  trial.warm_start = {WarmStart::Kind::kBest, 3, Hash("source")};
  trial.lineage = {4, 6, 2, Hash("parent")};
  trial.repeat_of = 2;
  trial.final_run = true;
  trial.further_values = {2257984, 0.1};
  return trial;
}

inline LeaseGrant SampleLease() {
  LeaseGrant lease;
  lease.trial = SampleTrial();
  lease.study = SampleStudy();
  lease.attempt = AttemptNumber(4);
  lease.history = {SampleReport(1), SampleReport(2)};
  lease.resume_checkpoint = Hash("last");
  lease.init_checkpoint = Hash("source");
  lease.parent = ResumedParent{4, lease.trial.configuration};
  return lease;
}

inline Board SampleBoard() {
  Board board;
  board.study = SampleStudy();
  BoardRow row;
  row.rank = 1;
  row.trial = SampleTrial();
  row.progress = Progress{10, 33, 100};
  row.elapsed = Milliseconds(60'000);
  row.eta = Milliseconds(30'000);
  row.metrics = {{"val_accuracy", 0.75}};
  row.search = RunsSummary{{2, 3, 4}, TrialState::kCompleted, 3, 0.5, 0.125};
  row.fresh = RunsSummary{{5}, TrialState::kPaused, 0, std::nullopt, std::nullopt};
  board.total_rows = 4;
  board.rows = {row};
  board.total_trials = 12;
  board.planned_trials = 20;
  board.trial_counts = {{"completed", 11}, {"paused", 1}};
  board.test_uses = 2;
  board.eta = Milliseconds(90'000);
  return board;
}

}  // namespace vizsla::testing
