#include "src/train/checkpoint.h"

#include <cstdlib>
#include <map>

#include "absl/strings/numbers.h"
#include "src/base/exact_number.h"

namespace vizsla {
namespace {

constexpr char kPlace[] = "resume checkpoint";
constexpr char kFormat[] = "vizsla-checkpoint";
constexpr char kVersion[] = "1";

using Metadata = std::map<std::string, std::string>;

Metadata Describe(const CheckpointIdentity& identity, const char* kind, int epoch) {
  Metadata metadata = {{"format", kFormat},
                       {"version", kVersion},
                       {"kind", kind},
                       {"epoch", StrCat(epoch)},
                       {"plan", identity.plan},
                       {"network", identity.network},
                       {"weights_hash", identity.weights_hash},
                       {"class_count", StrCat(identity.class_count)},
                       {"padding", identity.padding},
                       {"study_seed", StrCat(identity.study_seed)},
                       {"trial", StrCat(identity.trial_number)}};
  if (!identity.init_checkpoint.empty()) metadata["init_checkpoint"] = identity.init_checkpoint;
  return metadata;
}

NamedTensors StoredState(const Model& model, const CheckpointIdentity& identity) {
  return identity.holds_everything ? model.StateDict() : model.TrainedState();
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
  for (const char* name :
       {"trial", "study_seed", "plan", "weights_hash", "padding", "class_count"}) {
    VIZSLA_ASSIGN_OR_RETURN(const std::string value, Field(found, name));
    if (value != wanted.at(name)) {
      return absl::FailedPreconditionError(StrCat(kPlace, ": its ", name, " is '", value,
                                                  "', this trial's is '", wanted.at(name), "'"));
    }
  }
  const auto start = found.find("init_checkpoint");
  const std::string started_from = start == found.end() ? "" : start->second;
  if (started_from != identity.init_checkpoint) {
    return absl::FailedPreconditionError(StrCat(kPlace, ": its init_checkpoint is '", started_from,
                                                "', this trial's is '", identity.init_checkpoint,
                                                "'"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SafetensorsContents> ParseCheckpoint(std::string_view bytes, std::string_view kind,
                                                    std::string_view place) {
  absl::StatusOr<SafetensorsContents> contents = ParseSafetensors(bytes);
  if (!contents.ok()) return Annotate(contents.status(), place);
  const std::pair<const char*, std::string_view> wanted[] = {
      {"format", kFormat}, {"version", kVersion}, {"kind", kind}};
  for (const auto& [name, value] : wanted) {
    const auto found = contents->metadata.find(name);
    if (found == contents->metadata.end()) {
      return absl::InvalidArgumentError(StrCat(place, ": no '", name, "' in its metadata"));
    }
    if (found->second != value) {
      return absl::FailedPreconditionError(
          StrCat(place, ": its ", name, " is '", found->second, "', not '", value, "'"));
    }
  }
  return contents;
}

std::string SerializeBest(const Model& model, const CheckpointIdentity& identity, int epoch) {
  return Serialize(StoredState(model, identity), Describe(identity, "best", epoch));
}

std::string SerializeLast(const Model& model, const WeightUpdate& update,
                          const CheckpointIdentity& identity, const TrainingPosition& position) {
  Metadata metadata = Describe(identity, "last", position.epochs);
  metadata["step"] = StrCat(position.step);
  metadata["global_step"] = StrCat(position.global_step);
  metadata["optimizer_steps"] = StrCat(update.steps());
  metadata["train_loss_sum"] = ExactNumber(position.train.loss);
  metadata["train_correct"] = ExactNumber(position.train.correct);
  metadata["train_rows"] = ExactNumber(position.train.rows);
  if (const LossScale* scale = update.loss_scale()) {
    metadata["loss_scale"] = ExactNumber(scale->value());
    metadata["loss_scale_good_steps"] = StrCat(scale->good_steps());
  }
  if (position.pretrain_loss) metadata["pretrain_loss"] = ExactNumber(*position.pretrain_loss);
  NamedTensors tensors = StoredState(model, identity);
  for (auto& named : update.State()) tensors.push_back(named);
  return Serialize(tensors, metadata);
}

absl::StatusOr<TrainingPosition> RestoreLast(std::string_view bytes,
                                             const CheckpointIdentity& identity, Model& model,
                                             WeightUpdate& update) {
  VIZSLA_ASSIGN_OR_RETURN(const SafetensorsContents contents,
                          ParseCheckpoint(bytes, "last", kPlace));
  const Metadata& metadata = contents.metadata;
  VIZSLA_RETURN_IF_ERROR(CheckIdentity(metadata, identity));
  TrainingPosition position;
  VIZSLA_ASSIGN_OR_RETURN(const int64_t epochs, IntegerField(metadata, "epoch"));
  position.epochs = static_cast<int>(epochs);
  VIZSLA_ASSIGN_OR_RETURN(position.step, IntegerField(metadata, "step"));
  VIZSLA_ASSIGN_OR_RETURN(position.global_step, IntegerField(metadata, "global_step"));
  VIZSLA_ASSIGN_OR_RETURN(const int64_t updates, IntegerField(metadata, "optimizer_steps"));
  VIZSLA_ASSIGN_OR_RETURN(position.train.loss, NumberField(metadata, "train_loss_sum"));
  VIZSLA_ASSIGN_OR_RETURN(position.train.correct, NumberField(metadata, "train_correct"));
  VIZSLA_ASSIGN_OR_RETURN(position.train.rows, NumberField(metadata, "train_rows"));
  if (metadata.contains("pretrain_loss")) {
    VIZSLA_ASSIGN_OR_RETURN(position.pretrain_loss, NumberField(metadata, "pretrain_loss"));
  }

  if (LossScale* scale = update.loss_scale()) {
    VIZSLA_ASSIGN_OR_RETURN(const double value, NumberField(metadata, "loss_scale"));
    VIZSLA_ASSIGN_OR_RETURN(const int64_t steps, IntegerField(metadata, "loss_scale_good_steps"));
    scale->Restore(value, steps);
  }

  std::map<std::string, TensorView> of_model, of_update;
  for (const auto& [name, view] : contents.tensors) {
    (WeightUpdate::Owns(name) ? of_update : of_model)[name] = view;
  }
  torch::NoGradGuard no_grad;
  VIZSLA_RETURN_IF_ERROR(identity.holds_everything ? model.LoadState(of_model, kPlace)
                                                   : model.LoadTrainedState(of_model, kPlace));
  VIZSLA_RETURN_IF_ERROR(update.LoadState(of_update, updates, kPlace));
  return position;
}

}  // namespace vizsla
