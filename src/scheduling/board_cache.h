// The standings of the studies whose leaderboards somebody looks at, so that a look reads from the
// store what has changed since the last one and the rows that it shows. What comes out is what
// BuildBoard says on one snapshot, whatever is written meanwhile.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>

#include "src/scheduling/board.h"
#include "src/scheduling/standings.h"
#include "src/scheduling/trial_changes.h"

namespace vizsla {

// Thread-safe. No lock is held while the store reads: who finds that another one was faster looks
// again.
class BoardCache {
 public:
  // `changes` outlives the cache and is told of every change of a trial or its attempts; an attempt
  // never changes without its trial.
  BoardCache(TrialStore& store, TrialChanges& changes) : store_(store), changes_(changes) {}

  struct Looked {
    StandingsView view;
    std::optional<TrialId> best;
  };
  // Calls `use` with a snapshot, the study and its standings there. It may be called again, with
  // a newer snapshot.
  using Use = std::function<absl::Status(TrialReader&, const Study&, const Looked&)>;
  absl::Status Look(std::string_view study, int top, Timestamp now, const Use& use);

 private:
  struct Entry {
    int64_t tracking = 0;
    int64_t position = 0;  // of `changes_`: all up to there are in the standings
    uint64_t version = 0;
    std::optional<Standings> standings;
  };
  enum class Outcome { kDone, kAgain };

  absl::StatusOr<Outcome> LookOnce(TrialReader& reader, const Study& study, uint64_t version,
                                   int64_t settled, int top, Timestamp now, bool alone,
                                   Looked& looked);

  TrialStore& store_;
  TrialChanges& changes_;
  std::mutex mutex_;      // guards everything below
  uint64_t version_ = 0;  // counts the standings that were brought up to date, of all studies
  std::map<StudyId, Entry> entries_;
};

}  // namespace vizsla
