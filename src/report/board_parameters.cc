#include "src/report/board_parameters.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "absl/strings/str_format.h"

namespace vizsla {
namespace {

constexpr size_t kMostNumbersAsWords = 6;

std::optional<double> AsNumber(const ParameterValue& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) return static_cast<double>(*integer);
  if (const auto* number = std::get_if<double>(&value)) return *number;
  return std::nullopt;
}

std::vector<ParameterValue> ValuesOf(const LeaderboardView& board, const std::string& name) {
  std::vector<ParameterValue> values;
  for (const LeaderboardRowView& row : board.rows) {
    const auto it = row.trial.configuration.find(name);
    if (it != row.trial.configuration.end()) values.push_back(it->second);
  }
  return values;
}

// Numbers sorted by size, all else in the order in which it came.
void SortChoices(std::vector<ParameterValue>& choices) {
  const bool numbers = std::all_of(choices.begin(), choices.end(),
                                   [](const auto& value) { return AsNumber(value).has_value(); });
  if (!numbers) return;
  std::stable_sort(choices.begin(), choices.end(),
                   [](const auto& a, const auto& b) { return *AsNumber(a) < *AsNumber(b); });
}

CategoricalDomain WithMoreChoices(CategoricalDomain domain,
                                  const std::vector<ParameterValue>& values) {
  for (const ParameterValue& value : values) {
    if (std::find(domain.choices.begin(), domain.choices.end(), value) == domain.choices.end()) {
      domain.choices.push_back(value);
    }
  }
  SortChoices(domain.choices);
  return domain;
}

FloatDomain Widened(FloatDomain domain, const std::vector<ParameterValue>& values) {
  for (const ParameterValue& value : values) {
    const auto number = AsNumber(value);
    if (!number.has_value() || !std::isfinite(*number)) continue;
    domain.low = std::min(domain.low, *number);
    domain.high = std::max(domain.high, *number);
  }
  domain.step.reset();
  domain.log = domain.log && domain.low > 0;
  return domain;
}

IntDomain Widened(IntDomain domain, const std::vector<ParameterValue>& values) {
  for (const ParameterValue& value : values) {
    const auto* integer = std::get_if<int64_t>(&value);
    if (integer == nullptr) continue;
    domain.low = std::min(domain.low, *integer);
    domain.high = std::max(domain.high, *integer);
  }
  domain.step = 1;
  domain.log = domain.log && domain.low > 0;
  return domain;
}

// In the space of the first stage that has it; null when none does.
const Parameter* FindInStages(const StudySpec& spec, const std::string& name) {
  for (int stage = 1; stage <= StageCount(spec); ++stage) {
    const Parameter* parameter = StageOf(spec, stage).space.Find(name);
    if (parameter != nullptr) return parameter;
  }
  return nullptr;
}

// For a parameter that only enqueued trials have. Many numbers are a range, all else is words.
Domain DomainOfValues(const std::vector<ParameterValue>& values) {
  CategoricalDomain words = WithMoreChoices({}, values);
  const bool numbers = std::all_of(
      words.choices.begin(), words.choices.end(),
      [](const ParameterValue& value) { return std::holds_alternative<double>(value); });
  if (!numbers || words.choices.size() <= kMostNumbersAsWords) return words;
  return FloatDomain{.low = std::get<double>(words.choices.front()),
                     .high = std::get<double>(words.choices.back()),
                     .step = {}};
}

}  // namespace

std::vector<std::string> ParameterNames(const LeaderboardView& board) {
  const StudySpec& spec = board.study.study.spec;
  std::vector<std::string> names;
  for (int stage = 1; stage <= StageCount(spec); ++stage) {
    for (const Parameter& parameter : StageOf(spec, stage).space.parameters) {
      if (std::find(names.begin(), names.end(), parameter.name) == names.end()) {
        names.push_back(parameter.name);
      }
    }
  }
  std::set<std::string> others;
  for (const LeaderboardRowView& row : board.rows) {
    for (const auto& [name, value] : row.trial.configuration) {
      if (FindInStages(spec, name) == nullptr) others.insert(name);
    }
  }
  names.insert(names.end(), others.begin(), others.end());
  return names;
}

