// A trial's whole cycle in process, durable: acquire, five reports, complete, on SQLite with
// synchronous=FULL and group commit. Threads stand for workers. Compare runs on one machine only.
#include <benchmark/benchmark.h>

#include <memory>

#include "src/base/file.h"
#include "src/base/sha256.h"
#include "src/scheduling/scheduler.h"
#include "src/storage/artifact_store.h"
#include "src/storage/sqlite_trial_store.h"
#include "tests/benchmark/or_die.h"

namespace vizsla {
namespace {

constexpr int kEpochs = 5;

// One coordinator for all threads of a run.
class Coordinator {
 public:
  Coordinator()
      : folder_(OrDie(TemporaryDirectory::Create("vizsla-benchmark"), "folder")),
        store_(OrDie(SqliteTrialStore::Open(folder_.path() + "/benchmark.db", OpenMode::kReadWrite),
                     "database")),
        artifacts_(OrDie(ArtifactStore::Open(folder_.path() + "/artifacts", true), "artifacts")),
        scheduler_(OrDie(Scheduler::Create(*store_, *artifacts_, SystemClock(), {}), "scheduler")) {
    StudySpec spec;
    spec.name = "benchmark";
    spec.budget.trials = int64_t{1} << 40;
    spec.budget.epochs = kEpochs;
    spec.early_stopping.patience = 0;
    spec.space.parameters.push_back({"learning_rate", FloatDomain{1e-4, 1e-1, true, {}}, {}});
    const PinnedInputs inputs{Sha256Hex("photos"), checkpoint_, ""};
    OrDie(artifacts_->Put(checkpoint_, kCheckpoint), "checkpoint");
    OrDie(scheduler_->CreateStudy(spec, inputs).status(), "study");
  }

  Scheduler& scheduler() { return *scheduler_; }

  // The checkpoint is one file for all: this measures the scheduler, not the disk's bandwidth.
  void RunTrial(WorkerId worker) {
    const Acquired acquired = OrDie(scheduler_->Acquire(worker, 1), "acquire");
    const LeaseGrant& lease = acquired.leases.front();
    for (int epoch = 1; epoch <= kEpochs; ++epoch) {
      EpochReport report;
      report.epoch = epoch;
      report.attempt = lease.attempt;
      report.metrics = {{"val_accuracy", 0.1 * epoch}, {"val_loss", 1.0 / epoch}};
      report.checkpoint_hash = checkpoint_;
      OrDie(scheduler_->Report(lease.trial.id, lease.attempt, report, "").status(), "report");
    }
    OrDie(scheduler_->Complete(lease.trial.id, lease.attempt, {}).status(), "complete");
  }

  WorkerId Register(int thread) {
    WorkerInfo info;
    info.name = StrCat("benchmark/", thread);
    info.dataset_fingerprints = {Sha256Hex("photos")};
    return OrDie(scheduler_->RegisterWorker(info), "register");
  }

 private:
  static constexpr const char* kCheckpoint = "weights";
  const std::string checkpoint_ = Sha256Hex(kCheckpoint);
  TemporaryDirectory folder_;
  std::unique_ptr<SqliteTrialStore> store_;
  std::unique_ptr<ArtifactStore> artifacts_;
  std::unique_ptr<Scheduler> scheduler_;
};

void BM_TrialCycle(benchmark::State& state) {
  static std::unique_ptr<Coordinator> coordinator;
  if (state.thread_index() == 0) coordinator = std::make_unique<Coordinator>();
  WorkerId worker;
  bool registered = false;
  for (auto _ : state) {  // the first iteration starts when every thread has come here
    if (!registered) worker = coordinator->Register(state.thread_index());
    registered = true;
    coordinator->RunTrial(worker);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_TrialCycle)->Threads(1)->Threads(8)->Threads(64)->UseRealTime();

}  // namespace
}  // namespace vizsla

BENCHMARK_MAIN();
