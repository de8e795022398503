// A Scheduler that remembers what it was asked and answers what the test says.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "src/scheduling/scheduler.h"
#include "tests/rpc/samples.h"

namespace vizsla::testing {

class FakeScheduler : public Scheduler {
 public:
  // Every call fails with this while it is not ok.
  void FailWith(absl::Status status) {
    std::lock_guard lock(mutex_);
    failure_ = std::move(status);
  }
  // Called by each call before it answers; may block.
  void Before(std::function<void()> hook) {
    std::lock_guard lock(mutex_);
    hook_ = std::move(hook);
  }
  void SetBoard(Board board) {
    std::lock_guard lock(mutex_);
    board_ = std::move(board);
    board_version_ = ++version_;
    if (listener_) listener_();
  }
  // Of a study that nobody asks for.
  void ChangeAnotherStudy() {
    std::lock_guard lock(mutex_);
    ++version_;
    if (listener_) listener_();
  }
  std::vector<std::string> calls() const {
    std::lock_guard lock(mutex_);
    return calls_;
  }

  absl::StatusOr<CreatedStudy> CreateStudy(const StudySpec& given,
                                           const PinnedInputs& inputs) override {
    VIZSLA_RETURN_IF_ERROR(Note("CreateStudy " + given.name));
    spec = given;
    pinned = inputs;
    return CreatedStudy{SampleStudy(), true};
  }
  absl::StatusOr<Study> StopStudy(std::string_view name) override {
    VIZSLA_RETURN_IF_ERROR(Note("StopStudy " + std::string(name)));
    return SampleStudy();
  }
  absl::StatusOr<Study> ResumeStudy(std::string_view name) override {
    VIZSLA_RETURN_IF_ERROR(Note("ResumeStudy " + std::string(name)));
    return SampleStudy();
  }
  absl::StatusOr<Study> RenameStudy(std::string_view name, std::string_view new_name) override {
    VIZSLA_RETURN_IF_ERROR(Note("RenameStudy " + std::string(name) + " " + std::string(new_name)));
    return SampleStudy();
  }
  absl::Status DeleteStudy(std::string_view name, bool force) override {
    return Note("DeleteStudy " + std::string(name) + (force ? " force" : ""));
  }
  absl::StatusOr<WorkerId> RegisterWorker(const WorkerInfo& given) override {
    VIZSLA_RETURN_IF_ERROR(Note("RegisterWorker " + given.name));
    worker = given;
    return WorkerId(77);
  }
  absl::StatusOr<Acquired> Acquire(WorkerId id, int max_trials) override {
    VIZSLA_RETURN_IF_ERROR(
        Note("Acquire " + std::to_string(id.value()) + " " + std::to_string(max_trials)));
    return acquired;
  }
  absl::StatusOr<ReportDirective> Heartbeat(WorkerId id, TrialId trial, AttemptNumber attempt,
                                            const Progress& progress) override {
    VIZSLA_RETURN_IF_ERROR(
        Note("Heartbeat " + std::to_string(id.value()) + " " + std::to_string(trial.value()) + " " +
             std::to_string(attempt.value()) + " " + std::to_string(progress.epoch) + " " +
             std::to_string(progress.steps_done) + "/" + std::to_string(progress.steps_total)));
    if (trial == lost_trial)
      return absl::FailedPreconditionError("attempt 1 of trial 12 lost its lease");
    return ReportDirective::kPause;
  }
  absl::StatusOr<ReportDirective> Report(TrialId trial, AttemptNumber attempt,
                                         const EpochReport& given,
                                         const std::string& last_checkpoint) override {
    VIZSLA_RETURN_IF_ERROR(Note("Report " + std::to_string(trial.value()) + " " +
                                std::to_string(attempt.value()) + " " + last_checkpoint));
    report = given;
    return ReportDirective::kPrune;
  }
  absl::StatusOr<Trial> Complete(TrialId trial, AttemptNumber attempt,
                                 const Completion& given) override {
    VIZSLA_RETURN_IF_ERROR(
        Note("Complete " + std::to_string(trial.value()) + " " + std::to_string(attempt.value())));
    completion = given;
    return SampleTrial();
  }
  absl::Status AppendLogs(TrialId trial, AttemptNumber attempt,
                          const std::vector<std::string>& given) override {
    lines = given;
    return Note("AppendLogs " + std::to_string(trial.value()) + " " +
                std::to_string(attempt.value()));
  }
  absl::StatusOr<EvaluationRow> RecordEvaluation(std::string_view study,
                                                 const EvaluationRow& given) override {
    VIZSLA_RETURN_IF_ERROR(Note("RecordEvaluation " + std::string(study)));
    EvaluationRow stored = given;
    stored.id = 41;
    return stored;
  }
  absl::StatusOr<EditedNotes> EditNotes(const NotesEdit& given) override {
    VIZSLA_RETURN_IF_ERROR(Note("EditNotes " + given.study));
    edit = given;
    EditedNotes edited;
    edited.study = SampleStudy();
    if (given.trial) edited.trial = SampleTrial();
    return edited;
  }
  absl::Status Tick() override { return absl::OkStatus(); }
  absl::StatusOr<Board> GetBoard(std::string_view study, int top) override {
    VIZSLA_RETURN_IF_ERROR(Note("GetBoard " + std::string(study) + " " + std::to_string(top)));
    std::lock_guard lock(mutex_);
    return board_;
  }
  uint64_t version() const override { return version_; }
  uint64_t WaitForChange(uint64_t, std::chrono::milliseconds) override { return version_; }
  uint64_t StudyVersion(StudyId) const override { return board_version_; }
  void SetChangeListener(std::function<void()> listener) override {
    std::lock_guard lock(mutex_);
    listener_ = std::move(listener);
  }
  std::chrono::milliseconds IdleFor() const override { return std::chrono::milliseconds(0); }

  // What was given, and what is answered.
  StudySpec spec;
  PinnedInputs pinned;
  WorkerInfo worker;
  EpochReport report;
  Completion completion;
  std::vector<std::string> lines;
  NotesEdit edit;
  Acquired acquired;
  TrialId lost_trial;

 private:
  absl::Status Note(const std::string& call) {
    std::function<void()> hook;
    {
      std::lock_guard lock(mutex_);
      calls_.push_back(call);
      hook = hook_;
    }
    if (hook) hook();
    std::lock_guard lock(mutex_);
    return failure_;
  }

  mutable std::mutex mutex_;
  std::vector<std::string> calls_;
  absl::Status failure_;
  std::function<void()> hook_;
  Board board_ = SampleBoard();
  std::function<void()> listener_;
  std::atomic<uint64_t> version_{1};
  std::atomic<uint64_t> board_version_{1};
};

}  // namespace vizsla::testing
