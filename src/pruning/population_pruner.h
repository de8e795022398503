// Population-based training: Jaderberg, Dalibard, Osindero, Czarnecki, Donahue, Razavi, Vinyals,
// Green, Dunning, Simonyan, Fernando, Kavukcuoglu: "Population based training of neural networks",
// arXiv:1711.09846, with truncation selection.
//
// The trials of the budget are the places of a population. Level k is the epoch k * interval. A
// trial that gets to a level is compared with the others: each place by its value at that level,
// also when the trial that had it has been replaced since (or the copies of the best would drag
// down one after another), or at the newest level before it that its trial has got to. Of n places
// with a value the worst floor(n * quantile) are replaced: such a trial ends, and another one takes
// its place, which goes on from a checkpoint of one of the best floor(n * quantile). What is to be
// copied has at least the loser's epochs, or is RUNNING and a level behind: so the first that gets
// to a level does not always get away.
//
// Nobody waits for anybody. While members lack a worker, a trial gives its own back at each level,
// and the one that is furthest behind goes on; otherwise it trains on in place, once its checkpoint
// of that level is stored: others may want to copy it. Nobody is replaced before the population is
// complete. A place whose trial has diverged, failed or did not fit is filled from the best ones
// too: each time from further on, so that it cannot fail for ever.
#pragma once

#include <map>
#include <set>

#include "src/pruning/ranked_losses.h"
#include "src/pruning/trial_progress.h"

namespace vizsla {

class PopulationPruner final : public Pruner {
 public:
  PopulationPruner(const PopulationOptions& options, const PrunerContext& context)
      : options_(options), direction_(context.direction) {}

  void Observe(const PrunerTrial& trial) override;
  void ObserveReport(int64_t trial_number, int epoch, AttemptNumber attempt, double value) override;
  void ObserveLastTrial(int64_t) override { complete_ = true; }
  // kPause, or kPromote past the level that the trial has got to.
  PruneDecision Decide(int64_t trial_number) const override;
  std::optional<int64_t> NextToResume() const override;
  std::optional<Replacement> NextToReplace() const override;

 private:
  // The trials that have had a place, in order.
  using Place = std::set<int64_t>;

  const TrialProgress& Newest(const Place& place) const { return trials_.at(*place.rbegin()); }
  std::optional<double> LossUpTo(int level, const Place& place) const;
  // Of the trial, or of the ancestor that it continues.
  std::optional<double> ValueOfLineage(int epoch, const TrialProgress& trial) const;
  // The places that go on or have completed, by their newest trials, the best first.
  std::vector<RankedLoss> RankingAt(int level) const;
  int64_t CutOf(size_t places) const;
  // Whom the trial, which has got to the level, gives way to; empty: it goes on.
  std::vector<int64_t> SourcesFor(int level, const TrialProgress& trial) const;
  // The same for a place whose trial has ended without a result.
  std::vector<int64_t> SourcesForLost(const TrialProgress& trial) const;
  bool OthersLackAWorker(const TrialProgress& trial) const;

  const PopulationOptions options_;
  const Direction direction_;
  bool complete_ = false;
  std::map<int64_t, TrialProgress> trials_;
  std::map<int64_t, Place> places_;
};

}  // namespace vizsla
