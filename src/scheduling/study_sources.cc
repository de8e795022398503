#include "src/scheduling/study_sources.h"

#include <algorithm>

#include "src/scheduling/stage_policy.h"

namespace vizsla {

StudySources::Row StudySources::RowOf(const Trial& trial) {
  Row row;
  row.stage = trial.stage;
  row.repeat_of = trial.repeat_of;
  row.final_run = trial.final_run;
  row.state = trial.state;
  row.score = trial.score;
  row.further_values = trial.further_values;
  row.has_checkpoint = !trial.best_checkpoint.empty();
  row.kind = trial.warm_start.kind;
  row.source = trial.warm_start.trial;
  row.waiting = IsWaiting(trial);
  return row;
}

void StudySources::Put(const Trial& trial) {
  Row row = RowOf(trial);
  const auto [entry, added] = rows_.try_emplace(trial.number);
  if (!added && entry->second == row) return;
  if (!added) Count(trial.number, entry->second, /*there=*/false);
  Count(trial.number, row, /*there=*/true);
  entry->second = std::move(row);
  if (trial.final_run) return;  // of no stage
  const int64_t number = GroupNumber(trial);
  Group& group = groups_[number];
  Withdraw(number, group);
  group.runs.insert(trial.number);
  Place(number, group);
}

void StudySources::Count(int64_t number, const Row& row, bool there) {
  const auto list = [&](std::set<int64_t>& numbers) {
    if (there) {
      numbers.insert(number);
    } else {
      numbers.erase(number);
    }
  };
  if (row.repeat_of == 0) turns_[{row.stage, row.source}] += there ? 1 : -1;
  if (row.state == TrialState::kRunning) running_ += there ? 1 : -1;
  if (row.state == TrialState::kQueued) list(row.waiting ? waiting_ : ready_);
}

void StudySources::Withdraw(int64_t number, Group& group) {
  if (group.on_front) fronts_.Erase(number);
  if (group.place) order_.at(group.stage).erase(*group.place);
  group.on_front = false;
  group.place.reset();
  group.source = 0;
}

void StudySources::Place(int64_t number, Group& group) {
  if (!group.runs.contains(number)) return;  // its first run is not known yet
  std::vector<Trial> trials;
  trials.reserve(group.runs.size());  // `runs` points into it
  TrialGroup runs;
  for (const int64_t run : group.runs) {
    const Row& row = rows_.at(run);
    Trial& trial = trials.emplace_back();
    trial.number = run;
    trial.stage = row.stage;
    trial.repeat_of = row.repeat_of;
    trial.state = row.state;
    trial.score = row.score;
    trial.further_values = row.further_values;
    if (row.has_checkpoint) trial.best_checkpoint = "there";
    runs.search.push_back(&trial);
  }
  group.stage = runs.first().stage;
  if (const Trial* const source = SourceRun(objective_, runs)) group.source = source->number;
  // Runs are not repeated where there are several objectives.
  std::optional<Losses> losses;
  if (!objective_.further.empty()) losses = ParetoLosses(objective_, runs.first());
  group.on_front = losses.has_value();
  if (losses) {
    // Also where nobody can start from it: what it dominates stands behind it.
    fronts_.Insert(number, *std::move(losses));
  } else if (group.source != 0) {
    group.place = RankOf(objective_, runs);
    order_[group.stage].insert(*group.place);
  }
}

std::vector<int64_t> StudySources::Best(int stage, size_t top) const {
  std::vector<int64_t> sources;
  for (const ParetoLevels::Front& front : fronts_.fronts()) {
    for (const ParetoLevels::Member& member : front) {
      if (sources.size() >= top) return sources;
      const Group& group = groups_.at(member.id);
      if (group.stage < stage && group.source != 0) sources.push_back(group.source);
    }
  }
  // Those on no front stand behind all that are on one.
  std::vector<GroupRank> places;
  for (auto order = order_.begin(); order != order_.end() && order->first < stage; ++order) {
    size_t taken = 0;
    for (auto place = order->second.begin(); place != order->second.end() && taken < top; ++place) {
      places.push_back(*place);
      ++taken;
    }
  }
  std::sort(places.begin(), places.end());
  for (const GroupRank& place : places) {
    if (sources.size() >= top) break;
    sources.push_back(groups_.at(place.rank.number).source);
  }
  return sources;
}

std::vector<int64_t> StudySources::TakeTurns(int stage, size_t top) const {
  std::vector<int64_t> sources = Best(stage, top);
  const auto turns = [&](int64_t source) {
    const auto found = turns_.find({stage, source});
    return found == turns_.end() ? int64_t{0} : found->second;
  };
  std::stable_sort(sources.begin(), sources.end(),
                   [&](int64_t a, int64_t b) { return turns(a) < turns(b); });
  return sources;
}

bool StudySources::WaitsForBest(int64_t number) const {
  // Some may wait for each other.
  for (size_t steps = 0; steps <= waiting_.size(); ++steps) {
    const auto at = rows_.find(number);
    if (at == rows_.end() || !at->second.waiting) return false;
    if (WantsBest(at->second.kind)) return true;
    number = at->second.source;
  }
  return false;
}

bool StudySources::OthersGoOn() const {
  return running_ > 0 || !ready_.empty() ||
         std::any_of(waiting_.begin(), waiting_.end(),
                     [&](int64_t number) { return !WaitsForBest(number); });
}

bool StudySources::AnyToDecide(bool sampled_out) const {
  bool best_of_first_stage = false;
  for (const int64_t number : waiting_) {
    const Row& row = rows_.at(number);
    if (WantsBest(row.kind)) {
      if (row.stage > 1) return true;
      best_of_first_stage = true;
      continue;
    }
    const auto source = rows_.find(row.source);
    if (source == rows_.end() || IsFinished(source->second.state)) return true;
  }
  return best_of_first_stage && sampled_out && !OthersGoOn();
}

std::optional<int64_t> StudySources::FirstReady() const {
  return ready_.empty() ? std::nullopt : std::optional<int64_t>(*ready_.begin());
}

}  // namespace vizsla
