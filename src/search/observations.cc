#include "src/search/observations.h"

#include <cmath>
#include <limits>
#include <tuple>
#include <utility>

namespace vizsla {
namespace {

constexpr double kWorst = std::numeric_limits<double>::infinity();

double LossOf(Direction direction, double score) {
  const double loss = direction == Direction::kMinimize ? score : -score;
  return std::isnan(loss) ? kWorst : loss;
}

Observation Judge(Direction direction, const Trial& trial, PackedConfiguration configuration) {
  Observation result{std::move(configuration), std::nullopt, 0, false};
  switch (trial.state) {
    case TrialState::kQueued:
    case TrialState::kRunning:
      break;
    case TrialState::kPaused:
    case TrialState::kPruned:
    case TrialState::kCompleted:
    case TrialState::kCancelled:
      result.loss = trial.score ? LossOf(direction, *trial.score) : kWorst;
      result.epochs = trial.epoch;
      result.completed = trial.state == TrialState::kCompleted;
      break;
    case TrialState::kFailed:
    case TrialState::kDiverged:
    case TrialState::kInfeasible:
      result.loss = kWorst;
      break;
  }
  return result;
}

}  // namespace

const Observation* Observations::Add(const Trial& trial) {
  std::optional<PackedConfiguration> packed =
      PackedConfiguration::Pack(space_, trial.configuration);
  if (!packed) return nullptr;
  if (trial.state == TrialState::kCancelled && !trial.score) {
    all_.erase(trial.number);
    return nullptr;
  }
  Observation judged = Judge(direction_, trial, *std::move(packed));
  const auto [entry, added] = all_.try_emplace(trial.number, judged);
  Observation& known = entry->second;
  const bool same = !added && known.loss == judged.loss && known.epochs == judged.epochs &&
                    known.completed == judged.completed &&
                    known.configuration == judged.configuration;
  if (same) return nullptr;
  known = std::move(judged);
  return &known;
}

bool IsBetter(const Observation& a, const Observation& b) {
  const auto rank = [](const Observation& one) {
    return one.completed ? std::tuple(0, 0, *one.loss) : std::tuple(1, -one.epochs, *one.loss);
  };
  return rank(a) < rank(b);
}

}  // namespace vizsla
