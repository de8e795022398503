// The rungs at which trials are compared, and which trials stand where. Internal to src/search.
//
// A trial is a member of each rung that it was promoted past, by its value there, and of the rung
// that it trains towards once it gets there, or once it ends before: a COMPLETED trial (fewer
// planned epochs, early stopping) by its last value, one that was pruned, failed, diverged, did not
// fit or was cancelled as the worst. So no rung waits for a trial that will never come, and a
// finished one must be beaten like any other.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <unordered_map>
#include <vector>

#include "src/pruning/ranked_losses.h"
#include "src/pruning/trial_progress.h"

namespace vizsla {

// min_epochs * eta^k below max_epochs.
std::vector<int> RungEpochs(int min_epochs, int eta, int max_epochs);

class Rung {
 public:
  enum class Standing {
    kActive,    // its run has got here, but waits for no promotion (yet)
    kWaiting,   // PAUSED here
    kPromoted,  // went on from here, whatever has become of it since
    kEnded,     // finished here or on the way here
  };
  struct Member {
    double loss = 0;
    Standing standing = Standing::kActive;
    bool operator==(const Member&) const = default;
  };

  // Nullopt: it is no member.
  void Set(int64_t trial, const std::optional<Member>& member);

  int64_t size() const { return static_cast<int64_t>(members_.size()); }
  int64_t promoted() const { return promoted_; }
  // Those that need no more training here.
  int64_t settled() const { return size() - active_; }
  // Whether this member has a finite value that is among the best `places` of all members.
  bool IsAmong(int64_t places, int64_t trial) const;
  bool IsAmong(int64_t places, const RankedLoss& entry) const;
  // In order of rank.
  const std::set<RankedLoss>& waiting() const { return waiting_; }
  // The member's value; infinite for one that is none.
  RankedLoss EntryOf(int64_t trial) const;

 private:
  void Count(const RankedLoss& entry, Standing standing, bool present);

  std::unordered_map<int64_t, Member> members_;
  RankedLosses ranking_;
  std::set<RankedLoss> waiting_;
  int64_t promoted_ = 0;
  int64_t active_ = 0;
};

class RungLadder {
 public:
  RungLadder(std::vector<int> rung_epochs, Direction direction);

  void Observe(const PrunerTrial& trial);
  void ObserveReport(int64_t trial_number, int epoch, AttemptNumber attempt, double value);

  // The lowest first.
  std::span<const Rung> rungs() const { return rungs_; }
  // Trials that are QUEUED or RUNNING; COMPLETED.
  int64_t active() const { return active_; }
  int64_t completed() const { return completed_; }
  // The rung at which it is to be decided whether the trial goes on; null when it may train on: it
  // has not got to one, or is at its last epoch.
  const Rung* DueRung(int64_t trial_number) const;

 private:
  std::optional<Rung::Member> MemberAt(size_t rung, const TrialProgress& trial) const;
  void Place(const TrialProgress& trial);

  const std::vector<int> rung_epochs_;
  const Direction direction_;
  std::vector<Rung> rungs_;
  std::unordered_map<int64_t, TrialProgress> trials_;
  int64_t active_ = 0;
  int64_t completed_ = 0;
};

}  // namespace vizsla
