// Bayesian optimization with a Gaussian process: fits one to the losses seen so far and suggests
// where the expected improvement is largest (Jones, Schonlau, Welch: "Efficient global optimization
// of expensive black-box functions", 1998; Snoek, Larochelle, Adams: "Practical Bayesian
// optimization of machine learning algorithms", 2012; joint kernel, priors and climbing as in
// Optuna's GPSampler; beside it an additive kernel, matern_kernel.h). For tens to a few hundred
// trials of which each is dear: a suggestion takes milliseconds to tens of milliseconds.
//
// - The first `startup_trials` come from Latin hypercubes (McKay, Beckman, Conover 1979).
// - Mixed and conditional spaces: gp_space.h. Outliers, failed and diverged trials:
// warped_losses.h.
// - A trial that was cut short counts with the loss that it had. It is the best epoch's, so that
//   more training could only have lowered it: the process errs towards what was trained longer, as
//   the pruner did.
// - Noise is fitted, and what is improved on is the least posterior mean at a known or pending
//   configuration, not the luckiest observation (Picheny, Wagner, Ginsbourger: "A benchmark of
//   kriging-based infill criteria for noisy optimization", 2013).
// - Trials in flight count as if they had brought what the process expects of them ("kriging
//   believer" of Ginsbourger, Le Riche, Carraro: "Kriging is well-suited to parallelize
//   optimization", 2010), so that parallel workers spread out.
// - Bounded cost: above kMostModelled trials the process sees the best and a sample of the others.
//   The kernel is fitted to at most kMostFitted of the trials numbered up to a milestone: every
//   number up to 40, then every sixteenth part more. So a suggestion depends on which trials are
//   known and not on when they were told, and few suggestions wait for a fit.
#pragma once

#include <optional>
#include <vector>

#include "src/base/random.h"
#include "src/search/gaussian_process.h"
#include "src/search/gp_history.h"
#include "src/search/gp_space.h"
#include "src/search/sampler.h"
#include "src/search/used_configurations.h"
#include "src/study/sampler_options.h"

namespace vizsla {

class GpSampler : public Sampler {
 public:
  // `space` must be valid.
  GpSampler(SearchSpace space, GaussianProcessOptions options, Direction direction,
            uint64_t study_seed);
  GpSampler(const GpSampler&) = delete;
  GpSampler& operator=(const GpSampler&) = delete;

  absl::StatusOr<std::optional<Configuration>> Suggest(int64_t trial_number) override;
  void Observe(const Trial& trial) override;
  // Counts among the startup trials, and as older than all of the study's own.
  void Learn(const Trial& trial) override { history_.Observe(trial); }

 private:
  struct Data {
    Eigen::MatrixXd points;  // features, one a row
    std::vector<double> losses;
    bool operator==(const Data& other) const {
      return losses == other.losses && points == other.points;
    }
  };
  struct Fit {
    Data data;
    MaternKernel kernel;
  };
  struct Model {
    GaussianProcess process;
    Configuration incumbent;  // has the least posterior mean
    double best = 0;          // that mean
  };

  Configuration Startup(int64_t trial_number) const;
  Data Gather(const std::vector<int64_t>& numbers) const;
  const MaternKernel& FittedKernel();
  Model BuildModel();
  std::vector<UnitPoint> Candidates(int64_t trial_number, const Configuration& incumbent) const;

  const SearchSpace space_;
  const GpSpace features_;
  const GaussianProcessOptions options_;
  const StreamKey key_;
  const std::optional<int64_t> count_;  // of the space's configurations
  UsedConfigurations used_;
  GpHistory history_;
  std::optional<Fit> fit_;  // derived from history_, kept to save time
};

}  // namespace vizsla
