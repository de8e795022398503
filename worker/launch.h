// What mpirun tells a process before MPI_Init, and the rules that follow from it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "src/base/status.h"

namespace vizsla {

struct LaunchPlace {
  int rank = 0;
  int size = 1;
  int local_size = 1;          // ranks on this host
  bool bound_by_user = false;  // mpirun was given --bind-to
};

// From Open MPI's environment variables; one process without mpirun is a world of one.
LaunchPlace ReadLaunchPlace(
    const std::function<std::optional<std::string>(const char*)>& get_variable);
LaunchPlace ReadLaunchPlace();  // of this process

// An embedded coordinator listens on loopback only: a job over several hosts must name another.
absl::Status CheckOneHost(int size, int local_size);

}  // namespace vizsla
