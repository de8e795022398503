#include "src/scheduling/explore.h"

#include <algorithm>
#include <cmath>

#include "src/search/random_sampler.h"
#include "src/study/conditions.h"

namespace vizsla {
namespace {

std::optional<double> AsNumber(const ParameterValue& value) {
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* whole = std::get_if<int64_t>(&value)) return static_cast<double>(*whole);
  return std::nullopt;
}

// The value at `wanted` steps, or one step from the present one when that is the same.
ParameterValue Step(const Domain& domain, int64_t present, double wanted, bool grows) {
  const double last = static_cast<double>(*CountValues(domain) - 1);
  int64_t index = static_cast<int64_t>(std::clamp(std::round(wanted), 0.0, last));
  if (index == present) index += grows ? 1 : -1;
  return ValueAt(domain, std::clamp<int64_t>(index, 0, static_cast<int64_t>(last)));
}

ParameterValue Neighbour(const CategoricalDomain& domain, const ParameterValue& value, bool grows) {
  std::vector<std::pair<double, ParameterValue>> ordered;
  for (const ParameterValue& choice : domain.choices) {
    const auto number = AsNumber(choice);
    if (!number) return value;
    ordered.emplace_back(*number, choice);
  }
  std::sort(ordered.begin(), ordered.end());
  const auto at = std::find_if(ordered.begin(), ordered.end(),
                               [&](const auto& entry) { return entry.second == value; });
  if (at == ordered.end()) return value;
  if (grows) return at + 1 == ordered.end() ? value : (at + 1)->second;
  return at == ordered.begin() ? value : (at - 1)->second;
}

ParameterValue Perturb(const Domain& domain, const PopulationOptions& options,
                       const ParameterValue& value, bool grows) {
  if (const auto* categories = std::get_if<CategoricalDomain>(&domain)) {
    return Neighbour(*categories, value, grows);
  }
  const double wanted = AsNumber(value).value_or(0) * (grows ? options.grow : options.shrink);
  if (const auto* whole = std::get_if<IntDomain>(&domain)) {
    return Step(domain, IndexOf(domain, value),
                (wanted - static_cast<double>(whole->low)) / static_cast<double>(whole->step),
                grows);
  }
  const auto& range = std::get<FloatDomain>(domain);
  if (!range.step) return std::clamp(wanted, range.low, range.high);
  return Step(domain, IndexOf(domain, value), (wanted - range.low) / *range.step, grows);
}

}  // namespace

Configuration Explore(const SearchSpace& space, const PopulationOptions& options,
                      const Configuration& configuration, StreamKey key) {
  Configuration explored = configuration;
  for (const std::string& name : options.perturb) {
    const Parameter* parameter = space.Find(name);
    const auto value = explored.find(name);
    if (parameter == nullptr || value == explored.end()) continue;
    if (HasDependants(space, name) || CountValues(parameter->domain) == 1) continue;
    RandomStream stream(key.With(name));
    if (stream.Bernoulli(options.resample)) {
      value->second = DrawValue(parameter->domain, stream);
    } else if (Contains(parameter->domain, value->second)) {
      value->second = Perturb(parameter->domain, options, value->second, stream.Bernoulli(0.5));
    }
  }
  return explored;
}

}  // namespace vizsla
