#include "worker/group_task.h"

namespace vizsla {

absl::Status ShareTask(Communicator& group, GroupTask& task) {
  std::string kind(1, static_cast<char>(task.kind));
  VIZSLA_RETURN_IF_ERROR(BroadcastString(group, kind, 0));
  task.kind = static_cast<GroupTask::Kind>(kind[0]);
  if (task.kind == GroupTask::Kind::kFail) return BroadcastString(group, task.reason, 0);
  if (task.kind != GroupTask::Kind::kTrain) return absl::OkStatus();
  VIZSLA_RETURN_IF_ERROR(BroadcastString(group, task.lease, 0));
  VIZSLA_RETURN_IF_ERROR(BroadcastString(group, task.split, 0));
  VIZSLA_RETURN_IF_ERROR(BroadcastString(group, task.checkpoint, 0));
  return BroadcastString(group, task.init, 0);
}

}  // namespace vizsla
