#include "src/report/pulled_model.h"

#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "src/base/file.h"
#include "src/base/sha256.h"
#include "src/base/str_cat.h"
#include "src/study/json_fields.h"

namespace vizsla {
namespace {

using Json = nlohmann::ordered_json;

std::string Dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json FiniteOrNull(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

// What ResolvePlan made of the configuration, for people and other programs; not read back.
Json DescribePlan(const PulledConfig& config) {
  const absl::StatusOr<TrainingPlan> plan = ResolvePlan(config);
  if (!plan.ok()) return nullptr;
  const Preprocessing& preprocessing = plan->preprocessing;
  Json json;
  json["network"] = plan->network;
  json["image_size"] = plan->image_size;
  json["padding"] = config.traits.padding.empty() ? Json(nullptr) : Json(config.traits.padding);
  json["preprocessing"] = {{"name", preprocessing.name},
                           {"channels", preprocessing.bgr ? "BGR" : "RGB"},
                           {"scale", preprocessing.scale},
                           {"offset", preprocessing.offset}};
  if (IsScratchNetwork(plan->network)) {
    json["blocks"] = {{"count", plan->scratch.blocks},
                      {"dropout", plan->scratch.dropout},
                      {"batch_norm", plan->scratch.batch_norm}};
  }
  json["initial_weights"] = ToText(plan->initial_weights);
  json["unfreeze"] = plan->unfreeze;
  json["pooling"] = ToText(plan->pooling);
  json["dense"] = plan->dense;
  json["dropout_hidden"] = plan->dropout_hidden;
  json["batch_norm"] = plan->batch_norm ? Json(ToText(plan->norm_place)) : Json(false);
  json["dropout"] = plan->dropout;
  json["penalties"] = {{"l1", plan->l1}, {"l2", plan->l2}, {"l2_bias", plan->l2_bias}};
  const AugmentationPolicy& policy = plan->augmentation;
  json["augmentation"] = {{"rotation_degrees", policy.rotation_degrees},
                          {"width_shift", policy.width_shift},
                          {"height_shift", policy.height_shift},
                          {"zoom", policy.zoom},
                          {"horizontal_flip", policy.horizontal_flip},
                          {"shear_degrees", policy.shear_degrees},
                          {"crop_scale", policy.crop_scale},
                          {"brightness", policy.brightness},
                          {"contrast", policy.contrast},
                          {"erasing", policy.erasing},
                          {"views", plan->views},
                          {"mixup", plan->mixup},
                          {"cutmix", plan->cutmix}};
  const OptimizerPlan& optimizer = plan->optimizer;
  json["optimizer"] = {{"name", ToText(optimizer.kind)},
                       {"learning_rate", optimizer.learning_rate},
                       {"backbone_learning_rate", optimizer.backbone_learning_rate},
                       {"momentum", optimizer.momentum},
                       {"weight_decay", optimizer.weight_decay}};
  const SchedulePlan& schedule = plan->schedule;
  json["schedule"] = {{"name", ToText(schedule.kind)},
                      {"warmup_epochs", schedule.warmup_epochs},
                      {"factor", schedule.factor},
                      {"every", schedule.every},
                      {"patience", schedule.patience}};
  json["clip_norm"] = plan->clip_norm;
  json["ema"] = plan->ema_decay;
  json["label_smoothing"] = plan->label_smoothing;
  json["class_weights"] = ToText(plan->class_weights);
  json["batch_size"] = plan->batch_size;
  json["precision"] = ToText(plan->precision);
  json["epochs"] = plan->epochs;
  json["test_time_flip"] = plan->test_time_flip;
  return json;
}

bool IsPlainName(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

absl::StatusOr<std::string> ReadVerified(const PulledManifest& manifest, const std::string& folder,
                                         const std::string& name) {
  VIZSLA_ASSIGN_OR_RETURN(std::string bytes, ReadFile(folder + "/" + name));
  // Hashed again: what is parsed is what was verified, even if the file changed in between.
  if (Sha256Hex(bytes) != manifest.files.at(name)) {
    return absl::DataLossError(StrCat(folder, "/", name, " changed while it was read"));
  }
  return bytes;
}

absl::Status VerifyFiles(const PulledManifest& manifest, const std::string& folder) {
  for (const char* name : {kModelFile, kConfigFile, kMetricsFile, kSplitFile}) {
    if (!manifest.files.contains(name)) {
      return absl::InvalidArgumentError(
          StrCat(folder, "/", kManifestFile, ": files: ", name, " is missing"));
    }
  }
  for (const auto& [name, hash] : manifest.files) {
    const std::string path = folder + "/" + name;
    if (!std::filesystem::exists(path)) {
      return absl::NotFoundError(
          StrCat(path, " is missing, though ", kManifestFile, " names it; pull it again"));
    }
    VIZSLA_ASSIGN_OR_RETURN(const std::string found, Sha256HexOfFile(path));
    if (found != hash) {
      return absl::DataLossError(StrCat(path, " does not have the hash that ", kManifestFile,
                                        " says: it was changed or damaged; pull it again"));
    }
  }
  return absl::OkStatus();
}

Metrics MetricsOfEpoch(const std::vector<EpochReport>& epochs, int epoch) {
  for (const EpochReport& report : epochs) {
    if (report.epoch == epoch) return report.metrics;
  }
  return {};
}

}  // namespace

std::string ToJsonText(const PulledManifest& manifest) {
  Json json;
  json["format_version"] = manifest.format_version;
  json["study_id"] = manifest.study_id;
  json["study"] = manifest.study;
  json["trial"] = manifest.trial;
  json["epoch"] = manifest.epoch;
  json["objective"] = manifest.objective;
  json["score"] = manifest.score.has_value() ? FiniteOrNull(*manifest.score) : Json(nullptr);
  json["coordinator_id"] = manifest.coordinator_id;
  json["database"] = manifest.database;
  json["coordinator"] = manifest.coordinator;
  json["dataset_fingerprint"] = manifest.dataset_fingerprint;
  json["split_hash"] = manifest.split_hash;
  json["weights_hash"] = manifest.weights_hash;
  json["checkpoint_hash"] = manifest.checkpoint_hash;
  json["files"] = Json::object();
  for (const auto& [name, hash] : manifest.files) json["files"][name] = hash;
  return Dump(json);
}

absl::StatusOr<PulledManifest> PulledManifestFromJsonText(std::string_view text) {
  VIZSLA_ASSIGN_OR_RETURN(const nlohmann::json json, ParseJson(text, kManifestFile));
  // The version first: a newer format may have fields that this program does not know.
  if (json.is_object() && json.contains("format_version") &&
      json["format_version"].is_number_integer() &&
      json["format_version"].get<int64_t>() > kPulledModelFormat) {
    return absl::FailedPreconditionError(
        StrCat(kManifestFile, ": format ", json["format_version"].get<int64_t>(),
               " is newer than this program's ", kPulledModelFormat));
  }
  PulledManifest manifest;
  JsonFields fields(json, kManifestFile);
  manifest.format_version = static_cast<int>(fields.Int("format_version", 1, kPulledModelFormat));
  manifest.study_id = fields.Int("study_id");
  manifest.study = fields.String("study");
  manifest.trial = fields.Int("trial");
  manifest.epoch = static_cast<int>(fields.Int("epoch", 0, std::numeric_limits<int>::max()));
  manifest.objective = fields.String("objective");
  if (const nlohmann::json* score = fields.Get("score"); score != nullptr && !score->is_null()) {
    manifest.score = fields.Double("score");
  }
  manifest.coordinator_id = fields.String("coordinator_id");
  manifest.database = fields.String("database");
  manifest.coordinator = fields.String("coordinator");
  manifest.dataset_fingerprint = fields.String("dataset_fingerprint");
  manifest.split_hash = fields.String("split_hash");
  manifest.weights_hash = fields.String("weights_hash");
  manifest.checkpoint_hash = fields.String("checkpoint_hash");
  if (const nlohmann::json* files = fields.Get("files"); files != nullptr) {
    if (!files->is_object()) fields.Fail("files", "must be an object");
    for (const auto& [name, hash] : files->items()) {
      if (!IsPlainName(name)) fields.Fail("files", "names something outside the folder");
      if (!hash.is_string() || !IsSha256Hex(hash.get<std::string>())) {
        fields.Fail("files", "has a hash that is not 64 hexadecimal digits");
        break;
      }
      manifest.files[name] = hash.get<std::string>();
    }
  }
  VIZSLA_RETURN_IF_ERROR(fields.Finish());
  return manifest;
}

absl::StatusOr<TrainingPlan> ResolvePlan(const PulledConfig& config) {
  if (config.stage < 1 || config.stage > StageCount(config.spec)) {
    return absl::InvalidArgumentError(StrCat("the study has no stage ", config.stage));
  }
  return ResolvePlan(config.configuration, StageOf(config.spec, config.stage).budget,
                     config.traits);
}

std::string ToJsonText(const PulledConfig& config) {
  Json json;
  json["spec"] = ToJson(config.spec);
  json["stage"] = config.stage;
  json["configuration"] = ToJson(config.configuration);
  json["weights"] = {{"architecture", config.traits.architecture},
                     {"padding", config.traits.padding},
                     {"preprocessing", config.traits.preprocessing}};
  json["classes"] = config.classes;
  json["resolved"] = DescribePlan(config);
  return Dump(json);
}

absl::StatusOr<PulledConfig> PulledConfigFromJsonText(std::string_view text) {
  VIZSLA_ASSIGN_OR_RETURN(const nlohmann::json json, ParseJson(text, kConfigFile));
  PulledConfig config;
  JsonFields fields(json, kConfigFile);
  if (const nlohmann::json* spec = fields.Get("spec"); spec != nullptr) {
    absl::StatusOr<StudySpec> parsed = StudySpecFromJson(*spec);
    if (parsed.ok()) {
      config.spec = *std::move(parsed);
    } else {
      fields.Note(Annotate(parsed.status(), kConfigFile));
    }
  }
  // Folders of before there were stages do not say it.
  if (fields.Has("stage")) {
    config.stage = static_cast<int>(fields.Int("stage", 1, StageCount(config.spec)));
  }
  if (const nlohmann::json* values = fields.Get("configuration"); values != nullptr) {
    absl::StatusOr<Configuration> parsed = ConfigurationFromJson(*values);
    if (parsed.ok()) {
      config.configuration = *std::move(parsed);
    } else {
      fields.Note(Annotate(parsed.status(), kConfigFile));
    }
  }
  if (const nlohmann::json* weights = fields.Get("weights"); weights != nullptr) {
    JsonFields traits(*weights, "config.json: weights");
    config.traits.architecture = traits.String("architecture");
    config.traits.padding = traits.String("padding");
    config.traits.preprocessing = traits.String("preprocessing");
    fields.Note(traits.Finish());
  }
  if (const nlohmann::json* classes = fields.Get("classes"); classes != nullptr) {
    if (!classes->is_array()) fields.Fail("classes", "must be an array");
    for (const nlohmann::json& name : *classes) {
      if (!name.is_string()) {
        fields.Fail("classes", "must be strings");
        break;
      }
      config.classes.push_back(name.get<std::string>());
    }
  }
  fields.Get("resolved");
  VIZSLA_RETURN_IF_ERROR(fields.Finish());
  return config;
}

std::string EpochsToJsonText(const std::vector<EpochReport>& epochs) {
  Json json = Json::array();
  for (const EpochReport& report : epochs) {
    Json metrics = Json::object();
    for (const auto& [name, value] : report.metrics) metrics[name] = FiniteOrNull(value);
    json.push_back({{"epoch", report.epoch},
                    {"attempt", report.attempt.value()},
                    {"seconds", report.duration.count() / 1000.0},
                    {"metrics", std::move(metrics)}});
  }
  return Dump(json);
}

absl::StatusOr<std::vector<EpochReport>> EpochsFromJsonText(std::string_view text) {
  VIZSLA_ASSIGN_OR_RETURN(const nlohmann::json json, ParseJson(text, kMetricsFile));
  if (!json.is_array()) {
    return absl::InvalidArgumentError(StrCat(kMetricsFile, ": must be an array"));
  }
  std::vector<EpochReport> epochs;
  for (const nlohmann::json& row : json) {
    EpochReport report;
    JsonFields fields(row, kMetricsFile);
    report.epoch = static_cast<int>(fields.Int("epoch", 1, std::numeric_limits<int>::max()));
    report.attempt = AttemptNumber(fields.Int("attempt"));
    report.duration = Milliseconds(std::llround(fields.Double("seconds") * 1000));
    if (const nlohmann::json* metrics = fields.Get("metrics"); metrics != nullptr) {
      if (!metrics->is_object()) fields.Fail("metrics", "must be an object");
      for (const auto& [name, value] : metrics->items()) {
        if (!value.is_number() && !value.is_null()) fields.Fail("metrics", "must be numbers");
        report.metrics[name] =
            value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN();
      }
    }
    VIZSLA_RETURN_IF_ERROR(fields.Finish());
    epochs.push_back(std::move(report));
  }
  return epochs;
}

absl::StatusOr<PulledModel> LoadPulledModel(const std::string& folder) {
  const std::string manifest_path = folder + "/" + kManifestFile;
  if (!std::filesystem::is_directory(folder)) {
    return absl::NotFoundError(StrCat(folder, " is no folder; `vizsla pull` makes one"));
  }
  if (!std::filesystem::exists(manifest_path)) {
    return absl::NotFoundError(StrCat(folder, " is no pulled model: it has no ", kManifestFile));
  }
  VIZSLA_ASSIGN_OR_RETURN(const std::string manifest_text, ReadFile(manifest_path));
  absl::StatusOr<PulledManifest> manifest = PulledManifestFromJsonText(manifest_text);
  if (!manifest.ok()) return Annotate(manifest.status(), folder);
  VIZSLA_RETURN_IF_ERROR(VerifyFiles(*manifest, folder));

  PulledModel model;
  model.folder = folder;
  model.manifest = *std::move(manifest);
  model.model_path = folder + "/" + kModelFile;
  model.model_hash = model.manifest.files.at(kModelFile);
  VIZSLA_ASSIGN_OR_RETURN(const std::string config_text,
                          ReadVerified(model.manifest, folder, kConfigFile));
  VIZSLA_ASSIGN_OR_RETURN(model.split_json, ReadVerified(model.manifest, folder, kSplitFile));
  VIZSLA_ASSIGN_OR_RETURN(const std::string metrics_text,
                          ReadVerified(model.manifest, folder, kMetricsFile));
  absl::StatusOr<PulledConfig> config = PulledConfigFromJsonText(config_text);
  if (!config.ok()) return Annotate(config.status(), folder);
  model.config = *std::move(config);
  absl::StatusOr<std::vector<EpochReport>> epochs = EpochsFromJsonText(metrics_text);
  if (!epochs.ok()) return Annotate(epochs.status(), folder);
  model.metrics = MetricsOfEpoch(*epochs, model.manifest.epoch);

  absl::StatusOr<TrainingPlan> plan = ResolvePlan(model.config);
  if (!plan.ok()) return Annotate(plan.status(), folder + "/" + kConfigFile);
  model.plan = *std::move(plan);
  if (!model.config.traits.padding.empty()) {
    absl::StatusOr<Padding> padding = PaddingFromText(model.config.traits.padding);
    if (!padding.ok()) return Annotate(padding.status(), folder + "/" + kConfigFile);
    model.padding = *padding;
  }
  return model;
}

}  // namespace vizsla
