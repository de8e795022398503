// Doubles of what NcclCommunicator calls of CUDA and NCCL: memory is the host's, streams do at once
// what they are given, and a sum over two equal ranks doubles its values. nccl_doubles.cc defines
// the libraries' own functions.
#pragma once

#include <nccl.h>

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

namespace vizsla {

struct NcclDoubles {
  std::atomic<bool> sums_hang{false};  // and with them what waits for them, until the abort
  std::atomic<ncclResult_t> asynchronous{ncclSuccess};  // what a communicator says of its state
  std::atomic<ncclResult_t> connecting{ncclSuccess};
  std::atomic<ncclResult_t> summing{ncclSuccess};
  std::atomic<bool> abort_hangs{false};

  void Note(const std::string& call);
  std::vector<std::string> TakeCalls();  // since the last time, in order

 private:
  std::mutex mutex_;
  std::vector<std::string> calls_;  // guarded by mutex_
};
NcclDoubles& Doubles();

}  // namespace vizsla
