// Which parameters decided the score: PED-ANOVA (S. Watanabe, A. Bansal, F. Hutter: "PED-ANOVA:
// Efficiently Quantifying Hyperparameter Importance in Arbitrary Subspaces", IJCAI 2023), with
// conditional parameters as Optuna 5.0's PedAnovaImportanceEvaluator takes them in ("Conditional
// PED-ANOVA", arXiv 2601.20800). Same figures as Optuna with its defaults (target_quantile 0.1,
// region_quantile 1, evaluate_on_local true); tests/report compares. Pure.
//
// A parameter is important when its values among the best tenth of the trials are spread otherwise
// than among all trials: the Pearson divergence of two Parzen estimators on a grid of the domain.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "src/study/configuration.h"
#include "src/study/objective.h"
#include "src/study/search_space.h"

namespace vizsla {

struct ScoredConfiguration {
  Configuration configuration;
  double score = 0;  // finite
};

struct PedAnovaOptions {
  double target_quantile = 0.1;  // the best so many of the trials are what others are compared with
};

// Not normalised, 0 or above, one for each of `parameters`; conditions are not looked at: a
// parameter counts where a configuration has it. A value outside the parameter's domain counts as
// if the parameter were absent. All 0 with fewer than two trials.
std::map<std::string, double> PedAnova(const std::vector<Parameter>& parameters,
                                       const std::vector<ScoredConfiguration>& trials,
                                       Direction direction, const PedAnovaOptions& options = {});

struct ParameterImportance {
  std::string name;
  double share = 0;    // of all parameters' together; they sum to 1
  bool always = true;  // false: only some of the trials have the parameter
};

struct ImportanceReport {
  std::vector<ParameterImportance> parameters;  // most important first; empty: it cannot be told
  std::string caveat;  // one or more sentences on what the figures are worth; may be empty
};

// Shares as Optuna's get_param_importances gives them, and in words why there are none or why they
// say little: the paper wants five trials in the best tenth.
ImportanceReport AssessImportance(const std::vector<Parameter>& parameters,
                                  const std::vector<ScoredConfiguration>& trials,
                                  Direction direction);

}  // namespace vizsla
