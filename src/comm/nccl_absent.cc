// nccl_communicator.h in a build without NCCL.
#include "src/comm/nccl_communicator.h"

namespace vizsla {
namespace {

absl::Status Absent() { return absl::UnimplementedError("this program was built without NCCL"); }

}  // namespace

bool HasNccl() { return false; }
absl::StatusOr<GpuUuid> UuidOfGpu(int ordinal) { return Absent(); }
absl::StatusOr<std::unique_ptr<Communicator>> MakeNcclCommunicator(Communicator& control,
                                                                   const NcclOptions& options) {
  return Absent();
}

}  // namespace vizsla
