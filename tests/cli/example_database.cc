#include "tests/cli/example_database.h"

#include <gtest/gtest.h>

#include <cmath>

#include "src/base/sha256.h"
#include "src/dataset/split.h"
#include "src/spec/parse_study.h"
#include "src/weights/tensor_file.h"

namespace vizsla {
namespace {

constexpr char kSpace[] = R"(
objective: {metric: val_accuracy}
budget: {trials: 3, epochs: 2}
early_stopping: {metric: val_loss, patience: 5}
parameters:
  image_size: 160
  dropout: {float: [0.1, 0.9]}
  learning_rate: {float: [1.0e-4, 1.0e-2], log: true}
)";

// One tensor of `count` equal floats. `storage` keeps the bytes alive.
TensorView Floats(std::vector<std::vector<float>>& storage, size_t count, float value) {
  storage.emplace_back(count, value);
  TensorView view;
  view.shape = {static_cast<int64_t>(count)};
  view.bytes = std::as_bytes(std::span(storage.back()));
  return view;
}

}  // namespace

std::string ExampleWeights() {
  std::vector<std::vector<float>> storage;
  storage.reserve(3);
  return SerializeSafetensors(
      {{"features.0.0.weight", Floats(storage, 4, 1)},
       {"features.18.0.weight", Floats(storage, 2, 2)},
       {"classifier.1.weight", Floats(storage, 3, 3)}},
      {{"architecture", "mobilenet_v2"}, {"padding", "tf_same"}, {"preprocess", "tf"}});
}

std::unique_ptr<OpenDatabase> OpenDatabase::Open(const std::string& folder) {
  auto database = std::make_unique<OpenDatabase>();
  auto store = SqliteTrialStore::Open(folder + "/vizsla.db", OpenMode::kReadWrite);
  EXPECT_TRUE(store.ok()) << store.status();
  database->store_ = *std::move(store);
  auto artifacts = ArtifactStore::Open(folder + "/vizsla.artifacts", true);
  EXPECT_TRUE(artifacts.ok()) << artifacts.status();
  database->artifacts_ = *std::move(artifacts);
  auto scheduler = Scheduler::Create(*database->store_, *database->artifacts_, SystemClock(), {});
  EXPECT_TRUE(scheduler.ok()) << scheduler.status();
  database->scheduler_ = *std::move(scheduler);
  return database;
}

std::string OpenDatabase::Put(const std::string& bytes) {
  const std::string hash = Sha256Hex(bytes);
  EXPECT_TRUE(artifacts_->Put(hash, bytes).ok());
  return hash;
}

Study OpenDatabase::CreateStudy(const std::string& name, const std::string& more) {
  auto spec = ParseStudy(StrCat("name: ", name, kSpace, more), "example.yaml");
  EXPECT_TRUE(spec.ok()) << spec.status();
  Split split;
  split.classes = {"beagle", "pug"};
  split.train = {"a", "b"};
  split.validation = {"c", "d"};
  split.test = {"e", "f"};
  PinnedInputs inputs;
  inputs.dataset_fingerprint = Sha256Hex("the photos");
  inputs.split_hash = Put(ToJsonText(split));
  inputs.weights_hash = Put(ExampleWeights());
  auto created = scheduler_->CreateStudy(*spec, inputs);
  EXPECT_TRUE(created.ok()) << created.status();
  return created->study;
}

WorkerId OpenDatabase::Register() {
  WorkerInfo worker;
  worker.name = "host:42/0";
  worker.dataset_fingerprints = {Sha256Hex("the photos")};
  worker.weights_hashes = {Sha256Hex(ExampleWeights())};
  auto id = scheduler_->RegisterWorker(worker);
  EXPECT_TRUE(id.ok()) << id.status();
  return *id;
}

LeaseGrant OpenDatabase::Acquire(WorkerId worker) {
  auto acquired = scheduler_->Acquire(worker, 1);
  EXPECT_TRUE(acquired.ok()) << acquired.status();
  EXPECT_EQ(acquired->leases.size(), 1U) << acquired->explanation;
  return acquired->leases.at(0);
}

std::string OpenDatabase::PutCheckpoint(int64_t trial, int epoch) {
  std::vector<std::vector<float>> storage;
  storage.reserve(3);
  const float mark = static_cast<float>(10 * trial + epoch);
  return Put(SerializeSafetensors(
      {{"head.output.weight", Floats(storage, 2, mark)},
       {"backbone.features.18.0.weight", Floats(storage, 2, mark)},
       {"optimizer.exp_avg.head.output.weight", Floats(storage, 2, 99)}},
      {{"weights_hash", Sha256Hex(ExampleWeights())}, {"padding", "tf_same"}}));
}

void OpenDatabase::Report(const LeaseGrant& lease, int epoch, double val_accuracy) {
  EpochReport report;
  report.epoch = epoch;
  report.attempt = lease.attempt;
  report.metrics = {{"train_loss", 1.0 / epoch}, {"val_accuracy", val_accuracy}};
  report.duration = Milliseconds(1500);
  report.reported_at = SystemClock().Now();
  report.checkpoint_hash = PutCheckpoint(lease.trial.number, epoch);
  const auto directive =
      scheduler_->Report(lease.trial.id, lease.attempt, report, report.checkpoint_hash);
  EXPECT_TRUE(directive.ok()) << directive.status();
}

void OpenDatabase::Complete(const LeaseGrant& lease, AttemptOutcome outcome,
                            const std::string& reason) {
  Completion completion;
  completion.outcome = outcome;
  completion.reason = reason;
  const auto trial = scheduler_->Complete(lease.trial.id, lease.attempt, completion);
  EXPECT_TRUE(trial.ok()) << trial.status();
}

void FillDatabase(const std::string& folder) {
  const auto database = OpenDatabase::Open(folder);
  database->CreateStudy("dogs");
  const WorkerId worker = database->Register();
  const LeaseGrant first = database->Acquire(worker);
  database->Report(first, 1, 0.5);
  EXPECT_TRUE(database->scheduler()
                  .AppendLogs(first.trial.id, first.attempt, {"epoch 1", "beep \x1b[2J"})
                  .ok());
  database->Report(first, 2, 0.75);
  database->Complete(first, AttemptOutcome::kCompleted, "");
  const LeaseGrant second = database->Acquire(worker);
  database->Report(second, 1, std::nan(""));
  database->Complete(second, AttemptOutcome::kDiverged, "train_loss is NaN at epoch 1");
  const LeaseGrant third = database->Acquire(worker);
  database->Report(third, 1, 0.25);
}

}  // namespace vizsla
