// Trials that train in one process at the same time, each by RunTrial on a thread of its own: that
// is the form in which many small heads share a machine's cores, or a GPU. They do not meet in
// every step for one matrix product of all: nobody waits for one that validates or reports.
//
// On a CPU a trial of such a bundle computes on its one thread, its steps by hand (head_step.h). A
// core that stays with a trial for some steps finds its weights and moments in its cache, while a
// round of all trials would bring everybody's from memory in every step; and OpenBLAS does not
// divide small batched products among cores. On a GPU each has its stream (src/nn/device_stream.h),
// gathers its rows there (device_rows.h) and replays its step (recorded_step.h): small kernels of
// many streams run side by side, and a thread has little to ask for.
#pragma once

#include <mutex>
#include <string>

#include "src/catalog/training_plan.h"
#include "src/study/objective.h"
#include "src/train/trainer.h"

namespace vizsla {

// Thread-safe. Outlives the trials.
class TrialBundle {
 public:
  // `threads` of LibTorch are for a trial that is being set up.
  explicit TrialBundle(int threads) : threads_(threads) {}

  // Whether a trial of the plan may train beside others: one of a head on rows that can be kept (on
  // a CPU: whose steps HeadStep does). Others have work for all cores and memory for one, and an
  // objective that is a time is measured alone.
  static bool Admits(const TrainingPlan& plan, const Objective& objective, const TrainingData& data,
                     const TrainerOptions& options);
  // For such a trial: its rows are stored whatever that costs, for its one thread would take longer
  // to compute them again.
  TrainerOptions OptionsBesideOthers(TrainerOptions options) {
    options.bundle = this;
    options.feature_storage = FeatureStorage::kStored;
    return options;
  }

  // A trial is set up and computes features while this lives, with all threads, and before and
  // after that others do: what they share of the feature cache is not made for several at once. A
  // turn may take as long as all features take. Of the thread that makes it, which has one LibTorch
  // thread afterwards.
  class SetUpTurn {
   public:
    explicit SetUpTurn(TrialBundle& bundle);
    ~SetUpTurn();
    SetUpTurn(const SetUpTurn&) = delete;
    SetUpTurn& operator=(const SetUpTurn&) = delete;

   private:
    std::unique_lock<std::mutex> lock_;
  };

 private:
  const int threads_;
  std::mutex turn_;
};

}  // namespace vizsla
