// Notes which trials and studies a transaction changes.
#pragma once

#include "src/scheduling/forwarding_writer.h"
#include "src/scheduling/trial_changes.h"

namespace vizsla {

class NotingWriter final : public ForwardingWriter {
 public:
  NotingWriter(TrialWriter& to, TrialChanges::Transaction& changes) : to_(to), changes_(changes) {}

  absl::StatusOr<TrialId> InsertTrial(const Trial& trial) override {
    auto id = to_.InsertTrial(trial);
    if (id.ok()) changes_.Note(trial.study, *id);
    return id;
  }
  absl::Status UpdateTrial(const Trial& trial) override {
    changes_.Note(trial.study, trial.id);
    return to_.UpdateTrial(trial);
  }
  absl::Status UpdateStudy(const Study& study) override {
    changes_.Note(study.id);
    return to_.UpdateStudy(study);
  }
  absl::StatusOr<int64_t> InsertEvaluation(const EvaluationRow& evaluation) override {
    changes_.Note(evaluation.study);
    return to_.InsertEvaluation(evaluation);
  }
  absl::Status DeleteStudy(StudyId id) override {
    changes_.Forget(id);
    return to_.DeleteStudy(id);
  }

 protected:
  TrialWriter& to() override { return to_; }

 private:
  TrialWriter& to_;
  TrialChanges::Transaction& changes_;
};

}  // namespace vizsla
