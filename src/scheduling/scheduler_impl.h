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
#include "src/scheduling/board_cache.h"
#include "src/scheduling/decision_recorder.h"
#include "src/scheduling/lease_table.h"
#include "src/scheduling/pruner_cache.h"
#include "src/scheduling/sampler_cache.h"
#include "src/scheduling/scheduler.h"
#include "src/scheduling/source_cache.h"
#include "src/scheduling/stage_counts.h"

namespace vizsla {

// What trials are often asked for by.
inline constexpr TrialState kRunning[] = {TrialState::kRunning};
inline constexpr TrialState kQueuedOrRunning[] = {TrialState::kQueued, TrialState::kRunning};

class SchedulerImpl final : public Scheduler {
 public:
  SchedulerImpl(TrialStore& store, ArtifactIndex& artifacts, Clock& clock,
                SchedulerOptions options);

  // Leases of RUNNING trials.
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
  absl::StatusOr<EditedNotes> EditNotes(const NotesEdit& edit) override;

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

  // statistics.cc
  SchedulerStatistics Statistics() const override;

  // scheduler.cc
  absl::StatusOr<Board> GetBoard(std::string_view study, int top) override;
  uint64_t version() const override;
  uint64_t WaitForChange(uint64_t seen, std::chrono::milliseconds timeout) override;
  uint64_t StudyVersion(StudyId study) const override;
  void SetChangeListener(std::function<void()> listener) override;

 private:
  friend class DecisionReplay;  // asks the decisions below again, over rows of the log

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
  // What is stored of the study's active time, or what is counted here when that is more.
  Milliseconds ActiveTime(const Study& study) const;

  // Stores `after` with its reports, letting go of checkpoints it no longer needs.
  absl::StatusOr<Trial> StoreTrial(TrialWriter& writer, const Study& study, const Trial& before,
                                   Trial after, std::span<const EpochReport> reports,
                                   Effects& effects);
  // Ends the RUNNING attempt, which trained until `trained_until` (at least its start), and the
  // study when this was its last trial.
  absl::StatusOr<Trial> EndRunningAttempt(TrialWriter& writer, Study study, const Trial& trial,
                                          const Completion& completion, Timestamp trained_until,
                                          Effects& effects);
  // The same without a look at what comes next in the study.
  absl::StatusOr<Trial> CloseAttempt(TrialWriter& writer, const Study& study, const Trial& trial,
                                     const Completion& completion, Timestamp trained_until,
                                     Effects& effects);
  absl::Status EndAttemptRow(TrialWriter& writer, const Trial& trial, AttemptOutcome outcome,
                             const std::string& reason, Timestamp trained_until);
  // Asks the stage's sampler, and times it.
  absl::StatusOr<std::optional<Configuration>> Suggest(TrialReader& reader, const Study& study,
                                                       int stage, const Trial* source);
  // next_trial.cc: what comes next.
  struct Draw {
    int stage = 1;
    Configuration configuration;
    WarmStart warm_start;
  };
  // A trial that the stage's sampler adds; nullopt when its budget or sampler is spent.
  absl::StatusOr<std::optional<Draw>> DrawInStage(TrialReader& reader, const Study& study,
                                                  int stage);
  // Valid until the next call.
  absl::StatusOr<const StudySources*> SourcesOf(TrialReader& reader, const Study& study);
  // The queued trial with the smallest number that waits for no other one.
  absl::StatusOr<std::optional<Trial>> FirstReady(TrialReader& reader, const Study& study);
  // What a study does next when no trial is queued: a paused trial goes on, or a new one begins.
  struct Next {
    int64_t resume = 0;  // the paused trial's number; 0: none
    std::optional<Draw> draw;
    bool empty() const { return resume == 0 && !draw; }
  };
  absl::StatusOr<Next> FindNext(TrialReader& reader, const Study& study);
  // Whether the stage's sampler can add a trial to those that there are.
  absl::StatusOr<bool> MayAdd(TrialReader& reader, const Study& study, int stage);
  absl::StatusOr<Trial> AddTrial(TrialWriter& writer, const Study& study, Draw draw,
                                 Effects& effects);
  // The next trial to train; new ones are created as they are asked for.
  absl::StatusOr<std::optional<Trial>> NextTrial(TrialWriter& writer, const Study& study,
                                                 Effects& effects);

