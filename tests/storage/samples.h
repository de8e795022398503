// Rows for tests, with every field set to something that can be recognised.
#pragma once

#include <limits>
#include <string>

#include "src/scheduling/trial_store.h"

namespace vizsla {

inline std::string SampleHash(char digit) { return std::string(64, digit); }

inline Timestamp SampleTime(int64_t second) {
  return FromUnixMillis(1'700'000'000'000 + second * 1000);
}

inline Study SampleStudy(const std::string& name) {
  Study study;
  study.spec.name = name;
  study.spec.notes = "a note with 'quotes' and \xC3\xA9";
  study.spec.budget.trials = 10;
  study.spec.budget.wall_time = std::chrono::seconds(3600);
  study.spec.space.parameters.push_back({"dropout", FloatDomain{0, 0.6, false, 0.1}, {}});
  study.inputs = {"fingerprint-1", SampleHash('a'), SampleHash('b')};
  study.notes = "as edited since";
  study.created_at = SampleTime(1);
  study.active_time = Milliseconds(1234);
  return study;
}

inline Trial SampleTrial(StudyId study, int64_t number) {
  Trial trial;
  trial.study = study;
  trial.number = number;
  trial.name = "notebook";
  trial.notes = "best by hand";
  trial.configuration = {{"dropout", 0.1},
                         {"pooling", std::string("avg")},
                         {"dense", IntList{128, 64}},
                         {"units", int64_t{7}},
                         {"batch_norm", true}};
  trial.created_at = SampleTime(2);
  return trial;
}

inline EpochReport SampleReport(int epoch, double value) {
  EpochReport report;
  report.epoch = epoch;
  report.attempt = AttemptNumber(1);
  report.metrics = {{"val_accuracy", value}, {"val_loss", 1 - value}};
  report.duration = Milliseconds(1500);
  report.reported_at = SampleTime(10 + epoch);
  return report;
}

}  // namespace vizsla
