#include "src/search/tpe_sampler.h"

#include <algorithm>

#include "src/search/random_sampler.h"

namespace vizsla {
namespace {

std::vector<ParzenAxis> AxesOf(const SearchSpace& space) {
  std::vector<ParzenAxis> axes;
  for (const Parameter& parameter : space.parameters) axes.emplace_back(parameter.domain);
  return axes;
}

// Of `candidates` points drawn from the good ones' density the one with the largest ratio.
ParzenPoint BestCandidate(const ParzenEstimator& good, const ParzenEstimator& others,
                          int candidates, RandomStream& stream) {
  std::vector<ParzenPoint> points;
  for (int i = 0; i < candidates; ++i) points.push_back(good.Draw(stream));
  const std::vector<double> good_densities = good.LogDensities(points);
  const std::vector<double> other_densities = others.LogDensities(points);
  size_t best = 0;
  double best_ratio = 0;
  for (size_t i = 0; i < points.size(); ++i) {
    const double ratio = good_densities[i] - other_densities[i];
    if (i > 0 && ratio <= best_ratio) continue;
    best_ratio = ratio;
    best = i;
  }
  return std::move(points[best]);
}

}  // namespace

TpeSampler::TpeSampler(SearchSpace space, TpeOptions options, Direction direction,
                       uint64_t study_seed, std::vector<int> rungs)
    : space_(std::move(space)),
      options_(options),
      key_(StreamKey(study_seed).With("sampler")),
      axes_(AxesOf(space_)),
      groups_(DecomposeSpace(space_)),
      components_(ComponentsOf(groups_, axes_, options_.multivariate)),
      memory_(components_.size()),
      budgets_(std::move(rungs),
               TpeHistory(space_, axes_, groups_, direction, key_.With("shuffle"))),
      used_(space_) {}

std::vector<TpeSampler::Component> TpeSampler::ComponentsOf(const std::vector<SpaceGroup>& groups,
                                                            const std::vector<ParzenAxis>& axes,
                                                            bool multivariate) {
  std::vector<Component> components;
  for (size_t group = 0; group < groups.size(); ++group) {
    std::vector<int> free;
    for (const int i : groups[group]) {
      if (axes[static_cast<size_t>(i)].count() != 1) free.push_back(i);
    }
    if (multivariate) {
      if (!free.empty()) components.push_back({group, std::move(free)});
    } else {
      for (const int i : free) components.push_back({group, {i}});
    }
  }
  return components;
}

absl::StatusOr<std::optional<Configuration>> TpeSampler::Suggest(int64_t trial_number) {
  if (used_.AllUsed()) return std::optional<Configuration>();
  const StreamKey key = key_.With(static_cast<uint64_t>(trial_number));
  const TpeHistory& history = budgets_.Largest(LeastObservations()).history;
  const TpeHistory::Numbers good = history.GoodTrials();
  const bool knows_enough = budgets_.lowest().known() >= options_.startup_trials && !good.empty();
  const bool at_random =
      !knows_enough || RandomStream(key.With("random")).Bernoulli(options_.random_fraction);
  Models models(components_.size());
  return std::optional<Configuration>(used_.FreeDraw([&](uint64_t attempt) {
    const StreamKey attempt_key = key.With(attempt);
    if (at_random) return DrawAtRandom(space_, attempt_key);
    // The best of many is likely the same again: ask for less each time.
    const int candidates = std::max(1, options_.candidates >> std::min<uint64_t>(attempt, 30));
    return DrawFromModels(attempt_key, candidates, history, good, models);
  }));
}

void TpeSampler::Observe(const Trial& trial) {
  used_.Add(trial.configuration);
  budgets_.Observe(trial);
}

void TpeSampler::ObserveReport(int64_t trial_number, int epoch, AttemptNumber attempt,
                               double value) {
  budgets_.ObserveReport(trial_number, epoch, attempt, value);
}

int TpeSampler::ModelledBudget() const { return budgets_.Largest(LeastObservations()).epochs; }

int64_t TpeSampler::LeastObservations() const {
  const auto free = std::count_if(axes_.begin(), axes_.end(),
                                  [](const ParzenAxis& axis) { return axis.count() != 1; });
  return free + 3;  // BOHB's: one more than there are dimensions, and two
}

Configuration TpeSampler::DrawFromModels(StreamKey key, int candidates, const TpeHistory& history,
                                         const TpeHistory::Numbers& good, Models& models) {
  Configuration configuration;
  size_t next = 0;  // component
  for (size_t group = 0; group < groups_.size(); ++group) {
    const Parameter& first = space_.parameters[static_cast<size_t>(groups_[group].front())];
    const bool active = IsActive(first, configuration);
    for (const int i : groups_[group]) {
      const auto index = static_cast<size_t>(i);
      if (!active || axes_[index].count() != 1) continue;
      configuration.emplace(space_.parameters[index].name,
                            ValueAt(space_.parameters[index].domain, 0));
    }
    for (; next < components_.size() && components_[next].group == group; ++next) {
      if (!active) continue;
      const Component& component = components_[next];
      if (!models[next]) models[next] = BuildModel(next, history, good);
      RandomStream stream(
          key.With(space_.parameters[static_cast<size_t>(component.dimensions.front())].name));
      const ParzenPoint best =
          BestCandidate(models[next]->good, models[next]->others, candidates, stream);
      for (size_t i = 0; i < best.size(); ++i) {
        const auto index = static_cast<size_t>(component.dimensions[i]);
        configuration.emplace(space_.parameters[index].name, axes_[index].Value(best[i]));
      }
    }
  }
  return configuration;
}

TpeSampler::Model TpeSampler::BuildModel(size_t component, const TpeHistory& history,
                                         const TpeHistory::Numbers& good) {
  const auto& [group, dimensions] = components_[component];
  Memory& memory = memory_[component];
  return {ParzenEstimator(axes_, dimensions, history.Good(group, good), memory.good),
          ParzenEstimator(axes_, dimensions, history.Others(group, good), memory.others)};
}

}  // namespace vizsla
