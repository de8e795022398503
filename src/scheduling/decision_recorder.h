// Writes the log of decisions (decision_log.h) as the scheduler's changes run: what they store is
// seen on its way to the store, what they decide is noted by them. One row for each change and
// study, in the change's own transaction.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "src/scheduling/decision_log.h"
#include "src/scheduling/forwarding_writer.h"

namespace vizsla {

// Used only inside changes of the TrialStore, which run one after another.
class DecisionRecorder final : public ForwardingWriter {
 public:
  // Of one change: first Begin, then the change through this writer, then Store, unless it failed.
  void Begin(TrialWriter& writer);
  absl::Status Store(Timestamp now);

  // Before what follows from the decision is written.
  void Note(StudyId study, const LogEvent& event);
  // A decision that all stays as it is: no reason for a row of its own, but noted with others.
  void NoteIfAny(StudyId study, const LogEvent& event);

  // What was stored since the last failed commit may be gone: studies are told anew who decides.
  void Forget();

  // ForwardingWriter:
  absl::StatusOr<Study> GetStudy(StudyId id) override;
  absl::StatusOr<Trial> FindTrial(StudyId study, int64_t number) override;
  absl::StatusOr<std::optional<Trial>> FirstQueued(StudyId study) override;
  absl::StatusOr<std::vector<EpochReport>> ListReports(TrialId trial) override;
  absl::StatusOr<StudyId> InsertStudy(const Study& study) override;
  absl::Status UpdateStudy(const Study& study) override;
  absl::Status DeleteStudy(StudyId id) override;
  absl::StatusOr<TrialId> InsertTrial(const Trial& trial) override;
  absl::Status UpdateTrial(const Trial& trial) override;
  absl::Status UpsertReport(TrialId trial, const EpochReport& report) override;

 protected:
  TrialWriter& to() override { return *writer_; }

 private:
  absl::StatusOr<const LoggedParts*> PartsOf(StudyId study);

  TrialWriter* writer_ = nullptr;

  // Of the running change:
  struct Events {
    std::string bytes;
    bool any = false;  // that are worth a row
  };
  std::map<StudyId, Events> events_;
  // As they are stored now: trials that this change has made or found in the queue. Running ones
  // the store has at hand (running_trials.h): a copy of each here would be one too many.
  std::map<TrialId, Trial> trials_;
  // (trial, epoch, attempt) of the reports that are stored.
  TrialId listed_;
  std::vector<std::pair<int, AttemptNumber>> reports_;

  // Of studies; forgotten with a change that fails, for the next study may get its study's id.
  std::map<StudyId, LoggedParts> parts_;
  bool stored_ = true;            // the change before, or the running one
  std::set<StudyId> introduced_;  // who decides is in their logs
};

}  // namespace vizsla
