#include "src/nn/graph_network.h"

#include <algorithm>
#include <utility>

#include "src/base/check.h"
#include "src/nn/activation.h"
#include "src/nn/autocast.h"
#include "src/nn/initialization.h"
#include "src/nn/pooling.h"

namespace vizsla {
namespace {

// A module below `root` that only gives its children a name; "" is the root.
torch::nn::Module& ScopeOf(torch::nn::Module& root, const std::string& path,
                           std::map<std::string, std::shared_ptr<torch::nn::Module>>& scopes) {
  if (path.empty()) return root;
  auto& scope = scopes[path];
  if (scope == nullptr) {
    const size_t dot = path.rfind('.');
    torch::nn::Module& parent =
        ScopeOf(root, dot == std::string::npos ? "" : path.substr(0, dot), scopes);
    scope = parent.register_module(dot == std::string::npos ? path : path.substr(dot + 1),
                                   std::make_shared<torch::nn::Module>());
  }
  return *scope;
}

// Each kernel from the stream that is named by its tensor.
void InitializeKernels(const torch::nn::Module& network,
                       void (*initialize)(torch::Tensor, const StreamKey&), const StreamKey& key) {
  for (const auto& module : network.named_modules(/*name_prefix=*/"", /*include_self=*/false)) {
    if (auto* convolution = module.value()->as<ConvolutionImpl>()) {
      initialize(convolution->weight, key.With(module.key() + ".weight"));
    }
  }
}

}  // namespace

GraphNetwork::GraphNetwork(NetworkGraph graph, Padding padding, std::string scope)
    : graph_(std::move(graph)), padding_(padding), nodes_(graph_.layers.size()) {
  VIZSLA_CHECK(!graph_.layers.empty() && graph_.layers[0].kind == LayerKind::kInput);
  std::map<std::string, std::shared_ptr<torch::nn::Module>> scopes;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    RegisterTensors(i, padding, scope, scopes);
    for (const int input : graph_.layers[i].inputs) {
      ++nodes_[input].consumers;
      nodes_[input].last_consumer = static_cast<int>(i);
    }
  }
  Freeze(0);
}

void GraphNetwork::RegisterTensors(
    size_t index, Padding padding, const std::string& scope,
    std::map<std::string, std::shared_ptr<torch::nn::Module>>& scopes) {
  const GraphLayer& layer = graph_.layers[index];
  if (layer.module.empty()) return;
  const size_t dot = layer.module.rfind('.');
  torch::nn::Module& parent =
      ScopeOf(*this, dot == std::string::npos ? "" : layer.module.substr(0, dot), scopes);
  const std::string name = dot == std::string::npos ? layer.module : layer.module.substr(dot + 1);
  Node& node = nodes_[index];
  switch (layer.kind) {
    case LayerKind::kConvolution:
      node.convolution = parent.register_module(
          name, Convolution(ConvolutionOptions{.in = graph_.layers[layer.inputs[0]].channels,
                                               .out = layer.channels,
                                               .kernel = layer.kernel,
                                               .stride = layer.stride,
                                               .padding = layer.padding,
                                               .groups = layer.groups,
                                               .bias = layer.bias,
                                               .style = padding}));
      return;
    case LayerKind::kBatchNorm:
      node.norm = parent.register_module(
          name, BatchNorm(layer.channels, BatchNormOptions{layer.epsilon, layer.momentum}));
      return;
    case LayerKind::kDropout:
    case LayerKind::kDropPath:
      node.dropout = parent.register_module(
          name,
          Dropout(layer.rate, scope + "." + layer.module,
                  layer.kind == LayerKind::kDropout ? DropoutUnit::kElement : DropoutUnit::kRow));
      return;
    default:
      VIZSLA_CHECK(false);  // other kinds have no module
  }
}

void GraphNetwork::InitializeGlorot(const StreamKey& key) {
  InitializeKernels(*this, InitializeGlorotUniform, key);
  DropFolded();
}

void GraphNetwork::InitializeKaiming(const StreamKey& key) {
  InitializeKernels(*this, InitializeKaimingNormal, key);
  DropFolded();
}

