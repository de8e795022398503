#include "src/train/trial_model.h"

#include <cstdint>
#include <utility>

#include "src/base/sha256.h"
#include "src/nn/weights_import.h"
#include "src/train/plan_fingerprint.h"
#include "src/train/warm_start.h"

namespace vizsla {
namespace {

absl::Status CheckSize(const BatchSource& source, const char* name, const TrainingPlan& plan) {
  if (source.image_size() == plan.image_size) return absl::OkStatus();
  return absl::InvalidArgumentError(StrCat("the ", name, " photos are ", source.image_size(),
                                           " pixels wide, the trial's ", plan.image_size));
}

absl::Status CheckSource(const BatchSource* source, const char* name, const TrainingData& data,
                         const TrainingPlan& plan) {
  if (source == nullptr || source->photo_count() == 0) {
    return absl::InvalidArgumentError(StrCat("there are no ", name, " photos"));
  }
  VIZSLA_RETURN_IF_ERROR(CheckSize(*source, name, plan));
  for (uint32_t i = 0; i < source->photo_count(); ++i) {
    if (source->label(i) < 0 || source->label(i) >= data.class_count) {
      return absl::InvalidArgumentError(StrCat("photo ", i, " of the ", name,
                                               " photos is of class ", source->label(i),
                                               ", but there are ", data.class_count));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckTrialData(const TrainingPlan& plan, const TrainingData& data) {
  VIZSLA_RETURN_IF_ERROR(CheckSource(data.train, "train", data, plan));
  VIZSLA_RETURN_IF_ERROR(CheckSource(data.validation, "validation", data, plan));
  if (data.unlabelled != nullptr && data.unlabelled->photo_count() > 0) {
    VIZSLA_RETURN_IF_ERROR(CheckSize(*data.unlabelled, "unlabelled", plan));
  }
  if (plan.pretrained() && data.weights == nullptr) {
    return absl::InvalidArgumentError(
        "the trial starts from pretrained weights, but the study has none");
  }
  return absl::OkStatus();
}

absl::StatusOr<TrialModel> MakeTrialModel(const TrialAssignment& assignment,
                                          const TrainingData& data,
                                          const StreamKey& initialization) {
  const TrainingPlan& plan = assignment.plan;
  const bool is_warm_start = !assignment.init_checkpoint.empty();
  absl::StatusOr<std::shared_ptr<Model>> model =
      BuildModel(plan, data.padding, data.class_count, initialization);
  if (!model.ok()) return absl::OutOfRangeError(model.status().message());
  TrialModel made;
  made.model = *std::move(model);
  if (plan.pretrained()) {
    VIZSLA_RETURN_IF_ERROR(ImportBackbone(*data.weights, "the study's weights", *made.model));
  }
  made.identity = {.plan = PlanFingerprint(plan),
                   .network = plan.network,
                   .holds_everything = !plan.pretrained() || is_warm_start,
                   .weights_hash = plan.pretrained() ? data.weights_hash : "",
                   .init_checkpoint = is_warm_start ? Sha256Hex(assignment.init_checkpoint) : "",
                   .class_count = data.class_count,
                   .padding = std::string(ToText(data.padding)),
                   .study_seed = assignment.study_seed,
                   .trial_number = assignment.trial_number};
  made.frozen_weights = made.identity.weights_hash;
  if (is_warm_start) {
    VIZSLA_ASSIGN_OR_RETURN(const bool below_head,
                            StartFrom(assignment.init_checkpoint, made.identity, *made.model));
    if (below_head) made.frozen_weights += "+" + made.identity.init_checkpoint;
  }
  return made;
}

}  // namespace vizsla
