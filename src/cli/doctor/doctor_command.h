// vizsla doctor: is this machine fit, and if not, what is to be mended.
#pragma once

#include <string>
#include <vector>

#include "src/base/status.h"
#include "src/cli/connection.h"
#include "src/cli/doctor/checks.h"

namespace vizsla {

struct DoctorCommand {
  std::string data;
  bool json = false;
};

// Prints a line a check. FailedPrecondition when there is a problem.
absl::Status RunDoctor(const ConnectionOptions& connection, const DoctorCommand& command);

// What it prints. Pure.
std::string DoctorText(const std::vector<Finding>& findings);
std::string DoctorJson(const std::vector<Finding>& findings);

}  // namespace vizsla
