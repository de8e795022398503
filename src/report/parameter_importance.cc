#include "src/report/parameter_importance.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "absl/strings/str_cat.h"
#include "src/base/check.h"
#include "src/base/str_cat.h"
#include "src/report/text.h"

namespace vizsla {
namespace {

// Optuna's constants.
constexpr int kMaxGridPoints = 50;
constexpr double kPriorWeight = 1;
constexpr size_t kMinTrialsInRegime = 2;
constexpr double kSmallestDensity = 1e-12;
constexpr size_t kTrialsWantedAmongBest = 5;  // Optuna's documentation and the paper

// The domain as grid points 0 .. size - 1.
struct Grid {
  int size = 0;
  bool categorical = false;
};

bool HasOneValue(const Domain& domain) {
  if (const auto* number = std::get_if<FloatDomain>(&domain)) {
    return number->low == number->high ||
           (number->step.has_value() && number->high - number->low < *number->step);
  }
  if (const auto* integer = std::get_if<IntDomain>(&domain)) {
    return integer->low == integer->high || integer->high - integer->low < integer->step;
  }
  return std::get<CategoricalDomain>(domain).choices.size() == 1;
}

// The largest value on a step.
double LastStep(double low, double high, double step) {
  return low + std::floor((high - low) / step + 1e-9) * step;
}

struct NumericRange {
  double low = 0;
  double high = 0;
  bool log = false;
};

NumericRange RangeOfDomain(const Domain& domain) {
  if (const auto* number = std::get_if<FloatDomain>(&domain)) {
    const double high = number->step.has_value()
                            ? LastStep(number->low, number->high, *number->step)
                            : number->high;
    return {number->low, high, number->log};
  }
  const IntDomain& integer = std::get<IntDomain>(domain);
  return {
      static_cast<double>(integer.low),
      static_cast<double>(integer.low + (integer.high - integer.low) / integer.step * integer.step),
      integer.log};
}

Grid MakeGrid(const Domain& domain) {
  if (const auto* words = std::get_if<CategoricalDomain>(&domain)) {
    return {static_cast<int>(words->choices.size()), true};
  }
  const NumericRange range = RangeOfDomain(domain);
  std::optional<double> step;
  if (const auto* number = std::get_if<FloatDomain>(&domain)) step = number->step;
  if (const auto* integer = std::get_if<IntDomain>(&domain)) {
    if (integer->log) {
      const double bits = std::ceil(std::log(range.high - range.low + 1) / std::log(2.0));
      return {std::min(static_cast<int>(bits) + 1, kMaxGridPoints), false};
    }
    step = static_cast<double>(integer->step);
  }
  if (!step.has_value()) return {kMaxGridPoints, false};
  const double points = std::nearbyint((range.high - range.low) / *step) + 1;
  return {static_cast<int>(std::min<double>(points, kMaxGridPoints)), false};
}

double NumberOf(const ParameterValue& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) return static_cast<double>(*integer);
  return std::get<double>(value);
}

int GridPoint(const Domain& domain, const Grid& grid, const ParameterValue& value) {
  if (grid.categorical) {
    const auto& choices = std::get<CategoricalDomain>(domain).choices;
    return static_cast<int>(std::find(choices.begin(), choices.end(), value) - choices.begin());
  }
  const NumericRange range = RangeOfDomain(domain);
  const auto place = [&](double x) { return range.log ? std::log(x) : x; };
  const double step = (place(range.high) - place(range.low)) / (grid.size - 1);
  // Halfway between two points the lower one, as Optuna does.
  const double index = std::ceil((place(NumberOf(value)) - place(range.low)) / step - 0.5);
  return static_cast<int>(std::clamp(index, 0.0, grid.size - 1.0));
}

// Probability of a standard normal between a and b, a <= b, exact in the tails.
double NormalMass(double a, double b) {
  const double root = std::sqrt(2.0);
  if (a > 0) return 0.5 * (std::erfc(a / root) - std::erfc(b / root));
  return 0.5 * (std::erfc(-b / root) - std::erfc(-a / root));
}

// Width of the kernels by Scott's rule (D. W. Scott: Multivariate Density Estimation, 1992), in
// grid steps; `points` and `counts` are the grid points that occur.
double ScottBandwidth(const std::vector<int>& points, const std::vector<int64_t>& counts) {
  const int64_t total = std::accumulate(counts.begin(), counts.end(), int64_t{0});
  double mean = 0;
  for (size_t i = 0; i < points.size(); ++i) {
    mean += static_cast<double>(points[i]) * static_cast<double>(counts[i]) / total;
  }
  double squares = 0;
  for (size_t i = 0; i < points.size(); ++i) {
    squares += (points[i] - mean) * (points[i] - mean) * static_cast<double>(counts[i]);
  }
  const double deviation = std::sqrt(squares / std::max<int64_t>(1, total - 1));

  std::vector<int64_t> cumulative(counts.size());
  std::partial_sum(counts.begin(), counts.end(), cumulative.begin());
  const size_t first =
      std::lower_bound(cumulative.begin(), cumulative.end(), total / 4) - cumulative.begin();
  const size_t third =
      std::upper_bound(cumulative.begin(), cumulative.end(), total * 3 / 4) - cumulative.begin();
  const double quartiles = points[std::min(third, points.size() - 1)] - points[first];
  const double scott =
      1.059 * std::min(quartiles / 1.34, deviation) * std::pow(static_cast<double>(total), -0.2);
  // At least so wide that 90 % of a kernel fits into one grid step.
  return std::max(scott, 0.5 / 1.64);
}

// The estimator's probability of each grid point: a kernel for each point that occurs, weighed by
// how often, and a prior over the whole domain.
std::vector<double> Density(const Grid& grid, const std::vector<int>& observed) {
  std::vector<int64_t> histogram(grid.size);
  for (const int point : observed) ++histogram[point];
  std::vector<int> points;
  std::vector<int64_t> counts;
  for (int i = 0; i < grid.size; ++i) {
    if (histogram[i] == 0) continue;
    points.push_back(i);
    counts.push_back(histogram[i]);
  }
  const double weights = static_cast<double>(observed.size()) + kPriorWeight;
  std::vector<double> density(grid.size);
  if (grid.categorical) {
    const double rest = kPriorWeight / static_cast<double>(points.size() + 1);
    const double row = 1 + grid.size * rest;
    for (int i = 0; i < grid.size; ++i) {
      density[i] = kPriorWeight / weights / grid.size;
      for (size_t k = 0; k < points.size(); ++k) {
        density[i] +=
            static_cast<double>(counts[k]) / weights * (rest + (points[k] == i ? 1 : 0)) / row;
      }
    }
    return density;
  }
  const auto add_kernel = [&](double weight, double center, double width) {
    const double inside = NormalMass((-0.5 - center) / width, (grid.size - 0.5 - center) / width);
    for (int i = 0; i < grid.size; ++i) {
      density[i] +=
          weight * NormalMass((i - 0.5 - center) / width, (i + 0.5 - center) / width) / inside;
    }
  };
  const double width = ScottBandwidth(points, counts);
  for (size_t k = 0; k < points.size(); ++k) {
    add_kernel(static_cast<double>(counts[k]) / weights, points[k], width);
  }
  add_kernel(kPriorWeight / weights, (grid.size - 1) / 2.0, grid.size);
  return density;
}

double PearsonDivergence(const Grid& grid, const std::vector<int>& best,
                         const std::vector<int>& all) {
  const std::vector<double> top = Density(grid, best);
  const std::vector<double> local = Density(grid, all);
  double divergence = 0;
  for (int i = 0; i < grid.size; ++i) {
    const double base = local[i] + kSmallestDensity;
    const double ratio = (top[i] + kSmallestDensity) / base - 1;
    divergence += base * ratio * ratio;
  }
  return divergence;
}

// True for the best `quantile` of the trials, ties at the edge included.
std::vector<bool> AmongBest(const std::vector<ScoredConfiguration>& trials, Direction direction,
                            double quantile) {
  std::vector<double> losses;
  for (const ScoredConfiguration& trial : trials) {
    losses.push_back(direction == Direction::kMinimize ? trial.score : -trial.score);
  }
  std::vector<double> sorted = losses;
  std::sort(sorted.begin(), sorted.end());
  const double wanted = std::ceil(quantile * static_cast<double>(losses.size()));
  const double edge = sorted[static_cast<size_t>(std::max(wanted, 1.0)) - 1];
  std::vector<bool> best;
  for (const double loss : losses) best.push_back(loss <= edge);
  return best;
}

const ParameterValue* ValueInDomain(const Parameter& parameter, const Configuration& values) {
  const auto it = values.find(parameter.name);
  if (it == values.end() || !Contains(parameter.domain, it->second)) return nullptr;
  return &it->second;
}

}  // namespace

