// What the request for a trial of a second stage costs, by how many trials the first one has: CPU
// time of the process, so that the disk does not count; five sources take turns, on SQLite. Compare
// runs on one machine only.
#include <benchmark/benchmark.h>

#include <ctime>
#include <memory>

#include "src/base/file.h"
#include "src/base/sha256.h"
#include "src/scheduling/scheduler.h"
#include "src/storage/artifact_store.h"
#include "src/storage/sqlite_trial_store.h"
#include "tests/benchmark/or_die.h"

namespace vizsla {
namespace {

constexpr char kWeights[] = "weights";

StudySpec TwoStages(int64_t first_stage) {
  StudySpec spec;
  spec.name = "benchmark";
  spec.budget.trials = first_stage;
  spec.budget.epochs = 1;
  spec.space.parameters.push_back({"learning_rate", FloatDomain{1e-4, 1e-1, true, {}}, {}});
  Stage stage;
  stage.top = 5;
  stage.budget = {int64_t{1} << 40, 1, {}};
  stage.space.parameters.push_back({"dropout", FloatDomain{0, 1, false, {}}, {}});
  spec.stages = {stage};
  return spec;
}

// A study whose first stage is over.
class Coordinator {
 public:
  explicit Coordinator(int64_t first_stage)
      : folder_(OrDie(TemporaryDirectory::Create("vizsla-benchmark"), "folder")),
        store_(OrDie(SqliteTrialStore::Open(folder_.path() + "/benchmark.db", OpenMode::kReadWrite),
                     "database")),
        artifacts_(OrDie(ArtifactStore::Open(folder_.path() + "/artifacts", true), "artifacts")),
        scheduler_(OrDie(Scheduler::Create(*store_, *artifacts_, SystemClock(), {}), "scheduler")) {
    OrDie(artifacts_->Put(checkpoint_, kWeights), "checkpoint");
    const PinnedInputs inputs{Sha256Hex("photos"), checkpoint_, ""};
    const Study study =
        OrDie(scheduler_->CreateStudy(TwoStages(first_stage), inputs), "study").study;
    OrDie(store_->Write([&](TrialWriter& writer) -> absl::Status {
      Trial trial;
      trial.study = study.id;
      trial.state = TrialState::kCompleted;
      trial.epoch = trial.best_epoch = 1;
      trial.best_checkpoint = checkpoint_;
      for (trial.number = 1; trial.number <= first_stage; ++trial.number) {
        const double share = static_cast<double>(trial.number) / static_cast<double>(first_stage);
        trial.configuration = {{"learning_rate", 1e-4 + share * 1e-2}};
        trial.score = 1 - share / 2;
        VIZSLA_RETURN_IF_ERROR(writer.InsertTrial(trial).status());
      }
      return absl::OkStatus();
    }),
          "the first stage");
    WorkerInfo info;
    info.name = "benchmark";
    info.dataset_fingerprints = {inputs.dataset_fingerprint};
    worker_ = OrDie(scheduler_->RegisterWorker(info), "register");
  }

  LeaseGrant Acquire() {
    Acquired acquired = OrDie(scheduler_->Acquire(worker_, 1), "acquire");
    return std::move(acquired.leases.front());
  }
  void Train(const LeaseGrant& lease) {
    EpochReport report;
    report.epoch = 1;
    report.attempt = lease.attempt;
    report.metrics = {{"val_accuracy", 0.5}, {"val_loss", 1.0}};
    report.checkpoint_hash = checkpoint_;
    OrDie(scheduler_->Report(lease.trial.id, lease.attempt, report, "").status(), "report");
    OrDie(scheduler_->Complete(lease.trial.id, lease.attempt, {}).status(), "complete");
  }

 private:
  const std::string checkpoint_ = Sha256Hex(kWeights);
  TemporaryDirectory folder_;
  std::unique_ptr<SqliteTrialStore> store_;
  std::unique_ptr<ArtifactStore> artifacts_;
  std::unique_ptr<Scheduler> scheduler_;
  WorkerId worker_;
};

// Of all threads: changes run in the store's own.
double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

void BM_AcquireInSecondStage(benchmark::State& state) {
  Coordinator coordinator(state.range(0));
  // Each source has been asked once: what is kept in memory is there.
  for (int i = 0; i < 10; ++i) coordinator.Train(coordinator.Acquire());
  for (auto _ : state) {
    const double start = CpuSeconds();
    const LeaseGrant lease = coordinator.Acquire();
    state.SetIterationTime(CpuSeconds() - start);
    coordinator.Train(lease);
  }
}
BENCHMARK(BM_AcquireInSecondStage)
    ->Arg(200)
    ->Arg(5'000)
    ->Arg(50'000)
    ->UseManualTime()
    ->Iterations(100)
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace vizsla

BENCHMARK_MAIN();
