#include "src/scheduling/board_cache.h"

#include <utility>

namespace vizsla {
namespace {

// After so many looks that were overtaken, one that shares nothing with others.
constexpr int kMostTries = 4;

absl::StatusOr<std::vector<TrialSummary>> ReadChanged(TrialReader& reader, StudyId study,
                                                      const std::vector<TrialId>& trials) {
  std::vector<TrialSummary> read;
  for (const TrialId id : trials) {
    auto summary = reader.SummarizeTrial(id);
    if (absl::IsNotFound(summary.status())) continue;  // undone, or not stored yet
    VIZSLA_RETURN_IF_ERROR(summary.status());
    if (summary->study == study) read.push_back(*std::move(summary));
  }
  return read;
}

}  // namespace

absl::Status BoardCache::Look(std::string_view name, int top, Timestamp now, const Use& use) {
  for (int tries = 1;; ++tries) {
    // Both before the snapshot is opened: it holds all that they stand for.
    uint64_t version = 0;
    {
      std::lock_guard lock(mutex_);
      version = version_;
    }
    const int64_t settled = changes_.Settled();
    Outcome outcome = Outcome::kAgain;
    VIZSLA_RETURN_IF_ERROR(store_.Read([&](TrialReader& reader) -> absl::Status {
      VIZSLA_ASSIGN_OR_RETURN(const Study study, reader.FindStudy(name));
      Looked looked;
      VIZSLA_ASSIGN_OR_RETURN(outcome, LookOnce(reader, study, version, settled, top, now,
                                                /*alone=*/tries >= kMostTries, looked));
      return outcome == Outcome::kDone ? use(reader, study, looked) : absl::OkStatus();
    }));
    if (outcome == Outcome::kDone) return absl::OkStatus();
  }
}

absl::StatusOr<BoardCache::Outcome> BoardCache::LookOnce(TrialReader& reader, const Study& study,
                                                         uint64_t version, int64_t settled, int top,
                                                         Timestamp now, bool alone,
                                                         Looked& looked) {
  const auto look = [&](const Standings& standings) {
    looked.view = standings.Look(top, now);
    looked.best = standings.Best();
    return Outcome::kDone;
  };
  int64_t tracking = 0;
  std::optional<std::vector<TrialId>> changed;
  if (!alone) {
    std::lock_guard lock(mutex_);
    const auto found = entries_.find(study.id);
    if (found == entries_.end() || !changes_.IsTracked(study.id, found->second.tracking)) {
      // What a snapshot lacks is noted only from here on: the next one may be built upon.
      std::erase_if(entries_, [&](const auto& entry) {
        return !changes_.IsTracked(entry.first, entry.second.tracking);
      });
      entries_[study.id].tracking = changes_.Track(study.id);
      return Outcome::kAgain;
    }
    Entry& entry = found->second;
    if (entry.version > version) return Outcome::kAgain;  // of a snapshot that may be newer
    tracking = entry.tracking;
    if (entry.standings && entry.standings->objective() == study.spec.objective) {
      changed = changes_.Since(study.id, tracking, entry.position);
      if (!changed) return Outcome::kAgain;
      if (changed->empty()) return look(*entry.standings);
    }
  }
  std::vector<TrialSummary> read;
  if (changed) {
    VIZSLA_ASSIGN_OR_RETURN(read, ReadChanged(reader, study.id, *changed));
  } else {
    VIZSLA_ASSIGN_OR_RETURN(read, reader.SummarizeTrials(study.id));
  }
  std::optional<Standings> made;
  if (!changed) {
    made.emplace(study.spec.objective);
    for (const TrialSummary& trial : read) made->Put(trial);
    if (alone) return look(*made);
  }
  std::lock_guard lock(mutex_);
  const auto found = entries_.find(study.id);
  if (found == entries_.end() || found->second.tracking != tracking ||
      found->second.version > version) {
    if (made) return look(*made);
    return Outcome::kAgain;
  }
  Entry& entry = found->second;
  if (made) {
    entry.standings = std::move(made);
  } else {
    for (const TrialSummary& trial : read) entry.standings->Put(trial);
  }
  entry.position = settled;
  entry.version = ++version_;
  changes_.Trim(study.id, settled);
  return look(*entry.standings);
}

}  // namespace vizsla
