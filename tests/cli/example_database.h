// A database as a search leaves it, made through the scheduler and without LibTorch.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "src/base/clock.h"
#include "src/scheduling/scheduler.h"
#include "src/storage/artifact_store.h"
#include "src/storage/sqlite_trial_store.h"

namespace vizsla {

// Holds the lock while it lives.
class OpenDatabase {
 public:
  static std::unique_ptr<OpenDatabase> Open(const std::string& folder);
  Scheduler& scheduler() { return *scheduler_; }
  TrialStore& store() { return *store_; }
  ArtifactStore& artifacts() { return *artifacts_; }
  // Stores the bytes and returns their hash.
  std::string Put(const std::string& bytes);

  // A study of three trials of two epochs, pinned to ExampleWeights and ExampleSplit.
  // `more`: further lines of its YAML.
  Study CreateStudy(const std::string& name, const std::string& more = "");
  WorkerId Register();
  LeaseGrant Acquire(WorkerId worker);
  // A checkpoint that belongs to the example's weights, different for each (trial, epoch).
  std::string PutCheckpoint(int64_t trial, int epoch);
  void Report(const LeaseGrant& lease, int epoch, double val_accuracy);
  void Complete(const LeaseGrant& lease, AttemptOutcome outcome, const std::string& reason);

 private:
  std::unique_ptr<SqliteTrialStore> store_;
  std::unique_ptr<ArtifactStore> artifacts_;
  std::unique_ptr<Scheduler> scheduler_;
};

// Safetensors with the names of torchvision's MobileNetV2, cut down to a few small tensors.
std::string ExampleWeights();

// FOLDER/vizsla.db with the study "dogs": trial 1 completed (best, 0.75 at epoch 2, two log lines),
// trial 2 diverged at its first epoch, trial 3 running after one epoch with 0.25.
void FillDatabase(const std::string& folder);

}  // namespace vizsla
