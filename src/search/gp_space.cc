#include "src/search/gp_space.h"

#include <absl/algorithm/container.h>

#include <numbers>
#include <utility>

#include "src/search/unit_cube.h"

namespace vizsla {
namespace {

constexpr double kInactive = 0.5;  // the middle of a range
constexpr double kActivity = 0.5;  // how far active is from inactive, besides
constexpr double kChosen = 1 / std::numbers::sqrt2;

}  // namespace

GpSpace::GpSpace(const SearchSpace& space) : space_(space) {
  for (const Parameter& parameter : space.parameters) {
    const std::optional<int64_t> count = CountValues(parameter.domain);
    const Columns columns{column_count_, IsOrdered(parameter.domain), !parameter.conditions.empty(),
                          count == 1, !count};
    columns_.push_back(columns);
    std::vector<Need>& needs = needs_.emplace_back();
    for (const Condition& condition : parameter.conditions) {
      const Parameter* parent = space.Find(condition.parent);
      Need need{static_cast<size_t>(parent - space.parameters.data()), {}};
      for (int64_t i = 0; i < *CountValues(parent->domain); ++i) {
        const ParameterValue value = ValueAt(parent->domain, i);
        need.allowed.push_back(absl::c_linear_search(condition.values, value));
      }
      needs.push_back(std::move(need));
    }
    if (columns.fixed) continue;
    const int64_t width = columns.ordered ? (columns.conditional ? 2 : 1) : *count;
    group_widths_.push_back(static_cast<int>(width));
    column_count_ += width;
  }
}

std::vector<bool> GpSpace::ActiveAt(const UnitPoint& point) const {
  std::vector<bool> active(point.size());
  for (size_t i = 0; i < point.size(); ++i) {
    active[i] = absl::c_all_of(needs_[i], [&](const Need& need) {
      const Domain& domain = space_.parameters[need.parent].domain;
      return active[need.parent] &&
             need.allowed[static_cast<size_t>(IndexFromUnit(domain, point[need.parent]))];
    });
  }
  return active;
}

Eigen::VectorXd GpSpace::EmbedPoint(const UnitPoint& point) const {
  Eigen::VectorXd features = Eigen::VectorXd::Zero(columns());
  const std::vector<bool> active = ActiveAt(point);
  for (size_t i = 0; i < columns_.size(); ++i) {
    const Columns& columns = columns_[i];
    if (columns.fixed) continue;
    const Domain& domain = space_.parameters[i].domain;
    if (!columns.ordered) {
      if (active[i]) features[columns.first + IndexFromUnit(domain, point[i])] = kChosen;
      continue;
    }
    double& feature = features[columns.first];
    if (!active[i]) {
      feature = kInactive;
    } else {
      feature = columns.continuous ? point[i] : ToUnit(domain, FromUnit(domain, point[i]));
    }
    if (columns.conditional && active[i]) features[columns.first + 1] = kActivity;
  }
  return features;
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
