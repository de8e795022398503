// The factor on the learning rates of a step, as its plan's schedule says. Pure: a resumed trial
// computes what an undisturbed one does.
#pragma once

#include <cstdint>
#include <span>

#include "src/catalog/training_plan.h"
#include "src/study/trial.h"

namespace vizsla {

// A step of the training.
struct SchedulePosition {
  int epoch = 1;     // from 1
  int64_t step = 0;  // within the epoch, from 0
  int64_t steps_per_epoch = 1;
  int epochs = 1;  // of the whole trial
};

// During the warm-up's W steps, (t + 1) / W at its step t. Then, counting epochs e and steps t from
// its end:
//   constant  1
//   cosine    (1 + cos(pi t / T)) / 2, T steps being left after the warm-up: as
//             torch.optim.lr_scheduler.CosineAnnealingLR(T_max=T) does when it is stepped by steps;
//             nearly 0 at the last step
//   step      factor ^ floor(e / every): StepLR(every, factor), stepped by epochs
//   plateau   Keras' ReduceLROnPlateau(val_loss, factor, patience, min_delta=1e-4, cooldown=0,
//             min_lr=0): times `factor` each time that `patience` epochs in a row have brought no
//             val_loss below the best one minus 1e-4. NaN is none.
// `reports` are the trial's, in order of epoch; only plateau reads them, and only those of finished
// epochs after the warm-up.
double LearningRateFactor(const SchedulePlan& plan, const SchedulePosition& position,
                          std::span<const EpochReport> reports);

}  // namespace vizsla
