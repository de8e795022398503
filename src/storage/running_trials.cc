#include "src/storage/running_trials.h"

#include <algorithm>

namespace vizsla {

const Trial* RunningTrials::FindTrial(TrialId id) const {
  const auto found = known_.find(id);
  return found == known_.end() ? nullptr : &found->second.trial;
}

const std::vector<EpochReport>* RunningTrials::FindReports(TrialId id) const {
  const auto found = known_.find(id);
  return found == known_.end() || !found->second.reports ? nullptr : &*found->second.reports;
}

const Study* RunningTrials::FindStudy(StudyId id) const {
  const auto found = studies_.find(id);
  return found == studies_.end() ? nullptr : &found->second;
}

void RunningTrials::StudyRead(const Study& study) {
  if (study_written_) return;
  if (studies_.size() >= kMostStudies) studies_.clear();
  studies_.insert_or_assign(study.id, study);
}

void RunningTrials::StudyWritten() {
  studies_.clear();
  study_written_ = true;
}

void RunningTrials::TrialRead(const Trial& trial) {
  if (trial.state == TrialState::kRunning) known_.try_emplace(trial.id, Known{trial, {}});
}

void RunningTrials::ReportsRead(TrialId id, const std::vector<EpochReport>& reports) {
  if (reports_ + reports.size() > kMostReports) return Clear();
  const auto found = known_.find(id);
  if (found == known_.end() || found->second.reports) return;
  found->second.reports = reports;
  reports_ += reports.size();
}

void RunningTrials::TrialWritten(const Trial& trial) {
  written_.insert(trial.id);
  if (trial.state == TrialState::kRunning) {
    known_[trial.id].trial = trial;
  } else {
    Drop(trial.id);
  }
}

void RunningTrials::ReportWritten(TrialId id, const EpochReport& report) {
  written_.insert(id);
  const auto found = known_.find(id);
  if (found == known_.end() || !found->second.reports) return;
  std::vector<EpochReport>& reports = *found->second.reports;
  const auto at =
      std::lower_bound(reports.begin(), reports.end(), report.epoch,
                       [](const EpochReport& stored, int epoch) { return stored.epoch < epoch; });
  if (at != reports.end() && at->epoch == report.epoch) {
    *at = report;
  } else {
    reports.insert(at, report);
    if (++reports_ > kMostReports) Clear();
  }
}

void RunningTrials::Keep() {
  written_.clear();
  study_written_ = false;
}

void RunningTrials::Undo() {
  for (const TrialId id : written_) Drop(id);
  Keep();
}

void RunningTrials::Clear() {
  known_.clear();
  studies_.clear();
  reports_ = 0;
}

void RunningTrials::Drop(TrialId id) {
  const auto found = known_.find(id);
  if (found == known_.end()) return;
  if (found->second.reports) reports_ -= found->second.reports->size();
  known_.erase(found);
}

}  // namespace vizsla
