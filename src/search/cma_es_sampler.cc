#include "src/search/cma_es_sampler.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "src/search/cma_es_generations.h"
#include "src/search/random_sampler.h"
#include "src/search/unit_cube.h"

namespace vizsla {
namespace {

constexpr int kMostResamples = 100;         // as Optuna
constexpr double kAttemptsPerDoubling = 8;  // of the steps: the last are some 200 times as long

bool IsCoordinate(const Parameter& parameter) {
  return parameter.conditions.empty() && IsOrdered(parameter.domain) &&
         CountValues(parameter.domain).value_or(2) > 1;
}

std::unique_ptr<CmaEsGenerations> MakeGenerations(const SearchSpace& space, CmaEsOptions options,
                                                  StreamKey key) {
  std::vector<const Parameter*> coordinates;
  for (const Parameter& parameter : space.parameters) {
    if (IsCoordinate(parameter)) coordinates.push_back(&parameter);
  }
  if (coordinates.empty()) return nullptr;
  return std::make_unique<CmaEsGenerations>(std::move(coordinates), options, key);
}

// The outer cells of a finite domain own what lies beyond them.
bool IsInside(const SearchSpace& space, const Eigen::VectorXd& point) {
  int coordinate = 0;
  for (const Parameter& parameter : space.parameters) {
    if (!IsCoordinate(parameter)) continue;
    const double unit = point(coordinate++);
    if (!CountValues(parameter.domain) && (unit < 0 || unit > 1)) return false;
  }
  return true;
}

Eigen::VectorXd DrawPoint(const SearchSpace& space, const CmaEs& distribution, double stretch,
                          RandomStream& stream) {
  Eigen::VectorXd point;
  for (int draw = 0; draw < kMostResamples; ++draw) {
    Eigen::VectorXd normal(distribution.dimensions());
    for (double& number : normal) number = stretch * stream.Normal();
    point = distribution.At(normal);
    if (IsInside(space, point)) break;
  }
  return point.cwiseMax(0).cwiseMin(1);
}

}  // namespace

CmaEsSampler::CmaEsSampler(SearchSpace space, CmaEsOptions options, Direction direction,
                           uint64_t study_seed)
    : space_(std::move(space)),
      key_(StreamKey(study_seed).With("cma-es")),
      observations_(space_, direction),
      learned_(space_, direction),
      used_(space_),
      generations_(MakeGenerations(space_, options, key_)) {}

CmaEsSampler::~CmaEsSampler() = default;

Configuration CmaEsSampler::Draw(const CmaEs* distribution, int64_t trial_number,
                                 uint64_t attempt) const {
  const StreamKey key = key_.With("trial").With(static_cast<uint64_t>(trial_number)).With(attempt);
  Eigen::VectorXd point;
  if (distribution != nullptr) {
    RandomStream stream(key);
    const double stretch = std::exp2(static_cast<double>(attempt) / kAttemptsPerDoubling);
    point = DrawPoint(space_, *distribution, stretch, stream);
  }
  Configuration configuration;
  int coordinate = 0;
  for (const Parameter& parameter : space_.parameters) {
    if (IsCoordinate(parameter)) {
      configuration.emplace(parameter.name, FromUnit(parameter.domain, point(coordinate++)));
    } else if (IsActive(parameter, configuration)) {
      RandomStream stream(key.With(parameter.name));
      configuration.emplace(parameter.name, DrawValue(parameter.domain, stream));
    }
  }
  return configuration;
}

absl::StatusOr<std::optional<Configuration>> CmaEsSampler::Suggest(int64_t trial_number) {
  if (used_.AllUsed()) return std::optional<Configuration>();
  if (std::exchange(has_learned_, false) && generations_) generations_->StartFrom(learned_.all());
  const CmaEs* distribution = generations_ ? &generations_->Newest(observations_.all()) : nullptr;
  return std::optional<Configuration>(
      used_.FreeDraw([&](uint64_t attempt) { return Draw(distribution, trial_number, attempt); }));
}

void CmaEsSampler::Observe(const Trial& trial) {
  used_.Add(trial.configuration);
  const size_t before = observations_.all().size();
  const bool changed = observations_.Add(trial) != nullptr;
  const bool gone = observations_.all().size() < before;
  if ((changed || gone) && generations_) generations_->Changed(trial.number);
}

void CmaEsSampler::Learn(const Trial& trial) {
  if (learned_.Add(trial) != nullptr) has_learned_ = true;
}

}  // namespace vizsla
