// What a model-based sampler knows: the newest state of each trial it was told of, as something to
// minimize. Order of telling does not matter. Internal to src/search.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "src/search/packed_configuration.h"
#include "src/study/objective.h"
#include "src/study/search_space.h"
#include "src/study/trial.h"

namespace vizsla {

struct Observation {
  PackedConfiguration configuration;
  // Smaller is better, whatever the objective's direction. Infinite for a trial that diverged,
  // failed, was infeasible or scored NaN: the worst, as on the leaderboard. Nullopt while it is not
  // known (queued, running).
  std::optional<double> loss;
  // Epochs behind the loss. A trial that was pruned or is paused at a rung has fewer than a
  // completed one; of a failed one 0.
  int epochs = 0;
  bool completed = false;  // not pruned, not paused: its loss is final

  bool pending() const { return !loss.has_value(); }
};

class Observations {
 public:
  // `space` must outlive this object.
  Observations(const SearchSpace& space, Direction direction)
      : space_(space), direction_(direction) {}

  // Replaces what was known of this trial number; returns the entry that changed, or nullptr when
  // nothing did. Ignored: a configuration outside the space (enqueued by the user, who may also
  // have left out or added parameters), and a CANCELLED trial without a score. The pointer is valid
  // until the trial's next Add.
  const Observation* Add(const Trial& trial);

  // By trial number.
  const std::map<int64_t, Observation>& all() const { return all_; }

 private:
  const SearchSpace& space_;
  const Direction direction_;
  std::map<int64_t, Observation> all_;
};

// The order in which trials are good or bad, both of them known: the completed ones by loss, then
// those that were cut short, the longer ones first and by loss among equals (as Optuna's TPE
// ranks). Not a tie-breaker: equal ones compare equal.
bool IsBetter(const Observation& a, const Observation& b);

}  // namespace vizsla
