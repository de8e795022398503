#include "src/storage/write_queue.h"

#include <exception>

#include "src/base/check.h"
#include "src/base/log.h"
#include "src/storage/rows.h"

namespace vizsla {
namespace {

constexpr double kGroupSizes[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};

}  // namespace

WriteQueue::WriteQueue(std::unique_ptr<Database> database)
    : database_(std::move(database)), group_sizes_(kGroupSizes), thread_([this] { Loop(); }) {}

WriteQueue::~WriteQueue() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  thread_.join();
}

absl::Status WriteQueue::Run(const std::function<absl::Status(TrialWriter&)>& change) {
  VIZSLA_CHECK(std::this_thread::get_id() != thread_.get_id());
  Job job(change);
  {
    std::lock_guard lock(mutex_);
    queue_.push_back(&job);
    if (queue_.size() == 1) work_.notify_one();
  }
  job.answered.WaitForNotification();
  return job.status;
}

void WriteQueue::Loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    std::deque<Job*> group;
    group.swap(queue_);
    lock.unlock();
    const absl::Status committed = RunGroup(group);
    for (Job* job : group) {
      if (job->status.ok()) job->status = committed;
      job->answered.Notify();  // the job ends with its caller's wait
    }
    lock.lock();
  }
}

absl::Status WriteQueue::RunGroup(const std::deque<Job*>& group) {
  VIZSLA_RETURN_IF_ERROR(RunCached("BEGIN IMMEDIATE"));
  absl::Status status;
  for (Job* job : group) {
    // A failure here is the transaction's, not the change's: everything of the group is undone.
    status = RunOne(*job);
    if (!status.ok()) break;
  }
  if (status.ok()) {
    const auto start = std::chrono::steady_clock::now();
    status = RunCached("COMMIT");
    if (status.ok()) {
      commit_seconds_.Observe(std::chrono::steady_clock::now() - start);
      group_sizes_.Observe(static_cast<double>(group.size()));
    }
  }
  if (!status.ok()) {
    if (database_->InTransaction()) {
      const absl::Status undone = database_->Execute("ROLLBACK");
      if (!undone.ok()) log::error("{}: rollback: {}", database_->path(), undone.ToString());
    }
    ++failed_commits_;
    running_.Clear();
    running_.Keep();
    log::error("a group of {} changes was not stored: {}", group.size(), status.ToString());
  }
  return status;
}

absl::Status WriteQueue::RunCached(std::string_view sql) {
  Query query(*database_, sql);
  return query.Run();
}

WriteStatistics WriteQueue::Statistics() const {
  return {commit_seconds_.Snapshot(), group_sizes_.Snapshot(), failed_commits_};
}

absl::Status WriteQueue::RunOne(Job& job) {
  VIZSLA_RETURN_IF_ERROR(RunCached("SAVEPOINT change"));
  Rows rows(*database_, &running_);
  try {
    job.status = job.change(rows);
  } catch (const std::exception& error) {  // on this thread it would end the program
    job.status =
        absl::InternalError(StrCat(database_->path(), ": a change failed: ", error.what()));
  }
  if (!database_->InTransaction()) {
    // SQLite gave the whole transaction up (full disk, out of memory).
    return job.status.ok()
               ? absl::InternalError(StrCat(database_->path(), ": the transaction was rolled back"))
               : job.status;
  }
  if (job.status.ok()) {
    running_.Keep();
  } else {
    VIZSLA_RETURN_IF_ERROR(RunCached("ROLLBACK TO change"));
    running_.Undo();
  }
  return RunCached("RELEASE change");
}

}  // namespace vizsla
