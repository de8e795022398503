#include "src/train/learning_rate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "src/base/check.h"

namespace vizsla {
namespace {

constexpr double kPlateauMinDelta = 1e-4;

double PlateauFactor(const SchedulePlan& plan, int epoch, std::span<const EpochReport> reports) {
  double factor = 1;
  double best = std::numeric_limits<double>::infinity();
  int wait = 0;
  for (const EpochReport& report : reports) {
    if (report.epoch <= plan.warmup_epochs || report.epoch >= epoch) continue;
    const auto loss = report.metrics.find("val_loss");
    if (loss != report.metrics.end() && loss->second < best - kPlateauMinDelta) {
      best = loss->second;
      wait = 0;
    } else if (++wait >= plan.patience) {
      factor *= plan.factor;
      wait = 0;
    }
  }
  return factor;
}

}  // namespace

double LearningRateFactor(const SchedulePlan& plan, const SchedulePosition& position,
                          std::span<const EpochReport> reports) {
  const int64_t warmup_steps = plan.warmup_epochs * position.steps_per_epoch;
  const int64_t done = (position.epoch - 1) * position.steps_per_epoch + position.step;
  if (done < warmup_steps) {
    return static_cast<double>(done + 1) / static_cast<double>(warmup_steps);
  }
  switch (plan.kind) {
    case SchedulePlan::Kind::kConstant:
      return 1;
    case SchedulePlan::Kind::kCosine: {
      const int64_t total = position.epochs * position.steps_per_epoch - warmup_steps;
      return (1 + std::cos(std::numbers::pi * static_cast<double>(done - warmup_steps) /
                           static_cast<double>(total))) /
             2;
    }
    case SchedulePlan::Kind::kStep:
      return std::pow(plan.factor, (position.epoch - 1 - plan.warmup_epochs) / plan.every);
    case SchedulePlan::Kind::kPlateau:
      return PlateauFactor(plan, position.epoch, reports);
  }
  VIZSLA_CHECK(false);
}

}  // namespace vizsla