bool IsConfigured(const Trial& trial) {
  const WarmStart& start = trial.warm_start;
  switch (start.kind) {
    case WarmStart::Kind::kNone:
      return true;
    case WarmStart::Kind::kBestConfiguration:
      return start.trial > 0;
    case WarmStart::Kind::kTrial:  // whose number is known before it has a checkpoint
    case WarmStart::Kind::kBest:
      return !start.checkpoint.empty();
  }
  return true;
}

std::vector<std::string> VaryingParameters(const LeaderboardView& board) {
  std::vector<std::string> names = ParameterNames(board);
  const auto configured =
      std::count_if(board.rows.begin(), board.rows.end(),
                    [](const LeaderboardRowView& row) { return IsConfigured(row.trial); });
  std::erase_if(names, [&](const std::string& name) {
    if (configured < 2) {
      const Parameter* parameter = FindInStages(board.study.study.spec, name);
      return parameter != nullptr && CountValues(parameter->domain) == 1;
    }
    std::set<std::string> values;  // the empty one: absent
    for (const LeaderboardRowView& row : board.rows) {
      std::string value = ValueTextOf(row.trial.configuration, name);
      if (!value.empty() || IsConfigured(row.trial)) values.insert(std::move(value));
    }
    return values.size() < 2;
  });
  return names;
}

std::string ValueTextOf(const Configuration& configuration, const std::string& name) {
  const auto it = configuration.find(name);
  return it == configuration.end() ? "" : ToText(it->second);
}

std::string ShortValueOf(const Configuration& configuration, const std::string& name) {
  const auto it = configuration.find(name);
  if (it == configuration.end()) return "";
  const auto* number = std::get_if<double>(&it->second);
  return number == nullptr ? ToText(it->second) : absl::StrFormat("%.4g", *number);
}

Parameter CoveringParameter(const LeaderboardView& board, const std::string& name) {
  const std::vector<ParameterValue> values = ValuesOf(board, name);
  const Parameter* known = FindInStages(board.study.study.spec, name);
  if (known == nullptr) return {name, DomainOfValues(values), {}};
  Parameter covering = {name, known->domain, {}};
  const bool inside = std::all_of(values.begin(), values.end(), [&](const auto& value) {
    return Contains(known->domain, value);
  });
  if (inside) return covering;
  if (const auto* number = std::get_if<FloatDomain>(&known->domain)) {
    covering.domain = Widened(*number, values);
  } else if (const auto* integer = std::get_if<IntDomain>(&known->domain)) {
    covering.domain = Widened(*integer, values);
  } else {
    covering.domain = WithMoreChoices(std::get<CategoricalDomain>(known->domain), values);
  }
  return covering;
}

ValueScale::ValueScale(const Domain& domain) {
  if (const auto* number = std::get_if<FloatDomain>(&domain)) {
    low_ = number->low;
    high_ = number->high;
    log_ = number->log;
  } else if (const auto* integer = std::get_if<IntDomain>(&domain)) {
    low_ = static_cast<double>(integer->low);
    high_ = static_cast<double>(integer->high);
    log_ = integer->log;
  } else {
    words_ = std::get<CategoricalDomain>(domain).choices;
  }
}

double ValueScale::PlaceOfWord(size_t index) const {
  if (words_.size() < 2) return 0.5;
  return static_cast<double>(index) / static_cast<double>(words_.size() - 1);
}

std::optional<double> ValueScale::Place(const ParameterValue& value) const {
  if (categorical()) {
    const auto it = std::find(words_.begin(), words_.end(), value);
    if (it == words_.end()) return std::nullopt;
    return PlaceOfWord(static_cast<size_t>(it - words_.begin()));
  }
  const std::optional<double> number = AsNumber(value);
  if (!number.has_value() || !std::isfinite(*number) || (log_ && *number <= 0)) return std::nullopt;
  if (low_ == high_) return 0.5;
  return log_ ? std::log(*number / low_) / std::log(high_ / low_)
              : (*number - low_) / (high_ - low_);
}

}  // namespace vizsla
