// The registry against the published networks. Names and shapes of all tensors are compared with
// torchvision's and timm's own state dicts in tests/nn/backbone_parity_test.cc.
#include "src/catalog/backbones.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <sstream>

#include "src/base/file.h"
#include "src/catalog/preprocessing.h"

namespace vizsla {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSubsetOf;
using ::testing::Not;
using ::testing::UnorderedElementsAreArray;

const BackboneInfo& Find(std::string_view name) {
  const auto info = FindBackbone(name);
  EXPECT_TRUE(info.ok()) << info.status();
  return **info;
}

bool IsParameter(const std::string& tensor) {
  return tensor.ends_with(".weight") || tensor.ends_with(".bias");
}

bool IsUnder(const std::string& tensor, const std::string& module) {
  return tensor.starts_with(module + ".");
}

// Names of the parameters of layers [cut, end).
std::vector<std::string> TrainedFrom(const BackboneInfo& info, std::string_view unfreeze) {
  const std::optional<int> cut = info.FindCut(unfreeze);
  EXPECT_TRUE(cut.has_value()) << unfreeze;
  const std::vector<GraphLayer>& layers = info.graph.layers;
  std::vector<std::string> names;
  for (size_t i = static_cast<size_t>(cut.value_or(0)); i < layers.size(); ++i) {
    for (const NamedShape& tensor : TensorsOf(layers[i], layers[i].channels)) {
      if (IsParameter(tensor.name)) names.push_back(tensor.name);
    }
  }
  return names;
}

std::vector<std::string> ParametersUnder(const BackboneInfo& info,
                                         const std::vector<std::string>& modules) {
  std::vector<std::string> names;
  for (const NamedShape& tensor : info.tensors) {
    const bool under = std::any_of(modules.begin(), modules.end(), [&](const std::string& module) {
      return IsUnder(tensor.name, module);
    });
    if (under && IsParameter(tensor.name)) names.push_back(tensor.name);
  }
  return names;
}

struct Published {
  const char* name;
  int channels;
  int tensors;         // of the state dict without the top
  int64_t parameters;  // of the whole published network ...
  int64_t top;         // ... of which are its classifier's (and InceptionV3's auxiliary one's)
  int native_side;     // of the feature map
  int min_image_size;
  const char* preprocessing;
};
constexpr int64_t Dense(int64_t in, int64_t out) { return in * out + out; }
constexpr Published kPublished[] = {
    {"mobilenet_v2", 1280, 312, 3504872, Dense(1280, 1000), 7, 32, "torch"},
    {"inception_v3", 2048, 564, 27161264, Dense(2048, 1000) + 3326696, 8, 75, "tf"},
    {"resnet50", 2048, 318, 25557032, Dense(2048, 1000), 7, 32, "torch"},
    {"vgg16", 512, 26, 138357544, Dense(25088, 4096) + Dense(4096, 4096) + Dense(4096, 1000), 7, 32,
     "torch"},
    {"densenet121", 1024, 725, 7978856, Dense(1024, 1000), 7, 32, "torch"},
    {"efficientnet_v2_s", 1280, 780, 21458488, Dense(1280, 1000), 12, 32, "torch"},
    {"xception", 2048, 274, 22855952, Dense(2048, 1000), 10, 71, "tf"},
    {"inception_resnet_v2", 1536, 1304, 55843464, Dense(1536, 1000), 8, 75, "tf"},
};

TEST(Backbones, AreThePublishedNetworks) {
  ASSERT_EQ(Backbones().size(), std::size(kPublished));
  for (const Published& published : kPublished) {
    SCOPED_TRACE(published.name);
    const BackboneInfo& info = Find(published.name);
    EXPECT_EQ(info.feature_channels(), published.channels);
    EXPECT_EQ(info.tensors.size(), static_cast<size_t>(published.tensors));
    int64_t parameters = 0;
    for (const NamedShape& tensor : info.tensors) {
      if (!IsParameter(tensor.name)) continue;
      parameters += std::accumulate(tensor.shape.begin(), tensor.shape.end(), int64_t{1},
                                    std::multiplies<>());
    }
    EXPECT_EQ(parameters, published.parameters - published.top);
    EXPECT_EQ(info.graph.OutputSide(info.native_image_size), published.native_side);
    EXPECT_EQ(info.min_image_size, published.min_image_size);
    EXPECT_GE(info.graph.OutputSide(info.min_image_size).value_or(0), 1);
    EXPECT_EQ(info.preprocessing, published.preprocessing);
    EXPECT_TRUE(FindPreprocessing(info.preprocessing).ok());
  }
}

TEST(Backbones, UnknownNamesAreToldTheKnown) {
  const absl::Status status = FindBackbone("vgg61").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  for (const BackboneInfo& info : Backbones()) EXPECT_THAT(status.ToString(), HasSubstr(info.name));
}

TEST(Backbones, NamesAreUnique) {
  for (const BackboneInfo& info : Backbones()) {
    SCOPED_TRACE(info.name);
    std::set<std::string> layers;
    for (const GraphLayer& layer : info.graph.layers) {
      EXPECT_TRUE(layers.insert(layer.name).second) << layer.name;
    }
    std::set<std::string> tensors;
    for (const NamedShape& tensor : info.tensors) {
      EXPECT_TRUE(tensors.insert(tensor.name).second) << tensor.name;
      EXPECT_EQ(info.TensorName(tensor.name), tensor.name);
    }
  }
}

TEST(Backbones, NamesInWeightsFiles) {
  EXPECT_EQ(Find("inception_v3").TensorName("AuxLogits.conv0.conv.weight"), std::nullopt);
  EXPECT_EQ(Find("inception_v3").TensorName("fc.bias"), std::nullopt);
  EXPECT_EQ(Find("inception_v3").TensorName("fc1.bias"), "fc1.bias");  // to be refused
  EXPECT_EQ(Find("vgg16").TensorName("classifier.0.weight"), std::nullopt);
  EXPECT_EQ(Find("xception").TensorName("fc.weight"), std::nullopt);
  EXPECT_EQ(Find("inception_resnet_v2").TensorName("classif.weight"), std::nullopt);
  // The file that torchvision's densenet121 downloads (densenet121-a639ec97.pth).
  const BackboneInfo& densenet = Find("densenet121");
  EXPECT_EQ(densenet.TensorName("features.denseblock1.denselayer2.norm.1.running_var"),
            "features.denseblock1.denselayer2.norm1.running_var");
  EXPECT_EQ(densenet.TensorName("features.denseblock4.denselayer16.conv.2.weight"),
            "features.denseblock4.denselayer16.conv2.weight");
  EXPECT_EQ(densenet.TensorName("features.transition1.norm.weight"),
            "features.transition1.norm.weight");
  EXPECT_EQ(densenet.TensorName("classifier.weight"), std::nullopt);
}

// keras_layers.txt: of each network Keras' layers with weights, in Keras' order.
TEST(Backbones, LayersHaveKerasNamesAndOrder) {
  const auto text = ReadFile(VIZSLA_SOURCE_DIR "/tests/catalog/keras_layers.txt");
  ASSERT_TRUE(text.ok()) << text.status();
  std::istringstream words(text->substr(text->find('[')));
  std::map<std::string, std::vector<std::string>> keras;
  std::string network;
  for (std::string word; words >> word;) {
    if (word.front() == '[') {
      network = word.substr(1, word.size() - 2);
    } else {
      keras[network].push_back(word);
    }
  }
  ASSERT_EQ(keras.size(), Backbones().size());
  for (const BackboneInfo& info : Backbones()) {
    SCOPED_TRACE(info.name);
    std::vector<std::string> names;
    for (const GraphLayer& layer : info.graph.layers) {
      // A separable convolution is one layer in Keras.
      if (TensorsOf(layer, layer.channels).empty() || layer.name.ends_with("_pointwise")) continue;
      names.push_back(layer.name);
    }
    EXPECT_THAT(names, ElementsAreArray(keras[info.name]));
  }
}

// The layers with weights at the end of Keras' order, as the campaign names them.
TEST(Backbones, InceptionEndsAsInTheCampaign) {
  const std::vector<std::string> expected = {
      "conv2d_91",
      "conv2d_92",
      "conv2d_85",
      "batch_normalization_87",
      "batch_normalization_88",
      "batch_normalization_91",
      "batch_normalization_92",
      "conv2d_93",
      "batch_normalization_85",
      "batch_normalization_93",
  };
  std::vector<std::string> names;
  const BackboneInfo& info = Find("inception_v3");
  for (const GraphLayer& layer : info.graph.layers) {
    if (!layer.module.empty()) names.push_back(layer.name);
  }
  names.erase(names.begin(), names.end() - static_cast<ptrdiff_t>(expected.size()));
  EXPECT_EQ(names, expected);
}

std::vector<std::string> Norm(const std::string& module) {
  return {module + ".bn.weight", module + ".bn.bias"};
}

TEST(UnfreezePoints, InsideInceptionsLastBlock) {
  const BackboneInfo& info = Find("inception_v3");
  std::vector<std::string> expected = {"Mixed_7c.branch_pool.conv.weight"};
  const auto add = [&](const std::vector<std::string>& names) {
    expected.insert(expected.end(), names.begin(), names.end());
  };
  add(Norm("Mixed_7c.branch1x1"));
  add(Norm("Mixed_7c.branch_pool"));
  EXPECT_THAT(TrainedFrom(info, "conv2d_93"), UnorderedElementsAreArray(expected));
  add({"Mixed_7c.branch3x3dbl_3b.conv.weight", "Mixed_7c.branch1x1.conv.weight"});
  add(Norm("Mixed_7c.branch3x3_2a"));
  add(Norm("Mixed_7c.branch3x3_2b"));
  add(Norm("Mixed_7c.branch3x3dbl_3a"));
  add(Norm("Mixed_7c.branch3x3dbl_3b"));
  EXPECT_THAT(TrainedFrom(info, "conv2d_92"), UnorderedElementsAreArray(expected));
  add({"Mixed_7c.branch3x3dbl_3a.conv.weight"});
  EXPECT_THAT(TrainedFrom(info, "conv2d_91"), UnorderedElementsAreArray(expected));
}

TEST(UnfreezePoints, InceptionsBlocks) {
  const BackboneInfo& info = Find("inception_v3");
  const std::vector<std::string> blocks = {"Mixed_7c", "Mixed_7b", "Mixed_7a", "Mixed_6e",
                                           "Mixed_6d", "Mixed_6c", "Mixed_6b", "Mixed_6a",
                                           "Mixed_5d", "Mixed_5c"};
  std::vector<std::string> trained;
  for (int mixed = 9; mixed >= 0; --mixed) {
    SCOPED_TRACE(mixed);
    trained.push_back(blocks[static_cast<size_t>(9 - mixed)]);
    EXPECT_THAT(TrainedFrom(info, StrCat("mixed", mixed)),
                UnorderedElementsAreArray(ParametersUnder(info, trained)));
  }
}

TEST(UnfreezePoints, MobileNetsBlocks) {
  const BackboneInfo& info = Find("mobilenet_v2");
  std::vector<std::string> trained = {"features.18"};
  for (int block = 16; block >= 1; --block) {
    SCOPED_TRACE(block);
    trained.push_back(StrCat("features.", block + 1));
    EXPECT_THAT(TrainedFrom(info, StrCat("block_", block, "_expand")),
                UnorderedElementsAreArray(ParametersUnder(info, trained)));
  }
}

TEST(UnfreezePoints, OfTheOthers) {
  struct Case {
    const char* network;
    const char* point;
    std::vector<std::string> modules;
  };
  const Case cases[] = {
      {"resnet50", "conv5_block3_1_conv", {"layer4.2"}},
      {"resnet50", "conv5_block1_1_conv", {"layer4"}},
      {"resnet50", "conv4_block6_1_conv", {"layer4", "layer3.5"}},
      {"vgg16", "block5_conv3", {"features.28"}},
      {"vgg16", "block5_conv1", {"features.24", "features.26", "features.28"}},
      {"densenet121", "bn", {"features.norm5"}},
      {"densenet121", "conv5_block1_0_bn", {"features.denseblock4", "features.norm5"}},
      {"densenet121",
       "pool4_bn",
       {"features.transition3", "features.denseblock4", "features.norm5"}},
      {"efficientnet_v2_s", "top_conv", {"features.7"}},
      {"efficientnet_v2_s", "block6a_expand_conv", {"features.6", "features.7"}},
      {"efficientnet_v2_s", "block5i_expand_conv", {"features.5.8", "features.6", "features.7"}},
      {"xception", "block14_sepconv2", {"conv4", "bn4"}},
      {"xception", "block13_sepconv1", {"block12", "conv3", "bn3", "conv4", "bn4"}},
      {"inception_resnet_v2", "block8_9_ac", {"block8", "conv2d_7b"}},
      {"inception_resnet_v2", "mixed_7a", {"repeat_2", "block8", "conv2d_7b"}},
      {"inception_resnet_v2", "block17_20_ac", {"mixed_7a", "repeat_2", "block8", "conv2d_7b"}},
      {"inception_resnet_v2",
       "block17_19_ac",
       {"repeat_1.19", "mixed_7a", "repeat_2", "block8", "conv2d_7b"}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(StrCat(c.network, " ", c.point));
    const BackboneInfo& info = Find(c.network);
    EXPECT_THAT(TrainedFrom(info, c.point),
                UnorderedElementsAreArray(ParametersUnder(info, c.modules)));
  }
}

TEST(UnfreezePoints, BothNamesTrainTheSameAndMoreTowardsTheStart) {
  for (const BackboneInfo& info : Backbones()) {
    SCOPED_TRACE(info.name);
    std::vector<std::string> before;
    for (const UnfreezePoint& point : info.unfreeze_points) {
      SCOPED_TRACE(point.keras);
      const std::vector<std::string> trained = TrainedFrom(info, point.keras);
      EXPECT_EQ(trained, TrainedFrom(info, point.torchvision));
      EXPECT_THAT(ParametersUnder(info, {point.torchvision}), Not(IsEmpty()));
      EXPECT_THAT(ParametersUnder(info, {point.torchvision}), IsSubsetOf(trained));
      EXPECT_THAT(before, IsSubsetOf(trained));
      EXPECT_LT(before.size(), trained.size());
      before = trained;
    }
    EXPECT_THAT(TrainedFrom(info, "none"), IsEmpty());
    EXPECT_THAT(before, IsSubsetOf(TrainedFrom(info, "all")));
    EXPECT_EQ(info.FindCut("conv2d_999"), std::nullopt);
  }
}

TEST(Backbones, StochasticDepthGrowsWithDepth) {
  std::vector<std::pair<std::string, double>> rates;
  const BackboneInfo& info = Find("efficientnet_v2_s");
  for (const GraphLayer& layer : info.graph.layers) {
    if (layer.kind == LayerKind::kDropPath) rates.emplace_back(layer.name, layer.rate);
  }
  // Blocks that keep their size, without the first of the network, whose rate is 0.
  ASSERT_EQ(rates.size(), 1u + 3 + 3 + 5 + 8 + 14);
  EXPECT_EQ(rates.front().first, "block1b_drop");
  EXPECT_DOUBLE_EQ(rates.front().second, 0.2 * 1 / 40);
  EXPECT_EQ(rates[1].first, "block2b_drop");
  EXPECT_DOUBLE_EQ(rates[1].second, 0.2 * 3 / 40);
  EXPECT_EQ(rates.back().first, "block6o_drop");
  EXPECT_DOUBLE_EQ(rates.back().second, 0.2 * 39 / 40);
}

}  // namespace
}  // namespace vizsla
