// What a transport's test program provides to the one conformance suite (conformance_test.cc).
#pragma once

#include "src/comm/communicator.h"

namespace vizsla {

// The communicator under test, the same on all ranks; lives for the whole program.
Communicator& CommunicatorUnderTest();

}  // namespace vizsla
