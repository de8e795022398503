#include "src/search/cma_es_generations.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "src/base/check.h"
#include "src/search/cma_es_margin.h"
#include "src/search/cma_es_warm_start.h"
#include "src/search/unit_cell.h"
#include "src/search/unit_cube.h"

namespace vizsla {
namespace {

constexpr int kOvertakenBy = 2;  // generations
constexpr size_t kNewest = 16;   // distributions that are all kept,
constexpr int64_t kEvery = 16;   // and of the older ones only these
constexpr double kMostMargin = 0.5;

int PopulationOf(CmaEsOptions options, size_t dimensions) {
  if (options.population != 0) return options.population;
  return 4 + static_cast<int>(3 * std::log(static_cast<double>(dimensions)));  // (48) of cma_es.h
}

Eigen::VectorXd Centre(size_t dimensions) {
  return Eigen::VectorXd::Constant(static_cast<Eigen::Index>(dimensions), 0.5);
}

}  // namespace

CmaEsGenerations::CmaEsGenerations(std::vector<const Parameter*> coordinates, CmaEsOptions options,
                                   StreamKey key)
    : coordinates_(std::move(coordinates)), sigma_(options.sigma), key_(key) {
  const int population = PopulationOf(options, coordinates_.size());
  VIZSLA_CHECK(!coordinates_.empty() && population >= 2);
  constexpr int64_t kNone = std::numeric_limits<int64_t>::min();
  Generation start{0, kNone, kNone, population, 0, CmaEs(Centre(coordinates_.size()), sigma_)};
  KeepMargins(start);
  generations_.push_back(std::move(start));
}

void CmaEsGenerations::StartFrom(const std::map<int64_t, Observation>& learned) {
  std::vector<const Observation*> known;
  for (const auto& [number, observation] : learned) {
    // One that failed points nowhere.
    if (!observation.pending() && std::isfinite(*observation.loss)) known.push_back(&observation);
  }
  std::stable_sort(known.begin(), known.end(),
                   [](const Observation* a, const Observation* b) { return IsBetter(*a, *b); });
  std::vector<Eigen::VectorXd> points;
  for (const Observation* observation : known) points.push_back(MiddleOf(*observation));
  std::optional<CmaEs> start = WarmStartCmaEs(points);
  if (!start) return;
  generations_.resize(1, generations_.front());
  generations_.front().distribution = *std::move(start);
  KeepMargins(generations_.front());
}

Eigen::VectorXd CmaEsGenerations::MiddleOf(const Observation& observation) const {
  Eigen::VectorXd point(static_cast<Eigen::Index>(coordinates_.size()));
  Eigen::Index i = 0;
  for (const Parameter* parameter : coordinates_) {
    point(i++) = ToUnit(parameter->domain, observation.configuration.at(parameter->name));
  }
  return point;
}

void CmaEsGenerations::Changed(int64_t trial_number) {
  while (generations_.back().depends_end > trial_number) generations_.pop_back();
}

const CmaEs& CmaEsGenerations::Newest(const std::map<int64_t, Observation>& all) {
  while (Advance(all)) continue;
  return generations_.back().distribution;
}

bool CmaEsGenerations::Advance(const std::map<int64_t, Observation>& all) {
  const Generation& last = generations_.back();
  std::vector<Member> known;
  auto next = all.lower_bound(last.end);
  for (int count = 0; count < last.population; ++count, ++next) {
    if (next == all.end()) return false;
    if (!next->second.pending()) known.emplace_back(next->first, &next->second);
  }
  const int64_t end = std::prev(next)->first + 1;
  int64_t depends_end = std::max(last.depends_end, end);
  if (static_cast<int>(known.size()) < last.population) {
    int later = 0;
    for (; later < kOvertakenBy * last.population; ++next) {
      if (next == all.end()) return false;
      if (!next->second.pending()) ++later;
      depends_end = std::max(depends_end, next->first + 1);
    }
  }
  Generation generation = last;
  generation.index = last.index + 1;
  generation.end = end;
  generation.depends_end = depends_end;
  Learn(std::move(known), generation);
  Keep(std::move(generation));
  return true;
}

void CmaEsGenerations::Learn(std::vector<Member> members, Generation& generation) const {
  if (members.size() < 2) return;
  // Stable: equals by number, so that their order is no accident.
  std::stable_sort(members.begin(), members.end(),
                   [](const Member& a, const Member& b) { return IsBetter(*a.second, *b.second); });
  CmaEs& distribution = generation.distribution;
  if (IsBetter(*members.front().second, *members.back().second)) {
    std::vector<Eigen::VectorXd> points;
    for (const Member& member : members) points.push_back(PointOf(member, distribution));
    distribution.Update(points);
  } else {
    distribution.Widen(static_cast<int>(members.size()));
  }
  if (distribution.Collapsed()) {
    ++generation.restarts;
    generation.population *= 2;
    RandomStream stream(key_.With("restart").With(static_cast<uint64_t>(generation.restarts)));
    Eigen::VectorXd mean = distribution.mean();
    for (double& coordinate : mean) coordinate = stream.Uniform();
    distribution = CmaEs(std::move(mean), sigma_);
  }
  KeepMargins(generation);
}

Eigen::VectorXd CmaEsGenerations::PointOf(const Member& member, const CmaEs& distribution) const {
  const auto& [number, observation] = member;
  const StreamKey key = key_.With("member").With(static_cast<uint64_t>(number));
  Eigen::VectorXd point(distribution.dimensions());
  for (int i = 0; i < distribution.dimensions(); ++i) {
    const Parameter& parameter = *coordinates_[i];
    const ParameterValue& value = observation->configuration.at(parameter.name);
    if (CountValues(parameter.domain)) {
      RandomStream stream(key.With(parameter.name));
      point(i) = DrawInCell({distribution.mean()(i), distribution.Deviation(i)},
                            CellOf(parameter.domain, value), stream);
    } else {
      point(i) = ToUnit(parameter.domain, value);
    }
  }
  return point;
}

void CmaEsGenerations::KeepMargins(Generation& generation) const {
  CmaEs& distribution = generation.distribution;
  const double margin =
      std::min(kMostMargin, 1.0 / (generation.population * distribution.dimensions()));
  for (int i = 0; i < distribution.dimensions(); ++i) {
    const Domain& domain = coordinates_[i]->domain;
    if (!CountValues(domain)) continue;
    const Marginal marginal{distribution.mean()(i), distribution.Deviation(i)};
    const ParameterValue value = FromUnit(domain, std::clamp(marginal.mean, 0.0, 1.0));
    const Marginal kept = WithMargin(marginal, CellOf(domain, value), margin);
    distribution.SetMarginal(i, kept.mean, kept.deviation);
  }
}

void CmaEsGenerations::Keep(Generation generation) {
  generations_.push_back(std::move(generation));
  if (generations_.size() <= kNewest) return;
  const auto old = generations_.end() - kNewest - 1;
  if (old->index % kEvery != 0) generations_.erase(old);
}

}  // namespace vizsla
