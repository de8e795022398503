// Finds the facts out: asks the kernel, other programs and the coordinator. Changes nothing, takes
// no lock, and waits at most a few seconds for whoever does not answer.
#pragma once

#include <string>

#include "src/cli/connection.h"
#include "src/cli/doctor/facts.h"

namespace vizsla {

struct GatherOptions {
  ConnectionOptions connection;
  std::string data;  // empty: not looked at
};

DoctorFacts GatherFacts(const GatherOptions& options);

// A folder that exists, or a path that will be made in one.
PlaceFacts LookAtPlace(const std::string& what, const std::string& path);

}  // namespace vizsla
