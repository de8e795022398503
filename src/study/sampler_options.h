// Which sampler chooses the configurations, and how. Defaults are what the papers or Optuna use
// unless a comment says otherwise. Value types; persisted with the study.
#pragma once

#include <variant>

namespace vizsla {

// Persisted: never renumber. The alternatives of SamplerSpec stand in this order.
enum class SamplerKind : int {
  kRandom = 0,
  kGrid = 1,
  kSobol = 2,
  kHalton = 3,
  kTpe = 4,
  kGaussianProcess = 5,
  kCmaEs = 6,
  kNsga2 = 7,
};

struct RandomOptions {
  bool operator==(const RandomOptions&) const = default;
};

struct GridOptions {
  bool operator==(const GridOptions&) const = default;
};

struct QuasiRandomOptions {
  bool scramble = true;  // another sequence for another study seed; false: the textbook's
  bool operator==(const QuasiRandomOptions&) const = default;
};

struct SobolOptions : QuasiRandomOptions {
  bool operator==(const SobolOptions&) const = default;
};

struct HaltonOptions : QuasiRandomOptions {
  bool operator==(const HaltonOptions&) const = default;
};

struct TpeOptions {
  int startup_trials = 10;     // random ones before the first model
  int candidates = 24;         // drawn from the good trials' density; the best ratio wins
  bool multivariate = true;    // joint densities of parameters that are active together; false:
                               // each parameter by itself
  double random_fraction = 0;  // of the trials after the first model; BOHB's is a third
  bool operator==(const TpeOptions&) const = default;
};

struct GaussianProcessOptions {
  int startup_trials = 10;  // evenly spread ones before the first model
  bool operator==(const GaussianProcessOptions&) const = default;
};

struct CmaEsOptions {
  int population = 0;   // trials of a generation; 0: 4 + floor(3 ln n) for n dimensions
  double sigma = 0.25;  // first step size, in widths of the unit cube
  bool operator==(const CmaEsOptions&) const = default;
};

struct Nsga2Options {
  enum class Crossover {
    kSbx,      // simulated binary: children near their parents, as near as these are to each other
    kUniform,  // each parameter from one of the parents
  };
  int population = 50;  // trials of a generation, and parents of the next
  Crossover crossover = Crossover::kSbx;
  double crossover_probability = 0.9;  // else a child is one parent's, mutated
  double mutation_probability = 0;     // of each parameter; 0: 1 / number of parameters
  bool operator==(const Nsga2Options&) const = default;
};

using SamplerSpec = std::variant<RandomOptions, GridOptions, SobolOptions, HaltonOptions,
                                 TpeOptions, GaussianProcessOptions, CmaEsOptions, Nsga2Options>;

inline SamplerKind KindOf(const SamplerSpec& spec) {
  return static_cast<SamplerKind>(spec.index());
}

}  // namespace vizsla
