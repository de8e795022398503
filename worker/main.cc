// vizsla-worker: the MPI program that trains.
#include <cstdio>

#include "src/base/log.h"
#include "src/cli/terminal.h"
#include "src/comm/mpi_communicator.h"
#include "worker/blas_kernels.h"
#include "worker/exit_codes.h"
#include "worker/job.h"
#include "worker/launch.h"
#include "worker/options.h"
#include "worker/runtime.h"

namespace {

// Every rank has the same command line and fails alike; one speaks. None may end before it has:
// mpirun kills the job when one does.
int RefuseTogether(const absl::Status& status, int* argc, char*** argv) {
  const auto mpi = vizsla::MpiWorld::Init(argc, argv);
  if (!mpi.ok() || (*mpi)->rank() == 0) {
    vizsla::Message(std::string(status.message()), "vizsla-worker");
  }
  if (mpi.ok()) (void)(*mpi)->World()->Barrier();
  return vizsla::kExitUsage;
}

}  // namespace

int main(int argc, char** argv) {
  vizsla::UseProcessorsBlasKernels(argv);
  vizsla::KeepFreedMemory();
  const vizsla::LaunchPlace place = vizsla::ReadLaunchPlace();
  const absl::StatusOr<vizsla::WorkerCommand> command = vizsla::ParseWorkerOptions(argc, argv);
  if (!command.ok()) return RefuseTogether(command.status(), &argc, &argv);
  if (!command->print.empty()) {
    if (place.rank == 0) std::fputs(command->print.c_str(), stdout);
    return 0;
  }
  vizsla::WidenAffinity(place.bound_by_user);
  const absl::Status logging =
      vizsla::InitLogging(place.size > 1 ? vizsla::StrCat("worker ", place.rank) : "worker",
                          command->options.log_level, command->options.log_format);
  if (!logging.ok()) return RefuseTogether(logging, &argc, &argv);
  vizsla::MessagesToLog(command->options.log_format == "json");
  return vizsla::RunJob(command->options, place, &argc, &argv);
}
