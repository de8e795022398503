// The scheduler's parts put together. Internal to src/scheduling.
//
// Three kinds of state:
// - the store's rows: the truth;
// - what only changes of the store touch (samplers): serialised by the store;
// - workers, lease deadlines, clocks: guarded by mutex_, changed after a commit. The mutex is never
//   held while the store or the artifacts are at work.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "src/scheduling/artifact_guard.h"
#include "src/scheduling/lease_table.h"
#include "src/scheduling/sampler_cache.h"
#include "src/scheduling/scheduler.h"

namespace vizsla {

class SchedulerImpl final : public Scheduler {
 public:
  SchedulerImpl(TrialStore& store, ArtifactIndex& artifacts, Clock& clock,
                SchedulerOptions options);

  // Leases of RUNNING trials, clocks of ACTIVE studies.
  absl::Status Load();

  // study_commands.cc
  absl::StatusOr<CreatedStudy> CreateStudy(const StudySpec& spec,
                                           const PinnedInputs& inputs) override;
  absl::StatusOr<Study> StopStudy(std::string_view name) override;
  absl::StatusOr<Study> ResumeStudy(std::string_view name) override;
  absl::StatusOr<Study> RenameStudy(std::string_view name, std::string_view new_name) override;
  absl::Status DeleteStudy(std::string_view name, bool force) override;
  absl::StatusOr<EvaluationRow> RecordEvaluation(std::string_view study,
                                                 const EvaluationRow& evaluation) override;

  // workers.cc
  absl::StatusOr<WorkerId> RegisterWorker(const WorkerInfo& worker) override;
  absl::StatusOr<Acquired> Acquire(WorkerId worker, int max_trials) override;
  absl::StatusOr<ReportDirective> Heartbeat(WorkerId worker, TrialId trial, AttemptNumber attempt,
                                            const Progress& progress) override;

  // trial_events.cc
  absl::StatusOr<ReportDirective> Report(TrialId trial, AttemptNumber attempt,
                                         const EpochReport& report,
                                         const std::string& last_checkpoint) override;
  absl::StatusOr<Trial> Complete(TrialId trial, AttemptNumber attempt,
                                 const Completion& completion) override;
  absl::Status AppendLogs(TrialId trial, AttemptNumber attempt,
                          const std::vector<std::string>& lines) override;

  // tick.cc
  absl::Status Tick() override;
  std::chrono::milliseconds IdleFor() const override;

  // scheduler.cc
  absl::StatusOr<Board> GetBoard(std::string_view study, int top) override;
  uint64_t version() const override;
  uint64_t WaitForChange(uint64_t seen, std::chrono::milliseconds timeout) override;

 private:
  struct Worker {
    WorkerInfo info;
    Timestamp last_seen;
  };
  // What a change has done, applied to memory once it is committed.
  struct Effects {
    bool changed = false;
    std::vector<LeaseKey> granted;
    std::vector<LeaseKey> renewed;
    std::vector<LeaseKey> ended;
    std::vector<std::string> released;  // artifacts that may be unreferenced now
  };
  using Change = std::function<absl::Status(TrialWriter&, Effects&)>;

  // Runs the change in one transaction, then applies its effects, wakes watchers and removes the
  // artifacts that were let go of. Those named in `held` cannot be removed by others meanwhile.
  absl::Status Commit(const Change& change, std::vector<std::string> held = {});
  void RemoveReleased(const std::vector<std::string>& hashes);
  void RemoveUnreferenced(const std::string& hash);

  // --- steps of changes ---
  // Adds the time since the last account to an ACTIVE study's active_time.
  void AccountTime(Study& study, Timestamp now);
  void StartClock(StudyId study, Timestamp now);
  Milliseconds UnaccountedTime(const Study& study, Timestamp now) const;

  // Stores `after` with its reports, letting go of checkpoints it no longer needs.
  absl::StatusOr<Trial> StoreTrial(TrialWriter& writer, const Study& study, const Trial& before,
                                   const Trial& after, std::span<const EpochReport> reports,
                                   Effects& effects);
  // Ends the RUNNING attempt, and the study when this was its last trial.
  absl::StatusOr<Trial> EndRunningAttempt(TrialWriter& writer, Study study, const Trial& trial,
                                          const Completion& completion, Effects& effects);
  absl::Status EndAttemptRow(TrialWriter& writer, TrialId trial, AttemptNumber attempt,
                             AttemptOutcome outcome, const std::string& reason);
  // The configuration of the next trial, or nullopt when budget or sampler are spent.
  absl::StatusOr<std::optional<Configuration>> NextConfiguration(TrialReader& reader,
                                                                 const Study& study);
  absl::StatusOr<bool> HasWork(TrialReader& reader, const Study& study);
  // Turns an ACTIVE study without work into a FINISHED one.
  absl::Status FinishIfDone(TrialWriter& writer, Study& study, Effects& effects);
  absl::Status FinishOverWallTime(TrialWriter& writer, Study& study, Effects& effects);
  absl::StatusOr<LeaseGrant> GrantLease(TrialWriter& writer, const Study& study, const Trial& trial,
                                        const std::string& worker, Effects& effects);
  absl::StatusOr<std::optional<Trial>> NextTrial(TrialWriter& writer, const Study& study);
  absl::Status AcquireChange(TrialWriter& writer, const WorkerInfo& worker, int max_trials,
                             Acquired& acquired, Effects& effects);
  absl::Status CreateChange(TrialWriter& writer, const StudySpec& spec, const PinnedInputs& inputs,
                            CreatedStudy& result, Effects& effects);
  absl::Status ResubmitChange(TrialWriter& writer, const StudySpec& spec,
                              const PinnedInputs& inputs, Study study, CreatedStudy& result,
                              Effects& effects);

  absl::Status CrashExpired(const LeaseKey& key);
  absl::Status AdoptRunning();
  absl::Status AccountStudies();
  void Sweep();
  void Touch(WorkerId worker, Timestamp now);

  TrialStore& store_;
  ArtifactIndex& artifacts_;
  Clock& clock_;
  const SchedulerOptions options_;
  ArtifactGuard guard_;
  SamplerCache samplers_;  // touched only inside changes

  mutable std::mutex mutex_;  // guards everything below
  std::condition_variable changed_;
  uint64_t version_ = 1;
  int64_t next_worker_;
  std::map<WorkerId, Worker> workers_;
  LeaseTable leases_;
  std::map<StudyId, Timestamp> accounted_until_;  // of ACTIVE studies
  std::optional<Timestamp> swept_at_;
  mutable Timestamp busy_at_;  // when there was last something to stay for
};

}  // namespace vizsla
