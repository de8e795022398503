// Several objectives at once: which trials no other one beats in everything, and how much such a
// set covers. Deb, Pratap, Agarwal, Meyarivan: "A fast and elitist multiobjective genetic
// algorithm: NSGA-II", IEEE Transactions on Evolutionary Computation 6(2), 2002. Pure.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "src/study/objective.h"

namespace vizsla {

// Of one trial, a number for each objective; smaller is better, whatever their directions. All
// points of a call have the same length, at least 1, and no NaN.
using Losses = std::vector<double>;

// The one place that says which trials stand on fronts: those that may win and have a finite value
// of every objective. Nullopt for all others.
std::optional<Losses> ParetoLosses(const Objective& objective, const Trial& trial);

// No worse in any and better in one. Equal points do not dominate each other.
bool Dominates(const Losses& a, const Losses& b);

// For each point the number of its front: 1 for those that none dominates, 2 for those that only
// points of front 1 dominate, and so on. In O(n log n) for one and two objectives, else O(m n^2) at
// worst: the efficient non-dominated sort with binary search of Zhang, Tian, Cheng, Jin (IEEE
// Transactions on Evolutionary Computation 19(2), 2015), whose result is Deb's.
std::vector<int> FrontNumbers(std::span<const Losses> points);

// For each point of one front how far its neighbours in each objective are apart, in widths of the
// front, summed; infinite at the ends. An objective in which all are equal adds nothing.
std::vector<double> CrowdingDistances(std::span<const Losses> front);

// The volume of what the points dominate below `reference`; points that are not better than it in
// every objective add nothing. Exact: a sweep for two objectives, else WFG (While, Bradstreet,
// Barone: "A fast way of calculating exact hypervolumes", 2012), whose cost grows exponentially
// with the number of objectives.
double Hypervolume(std::span<const Losses> points, const Losses& reference);

// Of each trial its front, by ParetoLosses; 0 for a trial that stands on none.
std::vector<int> FrontsOf(const Objective& objective, std::span<const Trial> trials);

}  // namespace vizsla
