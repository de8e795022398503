#include "src/scheduling/standings.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace vizsla {
namespace {

int64_t GroupNumberOf(const TrialSummary& trial) {
  return trial.repeat_of > 0 ? trial.repeat_of : trial.number;
}

Trial AsTrial(const TrialSummary& summary) {
  Trial trial;
  trial.id = summary.id;
  trial.number = summary.number;
  trial.stage = summary.stage;
  trial.repeat_of = summary.repeat_of;
  trial.final_run = summary.final_run;
  trial.state = summary.state;
  trial.epoch = summary.epoch;
  trial.score = summary.score;
  trial.further_values = summary.further_values;
  return trial;
}

Milliseconds TrainedUntil(const TrialSummary& trial, Timestamp now) {
  if (!trial.started || !trial.running_since) return trial.trained;
  return trial.trained + std::max(Milliseconds(0), now - *trial.running_since);
}

}  // namespace

void Standings::Put(const TrialSummary& trial) {
  const int64_t number = GroupNumberOf(trial);
  Group& group = groups_[number];
  Withdraw(number, group);
  const auto [entry, added] = trials_.try_emplace(trial.number, trial);
  if (!added) {
    Count(entry->second, -1);
    entry->second = trial;
  }
  Count(trial, 1);
  group.runs.insert(trial.number);
  Place(number, group);
}

void Standings::Count(const TrialSummary& trial, int64_t sign) {
  if ((states_[trial.state] += sign) == 0) states_.erase(trial.state);
  if (trial.final_run) fresh_runs_ += sign;
  if (trial.state == TrialState::kRunning && trial.started) {
    if (sign > 0) {
      running_.insert(trial.number);
    } else {
      running_.erase(trial.number);
    }
  }
  if (!IsFinished(trial.state)) return;
  ended_ += sign;
  if (!trial.started || !MayWin(AsTrial(trial))) return;
  measured_ += sign;
  spent_ += sign * trial.trained;
}

void Standings::CountGroup(int64_t number, const Group& group, int64_t sign) {
  const TrialSummary& first = trials_.at(number);
  const auto stage = static_cast<size_t>(std::max(1, first.stage));
  if (runs_.configurations.size() < stage) runs_.configurations.resize(stage);
  runs_.configurations[stage - 1] += sign;
  if (!IsFinished(first.state)) return;
  runs_.ended_firsts += sign;
  runs_.runs_of_ended_firsts +=
      sign * std::count_if(group.runs.begin(), group.runs.end(),
                           [&](int64_t run) { return !trials_.at(run).final_run; });
}

Standings::Runs Standings::RunsOf(const Group& group) const {
  Runs runs;
  runs.trials.reserve(group.runs.size());  // the group points into it
  for (const int64_t number : group.runs) {
    const Trial& run = runs.trials.emplace_back(AsTrial(trials_.at(number)));
    (run.final_run ? runs.group.fresh : runs.group.search).push_back(&run);
  }
  return runs;
}

void Standings::Withdraw(int64_t number, Group& group) {
  if (!group.rank) return;
  CountGroup(number, group, -1);
  if (group.on_front) {
    fronts_.Erase(number);
  } else {
    order_.erase(*group.rank);
  }
  group.rank.reset();
}

void Standings::Place(int64_t number, Group& group) {
  if (!group.runs.contains(number)) return;  // its first run is not known yet
  const Runs runs = RunsOf(group);
  CountGroup(number, group, 1);
  group.rank = RankOf(objective_, runs.group);
  // Runs are not repeated where there are several objectives.
  std::optional<Losses> losses;
  if (!objective_.further.empty()) losses = ParetoLosses(objective_, *runs.group.search.front());
  group.on_front = losses.has_value();
  if (losses) {
    fronts_.Insert(number, *std::move(losses));
  } else {
    order_.insert(*group.rank);
  }
}

StandingsRow Standings::RowOf(int64_t number, Timestamp now) const {
  const Group& group = groups_.at(number);
  const Runs runs = RunsOf(group);
  StandingsRow row;
  row.trial = Representative(objective_, runs.group).id;
  row.search = Summarize(runs.group.search);
  if (!runs.group.fresh.empty()) row.fresh = Summarize(runs.group.fresh);
  for (const int64_t run : group.runs) row.trained += TrainedUntil(trials_.at(run), now);
  // A score that is no number never wins, so it has no place either.
  if (objective_.further.empty() && HasRank(runs.group)) row.rank = 1;
  return row;
}

StandingsView Standings::Look(int top, Timestamp now) const {
  StandingsView view;
  const auto wanted = [&] { return top <= 0 || view.rows.size() < static_cast<size_t>(top); };
  int rank = 0;
  for (size_t i = 0; i < fronts_.fronts().size() && wanted(); ++i) {
    for (const ParetoLevels::Member& member : fronts_.fronts()[i]) {
      if (!wanted()) break;
      StandingsRow row = RowOf(member.id, now);
      row.front = static_cast<int>(i) + 1;
      row.rank = ++rank;
      view.rows.push_back(std::move(row));
    }
  }
  for (auto place = order_.begin(); place != order_.end() && wanted(); ++place) {
    StandingsRow row = RowOf(place->rank.number, now);
    if (row.rank > 0) row.rank = ++rank;
    view.rows.push_back(std::move(row));
  }
  view.total_trials = static_cast<int64_t>(trials_.size());
  view.total_rows = static_cast<int64_t>(fronts_.size() + order_.size());
  for (const auto& [state, count] : states_) view.trial_counts[std::string(ToText(state))] = count;
  view.runs = runs_;
  view.runs.final_runs_begun = fresh_runs_ > 0;
  view.pace = {ended_, measured_, spent_, {}};
  for (const int64_t number : running_) {
    view.pace.running.push_back(TrainedUntil(trials_.at(number), now));
  }
  return view;
}

std::optional<TrialId> Standings::Best() const {
  const auto winner = [&](int64_t number) -> std::optional<TrialId> {
    const Runs runs = RunsOf(groups_.at(number));
    const Trial& best = Representative(objective_, runs.group);
    if (!MayWin(best) || !best.score || !std::isfinite(*best.score)) return std::nullopt;
    return best.id;
  };
  if (fronts_.size() > 0) return winner(fronts_.fronts().front().begin()->id);
  for (auto place = order_.begin(); place != order_.end() && place->rank.HasScore(); ++place) {
    if (const auto best = winner(place->rank.number)) return best;
  }
  return std::nullopt;
}

}  // namespace vizsla
