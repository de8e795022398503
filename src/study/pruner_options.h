// Which trials of a study are cut short, and when. Defaults are what the papers or Optuna use
// unless a comment says otherwise. Epochs count from 1. Value types; persisted with the study.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace vizsla {

// Persisted: never renumber. The alternatives of PrunerSpec stand in this order.
enum class PrunerKind : int {
  kNone = 0,
  kMedian = 1,
  kPercentile = 2,
  kThreshold = 3,
  kPatience = 4,
  kSuccessiveHalving = 5,
  kHyperband = 6,
  kAsha = 7,
  kPopulation = 8,
};

struct NoPruning {
  bool operator==(const NoPruning&) const = default;
};

// Prunes a trial whose best value so far is worse than the median of what the completed trials had
// at the same epoch.
struct MedianOptions {
  int startup_trials = 5;  // no pruning before so many have completed
  int min_epochs = 1;      // no pruning before this epoch
  int interval = 1;        // epochs from one check to the next, counted from min_epochs
  int min_trials = 1;      // completed trials that must have a value at the epoch
  bool operator==(const MedianOptions&) const = default;
};

// The same with another share of trials than the better half.
struct PercentileOptions {
  double percentile = 25;  // the share that is kept, in percent: 25 is the best quarter
  int startup_trials = 5;
  int min_epochs = 1;
  int interval = 1;
  int min_trials = 1;
  bool operator==(const PercentileOptions&) const = default;
};

// Prunes a trial whose value leaves [lower, upper], whatever the objective's direction. At least
// one bound is set.
struct ThresholdOptions {
  std::optional<double> lower = std::nullopt;
  std::optional<double> upper = std::nullopt;
  int min_epochs = 1;
  int interval = 1;
  bool operator==(const ThresholdOptions&) const = default;
};

// Prunes a trial whose last `patience` + 1 values are all worse than its best before them, by more
// than min_delta.
struct PatienceOptions {
  int patience = 5;      // Optuna has no default
  double min_delta = 0;  // how much worse is not yet worse
  int min_epochs = 1;
  bool operator==(const PatienceOptions&) const = default;
};

// The three below stop trials at rungs, the epochs min_epochs * eta^k that are less than the
// budget's epochs.

struct SuccessiveHalvingOptions {
  int min_epochs = 1;  // the first rung
  int eta = 3;         // one of eta goes on from a rung to the next
  int trials = 0;  // that compete with one another; 0: eta^rungs, of which one is left at the end
  bool operator==(const SuccessiveHalvingOptions&) const = default;
};

struct HyperbandOptions {
  int min_epochs = 1;
  int eta = 3;
  bool operator==(const HyperbandOptions&) const = default;
};

struct AshaOptions {
  // Persisted: never renumber.
  enum class Variant : int {
    kPromote = 0,  // the paper's: a trial waits at its rung, and is resumed once it is good enough
    kStop = 1,     // a trial ends at a rung where it is not good enough; nothing is ever resumed
  };
  Variant variant = Variant::kPromote;
  int min_epochs = 1;
  int eta = 4;
  bool operator==(const AshaOptions&) const = default;
};

// Population-based training (Jaderberg et al. 2017): the trials of the budget are a population.
// Every `interval` epochs a trial of the worst quantile ends, and one that goes on from a
// checkpoint of the best quantile with perturbed parameters takes its place. Factors are the
// paper's, the other values Ray Tune's.
struct PopulationOptions {
  int interval = 1;
  double quantile = 0.25;
  double shrink = 0.8;  // a number is multiplied by one of these two
  double grow = 1.2;
  double resample = 0.25;  // the probability of drawing a parameter anew instead
  // Names of the parameters that change. The YAML reader fills in all that may
  // (ParameterInfo::changes_in_training) when the user names none.
  std::vector<std::string> perturb;
  bool operator==(const PopulationOptions&) const = default;
};

using PrunerSpec =
    std::variant<NoPruning, MedianOptions, PercentileOptions, ThresholdOptions, PatienceOptions,
                 SuccessiveHalvingOptions, HyperbandOptions, AshaOptions, PopulationOptions>;

inline PrunerKind KindOf(const PrunerSpec& spec) { return static_cast<PrunerKind>(spec.index()); }

}  // namespace vizsla
