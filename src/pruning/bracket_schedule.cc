#include "src/pruning/bracket_schedule.h"

#include <numeric>

#include "src/base/check.h"
#include "src/pruning/rung_ladder.h"

namespace vizsla {
namespace {

int64_t Power(int64_t base, size_t exponent) {
  int64_t power = 1;
  for (size_t i = 0; i < exponent; ++i) power *= base;
  return power;
}

}  // namespace

std::vector<BracketShape> SuccessiveHalvingCycle(const SuccessiveHalvingOptions& options,
                                                 int max_epochs) {
  BracketShape shape;
  shape.rung_epochs = RungEpochs(options.min_epochs, options.eta, max_epochs);
  shape.trials = options.trials > 0 ? options.trials : Power(options.eta, shape.rung_epochs.size());
  return {shape};
}

std::vector<BracketShape> HyperbandCycle(const HyperbandOptions& options, int max_epochs) {
  // Those up to max_epochs; the last one is no rung, but where s_max is counted from.
  std::vector<int> rungs = RungEpochs(options.min_epochs, options.eta, max_epochs + 1);
  rungs.pop_back();
  const size_t s_max = rungs.size();
  std::vector<BracketShape> cycle;
  for (size_t left_out = 0; left_out <= s_max; ++left_out) {
    const auto s = static_cast<int64_t>(s_max - left_out);
    const int64_t weight = static_cast<int64_t>(s_max + 1) * Power(options.eta, s_max - left_out);
    BracketShape shape;
    shape.trials = (weight + s) / (s + 1);
    shape.rung_epochs.assign(rungs.begin() + static_cast<std::ptrdiff_t>(left_out), rungs.end());
    cycle.push_back(std::move(shape));
  }
  return cycle;
}

int64_t TrialsOfCycle(const std::vector<BracketShape>& cycle) {
  return std::accumulate(cycle.begin(), cycle.end(), int64_t{0},
                         [](int64_t sum, const BracketShape& shape) { return sum + shape.trials; });
}

BracketSchedule::BracketSchedule(std::vector<BracketShape> cycle, int64_t first_trial)
    : cycle_(std::move(cycle)), first_trial_(first_trial), trials_of_cycle_(TrialsOfCycle(cycle_)) {
  VIZSLA_CHECK(trials_of_cycle_ > 0);
}

BracketSchedule::Bracket BracketSchedule::Find(int64_t trial_number) const {
  VIZSLA_CHECK(trial_number >= first_trial_);
  const int64_t cycles = (trial_number - first_trial_) / trials_of_cycle_;
  Bracket bracket{cycles * static_cast<int64_t>(cycle_.size()), 0,
                  first_trial_ + cycles * trials_of_cycle_};
  while (trial_number >= bracket.first_trial + cycle_[bracket.shape].trials) {
    bracket.first_trial += cycle_[bracket.shape].trials;
    ++bracket.shape;
    ++bracket.index;
  }
  return bracket;
}

}  // namespace vizsla
