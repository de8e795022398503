#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "src/base/file.h"
#include "src/base/sha256.h"
#include "src/base/str_cat.h"
#include "src/catalog/weights_traits.h"
#include "src/cli/commands.h"
#include "src/cli/model_assembly.h"
#include "src/cli/pull.h"
#include "src/cli/terminal.h"
#include "src/cli/wire_views.h"
#include "src/dataset/split.h"
#include "src/report/pulled_model.h"
#include "src/report/text.h"
#include "src/weights/tensor_file.h"

namespace vizsla {
namespace {

namespace fs = std::filesystem;

absl::Status FileSystemStatus(const std::error_code& error, const std::string& path,
                              std::string_view what) {
  return error ? ErrnoStatus(error.value(), path, what) : absl::OkStatus();
}

// What may be written over: nothing there, an empty folder, or (--force) an earlier pull.
absl::Status CheckTarget(const std::string& folder, bool force) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(folder, error))) return absl::OkStatus();
  if (!fs::is_directory(folder, error)) {
    return absl::AlreadyExistsError(StrCat(folder, " is there already and is no folder"));
  }
  const bool empty = fs::is_empty(folder, error);
  VIZSLA_RETURN_IF_ERROR(FileSystemStatus(error, folder, "list"));
  if (empty) return absl::OkStatus();
  const bool pulled = fs::exists(folder + "/" + kManifestFile, error);
  if (!pulled) {
    return absl::AlreadyExistsError(
        StrCat(folder, " is not empty and is no earlier pull; name another folder with -o"));
  }
  if (!force) {
    return absl::AlreadyExistsError(StrCat(folder, " holds an earlier pull; --force replaces it"));
  }
  return absl::OkStatus();
}

// A folder beside the target, in the same file system; removed with what is left in it.
class Staging {
 public:
  static absl::StatusOr<Staging> Create(const std::string& target) {
    fs::path path = fs::absolute(target).lexically_normal();
    if (!path.has_filename()) path = path.parent_path();  // "best/"
    VIZSLA_RETURN_IF_ERROR(CreateDirectories(path.parent_path().string()));
    std::string name = (path.parent_path() / ("." + path.filename().string() + ".XXXXXX")).string();
    if (mkdtemp(name.data()) == nullptr) return ErrnoStatus(errno, name, "create");
    return Staging(name, path.string());
  }
  Staging(Staging&& other) noexcept
      : path_(std::exchange(other.path_, "")), target_(std::move(other.target_)) {}
  Staging& operator=(Staging&&) = delete;
  ~Staging() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

  // The new folder appears whole. Over an earlier pull the files are replaced one by one, the
  // manifest last: until then the old manifest refuses the mixture.
  absl::Status Publish() {
    std::error_code error;
    // mkdtemp's folder is private; a result is for everybody whom the umask lets.
    const mode_t mask = umask(0);
    umask(mask);
    fs::permissions(path_, static_cast<fs::perms>(0777 & ~mask), error);
    VIZSLA_RETURN_IF_ERROR(FileSystemStatus(error, path_, "chmod"));
    const std::string parent = fs::path(target_).parent_path().string();
    if (!fs::exists(target_) || fs::is_empty(target_, error)) {
      fs::rename(path_, target_, error);
      VIZSLA_RETURN_IF_ERROR(FileSystemStatus(error, target_, "rename"));
      path_.clear();
      return SyncDirectory(parent);
    }
    for (const char* name : {kModelFile, kConfigFile, kMetricsFile, kSplitFile, kManifestFile}) {
      fs::rename(path_ + "/" + name, target_ + "/" + name, error);
      VIZSLA_RETURN_IF_ERROR(FileSystemStatus(error, target_ + "/" + name, "rename"));
    }
    return SyncDirectory(target_);
  }

 private:
  Staging(std::string path, std::string target)
      : path_(std::move(path)), target_(std::move(target)) {}
  std::string path_;
  std::string target_;
};

absl::Status Download(CoordinatorClient& client, const std::string& hash, const std::string& path,
                      const std::string& what) {
  ProgressLine progress(what);
  return Annotate(
      client.DownloadFile(hash, path,
                          [&](uint64_t done, uint64_t total) { progress.Show(done, total); }),
      what);
}

