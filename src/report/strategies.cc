#include "src/report/strategies.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/str_cat.h"
#include "src/catalog/training_plan.h"
#include "src/report/board_parameters.h"
#include "src/study/objective.h"

namespace vizsla {
namespace {

// The configuration's word, or what the catalog says when nobody does; empty for neither.
std::string WordOf(const Configuration& configuration, const std::string& name) {
  if (const auto it = configuration.find(name); it != configuration.end()) {
    return ToText(it->second);
  }
  for (const ParameterInfo& info : KnownParameters()) {
    if (info.name == name) return ToText(info.default_value);
  }
  return "";
}

// How it is trained, leaving aside another trial's weights.
std::string BaseApproachOf(const Configuration& configuration) {
  const std::string weights = WordOf(configuration, "initial_weights");
  if (absl::StartsWith(WordOf(configuration, "network"), "scratch")) {
    return weights == "autoencoder" ? "scratch after autoencoder" : "scratch";
  }
  if (weights == "random") return "from random weights";
  const std::string unfreeze = WordOf(configuration, "unfreeze");
  if (unfreeze == "none" || unfreeze.empty()) return "transfer";
  return unfreeze == "all" ? "fine-tuned whole" : StrCat("fine-tuned from ", unfreeze);
}

bool CanLead(const LeaderboardRowView& row) {
  return row.trial.score.has_value() && MayWin(row.trial);
}

// With repeats the board's ranks are by means, not by the trials' scores.
bool StandsBefore(const Objective& objective, const LeaderboardRowView& a,
                  const LeaderboardRowView& b) {
  if (a.rank > 0 && b.rank > 0) return a.rank < b.rank;
  return RanksBefore(objective, a.trial, b.trial);
}

}  // namespace

std::string ApproachOf(const Trial& trial) {
  const std::string base = BaseApproachOf(trial.configuration);
  return trial.warm_start.checkpoint.empty() ? base : base + ", warm start";
}

std::vector<Strategy> CompareStrategies(const LeaderboardView& board) {
  const Objective& objective = board.study.study.spec.objective;
  using Key = std::tuple<std::string, std::string, std::string>;
  std::map<Key, size_t> places;
  std::vector<Strategy> strategies;
  for (const LeaderboardRowView& row : board.rows) {
    if (!IsConfigured(row.trial)) continue;
    const Key key = {WordOf(row.trial.configuration, "network"), ApproachOf(row.trial),
                     row.trial.name};
    const auto [place, added] = places.emplace(key, strategies.size());
    if (added) {
      strategies.push_back({std::get<0>(key), std::get<1>(key), std::get<2>(key), 0, nullptr});
    }
    Strategy& strategy = strategies[place->second];
    ++strategy.trials;
    if (!CanLead(row)) continue;
    if (strategy.best == nullptr || StandsBefore(objective, row, *strategy.best)) {
      strategy.best = &row;
    }
  }
  std::stable_sort(strategies.begin(), strategies.end(), [&](const auto& a, const auto& b) {
    if (a.best == nullptr || b.best == nullptr) return a.best != nullptr && b.best == nullptr;
    return StandsBefore(objective, *a.best, *b.best);
  });
  return strategies;
}

std::string ToText(const Strategy& strategy) {
  std::string text = StrCat(strategy.network, ", ", strategy.approach);
  if (!strategy.name.empty()) absl::StrAppend(&text, ": ", strategy.name);
  return text;
}

}  // namespace vizsla
