// Collectives over plain host buffers between the ranks of one trial group (or of the world). One
// interface, several transports, one conformance suite. All ranks must call the same collectives in
// the same order with the same sizes; calls block. One thread at a time (MPI is asked for
// SERIALIZED: the training thread, or the thread it waits for). A collective that fails or outlives
// its deadline leaves the communicator broken: every later call returns the same error, and the
// process is expected to leave with _exit.
//
// One exception to "calls block": sums that are started and finished later, so that they travel
// while the caller computes. They have a channel of their own. All ranks start the same ones in the
// same order, but what the ranks do between starting them, blocking collectives included, need not
// be in the same order with them. A transport between GPUs sums what is in their memory, too, where
// it never leaves it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "src/base/status.h"
#include "src/comm/bfloat16.h"

namespace vizsla {

// Numbers in the memory of this rank's GPU.
struct DeviceValues {
  enum class Type { kFloat32, kBfloat16 };
  Type type = Type::kFloat32;
  void* data = nullptr;
  size_t count = 0;
  void* stream = nullptr;  // cudaStream_t that writes them before the sum, and reads them after it
};

class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;

  virtual absl::Status Barrier() = 0;
  // Overwrites `bytes` on every rank but root with root's.
  virtual absl::Status Broadcast(std::span<std::byte> bytes, int root) = 0;
  // In place, every rank gets the same sum, bit for bit. The order of summation is fixed for a
  // given size, so that a run can be repeated exactly.
  virtual absl::Status AllReduceSum(std::span<float> values) = 0;
  virtual absl::Status AllReduceSum(std::span<double> values) = 0;
  // Starts an AllReduceSum and returns: the same sums, bit for bit. The values belong to the
  // communicator until FinishSums has returned. Any number may be under way.
  virtual absl::Status StartAllReduceSum(std::span<float> values) = 0;
  // Numbers of half the bytes: they are added as float32, in rank order, and the sum is rounded.
  virtual absl::Status StartAllReduceSum(std::span<Bfloat16> values) = 0;
  // Whether StartDeviceSum works.
  virtual bool device_sums() const { return false; }
  // As StartAllReduceSum, once the stream has come to where it is now. Never waits for the GPU. A
  // run can be repeated exactly, but the order of summation, and of bfloat16 what is rounded
  // between, is the transport's.
  virtual absl::Status StartDeviceSum(const DeviceValues& values) {
    return absl::UnimplementedError("this transport does not reach the memory of GPUs");
  }
  // Moves the started sums on and never waits: transports without a thread of their own progress
  // only here and in calls that block. Failures are told by FinishSums. Cheap when none is under
  // way.
  virtual void PollSums() = 0;
  // Blocks until all started sums are done on this rank; the deadline counts from this call. It
  // does not wait for sums of device values: their streams do, before what they are given next. One
  // that outlives the deadline fails the next call.
  virtual absl::Status FinishSums() = 0;
  // In place; every rank gets the largest value. Votes: AllReduceMax of a status code.
  virtual absl::Status AllReduceMax(std::span<int64_t> values) = 0;
  // `all` has size() * mine.size() places, filled in rank order.
  virtual absl::Status AllGather(std::span<const std::byte> mine, std::span<std::byte> all) = 0;
};

// A group of one: every collective is a no-op.
std::unique_ptr<Communicator> MakeLocalCommunicator();

// How a process ends that a collective's deadline ends.
inline constexpr int kCollectiveTimeoutExitCode = 75;

// A string of any length from root to all, by two broadcasts.
absl::Status BroadcastString(Communicator& communicator, std::string& text, int root);

// A status from root to all. What it returns is the transport's.
absl::Status BroadcastStatus(Communicator& communicator, absl::Status& status, int root);

// All ranks agree on success: Ok when every rank passes Ok, else on every rank a status with the
// code of the failing rank of the lowest number and its message.
absl::Status Vote(Communicator& communicator, const absl::Status& mine);

// What every transport refuses before it sends anything (InvalidArgument).
absl::Status CheckBroadcastRoot(int root, int size);
absl::Status CheckAllGatherSizes(size_t mine, size_t all, int size);

}  // namespace vizsla
