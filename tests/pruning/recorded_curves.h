// optuna_pruners.txt: learning curves, and where Optuna pruned their trials. Written by
// record_optuna_pruners.py, which describes it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "src/study/objective.h"

namespace vizsla {

// By trial (number 1 first), by epoch (1 first).
using Curves = std::vector<std::vector<double>>;

struct RecordedCase {
  std::string text;  // of its line
  std::string kind;
  Direction direction = Direction::kMinimize;
  std::string curves;  // their name
  std::map<std::string, double> options;
  std::vector<int> pruned_at;  // by trial; 0: completed
};

struct Recording {
  std::map<std::string, Curves> curves;
  std::vector<RecordedCase> cases;
};

// Of this source tree; aborts when the file is not there.
const Recording& Recorded();

}  // namespace vizsla
