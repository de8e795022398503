// The coordinator's mind: who trains which trial, what a report causes, when a lease is lost. Every
// public call is one transaction of the TrialStore; what is kept in memory (workers, live progress,
// lease deadlines, samplers) is derived, changes only after the commit, and is rebuilt on start.
// Thread-safe; calls block for the commit; no lock is held meanwhile.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "src/base/clock.h"
#include "src/scheduling/scheduler_statistics.h"
#include "src/scheduling/trial_store.h"
#include "src/study/study.h"
#include "src/study/trial_groups.h"

namespace vizsla {

struct SchedulerOptions {
  std::chrono::milliseconds lease{std::chrono::seconds(30)};
  std::chrono::milliseconds heartbeat{std::chrono::seconds(5)};
  // A beat whose progress has not moved for so long does not renew the lease: a hung worker.
  std::chrono::milliseconds stall{std::chrono::minutes(10)};
  // How much all artifacts together may take on disk; nullopt: any amount. See
  // checkpoint_budget.h.
  std::optional<int64_t> artifact_budget_bytes;
  int keep_best = 10;  // checkpoints of each study that the budget never takes
};

enum class ReportDirective { kContinue, kPrune, kPause, kCancel, kPreempt };

struct WorkerInfo {
  std::string name;  // "host:pid/group"
  int ranks = 1;
  std::vector<std::string> dataset_fingerprints;
  std::vector<std::string> weights_hashes;
  std::string study;  // only this one; empty: any
};

struct Progress {
  int epoch = 0;
  int64_t steps_done = 0;
  int64_t steps_total = 0;
};

// The trial whose checkpoint another one goes on from.
struct ResumedParent {
  int64_t number = 0;
  Configuration configuration;
};

struct LeaseGrant {
  Trial trial;
  Study study;
  AttemptNumber attempt;
  // Reports of epochs 1 to trial.last_checkpoint_epoch: what the attempt builds on. Later ones of
  // an abandoned run are left out: they are run again.
  // Of a trial with a parent, those that its ancestors left before trial.lineage.parent_epoch too.
  std::vector<EpochReport> history;
  std::string resume_checkpoint;        // empty: from the start
  std::optional<ResumedParent> parent;  // when that checkpoint is the parent's, not its own
  std::string init_checkpoint;          // of the trial that this one starts from; empty: of none
};

struct Acquired {
  std::vector<LeaseGrant> leases{};
  // Nothing that this worker may serve is queued, running or still to be created.
  bool nothing_left = false;
  std::chrono::milliseconds retry_after{0};  // 0 with leases
  std::string explanation{};                 // why there is no lease, one sentence
};

struct Completion {
  AttemptOutcome outcome = AttemptOutcome::kCompleted;
  std::string reason;
  // Taken after the last report: of the newest reported epoch, or of the one resumed from. Empty:
  // the one of the last report that named one stays.
  std::string last_checkpoint{};
  int last_checkpoint_epoch = 0;
  // With kInfeasible: it is the configuration alone, so that no worker could train it, whatever its
  // seed. Memory that did not suffice is the worker's.
  bool on_any_worker = false;
};

// New words for a study's notes, or for a trial's name and notes.
struct NotesEdit {
  std::string study;             // empty: the newest
  std::optional<int64_t> trial;  // its number; 0: the best; nullopt: the study itself
  std::optional<std::string> name;
  std::optional<std::string> notes;
  bool append = false;  // as a new line behind what stands there
};

struct EditedNotes {
  Study study;
  std::optional<Trial> trial;
};

// A configuration: a trial, or several runs where the study has repeats or final runs.
struct BoardRow {
  int rank = 0;                          // 0: not ranked
  int front = 0;                         // of several objectives: 1 is the Pareto front; 0: none
  Trial trial;                           // the only run, or Representative() of them
  std::optional<RunsSummary> search;     // in a study with repeats or final runs
  std::optional<RunsSummary> fresh;      // the final runs, once there are any
  std::optional<Progress> progress;      // of a running trial
  std::chrono::milliseconds elapsed{0};  // over all runs
  std::optional<std::chrono::milliseconds> eta;
  Metrics metrics;  // of the best epoch
};

struct Board {
  Study study;
  std::vector<BoardRow> rows;
  int64_t total_trials = 0;
  int64_t total_rows = 0;  // configurations
  std::optional<int64_t> planned_trials;
  std::map<std::string, int64_t> trial_counts;  // by lower-case state
  int64_t test_uses = 0;
  std::optional<std::chrono::milliseconds> eta;
};

class Scheduler {
 public:
  // Loads the running leases (each gets a fresh deadline: workers survive a coordinator restart).
  // Writes nothing. All arguments outlive the scheduler.
  static absl::StatusOr<std::unique_ptr<Scheduler>> Create(TrialStore& store,
                                                           ArtifactIndex& artifacts, Clock& clock,
                                                           SchedulerOptions options);
  virtual ~Scheduler() = default;

