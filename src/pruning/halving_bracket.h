// One bracket of synchronous successive halving: Jamieson, Talwalkar, "Non-stochastic Best Arm
// Identification and Hyperparameter Optimization", AISTATS 2016. Internal to src/search.
//
// Once every member of a rung waits there or has ended, its best max(1, floor(n/eta)) places are
// known: those of them that wait go on, the others that wait never will. A finished member keeps
// its place. So at most that many are promoted, and a bracket that the study's end has cut short
// still trains one trial to its end.
#pragma once

#include "src/pruning/rung_ladder.h"

namespace vizsla {

class HalvingBracket {
 public:
  HalvingBracket(std::vector<int> rung_epochs, int eta, Direction direction)
      : eta_(eta), ladder_(std::move(rung_epochs), direction) {}

  RungLadder& ladder() { return ladder_; }
  const RungLadder& ladder() const { return ladder_; }

  // `trials`: how many start in this bracket, not all of which may exist yet.
  std::optional<int64_t> NextToResume(int64_t trials) const;
  bool AnyToPrune(int64_t trials) const;
  // In no particular order.
  void AppendToPrune(int64_t trials, std::vector<int64_t>& numbers) const;

 private:
  // The lowest rungs that nobody will come to any more and from which, but for the highest of them,
  // nobody has yet to go on.
  std::span<const Rung> DecidedRungs(int64_t trials) const;
  bool MayGoOn(const Rung& rung, const RankedLoss& waiting) const;

  const int eta_;
  RungLadder ladder_;
};

}  // namespace vizsla
