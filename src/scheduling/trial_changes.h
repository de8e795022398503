// Which trials have changed, for who keeps something that he has derived from their rows. Each
// change is noted while its transaction is open, so before any snapshot can hold it, and settled
// when it has been stored or undone, so after.
//
// Whoever has derived something from a snapshot that was opened at or after `Settled() == p` brings
// it to a later snapshot by reading there the trials of Since(p). An undone change is noted like
// any other: a trial too many is read.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "src/study/ids.h"

namespace vizsla {

// Thread-safe.
class TrialChanges {
 public:
  // The changes of one transaction; settles them at its end. Not thread-safe.
  class Transaction {
   public:
    explicit Transaction(TrialChanges& changes) : changes_(changes) {}
    ~Transaction() { changes_.Settle(*this); }
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    void Note(StudyId study, TrialId trial) {
      studies_.insert(study);
      changes_.Note(study, trial, *this);
    }
    // Something of the study itself.
    void Note(StudyId study) { studies_.insert(study); }
    // The study goes: nobody need be told of its trials.
    void Forget(StudyId study) {
      studies_.insert(study);
      changes_.Forget(study);
    }
    const std::set<StudyId>& studies() const { return studies_; }

   private:
    friend class TrialChanges;
    TrialChanges& changes_;
    std::set<StudyId> studies_;
    int64_t first_ = 0;  // of its changes; 0: none yet
  };

  // Nothing is noted of a study before this; it costs nothing there. The answer names this
  // tracking: it ends when so much has changed since that reading all anew is no more work.
  int64_t Track(StudyId study);
  bool IsTracked(StudyId study, int64_t tracking) const;

  // All changes up to here have been stored or undone.
  int64_t Settled() const;
  // Each trial that may have changed after `position`, once; nullopt: the tracking has ended.
  std::optional<std::vector<TrialId>> Since(StudyId study, int64_t tracking,
                                            int64_t position) const;
  // Nobody will ask for what is older.
  void Trim(StudyId study, int64_t position);

  static constexpr size_t kMostTracked = 8192;  // trials of a study

 private:
  struct Log {
    int64_t tracking = 0;
    std::map<TrialId, int64_t> newest;    // the position of each trial's last change
    std::map<int64_t, TrialId> in_order;  // the same the other way round
  };

  struct Change {
    int64_t position = 0;
    StudyId study;
    TrialId trial;
  };

  void Note(StudyId study, TrialId trial, Transaction& transaction);
  void Forget(StudyId study);
  void Settle(const Transaction& transaction);
  static void Add(Log& log, const Change& change);

  mutable std::mutex mutex_;  // guards everything below
  int64_t last_ = 0;
  int64_t trackings_ = 0;
  // Of each transaction that is not settled, by its first one: a tracking begins with them.
  std::map<int64_t, std::vector<Change>> open_;
  std::map<StudyId, Log> logs_;
};

}  // namespace vizsla
