// The backbones that exist, described without LibTorch: the coordinator and the command line
// validate with this; src/nn builds them. A further backbone is one file src/catalog/backbone_*.cc
// with its line in CMakeLists.txt, its declaration below and its line in backbones.cc; then
// docs/parameters.md is written anew, and the tests get its case (tests/nn/backbone_parity_test.cc)
// and its name (the lists in tests/catalog).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/base/status.h"
#include "src/catalog/network_graph.h"

namespace vizsla {

// A place from which on a backbone can be trained, under both its names.
struct UnfreezePoint {
  std::string keras;        // a layer's name: "block_16_expand"
  std::string torchvision;  // a module's path with the same effect: "features.17"
  bool operator==(const UnfreezePoint&) const = default;
};

struct BackboneInfo {
  std::string name;             // torchvision's or timm's: "mobilenet_v2"
  std::string published_by;     // whose names and published weights fit: "torchvision", "timm"
  int native_image_size = 224;  // pixels, what the published weights were trained at
  std::string preprocessing;    // what the published weights expect; see preprocessing.h
  int min_image_size = 32;      // smaller ones are refused; Keras' limit where Keras has one
  // Modules of the published weights that are not the backbone: classifiers, auxiliary outputs.
  std::vector<std::string> other_modules;
  // Parts of tensors' names that the published file spells otherwise, and how they are spelt here.
  std::vector<std::pair<std::string, std::string>> spellings;
  // The usual ones, from the end of the network to its start. Any other layer's or module's name is
  // understood too.
  std::vector<UnfreezePoint> unfreeze_points;
  NetworkGraph graph;               // images to the last feature map
  std::vector<NamedShape> tensors;  // of the graph

  int feature_channels() const { return static_cast<int>(graph.channels()); }
  // This graph's name of a weights file's tensor. Nullopt: it lies in other_modules.
  std::optional<std::string> TensorName(std::string_view in_file) const;
  // The first of the graph's layers that trains: none, all, or a name (NetworkGraph::FindLayer).
  std::optional<int> FindCut(std::string_view unfreeze) const;
};

// NotFound lists the known names.
absl::StatusOr<const BackboneInfo*> FindBackbone(std::string_view name);
std::span<const BackboneInfo> Backbones();

// One of each file; `tensors` is filled in by the registry.
BackboneInfo MakeMobileNetV2();      // Sandler et al. 2018
BackboneInfo MakeInceptionV3();      // Szegedy et al. 2015, "Rethinking the Inception Architecture"
BackboneInfo MakeResNet50();         // He et al. 2015, with the stride in the 3x3 (torchvision)
BackboneInfo MakeVgg16();            // Simonyan, Zisserman 2014
BackboneInfo MakeDenseNet121();      // Huang et al. 2016
BackboneInfo MakeEfficientNetV2S();  // Tan, Le 2021
BackboneInfo MakeXception();         // Chollet 2016
BackboneInfo MakeInceptionResNetV2();  // Szegedy et al. 2016, "Inception-v4, ..."

}  // namespace vizsla
