// Facts that the kernel tells.
#pragma once

#include "src/cli/doctor/facts.h"

namespace vizsla {

MachineFacts LookAtMachine();

}  // namespace vizsla