struct PulledFiles {
  std::map<std::string, std::string> hashes;  // of each written file
  uint64_t model_bytes = 0;
};

absl::Status WriteAndHash(const std::string& folder, const std::string& name,
                          std::string_view bytes, PulledFiles& files) {
  files.hashes[name] = Sha256Hex(bytes);
  return WriteFileAtomically(folder + "/" + name, bytes);
}

// Downloads checkpoint and weights into the folder, writes the complete model and removes the
// parts.
absl::Status PullModel(CoordinatorClient& client, const TrialView& view, const std::string& folder,
                       PulledConfig& config, PulledFiles& files) {
  const std::string checkpoint_path = folder + "/checkpoint.part";
  const std::string weights_path = folder + "/weights.part";
  VIZSLA_RETURN_IF_ERROR(
      Download(client, view.trial.best_checkpoint, checkpoint_path, "checkpoint"));
  VIZSLA_ASSIGN_OR_RETURN(const std::shared_ptr<const TensorFile> checkpoint,
                          TensorFile::Open(checkpoint_path));
  const std::string& weights_hash = view.study.inputs.weights_hash;
  std::shared_ptr<const TensorFile> weights;
  if (!weights_hash.empty()) {
    VIZSLA_RETURN_IF_ERROR(Download(client, weights_hash, weights_path, "weights"));
    VIZSLA_ASSIGN_OR_RETURN(weights, TensorFile::Open(weights_path));
    VIZSLA_ASSIGN_OR_RETURN(config.traits,
                            TraitsFromMetadata(weights->metadata(), view.study.spec.weights));
  }
  VIZSLA_ASSIGN_OR_RETURN(const TrainingPlan plan, ResolvePlan(config));
  VIZSLA_ASSIGN_OR_RETURN(const auto model,
                          AssembleModel(plan.network, plan.pretrained() ? weights.get() : nullptr,
                                        weights_hash, *checkpoint));
  const std::string bytes = SerializeSafetensors(model, {{"format", "vizsla-model"},
                                                         {"version", "1"},
                                                         {"architecture", plan.network},
                                                         {"padding", config.traits.padding},
                                                         {"preprocessing", plan.preprocessing.name},
                                                         {"study", view.study.spec.name},
                                                         {"trial", StrCat(view.trial.number)},
                                                         {"epoch", StrCat(view.trial.best_epoch)}});
  files.model_bytes = bytes.size();
  VIZSLA_RETURN_IF_ERROR(WriteAndHash(folder, kModelFile, bytes, files));
  fs::remove(checkpoint_path);
  fs::remove(weights_path);
  return absl::OkStatus();
}

absl::Status CheckPullable(const TrialView& view) {
  const Trial& trial = view.trial;
  if (!trial.best_checkpoint.empty()) return absl::OkStatus();
  if (trial.checkpoint_dropped) {
    return absl::FailedPreconditionError(
        StrCat("trial ", trial.number, " of ", view.study.spec.name,
               ": its checkpoint was removed to keep within the coordinator's byte budget; to have "
               "it again, train it again: enqueue its configuration (vizsla trial ",
               trial.number, ") in a study of the same data and seed"));
  }
  const std::string why = trial.reason.empty() ? "" : StrCat(": ", trial.reason);
  return absl::FailedPreconditionError(StrCat("trial ", trial.number, " of ", view.study.spec.name,
                                              " has no checkpoint (",
                                              std::string(ToText(trial.state)), why, ")"));
}

nlohmann::ordered_json PullToJson(const PulledManifest& manifest, const std::string& folder) {
  nlohmann::ordered_json json;
  json["folder"] = folder;
  json["study"] = manifest.study;
  json["trial"] = manifest.trial;
  json["epoch"] = manifest.epoch;
  json["objective_metric"] = manifest.objective;
  json["objective"] =
      manifest.score.has_value() ? NumberToJson(*manifest.score) : nlohmann::ordered_json(nullptr);
  json["files"] = manifest.files;
  return json;
}

}  // namespace

