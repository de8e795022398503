#include <vector>

#include "src/catalog/backbones.h"
#include "src/catalog/training_plan.h"

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
  return {std::move(name),          std::move(kind), std::move(allowed), {}, low, high,
          std::move(default_value), std::move(help)};
}

ParameterInfo Flag(std::string name, bool default_value, std::string help) {
  return {std::move(name), "boolean", "true, false", {}, 0, 1, default_value, std::move(help)};
}

std::vector<std::string> PreprocessingWords() {
  std::vector<std::string> words = {"weights"};
  for (const std::string_view name : PreprocessingNames()) words.emplace_back(name);
  return words;
}

std::vector<std::string> UnfreezeWords() {
  std::vector<std::string> words = {"none", "all"};
  for (const BackboneInfo& backbone : Backbones()) {
    words.insert(words.end(), backbone.unfreeze_points.begin(), backbone.unfreeze_points.end());
  }
  return words;
}

std::vector<ParameterInfo> MakeAll() {
  return {
      Word("network", {"mobilenet_v2", "scratch_v1", "scratch_v2"}, "mobilenet_v2",
           "The network: a backbone, or one of the campaign's networks trained from scratch."),
      Word("initial_weights", {"pretrained", "random"}, "pretrained",
           "Where a backbone starts: at the study's weights, or at random ones (then it is trained "
           "whole unless unfreeze says otherwise). Scratch networks are always random."),
      Range("image_size", "integer", "16 to 1024", 16, 1024, int64_t{160},
            "Side of the square input in pixels; photos are resized whole, not cropped."),
      Word("preprocessing", PreprocessingWords(), "weights",
           "How bytes become input; 'weights' means what the weights were trained with, and unit "
           "without weights."),
      Word("augmentation", {"none", "v1", "v2", "v3"}, "none",
           "How train photos are varied: v1 flips; v2 rotates, zooms and flips; v3 also shifts."),
      Word("pooling", {"avg", "max", "flatten"}, "avg",
           "How the last feature map becomes a vector. Backbones only."),
      Range("dense", "list of integers", "up to 8 sizes of 1 to 8192", 1, 8192, IntList{},
            "Sizes of the dense layers of the head, each with ReLU; [] for a linear head. "
            "Backbones only."),
      Range("dropout_hidden", "number", "0 to 0.95", 0, 0.95, 0.0,
            "Dropout between dense layers. Backbones only."),
      Flag("batch_norm", true,
           "Batch norm after the last dense layer (with none: of the pooled features). Backbones "
           "only."),
      Range("dropout", "number", "0 to 0.95", 0, 0.95, 0.5,
            "Dropout before the output layer. Backbones only."),
      Word("unfreeze", UnfreezeWords(), "none",
           "The layer from which on the backbone is trained too. Backbones only."),
      Range("learning_rate", "number", "1e-7 to 10", 1e-7, 10, 1e-3,
            "Adam's learning rate (betas 0.9 and 0.999, epsilon 1e-8)."),
      Range("batch_size", "integer", "1 to 4096", 1, 4096, int64_t{32},
            "Photos per step of the whole trial group."),
      Flag("sync_batch_norm", true,
           "Batch norm's statistics over the whole trial group, not each rank's own."),
  };
}

}  // namespace

std::span<const ParameterInfo> KnownParameters() {
  static const std::vector<ParameterInfo> all = MakeAll();
  return all;
}

}  // namespace vizsla
