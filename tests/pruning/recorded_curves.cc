#include "tests/pruning/recorded_curves.h"

#include <fstream>
#include <sstream>

#include "src/base/check.h"

namespace vizsla {
namespace {

std::istringstream NextLine(std::istream& file) {
  std::string line;
  VIZSLA_CHECK(std::getline(file, line));
  return std::istringstream(line);
}

Curves ReadCurves(size_t trials, std::istream& file) {
  Curves curves(trials);
  for (std::vector<double>& curve : curves) {
    std::istringstream values = NextLine(file);
    // Not operator>>(double), which knows no "nan".
    for (std::string value; values >> value;) curve.push_back(std::stod(value));
  }
  return curves;
}

RecordedCase ReadCase(std::istringstream& words, std::istream& file) {
  RecordedCase result;
  result.text = words.str();
  std::string direction;
  words >> result.kind >> direction >> result.curves;
  result.direction = direction == "minimize" ? Direction::kMinimize : Direction::kMaximize;
  for (std::string option; words >> option;) {
    const size_t equals = option.find('=');
    result.options[option.substr(0, equals)] = std::stod(option.substr(equals + 1));
  }
  std::istringstream epochs = NextLine(file);
  for (int epoch; epochs >> epoch;) result.pruned_at.push_back(epoch);
  return result;
}

Recording Read() {
  Recording recording;
  std::ifstream file(VIZSLA_SOURCE_DIR "/tests/pruning/optuna_pruners.txt");
  VIZSLA_CHECK(file.is_open());
  while (file.peek() != EOF) {
    std::istringstream words = NextLine(file);
    std::string what, name;
    size_t trials = 0;
    words >> what;
    if (what == "case") {
      recording.cases.push_back(ReadCase(words, file));
    } else {
      words >> name >> trials;
      recording.curves[name] = ReadCurves(trials, file);
    }
  }
  return recording;
}

}  // namespace

const Recording& Recorded() {
  static const Recording* const recording = new Recording(Read());
  return *recording;
}

}  // namespace vizsla
