// The options of samplers and pruners, each declared once: DescribeOptions(options, visit) calls
//
//   visit(name, value, range, meaning)
//
// for every field. JSON and YAML, the schema and docs/samplers.md are made from it. `value` is a
// reference to an int, a double, a bool, a std::optional<double>, an enumeration with words or a
// list of names of parameters.
#pragma once

#include <limits>
#include <optional>
#include <string_view>

#include "src/study/pruner_options.h"
#include "src/study/sampler_options.h"

namespace vizsla {

// Both ends included; of bools and words without meaning.
struct OptionRange {
  double low = 0;
  double high = 0;
};

// Words of enumerations; nullopt for a word that is none of them.
template <typename Enum>
std::optional<Enum> FromText(std::string_view text);

inline std::string_view ToText(AshaOptions::Variant variant) {
  return variant == AshaOptions::Variant::kPromote ? "promote" : "stop";
}

template <>
inline std::optional<AshaOptions::Variant> FromText(std::string_view text) {
  for (const auto variant : {AshaOptions::Variant::kPromote, AshaOptions::Variant::kStop}) {
    if (text == ToText(variant)) return variant;
  }
  return std::nullopt;
}

inline std::string_view ToText(Nsga2Options::Crossover crossover) {
  return crossover == Nsga2Options::Crossover::kSbx ? "sbx" : "uniform";
}

template <>
inline std::optional<Nsga2Options::Crossover> FromText(std::string_view text) {
  for (const auto crossover : {Nsga2Options::Crossover::kSbx, Nsga2Options::Crossover::kUniform}) {
    if (text == ToText(crossover)) return crossover;
  }
  return std::nullopt;
}

inline constexpr double kMostTrials = 1e6;
inline constexpr double kMostEpochs = 1e6;
inline constexpr double kAnyNumber = std::numeric_limits<double>::max();

template <typename Visit>
void DescribeOptions(RandomOptions&, const Visit&) {}

template <typename Visit>
void DescribeOptions(GridOptions&, const Visit&) {}

template <typename Visit>
void DescribeOptions(QuasiRandomOptions& options, const Visit& visit) {
  visit("scramble", options.scramble, OptionRange(),
        "Another sequence for another study seed; false: the textbook's.");
}

template <typename Visit>
void DescribeOptions(TpeOptions& options, const Visit& visit) {
  visit("startup_trials", options.startup_trials, OptionRange{1, kMostTrials},
        "Random trials before the first model.");
  visit("candidates", options.candidates, OptionRange{1, 10000},
        "Drawn from the good trials' density; the best ratio wins.");
  visit("multivariate", options.multivariate, OptionRange(),
        "Parameters that are active together have joint densities; false: each its own.");
  visit("random_fraction", options.random_fraction, OptionRange{0, 1},
        "The share of trials drawn at random all the same; BOHB's is a third.");
}

template <typename Visit>
void DescribeOptions(GaussianProcessOptions& options, const Visit& visit) {
  visit("startup_trials", options.startup_trials, OptionRange{1, kMostTrials},
        "Evenly spread trials (Latin hypercubes) before the first model.");
}

template <typename Visit>
void DescribeOptions(CmaEsOptions& options, const Visit& visit) {
  visit("population", options.population, OptionRange{0, kMostTrials},
        "Trials of a generation; 0: 4 + 3 ln(number of dimensions).");
  visit("sigma", options.sigma, OptionRange{1e-6, 1},
        "First step size, in widths of the parameters' ranges.");
}

template <typename Visit>
void DescribeOptions(Nsga2Options& options, const Visit& visit) {
  visit("population", options.population, OptionRange{2, kMostTrials},
        "Trials of a generation, and parents of the next.");
  visit("crossover", options.crossover, OptionRange(),
        "sbx: numbers near those of the parents; uniform: each parameter of one of them.");
  visit("crossover_probability", options.crossover_probability, OptionRange{0, 1},
        "How often a trial has two parents.");
  visit("mutation_probability", options.mutation_probability, OptionRange{0, 1},
        "Of each parameter; 0: 1 / number of parameters.");
}

template <typename Visit>
void DescribeOptions(NoPruning&, const Visit&) {}

template <typename Options, typename Visit>
void DescribeChecks(Options& options, const Visit& visit) {
  visit("min_epochs", options.min_epochs, OptionRange{1, kMostEpochs},
        "No pruning before this epoch.");
  visit("interval", options.interval, OptionRange{1, kMostEpochs},
        "Epochs from one check to the next.");
}

template <typename Options, typename Visit>
void DescribeComparison(Options& options, const Visit& visit) {
  visit("startup_trials", options.startup_trials, OptionRange{0, kMostTrials},
        "No pruning before so many trials have completed.");
  visit("min_trials", options.min_trials, OptionRange{1, kMostTrials},
        "Completed trials that must have a value at the epoch.");
  DescribeChecks(options, visit);
}

template <typename Visit>
void DescribeOptions(MedianOptions& options, const Visit& visit) {
  DescribeComparison(options, visit);
}

template <typename Visit>
void DescribeOptions(PercentileOptions& options, const Visit& visit) {
  visit("percentile", options.percentile, OptionRange{0, 100},
        "The share of trials that is kept, in percent.");
  DescribeComparison(options, visit);
}

template <typename Visit>
void DescribeOptions(ThresholdOptions& options, const Visit& visit) {
  visit("lower", options.lower, OptionRange{-kAnyNumber, kAnyNumber},
        "A value below it ends the trial.");
  visit("upper", options.upper, OptionRange{-kAnyNumber, kAnyNumber},
        "A value above it ends the trial.");
  DescribeChecks(options, visit);
}

template <typename Visit>
void DescribeOptions(PatienceOptions& options, const Visit& visit) {
  visit("patience", options.patience, OptionRange{0, kMostEpochs},
        "Epochs that may be worse than the best before them.");
  visit("min_delta", options.min_delta, OptionRange{0, kAnyNumber},
        "How much worse is not yet worse.");
  visit("min_epochs", options.min_epochs, OptionRange{1, kMostEpochs},
        "No pruning before this epoch.");
}

template <typename Options, typename Visit>
void DescribeRungs(Options& options, const Visit& visit) {
  visit("min_epochs", options.min_epochs, OptionRange{1, kMostEpochs}, "The first rung.");
  visit("eta", options.eta, OptionRange{2, 100},
        "One of so many trials goes on from a rung to the next, which is so many times as far.");
}

template <typename Visit>
void DescribeOptions(SuccessiveHalvingOptions& options, const Visit& visit) {
  DescribeRungs(options, visit);
  visit("trials", options.trials, OptionRange{0, kMostTrials},
        "That compete with one another; 0: as many as leave one at the end.");
}

template <typename Visit>
void DescribeOptions(HyperbandOptions& options, const Visit& visit) {
  DescribeRungs(options, visit);
}

template <typename Visit>
void DescribeOptions(AshaOptions& options, const Visit& visit) {
  visit("variant", options.variant, OptionRange(),
        "promote: a trial waits at its rung and is resumed once it is good enough; stop: it ends.");
  DescribeRungs(options, visit);
}

template <typename Visit>
void DescribeOptions(PopulationOptions& options, const Visit& visit) {
  visit("interval", options.interval, OptionRange{1, kMostEpochs},
        "Epochs from one comparison with the population to the next.");
  visit("quantile", options.quantile, OptionRange{0.01, 0.5},
        "The share of the population that is replaced by copies of an equal share of the best.");
  visit("shrink", options.shrink, OptionRange{0.01, 1},
        "A copy's number is multiplied by this ...");
  visit("grow", options.grow, OptionRange{1, 100}, "... or by this.");
  visit("resample", options.resample, OptionRange{0, 1},
        "The probability that a copy's parameter is drawn anew instead.");
  visit("perturb", options.perturb, OptionRange(),
        "The parameters that a copy changes; by default all that may change in training.");
}

}  // namespace vizsla
