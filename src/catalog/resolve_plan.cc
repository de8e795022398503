// One configuration to one plan: defaults, and what cannot go together.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/catalog/backbones.h"
#include "src/catalog/first_trained_layer.h"
#include "src/catalog/parameter_values.h"
#include "src/catalog/training_plan.h"
#include "src/catalog/words.h"
#include "src/study/closest_word.h"

namespace vizsla {
namespace {

// The first of the parameters that is given is refused: it means nothing here.
absl::Status Refuse(const ParameterValues& values, std::initializer_list<const char*> names,
                    const std::string& why) {
  for (const char* name : names) {
    if (values.Given(name)) return ParameterError(name, why);
  }
  return absl::OkStatus();
}

absl::Status ResolveScratch(const ParameterValues& values, TrainingPlan& plan) {
  VIZSLA_RETURN_IF_ERROR(
      Refuse(values, {"unfreeze", "backbone_learning_rate", "backbone_statistics"},
             StrCat(plan.network,
                    " has no backbone: it is trained whole and has no such "
                    "parameter; give it only `when: {network: ...}` a backbone")));
  plan.initial_weights =
      FromWord(values.GetOr<std::string>("initial_weights", "random"), kInitialWeights);
  if (plan.pretrained()) {
    return ParameterError("initial_weights",
                          StrCat(plan.network,
                                 " has no pretrained weights; it starts at random or "
                                 "from an autoencoder"));
  }
  const ScratchOptions usual = DefaultScratchOptions(plan.network);
  plan.scratch.blocks = static_cast<int>(values.GetOr<int64_t>("blocks", usual.blocks));
  plan.scratch.dropout = values.GetOr("block_dropout", usual.dropout);
  plan.scratch.batch_norm = values.GetOr("block_batch_norm", usual.batch_norm);
  plan.unfreeze = "all";
  plan.pooling = FromWord(values.GetOr<std::string>("pooling", "flatten"), kPoolings);
  // The heads of seed-experiments.md.
  const bool v1 = plan.network == "scratch_v1";
  const bool v3 = plan.network == "scratch_v3";
  plan.dense = values.GetOr("dense", v1   ? IntList{512, 256}
                                     : v3 ? IntList{256, 256}
                                          : IntList{128, 128});
  plan.dropout_hidden = values.GetOr("dropout_hidden", v1 || v3 ? 0.0 : 0.5);
  const bool penalized = v3 && !plan.dense.empty();
  plan.l1 = values.GetOr("l1", penalized ? 0.01 : 0.0);
  plan.l2 = values.GetOr("l2", penalized ? 0.01 : 0.0);
  plan.l2_bias = values.GetOr("l2_bias", penalized ? 0.01 : 0.0);
  return absl::OkStatus();
}

absl::Status CheckUnfreeze(const BackboneInfo& backbone, const std::string& unfreeze) {
  if (backbone.FindCut(unfreeze)) return absl::OkStatus();
  std::vector<std::string> names;
  for (const UnfreezePoint& point : backbone.unfreeze_points) {
    names.push_back(point.keras);
    names.push_back(point.torchvision);
  }
  return ParameterError(
      "unfreeze", StrCat(backbone.name, " has no layer ", unfreeze, Suggestion(unfreeze, names)));
}

absl::Status ResolveBackbone(const ParameterValues& values, TrainingPlan& plan,
                             const WeightsTraits& traits) {
  VIZSLA_ASSIGN_OR_RETURN(const BackboneInfo* backbone, FindBackbone(plan.network));
  VIZSLA_RETURN_IF_ERROR(
      Refuse(values, {"blocks", "block_dropout", "block_batch_norm"},
             StrCat("is of scratch networks; ", plan.network, " has no such parameter")));
  plan.initial_weights = FromWord(values.Word("initial_weights"), kInitialWeights);
  if (plan.initial_weights == InitialWeights::kAutoencoder) {
    return ParameterError("initial_weights",
                          StrCat("autoencoder is for scratch networks, not for ", plan.network));
  }
  plan.pooling = FromWord(values.Word("pooling"), kPoolings);
  plan.dense = values.Get<IntList>("dense");
  plan.dropout_hidden = values.Get<double>("dropout_hidden");
  plan.l1 = values.Get<double>("l1");
  plan.l2 = values.Get<double>("l2");
  plan.l2_bias = values.Get<double>("l2_bias");
  // A head on random frozen features learns nothing; who wants that must say so.
  plan.unfreeze = values.GetOr<std::string>("unfreeze", plan.pretrained() ? "none" : "all");
  VIZSLA_RETURN_IF_ERROR(CheckUnfreeze(*backbone, plan.unfreeze));
  if (plan.image_size < backbone->min_image_size) {
    return ParameterError("image_size",
                          StrCat(plan.image_size, " is too small for ", backbone->name,
                                 ", which needs at least ", backbone->min_image_size));
  }
  if (plan.pretrained() && !traits.architecture.empty() && traits.architecture != backbone->name) {
    return ParameterError(
        "network", StrCat("the weights are of ", traits.architecture, ", not of ", backbone->name));
  }
  return absl::OkStatus();
}

absl::Status ResolveHead(const ParameterValues& values, TrainingPlan& plan) {
  plan.batch_norm = values.Get<bool>("batch_norm");
  plan.norm_place = FromWord(values.Word("batch_norm_place"), kNormPlaces);
  if (!plan.batch_norm) {
    VIZSLA_RETURN_IF_ERROR(
        Refuse(values, {"batch_norm_place"}, "there is no batch norm in the head to place"));
  }
  if (plan.dense.empty() && plan.norm_place != NormPlace::kLast) {
    return ParameterError("batch_norm_place",
                          StrCat(ToText(plan.norm_place),
                                 " is a place beside the head's dense layers, and `dense` names "
                                 "none; the batch norm is of the pooled features then"));
  }
  if (plan.dense.size() < 2 && values.GetOr("dropout_hidden", 0.0) > 0) {
    return ParameterError(
        "dropout_hidden",
        StrCat("is between the head's dense layers, and `dense` names ",
               plan.dense.empty() ? "none" : "one", "; `dropout` is after the last"));
  }
  plan.dropout = values.Get<double>("dropout");
  if (plan.dense.empty()) {
    for (const char* name : {"l1", "l2", "l2_bias"}) {
      if (values.GetOr(name, 0.0) > 0) {
        return ParameterError(name, "is of the head's dense layers, and `dense` names none");
      }
    }
  }
  if (!GraphOf(plan)->OutputSide(plan.image_size)) {
    return ParameterError(
        "image_size",
        StrCat(plan.image_size, " is too small for the pools of ", plan.network,
               IsScratchNetwork(plan.network) ? StrCat(" with ", plan.scratch.blocks, " blocks")
                                              : std::string()));
  }
  return absl::OkStatus();
}

// The same numbers for the same colours, whichever plane they lie in.
void SetChannelOrder(bool bgr, Preprocessing& preprocessing) {
  if (preprocessing.bgr == bgr) return;
  preprocessing.bgr = bgr;
  std::swap(preprocessing.scale[0], preprocessing.scale[2]);
  std::swap(preprocessing.offset[0], preprocessing.offset[2]);
}

absl::Status ResolvePreprocessing(const ParameterValues& values, TrainingPlan& plan,
                                  const WeightsTraits& traits) {
  std::string name = values.Word("preprocessing");
  if (name == "weights") {
    name = plan.pretrained() ? traits.preprocessing : "unit";
    if (name.empty()) {
      return ParameterError("preprocessing",
                            "the weights do not say what they expect; say it in the study's YAML: "
                            "weights: {preprocessing: tf|torch|caffe|unit|identity|notebook}");
    }
  }
  auto found = FindPreprocessing(name);
  if (!found.ok()) return ParameterError("preprocessing", std::string(found.status().message()));
  plan.preprocessing = *std::move(found);
  if (const std::string order = values.Word("channel_order"); order != "usual") {
    SetChannelOrder(order == "bgr", plan.preprocessing);
  }
  return absl::OkStatus();
}

absl::Status ResolvePolicy(const ParameterValues& values, TrainingPlan& plan) {
  const std::string name = values.Word("augmentation");
  if (name != "custom") {
    VIZSLA_RETURN_IF_ERROR(Refuse(
        values,
        {"rotation", "shift", "zoom", "flip", "shear", "crop", "brightness", "contrast", "erasing"},
        "is of `augmentation: custom` only"));
    VIZSLA_ASSIGN_OR_RETURN(plan.augmentation, FindAugmentationPolicy(name));
    return absl::OkStatus();
  }
  plan.augmentation = AugmentationPolicy{
      .rotation_degrees = values.Get<double>("rotation"),
      .width_shift = values.Get<double>("shift"),
      .height_shift = values.Get<double>("shift"),
      .zoom = values.Get<double>("zoom"),
      .horizontal_flip = values.Get<bool>("flip"),
      .shear_degrees = values.Get<double>("shear"),
      .crop_scale = values.Get<double>("crop"),
      .brightness = values.Get<double>("brightness"),
      .contrast = values.Get<double>("contrast"),
      .erasing = values.Get<double>("erasing"),
  };
  return absl::OkStatus();
}

absl::Status ResolveAugmentation(const ParameterValues& values, TrainingPlan& plan) {
  VIZSLA_RETURN_IF_ERROR(ResolvePolicy(values, plan));
  // Not refused: a space that varies the augmentation may well fix the views.
  if (CountExactViews(plan.augmentation) == 0) plan.views = values.Integer("views");
  plan.mixup = values.Get<double>("mixup");
  plan.cutmix = values.Get<double>("cutmix");
  return absl::OkStatus();
}

absl::Status ResolveOptimizer(const ParameterValues& values, TrainingPlan& plan) {
  OptimizerPlan& optimizer = plan.optimizer;
  optimizer.kind = FromWord(values.Word("optimizer"), kOptimizers);
  optimizer.learning_rate = values.Get<double>("learning_rate");
  optimizer.backbone_learning_rate =
      values.GetOr("backbone_learning_rate", optimizer.learning_rate);
  const std::string kind(ToText(optimizer.kind));
  const bool has_momentum = optimizer.kind == OptimizerPlan::Kind::kSgd ||
                            optimizer.kind == OptimizerPlan::Kind::kRmsprop;
  const bool decays =
      optimizer.kind == OptimizerPlan::Kind::kSgd || optimizer.kind == OptimizerPlan::Kind::kAdamW;
  if (!has_momentum) {
    VIZSLA_RETURN_IF_ERROR(
        Refuse(values, {"momentum"}, StrCat("is of sgd and rmsprop, not of ", kind)));
  }
  if (!decays) {
    VIZSLA_RETURN_IF_ERROR(
        Refuse(values, {"weight_decay"}, StrCat("is of adamw and sgd, not of ", kind)));
  }
  if (plan.unfreeze == "none") {
    VIZSLA_RETURN_IF_ERROR(Refuse(values, {"backbone_learning_rate", "backbone_statistics"},
                                  "nothing of the backbone is trained"));
  }
  optimizer.momentum =
      values.GetOr("momentum", optimizer.kind == OptimizerPlan::Kind::kSgd ? 0.9 : 0.0);
  optimizer.weight_decay =
      values.GetOr("weight_decay", optimizer.kind == OptimizerPlan::Kind::kAdamW ? 0.01 : 0.0);
  return absl::OkStatus();
}

absl::Status ResolveSchedule(const ParameterValues& values, TrainingPlan& plan) {
  SchedulePlan& schedule = plan.schedule;
  schedule.kind = FromWord(values.Word("schedule"), kSchedules);
  const bool steps = schedule.kind == SchedulePlan::Kind::kStep;
  const bool plateau = schedule.kind == SchedulePlan::Kind::kPlateau;
  if (!steps) {
    VIZSLA_RETURN_IF_ERROR(Refuse(values, {"schedule_every"}, "is of `schedule: step` only"));
  }
  if (!plateau) {
    VIZSLA_RETURN_IF_ERROR(Refuse(values, {"schedule_patience"}, "is of `schedule: plateau` only"));
  }
  if (!steps && !plateau) {
    VIZSLA_RETURN_IF_ERROR(
        Refuse(values, {"schedule_factor"}, "is of `schedule: step` and `plateau` only"));
  }
  schedule.warmup_epochs = values.Integer("warmup_epochs");
  schedule.factor = values.Get<double>("schedule_factor");
  schedule.every = values.Integer("schedule_every");
  schedule.patience = values.Integer("schedule_patience");
  if (schedule.warmup_epochs >= plan.epochs && schedule.warmup_epochs > 0) {
    return ParameterError("warmup_epochs", StrCat(schedule.warmup_epochs, " leaves nothing of ",
                                                  plan.epochs, " epochs"));
  }
  return absl::OkStatus();
}

absl::Status ResolveBackboneStatistics(const ParameterValues& values, TrainingPlan& plan) {
  plan.learns_backbone_statistics = values.Word("backbone_statistics") == "learned";
  if (plan.learns_backbone_statistics || plan.pretrained()) return absl::OkStatus();
  return ParameterError("backbone_statistics", "random weights have no statistics to keep");
}

// Whether some batch norm that trains averages over the batch, in the head or below it.
bool TrainsBatchNorm(const TrainingPlan& plan) {
  if (plan.batch_norm) return true;
  if (!plan.learns_backbone_statistics) return false;
  const std::shared_ptr<const NetworkGraph> graph = GraphOf(plan);
  return std::any_of(graph->layers.begin() + FirstTrainedLayer(plan), graph->layers.end(),
                     [](const GraphLayer& layer) { return layer.kind == LayerKind::kBatchNorm; });
}

absl::Status ResolveTraining(const ParameterValues& values, const Budget& budget,
                             TrainingPlan& plan) {
  if (budget.epochs < 1) return absl::InvalidArgumentError("budget: epochs must be at least 1");
  plan.epochs = static_cast<int>(values.GetOr<int64_t>("epochs", budget.epochs));
  if (plan.epochs > budget.epochs) {
    return ParameterError(
        "epochs", StrCat(plan.epochs, " is more than the budget's ", budget.epochs, " epochs"));
  }
  VIZSLA_RETURN_IF_ERROR(ResolveOptimizer(values, plan));
  VIZSLA_RETURN_IF_ERROR(ResolveSchedule(values, plan));
  plan.clip_norm = values.Get<double>("clip_norm");
  plan.ema_decay = values.Get<double>("ema");
  plan.label_smoothing = values.Get<double>("label_smoothing");
  plan.class_weights = FromWord(values.Word("class_weights"), kClassWeights);
  plan.batch_size = values.Integer("batch_size");
  VIZSLA_RETURN_IF_ERROR(ResolveBackboneStatistics(values, plan));
  plan.sync_batch_norm = values.Get<bool>("sync_batch_norm");
  plan.precision = FromWord(values.Word("precision"), kPrecisions);
  plan.test_time_flip = values.Get<bool>("test_time_flip");
  if (values.Given("early_stopping_patience")) {
    plan.early_stopping_patience = values.Integer("early_stopping_patience");
  }
  if (values.Given("early_stopping_min_delta")) {
    plan.early_stopping_min_delta = values.Get<double>("early_stopping_min_delta");
  }
  plan.early_stopping_metric = values.GetOr<std::string>("early_stopping_metric", "");
  if (plan.initial_weights != InitialWeights::kAutoencoder) {
    VIZSLA_RETURN_IF_ERROR(
        Refuse(values, {"pretrain_epochs"}, "is of `initial_weights: autoencoder` only"));
  }
  plan.pretrain_epochs = values.Integer("pretrain_epochs");
  if (plan.batch_size == 1 && TrainsBatchNorm(plan)) {
    return ParameterError("batch_size", "1 gives batch norm nothing to average; take at least 2");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TrainingPlan> ResolvePlan(const Configuration& configuration, const Budget& budget,
                                         const WeightsTraits& traits) {
  for (const auto& [name, value] : configuration) {
    const ParameterInfo* info = FindParameterInfo(name);
    if (info == nullptr) return UnknownParameter(name);
    if (const std::string objection = Objection(*info, value); !objection.empty()) {
      return ParameterError(name, objection);
    }
  }
  const ParameterValues values(configuration);
  TrainingPlan plan;
  plan.network = values.Word("network");
  plan.image_size = values.Integer("image_size");
  if (IsScratchNetwork(plan.network)) {
    VIZSLA_RETURN_IF_ERROR(ResolveScratch(values, plan));
  } else {
    VIZSLA_RETURN_IF_ERROR(ResolveBackbone(values, plan, traits));
  }
  VIZSLA_RETURN_IF_ERROR(ResolveHead(values, plan));
  VIZSLA_RETURN_IF_ERROR(ResolvePreprocessing(values, plan, traits));
  VIZSLA_RETURN_IF_ERROR(ResolveAugmentation(values, plan));
  VIZSLA_RETURN_IF_ERROR(ResolveTraining(values, budget, plan));
  return plan;
}

}  // namespace vizsla