  // stages.cc: how it goes on from stage to stage.
  static void WarnIfInfeasible(const Study& study, const Trial& trial);
  // Decides what waiting trials start from, begins the next stage when the current one is over, and
  // the final runs after the last.
  absl::Status Proceed(TrialWriter& writer, const Study& study, Effects& effects);
  // What waiting trials start from, as far as it can be told: of one at least.
  absl::Status DecideSources(TrialWriter& writer, const Study& study, bool sampled_out,
                             Effects& effects);
  // Ends paused trials that others wait for.
  absl::Status EndStalled(TrialWriter& writer, const Study& study, std::span<const Trial> stalled,
                          Effects& effects);
  absl::Status ProceedInStages(TrialWriter& writer, const Study& study, Effects& effects);
  // Whether it has enqueued trials, which are there now.
  absl::StatusOr<bool> BeginNextStage(TrialWriter& writer, const Study& study, int stage,
                                      Effects& effects);
  // "; stage 2 never began: ..." of a finished study that has got stuck; or empty.
  absl::StatusOr<std::string> StageThatNeverBegan(TrialReader& reader, const Study& study);
  absl::Status PrunePaused(TrialWriter& writer, const Study& study, Timestamp now,
                           Effects& effects);

  // repeats.cc
  absl::Status InsertRuns(TrialWriter& writer, const std::vector<Trial>& runs, Effects& effects);
  // The repeats that these configurations lack.
  absl::Status AddRepeats(TrialWriter& writer, const Study& study, std::span<const Trial> firsts,
                          Effects& effects);
  // Those runs of the configuration that have not begun: none of them could be trained, as `ended`
  // could not.
  absl::Status EndHopelessRuns(TrialWriter& writer, const Study& study, const Trial& ended,
                               Effects& effects);
  // Once nothing is queued or runs, and nothing will be drawn or resumed.
  absl::Status BeginFinalRuns(TrialWriter& writer, const Study& study, Effects& effects);

  // pruning.cc
  // Tells what is kept of the trials (samplers, pruners, sources) of this one as the running change
  // stores it; all but samplers where these see no difference.
  void ObserveTrial(const Trial& trial);
  void ObserveChange(const Trial& trial);
  // When a change was undone after it had told the caches something, they are made anew. A change
  // that was refused before costs nothing.
  void ForgetUnstored();
  // The study's specification has changed, or the study is gone.
  void ForgetPolicies(StudyId study);
  // What a RUNNING trial does after the report that the running change has stored.
  absl::StatusOr<ReportDirective> DecidePruning(TrialWriter& writer, const Study& study,
                                                Trial trial);
  // Null for a stage without pruning. It knows the stage's last trial once that one exists.
  absl::StatusOr<Pruner*> PrunerOf(TrialReader& reader, const Study& study, int stage);
  absl::Status TellLastTrial(TrialReader& reader, const Study& study, int stage, Pruner& pruner);
  // The paused trial of the stage that goes on next.
  absl::StatusOr<std::optional<int64_t>> NextToResume(TrialReader& reader, const Study& study,
                                                      int stage);
  absl::StatusOr<Trial> ResumePaused(TrialWriter& writer, const Study& study, int64_t number,
                                     Effects& effects);
  // Ends the paused trials of the stage that will never go on, and replaces those whose place in a
  // population goes to others.
  absl::Status PruneLosers(TrialWriter& writer, const Study& study, int stage, Effects& effects);
  // population.cc: exploits and explores, as the stage's pruner says.
  absl::Status ReplaceLosers(TrialWriter& writer, const Study& study, int stage, Effects& effects);
  absl::Status Replace(TrialWriter& writer, const Study& study, const Replacement& replacement,
                       Effects& effects);
  absl::Status EndPaused(TrialWriter& writer, const Study& study, const Trial& trial,
                         const std::string& reason, Timestamp now, Effects& effects);
  absl::StatusOr<bool> HasWork(TrialReader& reader, const Study& study);
  // Turns an ACTIVE study without work into a FINISHED one.
  absl::Status FinishIfDone(TrialWriter& writer, Study& study, Effects& effects);

