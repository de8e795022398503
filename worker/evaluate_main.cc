// vizsla-evaluate: what `vizsla evaluate` and `vizsla predict` run.
#include <cstdio>
#include <exception>

#include "src/base/log.h"
#include "src/cli/terminal.h"
#include "worker/blas_kernels.h"
#include "worker/evaluate.h"
#include "worker/evaluate_options.h"
#include "worker/exit_codes.h"
#include "worker/runtime.h"

namespace {

absl::Status Run(const vizsla::EvaluateOptions& options) {
  VIZSLA_RETURN_IF_ERROR(vizsla::InitLogging("evaluate", options.log_level, options.log_format));
  vizsla::MessagesToLog(options.log_format == "json");
  const int threads = vizsla::ThreadsPerRank(options.threads, vizsla::UsableCores(), 1);
  vizsla::SetThreads(threads);
  VIZSLA_ASSIGN_OR_RETURN(const std::string device,
                          vizsla::ChooseDevice(options.device, /*local_rank=*/0));
  return options.predict ? vizsla::RunPredict(options, device, threads)
                         : vizsla::RunEvaluate(options, device, threads);
}

}  // namespace

int main(int argc, char** argv) {
  vizsla::UseProcessorsBlasKernels(argv);
  vizsla::KeepFreedMemory();
  const absl::StatusOr<vizsla::EvaluateCommand> command = vizsla::ParseEvaluateOptions(argc, argv);
  if (!command.ok()) {
    vizsla::Message(std::string(command.status().message()));
    return vizsla::kExitUsage;
  }
  if (!command->print.empty()) {
    std::fputs(command->print.c_str(), stdout);
    return 0;
  }
  absl::Status status;
  try {
    status = Run(command->options);
  } catch (const std::exception& error) {
    status = absl::InternalError(error.what());
  }
  if (status.ok()) return 0;
  vizsla::Message(std::string(status.message()));
  return vizsla::kExitRefused;
}
