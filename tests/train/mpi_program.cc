// mpirun -np N train_mpi_program SCENARIO FOLDER: trains one small trial on the whole world and
// writes FOLDER/rank-R.json: how it ended, what was reported (rank 0) and how many collectives this
// rank ran.
#include <cmath>
#include <cstdio>
#include <new>
#include <nlohmann/json.hpp>
#include <string>

#include "src/comm/mpi_communicator.h"
#include "src/train/evaluator.h"
#include "tests/train/fixtures.h"

namespace vizsla {
namespace {

// Counts: ranks that stop at the same step boundary have run equally many collectives.
class CountingCommunicator : public Communicator {
 public:
  explicit CountingCommunicator(Communicator& inner) : inner_(inner) {}
  int rank() const override { return inner_.rank(); }
  int size() const override { return inner_.size(); }
  absl::Status Barrier() override { return ++count, inner_.Barrier(); }
  absl::Status Broadcast(std::span<std::byte> bytes, int root) override {
    return ++count, inner_.Broadcast(bytes, root);
  }
  absl::Status AllReduceSum(std::span<float> values) override {
    return ++count, inner_.AllReduceSum(values);
  }
  absl::Status AllReduceSum(std::span<double> values) override {
    return ++count, inner_.AllReduceSum(values);
  }
  absl::Status StartAllReduceSum(std::span<float> values) override {
    return ++count, inner_.StartAllReduceSum(values);
  }
  absl::Status StartAllReduceSum(std::span<Bfloat16> values) override {
    return ++count, inner_.StartAllReduceSum(values);
  }
  void PollSums() override { inner_.PollSums(); }
  absl::Status FinishSums() override { return inner_.FinishSums(); }
  absl::Status AllReduceMax(std::span<int64_t> values) override {
    return ++count, inner_.AllReduceMax(values);
  }
  absl::Status AllGather(std::span<const std::byte> mine, std::span<std::byte> all) override {
    return ++count, inner_.AllGather(mine, all);
  }
  int64_t count = 0;

