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
// be in the same order with them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "src/base/status.h"

namespace vizsla {

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
  // Moves the started sums on and never waits: transports without a thread of their own progress
  // only here and in calls that block. Failures are told by FinishSums. Cheap when none is under
  // way.
  virtual void PollSums() = 0;
  // Blocks until all started sums are done on this rank; the deadline counts from this call.
  virtual absl::Status FinishSums() = 0;
  // In place; every rank gets the largest value. Votes: AllReduceMax of a status code.
  virtual absl::Status AllReduceMax(std::span<int64_t> values) = 0;
  // `all` has size() * mine.size() places, filled in rank order.
  virtual absl::Status AllGather(std::span<const std::byte> mine, std::span<std::byte> all) = 0;
};

// A group of one: every collective is a no-op.
std::unique_ptr<Communicator> MakeLocalCommunicator();

// A string of any length from root to all, by two broadcasts.
absl::Status BroadcastString(Communicator& communicator, std::string& text, int root);

// All ranks agree on success: Ok when every rank passes Ok, else on every rank a status with the
// code of the failing rank of the lowest number and its message.
absl::Status Vote(Communicator& communicator, const absl::Status& mine);

// What every transport refuses before it sends anything (InvalidArgument).
absl::Status CheckBroadcastRoot(int root, int size);
absl::Status CheckAllGatherSizes(size_t mine, size_t all, int size);

}  // namespace vizsla
