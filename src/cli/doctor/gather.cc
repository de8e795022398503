#include "src/cli/doctor/gather.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "coordinator/options.h"
#include "src/base/clock.h"
#include "src/base/file.h"
#include "src/cli/doctor/gather_machine.h"
#include "src/cli/doctor/parse.h"
#include "src/cli/doctor/run_command.h"
#include "src/rpc/address_file.h"
#include "src/rpc/client.h"

namespace vizsla {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kPatience{20};  // LibTorch alone loads for seconds on a cold disk

std::string Unable(const absl::StatusOr<CommandOutput>& output) {
  if (!output.ok()) return std::string(output.status().message());
  return output->text.substr(0, output->text.find('\n'));
}

fs::path FolderOfPrograms() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path();
}

ProgramFacts LookAtProgram(const fs::path& folder, const std::string& name) {
  ProgramFacts facts;
  facts.name = name;
  std::error_code error;
  const std::string path = (folder / name).string();
  facts.present = fs::exists(path, error);
  if (!facts.present) return facts;
  const auto output = RunCommand({path, "--version"}, kPatience);
  if (output.ok() && output->exit_code == 0) facts.version = FindVersion(output->text);
  if (facts.version.empty()) facts.error = Unable(output);
  return facts;
}

// Of the first program here that trains or evaluates.
LibraryFacts LookAtLibraries(const fs::path& folder) {
  for (const char* name : {"vizsla-worker", "vizsla-evaluate"}) {
    std::error_code error;
    const std::string path = (folder / name).string();
    if (!fs::exists(path, error)) continue;
    const auto output = RunCommand({"ldd", path}, kPatience);
    if (!output.ok() || output->exit_code != 0) continue;
    LibraryFacts facts = ParseLdd(output->text);
    // Debian's libblas.so.3 is a link: only what it points to tells which BLAS it is.
    if (const fs::path real = fs::canonical(facts.blas, error); !error) facts.blas = real.string();
    return facts;
  }
  return {};
}

MpiFacts LookAtMpi() {
  MpiFacts facts;
  const auto output = RunCommand({"mpirun", "--version"}, kPatience);
  facts.mpirun = output.ok();
  if (output.ok() && output->text.find("Open MPI") != std::string::npos) {
    facts.version = FindVersion(output->text);
  }
  facts.is_root = ::geteuid() == 0;
  const auto is_one = [](const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && std::string_view(value) == "1";
  };
  facts.root_allowed = is_one("OMPI_ALLOW_RUN_AS_ROOT") && is_one("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM");
  return facts;
}

GpuFacts LookAtGpus() {
  GpuFacts facts;
  std::error_code error;
  facts.driver_loaded = fs::exists("/proc/driver/nvidia/version", error);
  const auto output = RunCommand({"nvidia-smi", "--query-gpu=name,driver_version,memory.total",
                                  "--format=csv,noheader,nounits"},
                                 kPatience);
  facts.nvidia_smi = !absl::IsNotFound(output.status());
  if (!facts.nvidia_smi) return facts;
  if (output.ok() && output->exit_code == 0) {
    facts.gpus = ParseNvidiaSmi(output->text);
  } else {
    facts.error = Unable(output);
  }
  return facts;
}

// Compares the clocks as NTP does: its time against the middle of our two.
void AskCoordinator(CoordinatorClient& client, CoordinatorFacts& facts) {
  facts.version = client.server().server_version();
  facts.protocol = client.server().protocol_version();
  const Timestamp before = SystemClock().Now();
  const auto info = client.GetServerInfo({});
  const Timestamp after = SystemClock().Now();
  if (info.ok()) {
    facts.round_trip = after - before;
    facts.clock_ahead = FromUnixMillis(info->time_unix_ms()) - (before + facts.round_trip / 2);
  }
  const auto health = client.CheckHealth({});
  facts.has_health = health.ok();
  facts.serving = health.ok() && health->status() == grpc::health::v1::HealthCheckResponse::SERVING;
}

CoordinatorFacts LookAtCoordinator(const ConnectionOptions& options, const std::string& database) {
  CoordinatorFacts facts;
  facts.address = options.coordinator;
  if (facts.address.empty()) {
    const auto found = FindCoordinator(database);
    if (!found.ok()) {
      // Held, but by a command that serves nobody: as good as none.
      if (absl::IsUnavailable(found.status())) return facts;
      facts.looked_for = true;
      facts.error = std::string(found.status().message());
      return facts;
    }
    if (!found->has_value()) return facts;
    facts.address = **found;
  }
  facts.looked_for = true;
  ClientOptions client_options = options.client;
  client_options.deadline = seconds(5);
  client_options.patience = milliseconds(0);
  const auto client = CoordinatorClient::Connect(facts.address, client_options);
  if (client.ok()) {
    AskCoordinator(**client, facts);
  } else {
    facts.error = std::string(client.status().message());
  }
  return facts;
}

}  // namespace

DoctorFacts GatherFacts(const GatherOptions& options) {
  DoctorFacts facts;
  facts.version = VIZSLA_VERSION;
  facts.protocol = kProtocolVersion;
  const fs::path folder = FolderOfPrograms();
  for (const char* name :
       {"vizsla-coordinator", "vizsla-worker", "vizsla-evaluate", "vizsla-dataset"}) {
    facts.programs.push_back(LookAtProgram(folder, name));
  }
  facts.libraries = LookAtLibraries(folder);
  facts.mpi = LookAtMpi();
  facts.gpu = LookAtGpus();
  const std::string database = ResolveDatabase(options.connection);
  facts.coordinator = LookAtCoordinator(options.connection, database);
  // With --coordinator the database lies wherever that one runs.
  if (options.connection.coordinator.empty()) {
    const std::string& named = options.connection.artifacts;
    facts.places.push_back(LookAtPlace("database", database));
    facts.places.push_back(
        LookAtPlace("artifacts", named.empty() ? DefaultArtifacts(database) : named));
  }
  if (!options.data.empty()) facts.places.push_back(LookAtPlace("data", options.data));
  facts.machine = LookAtMachine();
  return facts;
}

}  // namespace vizsla
