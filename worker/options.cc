#include "worker/options.h"

#include <cmath>
#include <cstdlib>
#include <map>

#include "coordinator/artifact_budget_options.h"
#include "src/base/quantity.h"
#include "src/cli/credentials_option.h"
#include "worker/command_line.h"

namespace vizsla {
namespace {

// Each is a thread and a model, whose backbone is in memory as often.
constexpr int kMostTrialsAtOnce = 256;

constexpr char kFooter[] = R"(
Examples:
  mpirun -np 2 --mca odls_base_sigkill_timeout 30 \
    vizsla-worker --search search_spaces/dogs_transfer.yaml --data DATA --weights W.safetensors
  mpirun -np 4 --oversubscribe --mca odls_base_sigkill_timeout 30 \
    vizsla-worker --coordinator 127.0.0.1:4711 --data DATA
  mpirun -np 4 vizsla-worker --coordinator 127.0.0.1:4711 --data DATA --ranks-per-trial 2

SIGTERM, SIGINT and SIGUSR1 drain: each running trial is checkpointed and given back, then the job
ends. Exit status: 0 done, 1 refused (a sentence says why), 2 wrong command line, 70 a rank broke,
75 a collective outlived its deadline. docs/workers.md has the rest.)";

absl::Status Check(const WorkerOptions& options, bool exit_when_done) {
  const auto error = [](std::string_view text) {
    return absl::InvalidArgumentError(std::string(text));
  };
  if (options.search.empty() && options.coordinator.empty()) {
    return error(
        "name a search space with --search, or a coordinator with --coordinator; --help shows "
        "examples");
  }
  if (options.data.empty()) return error("--data is missing: the folder or zip with the photos");
  if (!options.coordinator.empty() && !options.database.empty()) {
    return error("--db names the embedded coordinator's database; it excludes --coordinator");
  }
  if (!options.coordinator.empty() && !options.artifact_budget.empty()) {
    return error(
        "--artifact-budget is the embedded coordinator's; give it to the vizsla-coordinator that "
        "--coordinator names");
  }
  if (!options.search.empty() && !options.study.empty()) {
    return error("--study excludes --search: the search space names its study");
  }
  if (options.ranks_per_trial < 1) return error("--ranks-per-trial must be at least 1");
  if (options.trials_at_once < 0 || options.trials_at_once > kMostTrialsAtOnce) {
    return error(StrCat("--trials-at-once must be from 1 to ", kMostTrialsAtOnce));
  }
  if (options.trials_at_once > 1 && options.ranks_per_trial > 1) {
    return error("--trials-at-once needs --ranks-per-trial 1: a trial of a bundle has one rank");
  }
  if (options.threads_per_rank < 0) return error("--threads-per-rank must be at least 1");
  if (options.wait && exit_when_done) return error("--wait excludes --exit-when-done");
  if (options.wait && options.coordinator.empty()) {
    return error("--wait needs --coordinator: an embedded one serves this search only");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::chrono::milliseconds> Seconds(double value, std::string_view option) {
  if (!std::isfinite(value) || value < 0 || value > 1e6) {
    return absl::InvalidArgumentError(
        StrCat(option, " must be a number of seconds from 0 to 1000000"));
  }
  return std::chrono::milliseconds(std::llround(value * 1000));
}

}  // namespace

std::string DefaultCacheFolder() {
  if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg != nullptr && *xdg != '\0') {
    return std::string(xdg) + "/vizsla";
  }
  const char* home = std::getenv("HOME");
  return std::string(home != nullptr && *home != '\0' ? home : "/tmp") + "/.cache/vizsla";
}

absl::StatusOr<WorkerCommand> ParseWorkerOptions(int argc, const char* const* argv) {
  WorkerCommand command;
  WorkerOptions& options = command.options;
  options.cache_folder = DefaultCacheFolder();
  double collective_deadline = 600;
  double patience = 60;
  bool exit_when_done = false;
  bool no_feature_cache = false;
  std::string feature_cache_budget = "50GiB";

  CLI::App app("Trains the trials of a search. Run it with mpirun; its ranks form trial groups.",
               "vizsla-worker");
  app.footer(kFooter);
  app.add_option("--search", options.search, "Search space (YAML): submit it, then work on it");
  app.add_option("--data", options.data, "Folder or zip with the photos");
  app.add_option("--weights", options.weights,
                 "Pretrained weights (.safetensors, .pth); without it the coordinator's copy is "
                 "fetched into the cache folder");
  app.add_option("--db", options.database,
                 "Database of the embedded coordinator (default: $VIZSLA_DB, else vizsla.db)");
  AddArtifactBudgetOptions(app, options.artifact_budget, options.keep_best);
  app.add_option("--coordinator", options.coordinator,
                 "HOST:PORT of a coordinator that runs by itself");
  AddCredentialsOption(app, options.credentials);
  app.add_option("--study", options.study, "Work on this study only (with --coordinator)");
  app.add_option("--ranks-per-trial", options.ranks_per_trial,
                 "Ranks that train one trial together (data-parallel)")
      ->capture_default_str();
  app.add_option(
         "--trials-at-once", options.trials_at_once,
         "Heads on cached features that a rank trains beside each other; other trials train "
         "alone (with --ranks-per-trial 1; default: its threads, at most 8)")
      ->check(CLI::PositiveNumber);
  app.add_option("--threads-per-rank", options.threads_per_rank,
                 "Threads of LibTorch, OpenMP, OpenBLAS and OpenCV (default: cores / local ranks)")
      ->check(CLI::PositiveNumber);
  app.add_option("--cache-dir", options.cache_folder,
                 "Decoded photos, features and fetched weights; shared by all jobs of the node")
      ->capture_default_str();
  app.add_flag("--no-feature-cache", no_feature_cache,
               "Compute the frozen backbone in every epoch");
  app.add_option("--feature-cache-budget", feature_cache_budget,
                 "Bytes of all features in the cache folder; the least recently used go first")
      ->capture_default_str();
  app.add_option("--feature-cache-type", options.feature_type,
                 "float32, or float16: half the bytes, features rounded to 11 bits")
      ->transform(CLI::CheckedTransformer(std::map<std::string, FeatureType>{
          {"float32", FeatureType::kFloat32}, {"float16", FeatureType::kFloat16}}))
      ->default_str("float32");
  app.add_option("--device", options.device, "auto, cpu or cuda")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, DeviceChoice>{{"auto", DeviceChoice::kAuto},
                                              {"cpu", DeviceChoice::kCpu},
                                              {"cuda", DeviceChoice::kCuda}}))
      ->default_str("auto");
  app.add_flag("!--no-gpu-recordings", options.record_gpu_work,
               "Ask a GPU for each step piece by piece, not for a recorded CUDA graph: slower, the "
               "same results");
  app.add_option(
         "--micro-batch", options.memory.micro_batch,
         "Rows that a rank computes at once, their gradients accumulated; 0: all of its share")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option(
         "--out-of-memory", options.memory.on_out_of_memory,
         "halve (a training step is repeated with half as many rows at once), or infeasible "
         "(the trial ends)")
      ->transform(CLI::CheckedTransformer(std::map<std::string, OnOutOfMemory>{
          {"halve", OnOutOfMemory::kHalve}, {"infeasible", OnOutOfMemory::kInfeasible}}))
      ->default_str("halve");
  app.add_option("--transport", options.transport,
                 "Of the gradients of a trial on several ranks: nccl (from GPU to GPU), mpi, or "
                 "auto: nccl where each rank has a GPU of its own")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, TransportChoice>{{"auto", TransportChoice::kAuto},
                                                 {"mpi", TransportChoice::kMpi},
                                                 {"nccl", TransportChoice::kNccl}}))
      ->default_str("auto");
  app.add_option("--gradient-type", options.gradient_type,
                 "Of the gradients that ranks exchange: float32, or bfloat16: half the bytes, "
                 "rounded to 8 bits")
      ->transform(CLI::CheckedTransformer(std::map<std::string, GradientType>{
          {"float32", GradientType::kFloat32}, {"bfloat16", GradientType::kBfloat16}}))
      ->default_str("float32");
  app.add_flag("--exit-when-done", exit_when_done,
               "Leave when nothing is left to train (the default)");
  app.add_flag("--wait", options.wait, "Stay and wait for new studies (with --coordinator)");
  app.add_option("--collective-deadline", collective_deadline,
                 "Seconds after which a collective with a dead or hung rank ends the job; 0: never")
      ->capture_default_str();
  app.add_option("--coordinator-patience", patience,
                 "Seconds to wait for a coordinator that does not answer")
      ->capture_default_str();
  app.add_option("--log-level", options.log_level, "trace, debug, info, warning, error, off")
      ->capture_default_str();
  app.add_option("--log-format", options.log_format, "text, or json: one object a line")
      ->capture_default_str()
      ->check(CLI::IsMember({"text", "json"}));

  VIZSLA_RETURN_IF_ERROR(ParseCommandLine(app, argc, argv, &command.print));
  if (!command.print.empty()) return command;
  VIZSLA_ASSIGN_OR_RETURN(options.collective_deadline,
                          Seconds(collective_deadline, "--collective-deadline"));
  VIZSLA_ASSIGN_OR_RETURN(options.coordinator_patience,
                          Seconds(patience, "--coordinator-patience"));
  // The last try of a call that was made in time takes its own deadline besides.
  constexpr std::chrono::seconds kLastTry{30};
  if (options.collective_deadline.count() > 0 &&
      options.collective_deadline < options.coordinator_patience + kLastTry) {
    return absl::InvalidArgumentError(
        "--collective-deadline must be at least 30 seconds longer than --coordinator-patience: the "
        "other ranks wait in a collective while the leader waits for the coordinator");
  }
  options.use_feature_cache = !no_feature_cache;
  const std::optional<int64_t> budget = ParseBytes(feature_cache_budget);
  if (!budget) {
    return absl::InvalidArgumentError(
        StrCat("--feature-cache-budget ", feature_cache_budget,
               " is no size: write 50GiB, 500MB, or a number of bytes"));
  }
  options.feature_cache_budget = static_cast<uint64_t>(*budget);
  if (options.cache_folder.empty()) options.cache_folder = DefaultCacheFolder();
  VIZSLA_RETURN_IF_ERROR(Check(options, exit_when_done));
  return command;
}

}  // namespace vizsla
