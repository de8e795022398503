#include "src/train/plan_fingerprint.h"

#include "absl/strings/str_join.h"
#include "src/base/exact_number.h"
#include "src/base/sha256.h"
#include "src/base/str_cat.h"

namespace vizsla {
namespace {

// Fields that came after the first version: a line each, but only when it is not what it was before
// it could be chosen.
class LaterFields {
 public:
  void Add(const char* name, double value, double usual) {
    if (value != usual) Append(name, ExactNumber(value));
  }
  void Add(const char* name, std::string_view value, std::string_view usual) {
    if (value != usual) Append(name, std::string(value));
  }
  const std::string& text() const { return text_; }

 private:
  void Append(const char* name, const std::string& value) {
    text_ += StrCat(name, " ", value, "\n");
  }
  std::string text_;
};

void AddAugmentation(const AugmentationPolicy& policy, LaterFields& later) {
  const auto& [rotation, width_shift, height_shift, zoom, flip,  // in the first version
               shear_degrees, crop_scale, brightness, contrast, erasing] = policy;
  const AugmentationPolicy usual;
  later.Add("shear_degrees", shear_degrees, usual.shear_degrees);
  later.Add("crop_scale", crop_scale, usual.crop_scale);
  later.Add("brightness", brightness, usual.brightness);
  later.Add("contrast", contrast, usual.contrast);
  later.Add("erasing", erasing, usual.erasing);
}

void AddScratch(const std::string& network, const ScratchOptions& options, LaterFields& later) {
  const auto& [blocks, dropout, batch_norm] = options;
  const ScratchOptions usual =
      IsScratchNetwork(network) ? DefaultScratchOptions(network) : ScratchOptions{};
  later.Add("scratch_blocks", blocks, usual.blocks);
  later.Add("scratch_dropout", dropout, usual.dropout);
  later.Add("scratch_batch_norm", batch_norm, usual.batch_norm);
}

void AddOptimizer(const OptimizerPlan& plan, LaterFields& later) {
  const auto& [kind, learning_rate, backbone_learning_rate, momentum, weight_decay] = plan;
  const OptimizerPlan usual;
  later.Add("optimizer", ToText(kind), ToText(usual.kind));
  later.Add("backbone_learning_rate", backbone_learning_rate, learning_rate);
  later.Add("momentum", momentum, usual.momentum);
  later.Add("weight_decay", weight_decay, usual.weight_decay);
}

void AddSchedule(const SchedulePlan& plan, LaterFields& later) {
  const auto& [kind, warmup_epochs, factor, every, patience] = plan;
  const SchedulePlan usual;
  later.Add("schedule", ToText(kind), ToText(usual.kind));
  later.Add("warmup_epochs", warmup_epochs, usual.warmup_epochs);
  later.Add("factor", factor, usual.factor);
  later.Add("every", every, usual.every);
  later.Add("plateau_patience", patience, usual.patience);
}

}  // namespace

std::string PlanFingerprint(const TrainingPlan& plan) {
  // Every member by name, here and above: a new one does not compile until somebody has decided
  // what it means for a checkpoint.
  const auto& [network, initial_weights, pretrain_epochs, image_size, preprocessing, augmentation,
               views, mixup, cutmix, scratch, pooling, dense, dropout_hidden, batch_norm,
               norm_place, dropout, l1, l2, l2_bias, unfreeze, learns_backbone_statistics,
               optimizer, schedule, clip_norm, ema_decay, label_smoothing, class_weights,
               batch_size, sync_batch_norm, precision, epochs, early_stopping_patience,
               early_stopping_min_delta, early_stopping_metric, test_time_flip] = plan;
  const auto& [preprocessing_name, bgr, scale, offset] = preprocessing;
  const std::string first_version =
      StrCat("network ", network, "\npretrained ", plan.pretrained() ? 1 : 0, "\nimage_size ",
             image_size, "\npreprocessing ", preprocessing_name, " ", bgr ? 1 : 0, " ",
             absl::StrJoin(scale, " "), " ", absl::StrJoin(offset, " "), "\naugmentation ",
             ExactNumber(augmentation.rotation_degrees), " ", ExactNumber(augmentation.width_shift),
             " ", ExactNumber(augmentation.height_shift), " ", ExactNumber(augmentation.zoom), " ",
             augmentation.horizontal_flip ? "flip" : "-", "\npooling ", ToText(pooling), "\ndense ",
             absl::StrJoin(dense, " "), "\ndropout_hidden ", ExactNumber(dropout_hidden),
             "\nbatch_norm ", batch_norm ? 1 : 0, "\ndropout ", ExactNumber(dropout), "\nunfreeze ",
             unfreeze, "\nlearning_rate ", ExactNumber(optimizer.learning_rate), "\nbatch_size ",
             batch_size, "\nsync_batch_norm ", sync_batch_norm ? 1 : 0, "\n");

  const TrainingPlan usual;
  LaterFields later;
  if (initial_weights == InitialWeights::kAutoencoder) {
    later.Add("autoencoder_epochs", pretrain_epochs, 0);
  }
  AddAugmentation(augmentation, later);
  later.Add("views", views, usual.views);
  later.Add("mixup", mixup, usual.mixup);
  later.Add("cutmix", cutmix, usual.cutmix);
  AddScratch(network, scratch, later);
  later.Add("norm_place", ToText(norm_place), ToText(usual.norm_place));
  later.Add("l1", l1, usual.l1);
  later.Add("l2", l2, usual.l2);
  later.Add("l2_bias", l2_bias, usual.l2_bias);
  later.Add("learns_backbone_statistics", learns_backbone_statistics,
            usual.learns_backbone_statistics);
  AddOptimizer(optimizer, later);
  AddSchedule(schedule, later);
  later.Add("clip_norm", clip_norm, usual.clip_norm);
  later.Add("ema_decay", ema_decay, usual.ema_decay);
  later.Add("label_smoothing", label_smoothing, usual.label_smoothing);
  later.Add("class_weights", ToText(class_weights), ToText(usual.class_weights));
  later.Add("precision", ToText(precision), ToText(usual.precision));
  later.Add("test_time_flip", test_time_flip, usual.test_time_flip);
  return Sha256Hex(first_version + later.text());
}

}  // namespace vizsla