  struct CreatedStudy {
    Study study;
    bool created = false;
  };
  // Finds the study or makes it. The same name, specification and inputs resume it: a raised budget
  // is taken over, a stopped study goes on, a finished one too when there is more to do. Notes that
  // are not the submitted ones of last time replace what the study has.
  // FailedPrecondition: another specification (with the difference), other inputs, a lowered
  // budget, a budget of a stage that is over, a split or weights that are not stored;
  // InvalidArgument: an incomplete specification.
  virtual absl::StatusOr<CreatedStudy> CreateStudy(const StudySpec& spec,
                                                   const PinnedInputs& inputs) = 0;
  virtual absl::StatusOr<Study> StopStudy(std::string_view name) = 0;
  virtual absl::StatusOr<Study> ResumeStudy(std::string_view name) = 0;
  // FailedPrecondition while trials run: workers know the study by its name.
  virtual absl::StatusOr<Study> RenameStudy(std::string_view name, std::string_view new_name) = 0;
  virtual absl::Status DeleteStudy(std::string_view name, bool force) = 0;

  // A worker that registers again under its name keeps its id.
  virtual absl::StatusOr<WorkerId> RegisterWorker(const WorkerInfo& worker) = 0;
  // NotFound after a restart of the coordinator: register again. Who asks holds no lease: trials
  // that still run under the worker's name are given back first (the answer that granted them was
  // lost), so that asking again is harmless.
  virtual absl::StatusOr<Acquired> Acquire(WorkerId worker, int max_trials) = 0;
  // kCancel for an attempt that no longer holds the lease; kPreempt while its study is stopped.
  virtual absl::StatusOr<ReportDirective> Heartbeat(WorkerId worker, TrialId trial,
                                                    AttemptNumber attempt,
                                                    const Progress& progress) = 0;
  // One epoch, in order: after the checkpoint's first, then one after another; an attempt that
  // could not use the checkpoint starts over at 1. `last_checkpoint` is a resumable checkpoint of
  // this epoch, or empty. The same report again is the same answer. FailedPrecondition: the lease
  // is lost, other values for a reported epoch, a new best without a stored checkpoint.
  // InvalidArgument: a gap, an epoch outside the budget, the objective's metric missing. A run with
  // a metric that is not finite gets kPrune and ends as DIVERGED.
  virtual absl::StatusOr<ReportDirective> Report(TrialId trial, AttemptNumber attempt,
                                                 const EpochReport& report,
                                                 const std::string& last_checkpoint) = 0;
  // Ends the attempt; the same end again returns the trial. FailedPrecondition: the lease is lost,
  // COMPLETED without a reported epoch, a last checkpoint that is not stored.
  virtual absl::StatusOr<Trial> Complete(TrialId trial, AttemptNumber attempt,
                                         const Completion& completion) = 0;
  virtual absl::Status AppendLogs(TrialId trial, AttemptNumber attempt,
                                  const std::vector<std::string>& lines) = 0;
  virtual absl::StatusOr<EvaluationRow> RecordEvaluation(std::string_view study,
                                                         const EvaluationRow& evaluation) = 0;
  // The last writer wins; whether anything trains does not matter. InvalidArgument: nothing to
  // change, a name for a study (see RenameStudy), a name of several lines or one that is too long.
  virtual absl::StatusOr<EditedNotes> EditNotes(const NotesEdit& edit) = 0;

  // Requeues what lost its lease, ends studies over their wall time, sweeps artifacts that nothing
  // names, and counts the time in which a study trains. Call about once a second, and several times
  // a lease: after half a lease without a tick (a suspended machine, a stalled coordinator, a clock
  // that was set) nobody is blamed, and every lease begins anew. The first error (a full disk) is
  // returned when the rest is done; the next call tries again.
  virtual absl::Status Tick() = 0;

  virtual absl::StatusOr<Board> GetBoard(std::string_view study, int top) = 0;

  // Changes whenever something on a leaderboard may have changed. WaitForChange returns the new
  // version, or the old one when `timeout` passes first.
  virtual uint64_t version() const = 0;
  virtual uint64_t WaitForChange(uint64_t seen, std::chrono::milliseconds timeout) = 0;

  // The version() of the last change of this study's leaderboard; 0 before the first.
  virtual uint64_t StudyVersion(StudyId study) const = 0;
  // Called after each change of version() by the thread that made it; one at a time, nullptr for
  // nobody. It must be quick and must not call the scheduler. Once this has returned the one before
  // is not called any more.
  virtual void SetChangeListener(std::function<void()> listener) = 0;

  // No live lease and no worker heard of within a lease since this long: for --exit-when-idle. A
  // study without workers keeps nobody waiting.
  virtual std::chrono::milliseconds IdleFor() const = 0;

  virtual SchedulerStatistics Statistics() const { return {}; }
};

}  // namespace vizsla
