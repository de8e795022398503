#include "src/search/gp_space.h"

#include <numbers>

#include "src/search/unit_cube.h"

namespace vizsla {
namespace {

constexpr double kInactive = 0.5;  // the middle of a range
constexpr double kActivity = 0.5;  // how far active is from inactive, besides
constexpr double kChosen = 1 / std::numbers::sqrt2;

}  // namespace

GpSpace::GpSpace(const SearchSpace& space) : space_(space) {
  int group = 0;
  for (const Parameter& parameter : space.parameters) {
    const std::optional<int64_t> count = CountValues(parameter.domain);
    Columns columns{static_cast<Eigen::Index>(groups_.size()), IsOrdered(parameter.domain),
                    !parameter.conditions.empty(), count == 1};
    columns_.push_back(columns);
    if (columns.fixed) continue;
    const int64_t width = columns.ordered ? (columns.conditional ? 2 : 1) : *count;
    groups_.insert(groups_.end(), static_cast<size_t>(width), group);
    ++group;
  }
}

Eigen::VectorXd GpSpace::Embed(const Configuration& configuration) const {
  Eigen::VectorXd features = Eigen::VectorXd::Zero(columns());
  for (size_t i = 0; i < columns_.size(); ++i) {
    const Columns& columns = columns_[i];
    if (columns.fixed) continue;
    const Parameter& parameter = space_.parameters[i];
    const auto value = configuration.find(parameter.name);
    const bool active = value != configuration.end();
    if (!columns.ordered) {
      if (active) features[columns.first + IndexOf(parameter.domain, value->second)] = kChosen;
      continue;
    }
    features[columns.first] = active ? ToUnit(parameter.domain, value->second) : kInactive;
    if (columns.conditional && active) features[columns.first + 1] = kActivity;
  }
  return features;
}

Configuration GpSpace::At(const UnitPoint& point) const {
  Configuration configuration;
  for (size_t i = 0; i < point.size(); ++i) {
    const Parameter& parameter = space_.parameters[i];
    if (!IsActive(parameter, configuration)) continue;
    configuration.emplace(parameter.name, FromUnit(parameter.domain, point[i]));
  }
  return configuration;
}

UnitPoint GpSpace::PointOf(const Configuration& configuration) const {
  UnitPoint point(space_.parameters.size(), kInactive);
  for (size_t i = 0; i < point.size(); ++i) {
    const Parameter& parameter = space_.parameters[i];
    const auto value = configuration.find(parameter.name);
    if (value != configuration.end()) point[i] = ToUnit(parameter.domain, value->second);
  }
  return point;
}

std::optional<Eigen::Index> GpSpace::ContinuousColumn(size_t parameter) const {
  if (CountValues(space_.parameters[parameter].domain)) return std::nullopt;
  return columns_[parameter].first;
}

}  // namespace vizsla
