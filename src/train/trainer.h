// Trains one trial: the promise that a trial is a function of its seed lives here. Every rank of a
// trial group calls Run with the same plan; only the leader (rank 0) talks through the hooks, and
// its decisions reach all ranks at the same step boundary.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "src/base/status.h"
#include "src/catalog/cached_rows.h"
#include "src/catalog/training_plan.h"
#include "src/comm/communicator.h"
#include "src/dataset/batch_source.h"
#include "src/study/early_stopping.h"
#include "src/study/objective.h"
#include "src/study/trial.h"
#include "src/train/cache_budget.h"
#include "src/train/directive.h"
#include "src/train/feature_costs.h"
#include "src/train/feature_type.h"
#include "src/train/gradient_type.h"
#include "src/train/micro_batches.h"
#include "src/weights/tensor_file.h"

namespace vizsla {

// The leader's line to the coordinator. Called from the training thread; may block for an RPC.
class TrialHooks {
 public:
  virtual ~TrialHooks() = default;
  // Stores the bytes of a checkpoint and returns their SHA-256, durable before it returns.
  virtual absl::StatusOr<std::string> UploadCheckpoint(const std::string& bytes) = 0;
  // `report.checkpoint_hash` is set when this epoch is a new best; `last_checkpoint` is the hash of
  // a resumable checkpoint of this epoch, or empty.
  virtual absl::StatusOr<Directive> ReportEpoch(const EpochReport& report,
                                                const std::string& last_checkpoint) = 0;
  // Called after every step with progress: steps_done of steps_total in `epoch` (training and
  // validation together), and while features are computed (epoch 0). Must be cheap; the heartbeat
  // carries it.
  virtual Directive Progress(int epoch, int64_t steps_done, int64_t steps_total) = 0;
};

// What all trials of a study on this node share. Owned by the caller; outlives the trainer.
struct TrainingData {
  const BatchSource* train = nullptr;
  const BatchSource* validation = nullptr;
  int class_count = 0;
  std::shared_ptr<const TensorFile> weights;  // null when the plan starts from random weights
  std::string weights_hash;                   // SHA-256 of the weights file
  Padding padding = Padding::kSymmetric;      // what the weights expect
  // Photos without labels, for autoencoder pre-training alone; null or empty when there are none.
  const BatchSource* unlabelled = nullptr;
};

class TrialBundle;

struct TrainerOptions {
  std::string feature_cache_folder;  // created when needed; empty switches the feature cache off
  bool use_feature_cache = true;
  std::string device = "cpu";                             // "cpu" or "cuda:N"
  uint64_t largest_feature_cache = kLargestFeatureCache;  // bytes
  CacheBudget feature_cache_budget = {};
  FeatureType feature_type = FeatureType::kFloat32;  // others change what a trial trains on
  FeatureStorage feature_storage = FeatureStorage::kMeasured;
  // Of trials that train at the same time (trial_bundle.h); null: alone. Outlives the trial.
  TrialBundle* bundle = nullptr;
  MemoryPolicy memory = {};                             // of training steps
  GradientType gradient_type = GradientType::kFloat32;  // others round what several ranks sum
};

// The trial whose checkpoint another one goes on from.
struct ParentTrial {
  TrainingPlan plan;
  int64_t number = 0;
};

// One lease.
struct TrialAssignment {
  TrainingPlan plan;
  uint64_t study_seed = 0;
  int64_t trial_number = 0;
  AttemptNumber attempt;
  Objective objective;
  EarlyStopping early_stopping;
  std::chrono::seconds checkpoint_interval{60};
  // A `last` checkpoint after each epoch that is a multiple of it, whatever the time; 0: none.
  int checkpoint_epochs = 0;
  // Reports of earlier attempts, in order of epoch (also those after resume_epoch, which are
  // re-run). The first `parent_epoch` epochs are those of the trials that this one continues: rules
  // about the course of training look at them, the choice of the best epoch does not.
  std::vector<EpochReport> history;
  int parent_epoch = 0;
  // When the checkpoint to resume from is another trial's. Its plan and this one differ at most in
  // what may change in training (changes_in_training.h), which the caller has checked.
  std::optional<ParentTrial> parent;
  std::string resume_checkpoint;  // bytes of the `last` checkpoint, or empty; the same on all ranks
  // Warm start: bytes of another trial's `best` checkpoint whose tensors replace the model's
  // initial ones (after the study's weights), or empty; the same on all ranks and in every attempt.
  std::string init_checkpoint;
  // How many trials are expected to read the features that this one stores, itself included.
  double sharing_trials = 1;
};

struct TrialResult {
  AttemptOutcome outcome = AttemptOutcome::kCompleted;
  std::string reason;  // one sentence; empty when all epochs ran
  // Leader, when paused or preempted: what was uploaded to resume from, and how many epochs it has
  // finished (it may lie in the middle of the next one). Empty when there was nothing to store.
  std::string last_checkpoint;
  int last_checkpoint_epoch = 0;
  // Infeasible, and so it would be on any other worker and with any other seed.
  bool on_any_worker = false;
};

// Blocks until the trial ends. Never throws; LibTorch's exceptions become outcomes: out of memory
// is kInfeasible (in a training step, as options.memory says), NaN or infinite loss kDiverged,
// anything else kFailed with the message. A status other than ok means that the group can no longer
// work together (a collective or the coordinator failed), or a GPU has faulted: the caller ends the
// process, the lease runs out and the trial resumes elsewhere.
absl::StatusOr<TrialResult> RunTrial(const TrialAssignment& assignment, const TrainingData& data,
                                     const TrainerOptions& options, Communicator& group,
                                     TrialHooks& hooks);

}  // namespace vizsla
