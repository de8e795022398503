// The Tree-structured Parzen Estimator: two densities, l of the good trials and g of all others; of
// some candidates drawn from l the one with the largest l / g is suggested. Bergstra, Bardenet,
// Bengio, Kegl: "Algorithms for hyper-parameter optimization", NIPS 2011; Bergstra, Yamins, Cox:
// "Making a science of model search", ICML 2013; ingredients and defaults as in Optuna 5 and
// Watanabe: "Tree-structured Parzen estimator: understanding its algorithm components and their
// roles for better empirical performance", arXiv:2304.11127.
//
// Multivariate: the parameters that are always active together (space_groups.h) are modelled
// jointly, on the trials that have them; otherwise each by itself. A group's suggestion is drawn
// after its parents', as the conditions say.
//
// Where it differs from Optuna: the better of the good trials weigh more, and kernels may be
// narrower (both measured to end nearer to the optimum); trials that failed or diverged count among
// the bad ones; ordered categories are modelled like integers; groups follow from the conditions; g
// is made of at most TpeHistory::kMostOthers kernels, so that a suggestion's cost does not grow
// with the study.
//
// With a pruner that cuts trials short at rungs, the model is made from one budget's observations,
// as in BOHB (tpe_budgets.h).
#pragma once

#include "src/search/sampler.h"
#include "src/search/tpe_budgets.h"
#include "src/search/used_configurations.h"
#include "src/study/sampler_options.h"

namespace vizsla {

class TpeSampler : public Sampler {
 public:
  // `space` must be valid; options: startup_trials >= 0, candidates >= 1; `rungs` ascend.
  TpeSampler(SearchSpace space, TpeOptions options, Direction direction, uint64_t study_seed,
             std::vector<int> rungs = {});
  TpeSampler(const TpeSampler&) = delete;
  TpeSampler& operator=(const TpeSampler&) = delete;

  // The startup trials' suggestions are the random sampler's of the same study seed.
  absl::StatusOr<std::optional<Configuration>> Suggest(int64_t trial_number) override;
  void Observe(const Trial& trial) override;
  // Counts among the startup trials, and as older than all of the study's own.
  void Learn(const Trial& trial) override { budgets_.Observe(trial); }
  bool UsesReports() const override { return budgets_.has_rungs(); }
  void ObserveReport(int64_t trial_number, int epoch, AttemptNumber attempt, double value) override;
  // Epochs of the observations that the next model is made from; 0: of whole trials.
  int ModelledBudget() const;

 private:
  // Parameters of a group that are modelled jointly; none is fixed.
  struct Component {
    size_t group;
    std::vector<int> dimensions;
  };
  struct Model {
    ParzenEstimator good;
    ParzenEstimator others;
  };
  // Of a component, for its next model.
  struct Memory {
    ParzenMemory good;
    ParzenMemory others;
  };
  // By component: built when a draw first needs it, shared by the draws of one suggestion.
  using Models = std::vector<std::optional<Model>>;

  static std::vector<Component> ComponentsOf(const std::vector<SpaceGroup>& groups,
                                             const std::vector<ParzenAxis>& axes,
                                             bool multivariate);
  Configuration DrawFromModels(StreamKey key, int candidates, const TpeHistory& history,
                               const TpeHistory::Numbers& good, Models& models);
  Model BuildModel(size_t component, const TpeHistory& history, const TpeHistory::Numbers& good);
  // Trials of one budget before it has a model of its own.
  int64_t LeastObservations() const;

  const SearchSpace space_;
  const TpeOptions options_;
  const StreamKey key_;
  const std::vector<ParzenAxis> axes_;  // by parameter
  const std::vector<SpaceGroup> groups_;
  const std::vector<Component> components_;  // in the order of their groups
  std::vector<Memory> memory_;               // by component
  TpeBudgets budgets_;
  UsedConfigurations used_;
};

}  // namespace vizsla