std::map<std::string, double> PedAnova(const std::vector<Parameter>& parameters,
                                       const std::vector<ScoredConfiguration>& trials,
                                       Direction direction, const PedAnovaOptions& options) {
  VIZSLA_CHECK(options.target_quantile > 0 && options.target_quantile < 1);
  std::map<std::string, double> importances;
  for (const Parameter& parameter : parameters) importances[parameter.name] = 0;
  if (trials.size() < 2) return importances;

  const std::vector<bool> is_best = AmongBest(trials, direction, options.target_quantile);
  const double best_count = static_cast<double>(std::count(is_best.begin(), is_best.end(), true));
  const double quantile = best_count / static_cast<double>(trials.size());
  for (const Parameter& parameter : parameters) {
    if (HasOneValue(parameter.domain)) continue;
    const Grid grid = MakeGrid(parameter.domain);
    std::vector<int> all;
    std::vector<int> best;
    for (size_t i = 0; i < trials.size(); ++i) {
      const ParameterValue* value = ValueInDomain(parameter, trials[i].configuration);
      if (value == nullptr) continue;
      all.push_back(GridPoint(parameter.domain, grid, *value));
      if (is_best[i]) best.push_back(all.back());
    }
    if (all.size() < kMinTrialsInRegime || best.empty()) continue;
    // Where the parameter is active: alpha and beta of Conditional PED-ANOVA's theorem 4.2.
    const double alpha = static_cast<double>(best.size()) / best_count;
    const double beta = static_cast<double>(all.size()) / static_cast<double>(trials.size());
    importances[parameter.name] =
        quantile * quantile * alpha * alpha / beta * PearsonDivergence(grid, best, all);
  }
  return importances;
}