absl::StatusOr<PullSummary> PullTrial(Connection& connection, const PullCommand& command) {
  v1::GetTrialRequest request;
  request.set_study(command.study);
  VIZSLA_ASSIGN_OR_RETURN(const int64_t number, ParseTrialNumber(command.trial));
  request.set_number(number);
  CoordinatorClient& client = connection.client();
  VIZSLA_ASSIGN_OR_RETURN(const v1::GetTrialResponse response, client.GetTrial(request));
  VIZSLA_ASSIGN_OR_RETURN(const TrialView view, ToView(response));
  VIZSLA_RETURN_IF_ERROR(CheckPullable(view));

  VIZSLA_ASSIGN_OR_RETURN(Staging staging, Staging::Create(command.output));
  VIZSLA_ASSIGN_OR_RETURN(const std::string split_json,
                          client.DownloadBytes(view.study.inputs.split_hash));
  VIZSLA_ASSIGN_OR_RETURN(const Split split, SplitFromJsonText(split_json));
  PulledConfig config;
  config.spec = view.study.spec;
  config.stage = view.trial.stage;
  config.configuration = view.trial.configuration;
  config.classes = split.classes;
  PulledFiles files;
  absl::Status model = PullModel(client, view, staging.path(), config, files);
  if (absl::IsNotFound(model)) {
    // It may have been let go of since the trial was asked for.
    VIZSLA_ASSIGN_OR_RETURN(const v1::GetTrialResponse again, client.GetTrial(request));
    VIZSLA_ASSIGN_OR_RETURN(const TrialView now, ToView(again));
    VIZSLA_RETURN_IF_ERROR(CheckPullable(now));
  }
  VIZSLA_RETURN_IF_ERROR(model);
  VIZSLA_RETURN_IF_ERROR(WriteAndHash(staging.path(), kConfigFile, ToJsonText(config), files));
  VIZSLA_RETURN_IF_ERROR(
      WriteAndHash(staging.path(), kMetricsFile, EpochsToJsonText(view.epochs), files));
  VIZSLA_RETURN_IF_ERROR(WriteAndHash(staging.path(), kSplitFile, split_json, files));

  PulledManifest manifest;
  manifest.study_id = view.study.id.value();
  manifest.study = view.study.spec.name;
  manifest.trial = view.trial.number;
  manifest.epoch = view.trial.best_epoch;
  manifest.objective = view.study.spec.objective.metric;
  manifest.score = view.trial.score;
  manifest.coordinator_id = client.server().coordinator_id();
  manifest.database = connection.database();
  manifest.coordinator = connection.coordinator();
  manifest.dataset_fingerprint = view.study.inputs.dataset_fingerprint;
  manifest.split_hash = view.study.inputs.split_hash;
  manifest.weights_hash = view.study.inputs.weights_hash;
  manifest.checkpoint_hash = view.trial.best_checkpoint;
  manifest.files = files.hashes;
  VIZSLA_RETURN_IF_ERROR(
      WriteFileAtomically(staging.path() + "/" + kManifestFile, ToJsonText(manifest)));
  VIZSLA_RETURN_IF_ERROR(staging.Publish());
  return PullSummary{std::move(manifest), files.model_bytes};
}

absl::Status RunPull(const ConnectionOptions& options, const PullCommand& command) {
  VIZSLA_RETURN_IF_ERROR(ParseTrialNumber(command.trial).status());
  VIZSLA_RETURN_IF_ERROR(CheckTarget(command.output, command.force));
  VIZSLA_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection,
                          Connection::Open(options, Access::kRead));
  VIZSLA_ASSIGN_OR_RETURN(const PullSummary pulled, PullTrial(*connection, command));
  const PulledManifest& manifest = pulled.manifest;
  if (command.json) {
    Print(ToPrettyText(PullToJson(manifest, command.output)));
    return absl::OkStatus();
  }
  Print(StrCat("trial ", manifest.trial, " of ", SafeText(manifest.study), ", epoch ",
               manifest.epoch, ", ", manifest.objective, " ", FormatMetric(manifest.score), ": ",
               command.output, " (", FormatBytes(pulled.model_bytes), ", hashes verified)\n"));
  return absl::OkStatus();
}

}  // namespace vizsla
