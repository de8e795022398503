#include "src/study/pareto.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace vizsla {
namespace {

double LossOf(Direction direction, double value) {
  return direction == Direction::kMinimize ? value : -value;
}

std::vector<size_t> SortedPlaces(std::span<const Losses> points) {
  std::vector<size_t> places(points.size());
  std::iota(places.begin(), places.end(), size_t{0});
  std::stable_sort(places.begin(), places.end(),
                   [&](size_t a, size_t b) { return points[a] < points[b]; });
  return places;
}

// Members in ascending order, `point` not before them.
bool AnyDominates(std::span<const Losses> points, const std::vector<size_t>& members,
                  const Losses& point) {
  // In two dimensions the last member of a front has the smallest second loss.
  if (point.size() <= 2) return Dominates(points[members.back()], point);
  return std::any_of(members.rbegin(), members.rend(),
                     [&](size_t member) { return Dominates(points[member], point); });
}

// Those that none dominates, one of equals, in ascending order.
std::vector<Losses> NonDominated(std::vector<Losses> points) {
  std::sort(points.begin(), points.end());
  points.erase(std::unique(points.begin(), points.end()), points.end());
  std::vector<Losses> kept;
  for (Losses& point : points) {
    const bool dominated = std::any_of(
        kept.begin(), kept.end(), [&](const Losses& other) { return Dominates(other, point); });
    if (!dominated) kept.push_back(std::move(point));
  }
  return kept;
}

double BoxVolume(const Losses& point, const Losses& reference) {
  double volume = 1;
  for (size_t i = 0; i < point.size(); ++i) volume *= reference[i] - point[i];
  return volume;
}

// `front` non-dominated, in ascending order.
double AreaOf(const std::vector<Losses>& front, const Losses& reference) {
  double area = 0;
  double top = reference[1];
  for (const Losses& point : front) {
    area += (reference[0] - point[0]) * (top - point[1]);
    top = point[1];
  }
  return area;
}

double VolumeOf(const std::vector<Losses>& front, const Losses& reference) {
  if (front.empty()) return 0;
  if (reference.size() == 2) return AreaOf(front, reference);
  double volume = 0;
  for (size_t i = 0; i < front.size(); ++i) {
    // What the point adds to those after it: its box without the part that they cover too.
    std::vector<Losses> limited(front.begin() + static_cast<std::ptrdiff_t>(i) + 1, front.end());
    for (Losses& other : limited) {
      for (size_t k = 0; k < other.size(); ++k) other[k] = std::max(other[k], front[i][k]);
    }
    volume +=
        BoxVolume(front[i], reference) - VolumeOf(NonDominated(std::move(limited)), reference);
  }
  return volume;
}

}  // namespace

std::optional<Losses> ParetoLosses(const Objective& objective, const Trial& trial) {
  if (!MayWin(trial) || !HasFiniteValues(objective, trial)) return std::nullopt;
  Losses losses = {LossOf(objective.direction, *trial.score)};
  for (size_t i = 0; i < objective.further.size(); ++i) {
    losses.push_back(LossOf(objective.further[i].direction, trial.further_values[i]));
  }
  return losses;
}

bool Dominates(const Losses& a, const Losses& b) {
  bool better = false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] > b[i]) return false;
    better = better || a[i] < b[i];
  }
  return better;
}

std::vector<int> FrontNumbers(std::span<const Losses> points) {
  std::vector<int> numbers(points.size());
  std::vector<std::vector<size_t>> fronts;
  for (const size_t place : SortedPlaces(points)) {
    // A point that some member of a front dominates is dominated by one of every front before it.
    const auto front = std::partition_point(fronts.begin(), fronts.end(), [&](const auto& members) {
      return AnyDominates(points, members, points[place]);
    });
    numbers[place] = static_cast<int>(front - fronts.begin()) + 1;
    if (front == fronts.end()) {
      fronts.push_back({place});
    } else {
      front->push_back(place);
    }
  }
  return numbers;
}

std::vector<double> CrowdingDistances(std::span<const Losses> front) {
  std::vector<double> distances(front.size(), 0);
  if (front.empty()) return distances;
  std::vector<size_t> places(front.size());
  std::iota(places.begin(), places.end(), size_t{0});
  for (size_t k = 0; k < front[0].size(); ++k) {
    std::stable_sort(places.begin(), places.end(),
                     [&](size_t a, size_t b) { return front[a][k] < front[b][k]; });
    const double width = front[places.back()][k] - front[places.front()][k];
    if (width == 0) continue;
    distances[places.front()] = distances[places.back()] = std::numeric_limits<double>::infinity();
    for (size_t i = 1; i + 1 < places.size(); ++i) {
      distances[places[i]] += (front[places[i + 1]][k] - front[places[i - 1]][k]) / width;
    }
  }
  return distances;
}

double Hypervolume(std::span<const Losses> points, const Losses& reference) {
  std::vector<Losses> inside;
  for (const Losses& point : points) {
    bool better = true;
    for (size_t i = 0; i < point.size(); ++i) better = better && point[i] < reference[i];
    if (better) inside.push_back(point);
  }
  const std::vector<Losses> front = NonDominated(std::move(inside));
  return reference.size() == 1 && !front.empty() ? BoxVolume(front[0], reference)
                                                 : VolumeOf(front, reference);
}

std::vector<int> FrontsOf(const Objective& objective, std::span<const Trial> trials) {
  std::vector<Losses> points;
  std::vector<size_t> places;
  for (size_t i = 0; i < trials.size(); ++i) {
    std::optional<Losses> losses = ParetoLosses(objective, trials[i]);
    if (!losses) continue;
    points.push_back(*std::move(losses));
    places.push_back(i);
  }
  const std::vector<int> numbers = FrontNumbers(points);
  std::vector<int> fronts(trials.size(), 0);
  for (size_t i = 0; i < places.size(); ++i) fronts[places[i]] = numbers[i];
  return fronts;
}

}  // namespace vizsla
