// A sampler on standard input and output, for the Python scripts that compare it with others.
// A line with a study's specification as JSON begins a study; then it writes one configuration a
// line as JSON ("null": the space is used up) and reads the objective's value of each, until the
// word "end".
#include <cstdlib>
#include <iostream>
#include <string>

#include "src/search/sampler.h"

namespace vizsla {
namespace {

absl::Status RunStudy(const std::string& line) {
  VIZSLA_ASSIGN_OR_RETURN(const StudySpec spec, StudySpecFromJsonText(line));
  VIZSLA_ASSIGN_OR_RETURN(const auto sampler, MakeSampler(spec));
  std::string answer;
  for (int64_t number = 1;; ++number) {
    VIZSLA_ASSIGN_OR_RETURN(const auto configuration, sampler->Suggest(number));
    std::cout << (configuration ? ToJsonText(*configuration) : "null") << std::endl;
    if (!std::getline(std::cin, answer) || answer == "end") return absl::OkStatus();
    Trial trial;
    trial.number = number;
    trial.configuration = *configuration;
    trial.state = TrialState::kCompleted;
    trial.epoch = trial.best_epoch = 1;
    trial.score = std::strtod(answer.c_str(), nullptr);
    sampler->Observe(trial);
  }
}

}  // namespace
}  // namespace vizsla

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    const absl::Status status = vizsla::RunStudy(line);
    if (status.ok()) continue;
    std::cerr << "sampler_process: " << status.message() << "\n";
    return 1;
  }
  return 0;
}
