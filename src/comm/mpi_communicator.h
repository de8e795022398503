// MPI behind the Communicator interface, and MPI's life cycle.
#pragma once

#include <chrono>
#include <memory>

#include "src/comm/communicator.h"

namespace vizsla {

struct MpiOptions {
  // A collective that takes longer ends the process with _exit(kCollectiveTimeoutExitCode): the
  // watchdog. Zero: never. Ranks wait in collectives by polling with sleeps, never by a spinning
  // blocking call; only the making of a communicator (World, SplitGroups) blocks as MPI does,
  // unwatched: make it where all ranks are together.
  std::chrono::milliseconds collective_deadline{std::chrono::minutes(10)};
};

// MPI_Init_thread with SERIALIZED (on a GPU, batch norm reduces in autograd's device thread while
// the training thread waits for it), once a process; the destructor finalizes, so let it live in
// main.
class MpiWorld {
 public:
  static absl::StatusOr<std::unique_ptr<MpiWorld>> Init(int* argc, char*** argv);
  ~MpiWorld();
  int rank() const;
  int size() const;
  int local_rank() const;  // among the ranks of this host (MPI_COMM_TYPE_SHARED)
  int local_size() const;
  // Splits the world into groups of `ranks_per_group` consecutive ranks (MPI_Comm_split).
  // InvalidArgument when the world does not divide. Collective over the world.
  absl::StatusOr<std::unique_ptr<Communicator>> SplitGroups(int ranks_per_group,
                                                            const MpiOptions& options = {});
  // All ranks of the world. Collective over the world; may be called more than once.
  std::unique_ptr<Communicator> World(const MpiOptions& options = {});

 private:
  MpiWorld() = default;
  int rank_ = 0;
  int size_ = 1;
  int local_rank_ = 0;
  int local_size_ = 1;
};

}  // namespace vizsla
