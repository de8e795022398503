// Which trials are the parents of a generation. A function of the newest states of the trials,
// whatever order they came in. Internal to src/search.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "src/study/pareto.h"
#include "src/study/search_space.h"
#include "src/study/trial.h"

namespace vizsla {

// Trials in the order of their numbers are cut into generations of `size`, one after another,
// whatever became of them: no trial waits for another one, and all who know the same trials cut
// alike. The parents of a generation are the best `size` of the parents of the one before and of
// that generation's own trials, as far as these are known; a result that comes late counts from
// then on.
//
// Better: a completed trial before one that was cut short (pruned, paused), of these the longer
// one; then the smaller front; then, in a front, the one with more room around it. Trials that
// failed, or have no finite value of some objective, are no parents.
class Nsga2Population {
 public:
  // `space` must outlive this object; size >= 2.
  Nsga2Population(const SearchSpace& space, std::vector<Direction> directions, int size);

  void Observe(const Trial& trial);

  // The best first. Amortised over a study whose trials end about in the order of their numbers the
  // cost does not depend on how many there were. The pointers are valid until the next Observe.
  std::vector<const Configuration*> ParentsOf(int64_t trial_number);

 private:
  // Smaller is better: (cut short, -epochs if so).
  using Completeness = std::tuple<bool, int>;
  struct Candidate {
    Configuration configuration;
    Completeness completeness;
    Losses losses;
    bool operator==(const Candidate&) const = default;
  };
  using Numbers = std::vector<int64_t>;

  std::optional<Candidate> Judge(const Trial& trial) const;
  size_t GenerationOf(int64_t trial_number) const;
  // The best of these candidates, in order.
  Numbers Select(const Numbers& candidates) const;
  const Numbers& ParentsOfGeneration(size_t generation);

  const SearchSpace& space_;
  const std::vector<Direction> directions_;
  const size_t size_;
  Numbers numbers_;  // of all trials that were observed, ascending
  std::map<int64_t, Candidate> candidates_;
  std::vector<Numbers> parents_;  // by generation, as far as they were asked for and still hold
};

}  // namespace vizsla
