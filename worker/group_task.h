// What a leader tells its group to do next.
#pragma once

#include <string>

#include "src/base/status.h"
#include "src/comm/communicator.h"

namespace vizsla {

struct GroupTask {
  enum class Kind : char {
    kIdle = 'I',  // nothing now; another task follows soon, so that no broadcast waits for long
    kTrain = 'T',
    kLeave = 'L',  // nothing is left, or the process drains
    kFail = 'F',   // the leader cannot go on
  };
  Kind kind = Kind::kIdle;
  std::string lease{};       // kTrain: v1::Lease, serialized
  std::string split{};       // kTrain: JSON, when the group has another one
  std::string checkpoint{};  // kTrain: bytes to resume from, or empty
  std::string init{};        // kTrain: bytes of the checkpoint that the trial starts from, or empty
  std::string reason{};      // kFail
};

// Collective: every rank gets the leader's (rank 0's) task.
absl::Status ShareTask(Communicator& group, GroupTask& task);

// Collective: bytes that the leader has and some ranks want. Ok, and `bytes` untouched, when nobody
// wants them. `load` runs on the leader only and may fail: then all ranks get its error.
// On return `bytes` holds them on the ranks that passed wanted = true.
template <typename Load>
absl::Status ShareOnDemand(Communicator& group, bool wanted, const Load& load, std::string& bytes);

}  // namespace vizsla

#include <array>
#include <cstdint>
#include <utility>

namespace vizsla {

template <typename Load>
absl::Status ShareOnDemand(Communicator& group, bool wanted, const Load& load, std::string& bytes) {
  std::array<int64_t, 1> any = {wanted ? 1 : 0};
  VIZSLA_RETURN_IF_ERROR(group.AllReduceMax(any));
  if (any[0] == 0) return absl::OkStatus();
  std::string shared;
  absl::Status loaded;
  if (group.rank() == 0) {
    absl::StatusOr<std::string> result = load();
    loaded = result.status();
    if (result.ok()) shared = *std::move(result);
  }
  VIZSLA_RETURN_IF_ERROR(Vote(group, loaded));
  VIZSLA_RETURN_IF_ERROR(BroadcastString(group, shared, 0));
  if (wanted) bytes = std::move(shared);
  return absl::OkStatus();
}

}  // namespace vizsla
