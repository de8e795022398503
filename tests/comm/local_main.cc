#include <gtest/gtest.h>

#include "tests/comm/conformance.h"

namespace vizsla {

Communicator& CommunicatorUnderTest() {
  static const std::unique_ptr<Communicator> local = MakeLocalCommunicator();
  return *local;
}

DeviceUnderTest* GpuUnderTest() { return nullptr; }

}  // namespace vizsla

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