void GraphNetwork::SetLearnsStatistics(bool learns) {
  for (Node& node : nodes_) {
    if (node.norm) node.norm->SetLearnsStatistics(learns);
  }
}

void GraphNetwork::Freeze(int cut) {
  const int count = static_cast<int>(nodes_.size());
  cut_ = std::clamp(cut, 1, count);
  crossing_ = graph_.LayersCrossing(cut_);
  for (int i = 0; i < count; ++i) {
    Node& node = nodes_[i];
    if (node.convolution) {
      node.convolution->weight.set_requires_grad(i >= cut_);
      if (node.convolution->bias.defined()) node.convolution->bias.set_requires_grad(i >= cut_);
    }
    if (node.norm) node.norm->SetFrozen(i < cut_);
  }
  PlanFusion();
  DropFolded();
}

void GraphNetwork::PlanFusion() {
  // The one layer that reads layer i, when it is frozen and of this kind; -1 otherwise.
  const auto sole_reader = [this](int i, LayerKind kind) {
    const Node& node = nodes_[i];
    const bool fits = node.consumers == 1 && node.last_consumer < cut_ &&
                      graph_.layers[node.last_consumer].kind == kind;
    return fits ? node.last_consumer : -1;
  };
  for (Node& node : nodes_) {
    node.fused_norm = node.fused_activation = -1;
    node.is_fused = false;
  }
  for (int i = 0; i < cut_; ++i) {
    Node& node = nodes_[i];
    if (!node.convolution) continue;
    node.fused_norm = sole_reader(i, LayerKind::kBatchNorm);
    node.fused_activation =
        sole_reader(node.fused_norm >= 0 ? node.fused_norm : i, LayerKind::kActivation);
    if (node.fused_norm >= 0) nodes_[node.fused_norm].is_fused = true;
    if (node.fused_activation >= 0) nodes_[node.fused_activation].is_fused = true;
  }
}

void GraphNetwork::DropFolded() {
  for (Node& node : nodes_) {
    node.folded_weight = torch::Tensor();
    node.folded_bias = torch::Tensor();
  }
}

void GraphNetwork::SetStep(const DropoutStep& step) {
  for (Node& node : nodes_) {
    if (node.dropout) node.dropout->SetStep(step);
  }
}

std::vector<Dropout> GraphNetwork::Dropouts() const {
  std::vector<Dropout> all;
  for (const Node& node : nodes_) {
    if (node.dropout && node.dropout->rate() > 0) all.push_back(node.dropout);
  }
  return all;
}

void GraphNetwork::SetReduction(const SumReduction& reduction) {
  for (Node& node : nodes_) {
    if (node.norm) node.norm->SetReduction(reduction);
  }
}

std::vector<torch::Tensor> GraphNetwork::RunFrozen(const torch::Tensor& images) {
  const torch::NoGradGuard no_gradients;
  std::vector<torch::Tensor> values(nodes_.size());
  values[0] = images.detach();
  RunLayers(values, 1, cut_, /*frozen=*/true);
  std::vector<torch::Tensor> crossing;
  for (const int i : crossing_) crossing.push_back(Widened(values[i]));
  return crossing;
}

torch::Tensor GraphNetwork::Run(const std::vector<torch::Tensor>& crossing) {
  VIZSLA_CHECK(crossing.size() == crossing_.size());
  std::vector<torch::Tensor> values(nodes_.size());
  for (size_t i = 0; i < crossing.size(); ++i) values[crossing_[i]] = crossing[i];
  RunLayers(values, cut_, static_cast<int>(nodes_.size()), /*frozen=*/false);
  return values.back();
}

void GraphNetwork::RunLayers(std::vector<torch::Tensor>& values, int from, int to, bool frozen) {
  for (int i = from; i < to; ++i) {
    Node& node = nodes_[i];
    if (frozen && node.is_fused) continue;
    torch::Tensor result = RunLayer(i, values, from, frozen);
    int last = i;
    if (frozen && node.fused_norm >= 0) last = node.fused_norm;
    if (frozen && node.fused_activation >= 0) last = node.fused_activation;
    for (const int input : graph_.layers[i].inputs) {
      if (nodes_[input].last_consumer == i) values[input] = torch::Tensor();
    }
    values[last] = std::move(result);
  }
}

