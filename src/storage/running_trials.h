// What the writing connection knows of the trials that run: their rows and reports as the
// transaction sees them now, and their studies. A running trial is read again at each of its
// epochs, and its row and reports are JSON; no other connection writes, so that what was written
// last is what is there.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "src/study/study.h"
#include "src/study/trial.h"

namespace vizsla {

// Not thread-safe: it belongs to the writing connection's thread. Holds the RUNNING trials that
// have been touched lately, and at most kMostReports reports of theirs.
class RunningTrials {
 public:
  // Null when it is not known. The pointers are good until the next change of anything here.
  const Trial* FindTrial(TrialId id) const;
  const std::vector<EpochReport>* FindReports(TrialId id) const;  // all, by epoch
  const Study* FindStudy(StudyId id) const;

  // What a query has found.
  void TrialRead(const Trial& trial);
  void ReportsRead(TrialId id, const std::vector<EpochReport>& reports);
  void StudyRead(const Study& study);
  // A study is being added, changed, or deleted.
  void StudyWritten();
  // What a statement has stored.
  void TrialWritten(const Trial& trial);
  void ReportWritten(TrialId id, const EpochReport& report);

  // What was written since the last of these calls stands, or has been rolled back.
  void Keep();
  void Undo();
  // Anything may have changed. What was written since Keep or Undo is remembered all the same: it
  // may be read again before it is rolled back.
  void Clear();

 private:
  struct Known {
    Trial trial;
    std::optional<std::vector<EpochReport>> reports;
  };
  static constexpr size_t kMostReports = 1 << 15;
  static constexpr size_t kMostStudies = 64;

  void Drop(TrialId id);

  std::map<TrialId, Known> known_;
  std::set<TrialId> written_;  // since Keep or Undo
  // Studies are seldom written: then all are forgotten, and none is remembered before the next Keep
  // or Undo.
  std::map<StudyId, Study> studies_;
  bool study_written_ = false;
  size_t reports_ = 0;  // in all of known_
};

}  // namespace vizsla
