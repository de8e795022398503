// vizsla-coordinator: opens the database, serves it, and ends when it is told to or nobody needs
// it.
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "coordinator/credentials_command.h"
#include "coordinator/options.h"
#include "coordinator/shutdown_signals.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/metrics/metrics_endpoint.h"
#include "src/rpc/address.h"
#include "src/rpc/address_file.h"
#include "src/rpc/server.h"
#include "src/scheduling/scheduler.h"
#include "src/storage/artifact_store.h"
#include "src/storage/sqlite_trial_store.h"

namespace vizsla {
namespace {

// A full disk fails every tick; it is said once, and again when it is over. Whoever asks for our
// health hears of it.
void ReportTick(const absl::Status& status, CoordinatorServer& server, std::string* last_message) {
  const std::string message(status.message());
  if (message == *last_message) return;
  server.SetServing(status.ok());
  if (status.ok()) {
    log::info("working again");
  } else {
    log::error("{}", message);
  }
  *last_message = message;
}

// A command that looks whether the lock is free holds it for an instant: one refusal is not the
// last word.
absl::StatusOr<std::unique_ptr<SqliteTrialStore>> OpenDatabase(const std::string& path) {
  for (int tries = 1;; ++tries) {
    auto store = SqliteTrialStore::Open(path, OpenMode::kReadWrite);
    if (!absl::IsFailedPrecondition(store.status()) || tries == 5) return store;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

void RunUntilDone(const CoordinatorOptions& options, Scheduler& scheduler,
                  CoordinatorServer& server, ShutdownSignals& signals) {
  using std::chrono::milliseconds;
  // Several times a lease, also where leases are short for a test.
  const milliseconds tick =
      std::clamp<milliseconds>(options.scheduling.lease / 8, milliseconds(10), milliseconds(1000));
  std::string last_message;
  for (;;) {
    if (const auto signal = signals.Wait(tick)) {
      log::info("{}: ending", strsignal(*signal));
      return;
    }
    ReportTick(scheduler.Tick(), server, &last_message);
    if (options.exit_when_idle &&
        std::min(scheduler.IdleFor(), server.SinceLastCall()) >= *options.exit_when_idle) {
      log::info("idle for {} s: ending", options.exit_when_idle->count());
      return;
    }
  }
}

absl::Status Run(const CoordinatorOptions& options) {
  VIZSLA_RETURN_IF_ERROR(InitLogging("coordinator", options.log_level, options.log_format));
  ShutdownSignals signals;
  VIZSLA_ASSIGN_OR_RETURN(const auto store, OpenDatabase(options.database));
  // Ours is the lock now: an address that still lies there is a crashed coordinator's.
  RemoveAddressFile(options.database);
  VIZSLA_ASSIGN_OR_RETURN(const ArtifactOwner owner, OwnerOf(*store, options.database));
  VIZSLA_ASSIGN_OR_RETURN(const auto artifacts,
                          ArtifactStore::Open(options.artifacts, /*sweep=*/true, owner));
  VIZSLA_ASSIGN_OR_RETURN(const auto scheduler,
                          Scheduler::Create(*store, *artifacts, SystemClock(), options.scheduling));
  ServerOptions server_options;
  server_options.listen = options.listen;
  server_options.database_name = std::filesystem::path(options.database).filename().string();
  server_options.scheduling = options.scheduling;
  server_options.security.credentials = options.credentials;
  server_options.security.client_certificates = options.client_certificates;
  server_options.security.insecure = options.insecure;
  server_options.security.quotas = options.quotas;
  VIZSLA_ASSIGN_OR_RETURN(auto server,
                          CoordinatorServer::Start(*scheduler, *store, *artifacts, server_options));
  std::unique_ptr<MetricsEndpoint> metrics;
  if (!options.metrics.empty()) {
    VIZSLA_ASSIGN_OR_RETURN(
        metrics, MetricsEndpoint::Start(options.metrics, {*scheduler, *store, *server,
                                                          options.database, options.artifacts}));
    log::info("metrics at {}", metrics->url());
  }
  const std::string local_address = LocalAddress(server->address());
  VIZSLA_RETURN_IF_ERROR(WriteAddressFile(options.database, local_address));
  log::info("vizsla-coordinator {} serves {} at {}", VIZSLA_VERSION, options.database,
            server->address());
  RunUntilDone(options, *scheduler, *server, signals);
  server->SetServing(false);
  RemoveAddressFile(options.database, local_address);
  metrics.reset();  // reads what ends now
  server.reset();
  return absl::OkStatus();
}

}  // namespace
}  // namespace vizsla

int main(int argc, char** argv) {
  if (const auto exit_code = vizsla::RunCredentialsCommand(argc, argv)) return *exit_code;
  const vizsla::ParsedCommandLine command_line = vizsla::ParseCommandLine(argc, argv);
  if (command_line.exit_code) return *command_line.exit_code;
  const absl::Status status = vizsla::Run(command_line.options);
  if (status.ok()) return 0;
  const std::string message(status.message());
  if (command_line.options.log_format == "json") {
    vizsla::log::error("{}", message);  // a collector reads every line
  } else {
    std::fprintf(stderr, "vizsla-coordinator: %s\n", message.c_str());
  }
  return 1;
}
