// The worker's command line.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "src/base/status.h"
#include "src/comm/transport.h"
#include "src/train/cache_budget.h"
#include "src/train/feature_type.h"
#include "src/train/gradient_type.h"
#include "src/train/micro_batches.h"

namespace vizsla {

enum class DeviceChoice { kAuto, kCpu, kCuda };

struct WorkerOptions {
  std::string search;       // the YAML file; empty: the coordinator's studies are served
  std::string data;         // folder or zip
  std::string weights;      // file; empty: none, or the coordinator's copy
  std::string database;     // --db as given; of the embedded coordinator
  std::string coordinator;  // address; empty: an embedded coordinator
  std::string credentials;  // folder for a coordinator that wants them; may be empty
  std::string study;        // only this one; empty: any that fits
  int ranks_per_trial = 1;
  int trials_at_once = 0;    // of one rank; 0: as TrialsAtOnce of runtime.h chooses
  int threads_per_rank = 0;  // 0: the node's cores over its ranks
  std::string cache_folder;  // never empty
  bool use_feature_cache = true;
  uint64_t feature_cache_budget = CacheBudget().bytes;
  FeatureType feature_type = FeatureType::kFloat32;
  DeviceChoice device = DeviceChoice::kAuto;
  bool record_gpu_work = true;
  MemoryPolicy memory;
  TransportChoice transport = TransportChoice::kAuto;  // of gradients
  GradientType gradient_type = GradientType::kFloat32;
  // Of the embedded coordinator; a budget as ParseBytes reads it, empty: no limit.
  std::string artifact_budget;
  int keep_best = 10;
  bool wait = false;  // stay when nothing is left
  std::chrono::milliseconds collective_deadline{std::chrono::minutes(10)};
  std::chrono::milliseconds coordinator_patience{std::chrono::seconds(60)};
  std::string log_level = "info";
  std::string log_format = "text";  // or "json"
};

struct WorkerCommand {
  WorkerOptions options;
  std::string print;  // what --help or --version asks for; then nothing else is to be done
};

// InvalidArgument: one sentence. Looks at $XDG_CACHE_HOME and $HOME for the cache's default.
absl::StatusOr<WorkerCommand> ParseWorkerOptions(int argc, const char* const* argv);

// ${XDG_CACHE_HOME:-~/.cache}/vizsla.
std::string DefaultCacheFolder();

}  // namespace vizsla