ImportanceReport AssessImportance(const std::vector<Parameter>& parameters,
                                  const std::vector<ScoredConfiguration>& trials,
                                  Direction direction) {
  ImportanceReport report;
  if (parameters.empty()) {
    report.caveat = "No parameter varies, so none can be more important than another.";
    return report;
  }
  if (trials.size() < 2) {
    report.caveat = StrCat("Importance needs at least two completed trials with a score; there ",
                           trials.empty() ? "is none." : "is one.");
    return report;
  }
  const std::map<std::string, double> raw = PedAnova(parameters, trials, direction);
  double sum = 0;
  for (const auto& [name, value] : raw) sum += value;
  if (!(sum > 0)) {
    report.caveat =
        "The best trials' values are spread as all trials' are: no parameter stands out, or there "
        "are too few trials to tell.";
    return report;
  }
  bool conditional = false;
  for (const Parameter& parameter : parameters) {
    const bool always = std::all_of(trials.begin(), trials.end(), [&](const auto& trial) {
      return trial.configuration.contains(parameter.name);
    });
    conditional |= !always;
    report.parameters.push_back({parameter.name, raw.at(parameter.name) / sum, always});
  }
  std::stable_sort(report.parameters.begin(), report.parameters.end(),
                   [](const auto& a, const auto& b) { return a.share > b.share; });
  const std::vector<bool> best = AmongBest(trials, direction, PedAnovaOptions().target_quantile);
  const size_t best_count = std::count(best.begin(), best.end(), true);
  if (best_count < kTrialsWantedAmongBest) {
    report.caveat = StrCat("Read it as a hint: the best tenth of ",
                           Count(static_cast<int64_t>(trials.size()), "scored trial"), " is ",
                           Count(static_cast<int64_t>(best_count), "trial"), ", and at least ",
                           kTrialsWantedAmongBest, " make it steady.");
  }
  if (conditional) {
    absl::StrAppend(
        &report.caveat, report.caveat.empty() ? "" : " ",
        "A parameter that only some trials have counts by what it does among those, and "
        "by how often the best trials have it.");
  }
  return report;
}

}  // namespace vizsla
