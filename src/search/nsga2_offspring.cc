#include "src/search/nsga2_offspring.h"

#include <algorithm>
#include <cmath>

#include "src/search/random_sampler.h"
#include "src/search/unit_cube.h"

namespace vizsla {
namespace {

// Distribution indices: larger ones keep children nearer to their parents.
constexpr double kCrossoverIndex = 20;
constexpr double kMutationIndex = 20;

// One of the two children of a and b, in [0, 1].
double CrossNumbers(double a, double b, RandomStream& stream) {
  const double draw = stream.Uniform();
  const bool lower = stream.Bernoulli(0.5);
  const double low = std::min(a, b);
  const double high = std::max(a, b);
  if (high - low < 1e-14) return a;
  // The spread of the lower child is bounded by 0, of the upper one by 1.
  const double room = lower ? low : 1 - high;
  const double beta = 1 + 2 * room / (high - low);
  const double alpha = 2 - std::pow(beta, -(kCrossoverIndex + 1));
  const double power = 1 / (kCrossoverIndex + 1);
  const double spread =
      draw <= 1 / alpha ? std::pow(draw * alpha, power) : std::pow(1 / (2 - draw * alpha), power);
  const double middle = 0.5 * (low + high);
  const double half = 0.5 * spread * (high - low);
  return std::clamp(lower ? middle - half : middle + half, 0.0, 1.0);
}

double MutateNumber(double x, RandomStream& stream) {
  const double draw = stream.Uniform();
  const double power = kMutationIndex + 1;
  const bool down = draw < 0.5;
  const double room = down ? x : 1 - x;
  const double reach = std::pow(1 - room, power);
  const double inner =
      down ? 2 * draw + (1 - 2 * draw) * reach : 2 * (1 - draw) + 2 * (draw - 0.5) * reach;
  const double step = 1 - std::pow(inner, 1 / power);
  return std::clamp(down ? x - step : x + step, 0.0, 1.0);
}

ParameterValue Cross(const Nsga2Options& options, const Domain& domain,
                     const ParameterValue& mother, const ParameterValue& father,
                     RandomStream& stream) {
  const bool first = stream.Bernoulli(0.5);
  if (options.crossover == Nsga2Options::Crossover::kUniform || !IsOrdered(domain)) {
    return first ? mother : father;
  }
  // As in Deb's program half of the numbers stay as they are.
  if (first) return mother;
  return FromUnit(domain, CrossNumbers(ToUnit(domain, mother), ToUnit(domain, father), stream));
}

// Of a finite domain any other value, each as likely.
ParameterValue AnyOther(const Domain& domain, const ParameterValue& value, int64_t count,
                        RandomStream& stream) {
  if (count == 1) return value;
  const auto other = static_cast<int64_t>(stream.UniformInt(static_cast<uint64_t>(count - 1)));
  return ValueAt(domain, other < IndexOf(domain, value) ? other : other + 1);
}

ParameterValue Mutate(const Domain& domain, const ParameterValue& value, RandomStream& stream) {
  const std::optional<int64_t> count = CountValues(domain);
  if (!IsOrdered(domain)) return AnyOther(domain, value, *count, stream);
  ParameterValue mutated = FromUnit(domain, MutateNumber(ToUnit(domain, value), stream));
  // A step within its own cell would change nothing.
  if (count && mutated == value) return AnyOther(domain, value, *count, stream);
  return mutated;
}

}  // namespace

Configuration MakeOffspring(const SearchSpace& space, const Nsga2Options& options,
                            const Configuration& mother, const Configuration& father, StreamKey key,
                            double restless) {
  const double usual = options.mutation_probability > 0
                           ? options.mutation_probability
                           : 1.0 / static_cast<double>(std::max<size_t>(1, mother.size()));
  const double mutation = std::min(1.0, restless * usual);
  const bool crosses = RandomStream(key.With("pair")).Bernoulli(options.crossover_probability);
  Configuration child;
  for (const Parameter& parameter : space.parameters) {
    if (!IsActive(parameter, child)) continue;
    RandomStream stream(key.With("parameter").With(parameter.name));
    const auto from_mother = mother.find(parameter.name);
    const auto from_father = father.find(parameter.name);
    const bool has_mother = from_mother != mother.end();
    const bool has_father = from_father != father.end();
    if (!has_mother && !has_father) {
      child.emplace(parameter.name, DrawValue(parameter.domain, stream));
      continue;
    }
    ParameterValue value = has_mother ? from_mother->second : from_father->second;
    if (crosses && has_mother && has_father) {
      value = Cross(options, parameter.domain, value, from_father->second, stream);
    }
    if (stream.Bernoulli(mutation)) value = Mutate(parameter.domain, value, stream);
    child.emplace(parameter.name, std::move(value));
  }
  return child;
}

}  // namespace vizsla
