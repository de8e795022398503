// Which parameters of a board are worth a column or an axis, and over what range. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "src/report/leaderboard.h"
#include "src/study/search_space.h"

namespace vizsla {

// Parameters of the stages' spaces in their order, then by name those that only enqueued trials
// have.
std::vector<std::string> ParameterNames(const LeaderboardView& board);

// False for a trial that has not got, or never got, the one it starts from: its configuration is
// only what replaces the source's, so what it lacks is not known.
bool IsConfigured(const Trial& trial);

// Of these, the ones whose value (or absence, in a configured trial) is not the same in all rows;
// with fewer than two configured trials, what the space does not fix.
std::vector<std::string> VaryingParameters(const LeaderboardView& board);

// With all its digits. Empty when the parameter is absent.
std::string ValueTextOf(const Configuration& configuration, const std::string& name);

// For the eye: four digits of a sampled number are enough. Empty when the parameter is absent.
std::string ShortValueOf(const Configuration& configuration, const std::string& name);

// The parameter with the domain that covers what the rows have: the one of the first stage that has
// it, widened by values that lie outside it (numbers: to a range without steps; all else: to more
// choices), or made of the rows' values alone when no stage's space knows the parameter.
Parameter CoveringParameter(const LeaderboardView& board, const std::string& name);

// Where values stand on a drawn axis.
class ValueScale {
 public:
  explicit ValueScale(const Domain& domain);
  // 0 at the low end, 1 at the high end; words stand apart evenly, one alone in the middle. Nullopt
  // for a value of another kind.
  std::optional<double> Place(const ParameterValue& value) const;
  bool categorical() const { return !words_.empty(); }
  bool log() const { return log_; }
  double low() const { return low_; }  // of a numeric scale
  double high() const { return high_; }
  const std::vector<ParameterValue>& words() const { return words_; }
  double PlaceOfWord(size_t index) const;

 private:
  std::vector<ParameterValue> words_;
  double low_ = 0;
  double high_ = 1;
  bool log_ = false;
};

}  // namespace vizsla