 private:
  Communicator& inner_;
};

// Of the last epoch that became the best one: the loss that was reported, and that of the stored
// checkpoint, as `vizsla evaluate` would compute it.
nlohmann::json LossesOfBest(const TrialAssignment& assignment, const TrainingData& data,
                            const RecordingHooks& hooks, const std::string& folder) {
  const EpochReport* best = nullptr;
  for (const EpochReport& report : hooks.reports) {
    if (!report.checkpoint_hash.empty()) best = &report;
  }
  const std::string& checkpoint = hooks.stored.at(best->checkpoint_hash);
  const auto model = CompleteModel(assignment.plan.pretrained() ? data.weights.get() : nullptr,
                                   checkpoint, folder);
  const auto predictions = Predict(assignment.plan, data.padding, data.class_count, *model,
                                   *data.validation, "cpu", nullptr);
  if (!predictions.ok()) return nullptr;
  double loss = 0;
  const size_t photos = data.validation->photo_count();
  for (uint32_t i = 0; i < photos; ++i) {
    const auto row = static_cast<size_t>(i) * static_cast<size_t>(data.class_count);
    loss -=
        std::log(predictions->probabilities[row + static_cast<size_t>(data.validation->label(i))]);
  }
  return {{"reported", best->metrics.at("val_loss")},
          {"evaluated", loss / static_cast<double>(photos)}};
}

int Main(const std::string& scenario, const std::string& folder, Communicator& world) {
  CountingCommunicator group(world);
  // 5 steps of 8, and one of 2: with three ranks, one of them has no row.
  SyntheticSource train(42, 3, 32, 1);
  SyntheticSource validation(25, 3, 32, 2);
  SyntheticSource unlabelled(13, 3, 32, 4);
  SyntheticSource other_unlabelled(13, 3, 32, 5);
  SyntheticSource fewer_unlabelled(12, 3, 32, 4);
  TrialAssignment assignment;
  assignment.plan = SmallPlan();
  assignment.plan.batch_size = 8;
  assignment.plan.dense = {16, 8};
  assignment.plan.dropout_hidden = 0.3;
  assignment.plan.augmentation.horizontal_flip = true;
  SetLearningRate(assignment.plan, 1e-4);  // slow: rounding is not to be amplified by Adam
  assignment.study_seed = 42;
  assignment.trial_number = 3;
  assignment.early_stopping.patience = 0;
  TrainingData data{
      &train, &validation, 3, RandomWeights(folder), std::string(64, 'a'), Padding::kSymmetric};
  TrainerOptions options{"", false, "cpu"};
  RecordingHooks hooks;
  TrainingPlan& plan = assignment.plan;

  if (scenario == "cached") {
    options = {folder + "/features", true, "cpu"};
  } else if (scenario == "drawn_views") {
    options = {folder + "/features", true, "cpu"};
    options.feature_storage = FeatureStorage::kStored;
    plan.augmentation = *FindAugmentationPolicy("v3");
    plan.views = 5;
  } else if (scenario == "unfrozen") {
    plan.unfreeze = "block_16_expand";
    SetLearningRate(plan, 1e-5);
  } else if (scenario == "mixed") {
    plan.mixup = 0.4;
    plan.cutmix = 1;
    plan.label_smoothing = 0.1;
    plan.class_weights = ClassWeights::kBalanced;
    train.label_of = [](uint32_t photo) {
      return photo % 2 == 0 ? 0 : static_cast<int>(photo) % 3;
    };
  } else if (scenario == "regularized") {
    plan.optimizer = {.kind = OptimizerPlan::Kind::kSgd,
                      .learning_rate = 0.02,
                      .momentum = 0.5,
                      .weight_decay = 0.01};
    plan.l1 = 0.01;
    plan.l2 = 0.05;
    plan.l2_bias = 0.5;
    // A weight near 0 has the sign of rounding; running statistics would make much of it.
    plan.batch_norm = false;
  } else if (scenario == "clipped") {
    plan.optimizer = {.kind = OptimizerPlan::Kind::kSgd, .learning_rate = 0.1};
    plan.clip_norm = 0.2;
  } else if (scenario == "averaged") {
    options = {folder + "/features", true, "cpu"};
    plan.optimizer.kind = OptimizerPlan::Kind::kAdamW;
    plan.optimizer.weight_decay = 0.1;
    plan.schedule = {.kind = SchedulePlan::Kind::kCosine, .warmup_epochs = 1};
    plan.ema_decay = 0.9;
    plan.test_time_flip = true;
    plan.norm_place = NormPlace::kEvery;
  } else if (scenario == "scratch" || scenario.starts_with("autoencoder")) {
    plan = ScratchPlan();
    plan.batch_size = 8;
    plan.epochs = 3;
    SetLearningRate(plan, 1e-5);
    if (scenario != "scratch") {
      plan.initial_weights = InitialWeights::kAutoencoder;
      plan.pretrain_epochs = 2;
      data.unlabelled = &unlabelled;
    }
    if (group.rank() == group.size() - 1) {  // its host has another test/ folder
      if (scenario == "autoencoder-other-photos") data.unlabelled = &other_unlabelled;
      if (scenario == "autoencoder-fewer-photos") data.unlabelled = &fewer_unlabelled;
      if (scenario == "autoencoder-no-photos") data.unlabelled = nullptr;
    }
  } else if (scenario.starts_with("memory")) {
    // memory-[norm-]whole, -micro, -forward, -backward (where it ends), -infeasible, -never
    plan.batch_norm = scenario.starts_with("memory-norm");
    if (scenario.ends_with("micro")) options.memory.micro_batch = 2;
    if (scenario.ends_with("infeasible")) {
      options.memory.on_out_of_memory = OnOutOfMemory::kInfeasible;
    }
    if (!scenario.ends_with("micro") && !scenario.ends_with("whole")) {
      const int64_t fit = scenario.ends_with("never") ? 0 : 2;
      const bool in_backward = !scenario.ends_with("forward");
      // The last rank's memory is full.
      options.memory.before_pass = [&group, fit, in_backward](int64_t rows, bool is_backward) {
        if (group.rank() == group.size() - 1 && rows > fit && is_backward == in_backward) {
          throw std::bad_alloc();
        }
      };
    }
  } else if (scenario == "local-statistics") {
    plan.sync_batch_norm = false;
  } else if (scenario == "prune-in-step") {
    hooks.on_progress = [](int epoch, int64_t done) {
      return epoch == 2 && done == 2 ? Directive::kPrune : Directive::kContinue;
    };
  } else if (scenario == "preempt-in-step" || scenario == "resume") {
    hooks.on_progress = [](int epoch, int64_t done) {
      return epoch == 2 && done == 2 ? Directive::kPreempt : Directive::kContinue;
    };
  } else if (scenario == "pause-after-report") {
    hooks.on_report = [](const EpochReport& report) {
      return report.epoch == 2 ? Directive::kPause : Directive::kContinue;
    };
  } else if (scenario == "broken-photo") {
    // Seen by the last rank only, in the middle of an epoch, while the others are in a step.
    train.on_fill = [&](const PhotoView& view) {
      return group.rank() == group.size() - 1 && train.filled > 10
                 ? absl::DataLossError(StrCat("rank ", group.rank(), ": broken photo"))
                 : absl::OkStatus();
    };
  } else if (scenario == "lost-coordinator") {
    hooks.on_report = [](const EpochReport& report) -> absl::StatusOr<Directive> {
      return absl::UnavailableError("no answer");
    };
  } else if (scenario == "diverge") {
    SetLearningRate(plan, 1e30);
    plan.batch_norm = false;
  } else if (scenario != "plain") {
    std::fprintf(stderr, "unknown scenario %s\n", scenario.c_str());
    return 2;
  }

  absl::StatusOr<TrialResult> result = RunTrial(assignment, data, options, group, hooks);
  if (scenario == "resume" && result.ok()) {
    // The next attempt, on all ranks, from what the leader stored in the middle of epoch 2.
    assignment.resume_checkpoint = hooks.stored[result->last_checkpoint];
    assignment.history = hooks.reports;
    if (!BroadcastString(world, assignment.resume_checkpoint, 0).ok()) return 1;
    hooks.on_progress = nullptr;
    result = RunTrial(assignment, data, options, group, hooks);
  }
  nlohmann::json out;
  out["ok"] = result.ok();
  out["message"] = std::string(result.status().message());
  if (result.ok()) {
    out["outcome"] = std::string(ToText(result->outcome));
    out["reason"] = result->reason;
    out["last_checkpoint_stored"] = hooks.stored.contains(result->last_checkpoint);
  }
  out["collectives"] = group.count;
  out["filled"] = train.filled.load();
  if (result.ok() && group.rank() == 0 && result->outcome == AttemptOutcome::kCompleted) {
    out["best"] = LossesOfBest(assignment, data, hooks, folder);
  }
  out["reports"] = nlohmann::json::array();
  for (const EpochReport& report : hooks.reports) out["reports"].push_back(report.metrics);
  const absl::Status written =
      WriteFileAtomically(StrCat(folder, "/rank-", group.rank(), ".json"), out.dump(1));
  return written.ok() ? 0 : 1;
}

}  // namespace
}  // namespace vizsla

int main(int argc, char** argv) {
  auto world = vizsla::MpiWorld::Init(&argc, &argv);
  if (!world.ok() || argc != 3) return 2;
  const auto communicator = (*world)->World({.collective_deadline = std::chrono::seconds(100)});
  return vizsla::Main(argv[1], argv[2], *communicator);
}
