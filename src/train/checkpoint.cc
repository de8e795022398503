#include "src/train/checkpoint.h"

#include <cstdio>
#include <cstdlib>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "src/base/sha256.h"
#include "src/weights/safetensors.h"

namespace vizsla {
namespace {

constexpr char kPlace[] = "resume checkpoint";
constexpr char kFormat[] = "vizsla-checkpoint";
constexpr char kVersion[] = "1";

using Metadata = std::map<std::string, std::string>;

std::string Exact(double value) {
  char text[40];
  std::snprintf(text, sizeof(text), "%a", value);
  return text;
}

std::string Word(std::string_view text) { return std::string(text); }

Metadata Describe(const CheckpointIdentity& identity, const char* kind, int epoch) {
  return {{"format", kFormat},
          {"version", kVersion},
          {"kind", kind},
          {"epoch", StrCat(epoch)},
          {"plan", identity.plan},
          {"weights_hash", identity.weights_hash},
          {"class_count", StrCat(identity.class_count)},
          {"padding", identity.padding},
          {"study_seed", StrCat(identity.study_seed)},
          {"trial", StrCat(identity.trial_number)}};
}

NamedTensors StoredState(const Model& model, const CheckpointIdentity& identity) {
  return identity.pretrained ? model.TrainedState() : model.StateDict();
}

std::string Serialize(const NamedTensors& tensors, const Metadata& metadata) {
  torch::NoGradGuard no_grad;
  const TensorViews views = ToViews(tensors);
  return SerializeSafetensors(views.views, metadata);
}

absl::StatusOr<std::string> Field(const Metadata& metadata, const std::string& name) {
  const auto it = metadata.find(name);
  if (it == metadata.end()) {
    return absl::InvalidArgumentError(StrCat(kPlace, ": no '", name, "' in its metadata"));
  }
  return it->second;
}

absl::StatusOr<int64_t> IntegerField(const Metadata& metadata, const std::string& name) {
  VIZSLA_ASSIGN_OR_RETURN(const std::string text, Field(metadata, name));
  int64_t value = 0;
  if (!absl::SimpleAtoi(text, &value) || value < 0) {
    return absl::InvalidArgumentError(
        StrCat(kPlace, ": '", name, "' is '", text, "', not a count"));
  }
  return value;
}

absl::StatusOr<double> NumberField(const Metadata& metadata, const std::string& name) {
  VIZSLA_ASSIGN_OR_RETURN(const std::string text, Field(metadata, name));
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0') {
    return absl::InvalidArgumentError(
        StrCat(kPlace, ": '", name, "' is '", text, "', not a number"));
  }
  return value;
}

absl::Status CheckIdentity(const Metadata& found, const CheckpointIdentity& identity) {
  const Metadata wanted = Describe(identity, "last", 0);
  for (const char* name : {"format", "version", "kind", "trial", "study_seed", "plan",
                           "weights_hash", "padding", "class_count"}) {
    VIZSLA_ASSIGN_OR_RETURN(const std::string value, Field(found, name));
    if (value != wanted.at(name)) {
      return absl::FailedPreconditionError(StrCat(kPlace, ": its ", name, " is '", value,
                                                  "', this trial's is '", wanted.at(name), "'"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string PlanFingerprint(const TrainingPlan& plan) {
  const AugmentationPolicy& a = plan.augmentation;
  const std::string text =
      StrCat("network ", Word(ToText(plan.network)), "\npretrained ", plan.pretrained,
             "\nimage_size ", plan.image_size, "\npreprocessing ", plan.preprocessing.name, " ",
             plan.preprocessing.bgr, " ", absl::StrJoin(plan.preprocessing.scale, " "), " ",
             absl::StrJoin(plan.preprocessing.offset, " "), "\naugmentation ",
             absl::StrJoin({Exact(a.rotation_degrees), Exact(a.width_shift), Exact(a.height_shift),
                            Exact(a.zoom), std::string(a.horizontal_flip ? "flip" : "-")},
                           " "),
             "\npooling ", Word(ToText(plan.pooling)), "\ndense ", absl::StrJoin(plan.dense, " "),
             "\ndropout_hidden ", Exact(plan.dropout_hidden), "\nbatch_norm ", plan.batch_norm,
             "\ndropout ", Exact(plan.dropout), "\nunfreeze ", plan.unfreeze, "\nlearning_rate ",
             Exact(plan.learning_rate), "\nbatch_size ", plan.batch_size, "\nsync_batch_norm ",
             plan.sync_batch_norm, "\n");
  return Sha256Hex(text);
}

std::string SerializeBest(const Model& model, const CheckpointIdentity& identity, int epoch) {
  return Serialize(StoredState(model, identity), Describe(identity, "best", epoch));
}

std::string SerializeLast(const Model& model, const Adam& adam, const CheckpointIdentity& identity,
                          const TrainingPosition& position) {
  Metadata metadata = Describe(identity, "last", position.epochs);
  metadata["step"] = StrCat(position.step);
  metadata["global_step"] = StrCat(position.global_step);
  metadata["optimizer_steps"] = StrCat(adam.steps());
  metadata["train_loss_sum"] = Exact(position.train.loss);
  metadata["train_correct"] = Exact(position.train.correct);
  metadata["train_rows"] = Exact(position.train.rows);
  NamedTensors tensors = StoredState(model, identity);
  for (auto& named : adam.State()) tensors.push_back(named);
  return Serialize(tensors, metadata);
}

absl::StatusOr<TrainingPosition> RestoreLast(std::string_view bytes,
                                             const CheckpointIdentity& identity, Model& model,
                                             Adam& adam) {
  absl::StatusOr<SafetensorsContents> contents = ParseSafetensors(bytes);
  if (!contents.ok()) return Annotate(contents.status(), kPlace);
  const Metadata& metadata = contents->metadata;
  VIZSLA_RETURN_IF_ERROR(CheckIdentity(metadata, identity));
  TrainingPosition position;
  VIZSLA_ASSIGN_OR_RETURN(const int64_t epochs, IntegerField(metadata, "epoch"));
  position.epochs = static_cast<int>(epochs);
  VIZSLA_ASSIGN_OR_RETURN(position.step, IntegerField(metadata, "step"));
  VIZSLA_ASSIGN_OR_RETURN(position.global_step, IntegerField(metadata, "global_step"));
  VIZSLA_ASSIGN_OR_RETURN(const int64_t adam_steps, IntegerField(metadata, "optimizer_steps"));
  VIZSLA_ASSIGN_OR_RETURN(position.train.loss, NumberField(metadata, "train_loss_sum"));
  VIZSLA_ASSIGN_OR_RETURN(position.train.correct, NumberField(metadata, "train_correct"));
  VIZSLA_ASSIGN_OR_RETURN(position.train.rows, NumberField(metadata, "train_rows"));

  std::map<std::string, TensorView> of_model, of_optimizer;
  for (const auto& [name, view] : contents->tensors) {
    (name.starts_with("optimizer.") ? of_optimizer : of_model)[name] = view;
  }
  torch::NoGradGuard no_grad;
  VIZSLA_RETURN_IF_ERROR(identity.pretrained ? model.LoadTrainedState(of_model, kPlace)
                                             : model.LoadState(of_model, kPlace));
  VIZSLA_RETURN_IF_ERROR(adam.LoadState(of_optimizer, adam_steps, kPlace));
  return position;
}

}  // namespace vizsla
