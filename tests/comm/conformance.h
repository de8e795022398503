// What a transport's test program provides to the one conformance suite (conformance_test.cc).
#pragma once

#include <cstddef>
#include <span>

#include "src/comm/communicator.h"

namespace vizsla {

// The GPU of a transport with device_sums().
class DeviceUnderTest {
 public:
  virtual ~DeviceUnderTest() = default;
  virtual void* stream() = 0;
  // In the stream's order; the first returns memory that lives as long as the program.
  virtual void* Upload(std::span<const std::byte> bytes) = 0;
  virtual void Upload(std::span<const std::byte> bytes, void* to) = 0;
  // After all that the stream has been given.
  virtual void Download(const void* from, std::span<std::byte> bytes) = 0;
};

// The communicator under test, the same on all ranks; lives for the whole program.
Communicator& CommunicatorUnderTest();
// Null when the transport has none.
DeviceUnderTest* GpuUnderTest();

}  // namespace vizsla
