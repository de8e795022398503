// A pulled model: a folder that `vizsla pull` wrote and that stands by itself.
//
//   model.safetensors  the complete network: frozen and trained tensors, the trainer's names
//   config.json        the study's specification, the configuration, classes, the weights' traits
//   metrics.json       every epoch of the trial
//   split.json         the study's split
//   manifest.json      where it came from, and the SHA-256 of each other file
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/status.h"
#include "src/catalog/training_plan.h"
#include "src/study/configuration.h"
#include "src/study/study.h"
#include "src/study/trial.h"

namespace vizsla {

inline constexpr int kPulledModelFormat = 1;
inline constexpr char kManifestFile[] = "manifest.json";
inline constexpr char kModelFile[] = "model.safetensors";
inline constexpr char kConfigFile[] = "config.json";
inline constexpr char kMetricsFile[] = "metrics.json";
inline constexpr char kSplitFile[] = "split.json";

struct PulledManifest {
  int format_version = kPulledModelFormat;
  int64_t study_id = 0;         // in that database; never given twice
  std::string study;            // its name when it was pulled
  int64_t trial = 0;            // number within the study
  int epoch = 0;                // the selected epoch
  std::string objective;        // metric name
  std::optional<double> score;  // of the selected epoch
  // Where it came from: the database's identity, and how it was reached (one of the two is empty).
  std::string coordinator_id;
  std::string database;     // absolute path, when it lies on this machine
  std::string coordinator;  // address, when the user named one
  // What it was made of. SHA-256.
  std::string dataset_fingerprint;
  std::string split_hash;
  std::string weights_hash;  // empty when the network started from random weights
  std::string checkpoint_hash;
  std::map<std::string, std::string> files;  // name in the folder -> SHA-256
};

// What config.json says.
struct PulledConfig {
  StudySpec spec;
  int stage = 1;  // the trial's; its budget limits the epochs
  Configuration configuration;
  WeightsTraits traits;  // what the study's weights expect; empty strings without weights
  std::vector<std::string> classes;  // in the order of the network's outputs; empty when unknown
};

// The plan of the configuration. Errors as ResolvePlan(Configuration) of the catalog.
absl::StatusOr<TrainingPlan> ResolvePlan(const PulledConfig& config);

struct PulledModel {
  std::string folder;
  PulledManifest manifest;
  PulledConfig config;
  TrainingPlan plan;  // of config.configuration
  Padding padding = Padding::kSymmetric;
  std::string model_path;  // FOLDER/model.safetensors
  std::string model_hash;  // its SHA-256
  std::string split_json;  // for SplitFromJsonText
  Metrics metrics;         // of the selected epoch
};

// Reads the manifest and hashes every file it names. Errors: NotFound ("best/ is no pulled model:
// it has no manifest.json", a file that the manifest names is missing), DataLoss
// ("best/model.safetensors does not have the hash that manifest.json says: it was changed or
// damaged; pull it again"), FailedPrecondition (a newer format), InvalidArgument (what a file says
// is not understood).
absl::StatusOr<PulledModel> LoadPulledModel(const std::string& folder);

std::string ToJsonText(const PulledManifest& manifest);
absl::StatusOr<PulledManifest> PulledManifestFromJsonText(std::string_view text);
std::string ToJsonText(const PulledConfig& config);
absl::StatusOr<PulledConfig> PulledConfigFromJsonText(std::string_view text);

// metrics.json: an array, one object an epoch: {epoch, attempt, seconds, metrics: {...}}; NaN is
// null.
std::string EpochsToJsonText(const std::vector<EpochReport>& epochs);
absl::StatusOr<std::vector<EpochReport>> EpochsFromJsonText(std::string_view text);

}  // namespace vizsla
