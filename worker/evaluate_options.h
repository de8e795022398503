// The command line of vizsla-evaluate: `evaluate` and `predict` of a pulled model.
#pragma once

#include <string>

#include "src/base/status.h"
#include "src/cli/connection.h"
#include "worker/options.h"

namespace vizsla {

struct EvaluateOptions {
  bool predict = false;     // else evaluate
  std::string folder;       // of the pulled model
  std::string data;         // folder or zip
  std::string split;        // evaluate: train, validation or test
  std::string predictions;  // evaluate: the JSON file to write for each photo; may be empty
  std::string submission;   // predict: the CSV file to write
  bool json = false;
  int threads = 0;  // 0: all cores
  DeviceChoice device = DeviceChoice::kAuto;
  std::string log_level = "warning";
  std::string log_format = "text";  // or "json"
  ConnectionOptions connection;     // where the use of the test split is recorded
};

struct EvaluateCommand {
  EvaluateOptions options;
  std::string print;  // what --help or --version asks for; then nothing else is to be done
};

// InvalidArgument: one sentence.
absl::StatusOr<EvaluateCommand> ParseEvaluateOptions(int argc, const char* const* argv);

}  // namespace vizsla