bool GraphNetwork::MayOverwrite(int input, int from, bool frozen) const {
  const GraphLayer& layer = graph_.layers[input];
  // Values from before the range belong to the caller, and these kinds may hand on their input.
  if (nodes_[input].consumers != 1 || input < from || layer.kind == LayerKind::kInput ||
      layer.kind == LayerKind::kDropout || layer.kind == LayerKind::kDropPath) {
    return false;
  }
  // An activation's result is what its own backward pass reads.
  return frozen || layer.kind != LayerKind::kActivation;
}

torch::Tensor GraphNetwork::RunFused(Node& node, const torch::Tensor& x) {
  const torch::Tensor& weight = node.convolution->weight;
  const torch::ScalarType low = AutocastType(x.device());
  const torch::ScalarType type = low == torch::kFloat32 ? x.scalar_type() : low;
  if (!node.folded_weight.defined() || node.folded_weight.device() != x.device() ||
      node.folded_weight.scalar_type() != type) {
    const auto [scale, shift] = nodes_[node.fused_norm].norm->InferenceScaleAndShift();
    const torch::Tensor& bias = node.convolution->bias;
    node.folded_weight =
        (weight * scale.view({-1, 1, 1, 1})).to(type).contiguous(torch::MemoryFormat::ChannelsLast);
    node.folded_bias = bias.defined() ? shift + bias * scale : shift;
  }
  if (low == torch::kFloat32) return node.convolution->Run(x, node.folded_weight, node.folded_bias);
  // The bias takes the mean away, which may be large beside what is left: in a lower type its
  // rounding would shift whole channels. A GPU adds biases in a pass of its own anyway.
  return node.convolution->Run(x, node.folded_weight, /*bias=*/{})
      .add_(node.folded_bias.view({1, -1, 1, 1}));
}

torch::Tensor GraphNetwork::RunLayer(int index, const std::vector<torch::Tensor>& values, int from,
                                     bool frozen) {
  const GraphLayer& layer = graph_.layers[index];
  Node& node = nodes_[index];
  const int input = layer.inputs[0];
  const torch::Tensor& x = values[input];
  switch (layer.kind) {
    case LayerKind::kInput:
      break;
    case LayerKind::kConvolution: {
      torch::Tensor y = frozen && node.fused_norm >= 0 ? RunFused(node, x) : node.convolution(x);
      if (!frozen || node.fused_activation < 0) return y;
      return Activate(graph_.layers[node.fused_activation].activation, y, /*in_place=*/true);
    }
    case LayerKind::kBatchNorm:
      return node.norm(x);
    case LayerKind::kActivation:
      return Activate(layer.activation, x, MayOverwrite(input, from, frozen));
    case LayerKind::kMaxPool:
      return MaxPool(x, layer, padding_);
    case LayerKind::kAveragePool:
      return AveragePool(x, layer, padding_);
    case LayerKind::kGlobalAverage:
      return x.mean({2, 3}, /*keepdim=*/true);
    case LayerKind::kAdd: {
      const int other = layer.inputs[1];
      torch::Tensor a = x, b = values[other];
      if (MayOverwrite(input, from, frozen)) return a.add_(b, layer.scale);
      if (layer.scale == 1 && MayOverwrite(other, from, frozen)) return b.add_(a);
      return torch::add(a, b, layer.scale);
    }
    case LayerKind::kMultiply:
      return x * values[layer.inputs[1]];
    case LayerKind::kConcatenate: {
      std::vector<torch::Tensor> parts;
      for (const int part : layer.inputs) parts.push_back(values[part]);
      return torch::cat(parts, 1);
    }
    case LayerKind::kDropout:
    case LayerKind::kDropPath:
      return frozen ? x : node.dropout(x);
    case LayerKind::kUpsample:
      return torch::upsample_nearest2d(x, {x.size(2) * layer.stride, x.size(3) * layer.stride});
  }
  VIZSLA_CHECK(false);
}

}  // namespace vizsla
