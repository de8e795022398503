#include <vector>

#include "src/catalog/backbones.h"
#include "src/catalog/training_plan.h"
#include "src/catalog/words.h"

namespace vizsla {
namespace {

ParameterInfo Word(std::string name, std::vector<std::string> words, std::string default_value,
                   std::string help) {
  ParameterInfo info;
  info.name = std::move(name);
  info.kind = "word";
  for (const std::string& word : words) {
    absl::StrAppend(&info.allowed, info.allowed.empty() ? "" : ", ", word);
  }
  info.words = std::move(words);
  info.default_value = std::move(default_value);
  info.help = std::move(help);
  return info;
}

ParameterInfo Range(std::string name, std::string kind, std::string allowed, double low,
                    double high, ParameterValue default_value, std::string help) {
  ParameterInfo info;
  info.name = std::move(name);
  info.kind = std::move(kind);
  info.allowed = std::move(allowed);
  info.low = low;
  info.high = high;
  info.default_value = std::move(default_value);
  info.help = std::move(help);
  return info;
}

ParameterInfo Number(std::string name, std::string allowed, double low, double high,
                     double default_value, std::string help) {
  return Range(std::move(name), "number", std::move(allowed), low, high, default_value,
               std::move(help));
}

ParameterInfo Integer(std::string name, std::string allowed, double low, double high,
                      int64_t default_value, std::string help) {
  return Range(std::move(name), "integer", std::move(allowed), low, high, default_value,
               std::move(help));
}

ParameterInfo Flag(std::string name, bool default_value, std::string help) {
  return Range(std::move(name), "boolean", "true, false", 0, 1, default_value, std::move(help));
}

ParameterInfo DependsOn(std::string what, ParameterInfo info) {
  info.default_depends = std::move(what);
  return info;
}

// Declares what ParameterInfo::changes_in_training says.
ParameterInfo InTraining(ParameterInfo info) {
  info.changes_in_training = true;
  return info;
}

template <typename Enum, size_t kCount>
std::vector<std::string> WordsOf(const std::array<Enum, kCount>& values) {
  std::vector<std::string> words;
  for (const Enum value : values) words.emplace_back(ToText(value));
  return words;
}

std::vector<std::string> NetworkWords() {
  std::vector<std::string> words;
  for (const BackboneInfo& backbone : Backbones()) words.push_back(backbone.name);
  for (const char* scratch : {"scratch_v1", "scratch_v2", "scratch_v3"}) words.push_back(scratch);
  return words;
}

std::vector<std::string> PreprocessingWords() {
  std::vector<std::string> words = {"weights"};
  for (const std::string_view name : PreprocessingNames()) words.emplace_back(name);
  return words;
}

std::vector<std::string> AugmentationWords() {
  std::vector<std::string> words;
  for (const std::string_view name : AugmentationPolicyNames()) words.emplace_back(name);
  words.push_back("custom");
  return words;
}

ParameterInfo Unfreeze() {
  ParameterInfo info;
  info.name = "unfreeze";
  info.kind = "layer name";
  info.allowed = "none, all or a layer of the network, by Keras' name or by torchvision's";
  info.words = {"none", "all"};
  for (const BackboneInfo& backbone : Backbones()) {
    for (const UnfreezePoint& point : backbone.unfreeze_points) info.words.push_back(point.keras);
  }
  info.default_value = "none";
  info.default_depends = "none; with random weights all";
  info.help = "The layer from which on the backbone is trained too. Backbones only.";
  return info;
}

void AppendNetwork(std::vector<ParameterInfo>& all) {
  all.push_back(Word("network", NetworkWords(), "mobilenet_v2",
                     "The network: a backbone, or one of the campaign's networks trained from "
                     "scratch."));
  all.push_back(DependsOn(
      "pretrained; of scratch networks random",
      Word("initial_weights", WordsOf(kInitialWeights), "pretrained",
           "Where training starts: at the study's weights, at random ones (a backbone is then "
           "trained whole unless unfreeze says otherwise), or, scratch networks only, at the "
           "encoder of an autoencoder trained on all photos without their labels.")));
  all.push_back(Integer("pretrain_epochs", "1 to 1000", 1, 1000, 5,
                        "Epochs of the autoencoder. With initial_weights: autoencoder only."));
  all.push_back(Unfreeze());
  all.push_back(DependsOn("the campaign's: 2, of scratch_v3 3",
                          Integer("blocks", "1 to 6", 1, 6, 2,
                                  "Convolutional blocks, each of twice the filters of the one "
                                  "before. Scratch networks only.")));
  all.push_back(DependsOn(
      "the campaign's: 0.25, of scratch_v2 0.5, of scratch_v3 0",
      InTraining(Number("block_dropout", "0 to 0.95", 0, 0.95, 0.25,
                        "Dropout after each convolutional block. Scratch networks only."))));
  all.push_back(
      DependsOn("the campaign's: true, of scratch_v3 false",
                Flag("block_batch_norm", true,
                     "Batch norm after each convolutional block. Scratch networks only.")));
}

void AppendHead(std::vector<ParameterInfo>& all) {
  all.push_back(DependsOn(
      "avg; of scratch networks flatten",
      Word("pooling", WordsOf(kPoolings), "avg", "How the last feature map becomes a vector.")));
  all.push_back(DependsOn(
      "[]; of scratch networks the campaign's",
      Range("dense", "list of integers", "up to 8 sizes of 1 to 8192", 1, 8192, IntList{},
            "Sizes of the dense layers of the head, each with ReLU; [] for a linear head.")));
  all.push_back(
      DependsOn("0; of scratch_v2 0.5", InTraining(Number("dropout_hidden", "0 to 0.95", 0, 0.95, 0,
                                                          "Dropout between dense layers."))));
  all.push_back(Flag("batch_norm", true, "Batch norm in the head."));
  all.push_back(Word("batch_norm_place", WordsOf(kNormPlaces), "last",
                     "Where: after the last dense layer (with none: of the pooled features), after "
                     "every dense layer, or before the first."));
  all.push_back(
      InTraining(Number("dropout", "0 to 0.95", 0, 0.95, 0.5, "Dropout before the output layer.")));
  const std::string penalty = "0; of scratch_v3 0.01";
  all.push_back(
      DependsOn(penalty, InTraining(Number("l1", "0 to 1", 0, 1, 0,
                                           "Keras' L1 penalty of the dense layers' kernels."))));
  all.push_back(
      DependsOn(penalty, InTraining(Number("l2", "0 to 1", 0, 1, 0,
                                           "Keras' L2 penalty of the dense layers' kernels."))));
  all.push_back(
      DependsOn(penalty, InTraining(Number("l2_bias", "0 to 1", 0, 1, 0,
                                           "Keras' L2 penalty of the dense layers' biases."))));
}

void AppendInput(std::vector<ParameterInfo>& all) {
  all.push_back(Integer("image_size", "16 to 1024", 16, 1024, 160,
                        "Side of the square input in pixels; photos are resized whole, not "
                        "cropped."));
  all.push_back(Word("preprocessing", PreprocessingWords(), "weights",
                     "How bytes become input; 'weights' means what the weights were trained with, "
                     "and unit without weights."));
  all.push_back(Word("channel_order", {"usual", "rgb", "bgr"}, "usual",
                     "Order of the colour planes; 'usual' is the preprocessing's own."));
  all.push_back(Word("augmentation", AugmentationWords(), "none",
                     "How train photos are varied: v1 flips; v2 rotates, zooms and flips; v3 also "
                     "shifts; custom as the nine parameters that follow say."));
  const auto custom = [&](ParameterInfo info) {
    info.help += " With augmentation: custom only.";
    all.push_back(std::move(info));
  };
  custom(InTraining(Number("rotation", "0 to 180", 0, 180, 0, "Largest rotation in degrees.")));
  custom(InTraining(
      Number("shift", "0 to 0.9", 0, 0.9, 0, "Largest shift, a fraction of each side.")));
  custom(InTraining(Number("zoom", "0 to 0.9", 0, 0.9, 0, "Zoom of each axis within 1 +- this.")));
  custom(Flag("flip", false, "Mirrors half of the photos."));
  custom(InTraining(Number("shear", "0 to 60", 0, 60, 0, "Largest shear in degrees.")));
  custom(InTraining(
      Number("crop", "0.05 to 1", 0.05, 1, 1,
             "Random crops of at least this part of the area, resized to the whole; 1 is off.")));
  custom(InTraining(Number("brightness", "0 to 1", 0, 1, 0, "Brightness times 1 +- this.")));
  custom(InTraining(Number("contrast", "0 to 1", 0, 1, 0, "Contrast times 1 +- this.")));
  custom(InTraining(Number("erasing", "0 to 1", 0, 1, 0, "Probability of erasing a rectangle.")));
  all.push_back(
      Integer("views", StrCat("0 to ", ViewSet::kMostDrawn), 0, ViewSet::kMostDrawn, 0,
              "Views of each train photo that are drawn once for all trials, so that features of "
              "what is frozen can be cached; 0: every epoch draws anew. Without effect where all "
              "views can be cached anyway (augmentation none, v1, or custom with flip alone)."));
  all.push_back(
      InTraining(Number("mixup", "0 to 10", 0, 10, 0,
                        "Alpha of mixup, which blends photos and their labels; 0 is off.")));
  all.push_back(
      InTraining(Number("cutmix", "0 to 10", 0, 10, 0,
                        "Alpha of CutMix, which pastes rectangles of other photos; 0 is off.")));
}

void AppendTraining(std::vector<ParameterInfo>& all) {
  all.push_back(Word("optimizer", WordsOf(kOptimizers), "adam",
                     "adam and adamw with betas 0.9 and 0.999, sgd with momentum, rmsprop."));
  all.push_back(InTraining(Number("learning_rate", "1e-7 to 10", 1e-7, 10, 1e-3, "Of the head.")));
  all.push_back(
      DependsOn("that of learning_rate",
                InTraining(Number("backbone_learning_rate", "1e-9 to 10", 1e-9, 10, 1e-3,
                                  "Of what is unfrozen below the head. Backbones only."))));
  all.push_back(DependsOn("0; of sgd 0.9",
                          Number("momentum", "0 to 0.999", 0, 0.999, 0, "Of sgd and rmsprop.")));
  all.push_back(DependsOn("0; of adamw 0.01",
                          InTraining(Number("weight_decay", "0 to 1", 0, 1, 0,
                                            "Of kernels; decoupled with adamw, L2 with sgd."))));
  all.push_back(Word("schedule", WordsOf(kSchedules), "constant",
                     "How the learning rates change: not, along a cosine to 0, in steps, or when "
                     "val_loss no longer improves."));
  all.push_back(Integer("warmup_epochs", "0 to 100", 0, 100, 0,
                        "Epochs over which the learning rates rise linearly."));
  all.push_back(Integer("schedule_every", "1 to 1000", 1, 1000, 10,
                        "Epochs from step to step. With schedule: step only."));
  all.push_back(Number("schedule_factor", "0.001 to 0.999", 0.001, 0.999, 0.1,
                       "What a step or a plateau multiplies the rates by."));
  all.push_back(Integer("schedule_patience", "1 to 1000", 1, 1000, 5,
                        "Epochs without improvement. With schedule: plateau only."));
  all.push_back(InTraining(Number("clip_norm", "0 to 1e6", 0, 1e6, 0,
                                  "Largest norm of all gradients together; 0 is off.")));
  all.push_back(Number("ema", "0 to 0.99999", 0, 0.99999, 0,
                       "Decay of the averaged weights that are validated and kept; 0 is off."));
  all.push_back(InTraining(Number("label_smoothing", "0 to 0.9", 0, 0.9, 0,
                                  "Part of each label that is spread over all classes.")));
  all.push_back(Word("class_weights", WordsOf(kClassWeights), "none",
                     "balanced: a photo's loss counts by how rare its class is."));
  all.push_back(
      Integer("batch_size", "1 to 4096", 1, 4096, 32, "Photos per step of the whole trial group."));
  all.push_back(Word("backbone_statistics", {"learned", "kept"}, "learned",
                     "Of batch norms in what is unfrozen: learned from the photos, or kept as the "
                     "weights have them (Keras' training=False). Backbones with pretrained weights "
                     "only."));
  all.push_back(Flag("sync_batch_norm", true,
                     "Batch norm's statistics over the whole trial group, not each rank's own."));
  all.push_back(Word("precision", WordsOf(kPrecisions), "float32",
                     "What convolutions and matrix products compute in, as PyTorch's autocast; "
                     "float16 scales its loss. tf32 is float32 without a GPU."));
  all.push_back(DependsOn("the budget's", Integer("epochs", "1 to 100000", 1, 100000, 30,
                                                  "The trial's epochs, at most the budget's.")));
  all.push_back(
      DependsOn("the study's early_stopping",
                Integer("early_stopping_patience", "0 to 100000", 0, 100000, 20,
                        "Epochs without improvement before the trial stops; 0 is never.")));
  all.push_back(DependsOn("the study's early_stopping",
                          Number("early_stopping_min_delta", "0 to 10", 0, 10, 0.001,
                                 "An improvement of this size or less is none.")));
  all.push_back(DependsOn(
      "the study's early_stopping",
      Word("early_stopping_metric",
           {"val_loss", "val_accuracy", "val_top5_accuracy", "train_loss", "train_accuracy"},
           "val_loss", "The metric that must improve.")));
  all.push_back(Flag("test_time_flip", false,
                     "Validation and evaluation average a photo and its mirror image."));
}

}  // namespace

std::span<const ParameterInfo> KnownParameters() {
  static const std::vector<ParameterInfo> all = [] {
    std::vector<ParameterInfo> parameters;
    AppendNetwork(parameters);
    AppendHead(parameters);
    AppendInput(parameters);
    AppendTraining(parameters);
    return parameters;
  }();
  return all;
}

}  // namespace vizsla
