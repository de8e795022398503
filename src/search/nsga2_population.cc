#include "src/search/nsga2_population.h"

#include <algorithm>
#include <cmath>

namespace vizsla {

Nsga2Population::Nsga2Population(const SearchSpace& space, std::vector<Direction> directions,
                                 int size)
    : space_(space),
      directions_(std::move(directions)),
      size_(static_cast<size_t>(size)),
      parents_(1) {}

std::optional<Nsga2Population::Candidate> Nsga2Population::Judge(const Trial& trial) const {
  const bool ended = trial.state == TrialState::kCompleted || trial.state == TrialState::kPruned ||
                     trial.state == TrialState::kPaused || trial.state == TrialState::kCancelled;
  if (!ended || !trial.score) return std::nullopt;
  if (trial.further_values.size() + 1 != directions_.size()) return std::nullopt;
  Candidate candidate;
  for (size_t i = 0; i < directions_.size(); ++i) {
    const double value = i == 0 ? *trial.score : trial.further_values[i - 1];
    if (!std::isfinite(value)) return std::nullopt;
    candidate.losses.push_back(directions_[i] == Direction::kMinimize ? value : -value);
  }
  if (!Validate(space_, trial.configuration).ok()) return std::nullopt;
  candidate.configuration = trial.configuration;
  const bool cut_short = trial.state != TrialState::kCompleted;
  candidate.completeness = {cut_short, cut_short ? -trial.epoch : 0};
  return candidate;
}

size_t Nsga2Population::GenerationOf(int64_t trial_number) const {
  const auto place = std::lower_bound(numbers_.begin(), numbers_.end(), trial_number);
  return static_cast<size_t>(place - numbers_.begin()) / size_;
}

void Nsga2Population::Observe(const Trial& trial) {
  const auto place = std::lower_bound(numbers_.begin(), numbers_.end(), trial.number);
  bool changed = false;
  if (place == numbers_.end() || *place != trial.number) {
    // Those after it move; at the end, where trials are added usually, there are none.
    changed = place != numbers_.end();
    numbers_.insert(place, trial.number);
  }
  std::optional<Candidate> candidate = Judge(trial);
  const auto known = candidates_.find(trial.number);
  if (known == candidates_.end() ? candidate.has_value() : candidate != known->second) {
    changed = true;
    if (candidate) {
      candidates_.insert_or_assign(trial.number, *std::move(candidate));
    } else {
      candidates_.erase(known);
    }
  }
  // The generation's own parents are older.
  if (changed) parents_.resize(std::min(parents_.size(), GenerationOf(trial.number) + 1));
}

Nsga2Population::Numbers Nsga2Population::Select(const Numbers& candidates) const {
  std::map<Completeness, Numbers> groups;
  for (const int64_t number : candidates) {
    groups[candidates_.at(number).completeness].push_back(number);
  }
  Numbers selected;
  for (const auto& [completeness, group] : groups) {
    std::vector<Losses> points;
    for (const int64_t number : group) points.push_back(candidates_.at(number).losses);
    const std::vector<int> fronts = FrontNumbers(points);
    const int count = *std::max_element(fronts.begin(), fronts.end());
    for (int front = 1; front <= count && selected.size() < size_; ++front) {
      std::vector<Losses> members;
      Numbers numbers;
      for (size_t i = 0; i < group.size(); ++i) {
        if (fronts[i] != front) continue;
        members.push_back(points[i]);
        numbers.push_back(group[i]);
      }
      const std::vector<double> room = CrowdingDistances(members);
      std::vector<size_t> places(members.size());
      for (size_t i = 0; i < places.size(); ++i) places[i] = i;
      std::stable_sort(places.begin(), places.end(),
                       [&](size_t a, size_t b) { return room[a] > room[b]; });
      for (const size_t place : places) {
        if (selected.size() < size_) selected.push_back(numbers[place]);
      }
    }
  }
  return selected;
}

const Nsga2Population::Numbers& Nsga2Population::ParentsOfGeneration(size_t generation) {
  while (parents_.size() <= generation) {
    const size_t last = parents_.size() - 1;
    Numbers candidates = parents_.back();
    const size_t end = std::min(numbers_.size(), (last + 1) * size_);
    for (size_t i = last * size_; i < end; ++i) {
      if (candidates_.contains(numbers_[i])) candidates.push_back(numbers_[i]);
    }
    std::sort(candidates.begin(), candidates.end());
    parents_.push_back(Select(candidates));
  }
  return parents_[generation];
}

std::vector<const Configuration*> Nsga2Population::ParentsOf(int64_t trial_number) {
  std::vector<const Configuration*> parents;
  for (const int64_t number : ParentsOfGeneration(GenerationOf(trial_number))) {
    parents.push_back(&candidates_.at(number).configuration);
  }
  return parents;
}

}  // namespace vizsla