  // stopping.cc: each does nothing for a study without such a rule.
  absl::Status CountReport(TrialWriter& writer, const Study& study, const Trial& trial,
                           bool new_epoch, bool diverged);
  absl::Status CountEnd(TrialWriter& writer, const Study& study, const Trial& trial);
  absl::Status CountAllAnew(TrialWriter& writer, const Study& study);
  absl::StatusOr<bool> StopIsDue(TrialReader& reader, const Study& study);
  absl::StatusOr<bool> StageIsOver(TrialReader& reader, const Study& study, int stage);
  // Ends the ACTIVE study, or its stage, when one of its rules says so.
  absl::Status StopIfDue(TrialWriter& writer, Study& study, Effects& effects);
  // Running trials go back to the queue: a raised budget or a loosened rule goes on with them.
  // Those that have all their epochs, and the `winner` (a number; 0: none), are COMPLETED.
  absl::Status FinishEarly(TrialWriter& writer, Study& study, const std::string& reason,
                           int64_t winner, Effects& effects);

  // learning.cc: copies what the new study learns of the earlier ones that it names, and says so in
  // study.learned.
  absl::Status Learn(TrialWriter& writer, Study& study);

  // enforce_budget.cc
  void EnforceByteBudget();
  absl::Status DropCheckpoints(const std::vector<StoredArtifact>& stored);

  absl::Status Finish(TrialWriter& writer, Study& study, Effects& effects);
  absl::StatusOr<LeaseGrant> GrantLease(TrialWriter& writer, const Study& study, const Trial& trial,
                                        const std::string& worker, Effects& effects);
  // Ends as preempted what runs under this worker's name.
  absl::Status GiveBackHeldBy(TrialWriter& writer, const std::string& worker, Effects& effects);
  absl::Status AcquireChange(TrialWriter& writer, const WorkerInfo& worker, int max_trials,
                             Acquired& acquired, Effects& effects);
  absl::Status CreateChange(TrialWriter& writer, const StudySpec& spec, const PinnedInputs& inputs,
                            CreatedStudy& result, Effects& effects);
  absl::Status ResubmitChange(TrialWriter& writer, const StudySpec& spec,
                              const PinnedInputs& inputs, Study study, CreatedStudy& result,
                              Effects& effects);

  // The time since the last tick, as far as workers could speak meanwhile.
  Milliseconds TimeSinceTick(Timestamp now);
  // Adopts trials that run without a lease here; adds `elapsed` to the active time of the studies
  // that train.
  absl::Status FollowRunning(Milliseconds elapsed);
  absl::Status CrashExpired(const LeaseKey& key);
  absl::Status AccountStudies();
  void Sweep();
  void Touch(Worker& worker, Timestamp now);  // mutex_ is held

  TrialStore& store_;
  ArtifactIndex& artifacts_;
  Clock& clock_;
  const SchedulerOptions options_;
  TrialChanges changes_;
  BoardCache boards_;
  ArtifactGuard guard_;
  SchedulerCounters counters_;
  SamplerCache samplers_;  // touched only inside changes
  // The same holds of these.
  StageCounts counts_;
  SourceCache sources_;
  PrunerCache pruners_;
  DecisionRecorder recorder_;
  bool told_ = false;            // the caches, by a change that has not ended well so far
  uint64_t failed_commits_ = 0;  // of the store, when the caches were right

  std::mutex listener_mutex_;
  std::function<void()> listener_;  // guarded by listener_mutex_

  mutable std::mutex mutex_;  // guards everything below
  std::condition_variable changed_;
  uint64_t version_ = 1;
  std::map<StudyId, uint64_t> study_versions_;  // of those that have changed since the start
  int64_t next_worker_;
  std::map<WorkerId, Worker> workers_;
  LeaseTable leases_;
  std::map<StudyId, Milliseconds> active_time_;  // of studies that have trained here
  Timestamp ticked_at_;
  std::optional<Timestamp> swept_at_;
  std::optional<Timestamp> budget_checked_at_;
  std::string budget_warning_;  // that was logged last
  Timestamp idle_since_;        // in the future while a worker may be there
};

}  // namespace vizsla
