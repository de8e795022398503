#include "src/catalog/network_graph.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "src/base/check.h"

namespace vizsla {
namespace {

int64_t WindowOutputs(int64_t size, int64_t kernel, int64_t stride, int64_t padding) {
  const int64_t room = size + 2 * padding - kernel;
  return room < 0 ? 0 : room / stride + 1;
}

bool HasWindow(LayerKind kind) {
  return kind == LayerKind::kConvolution || kind == LayerKind::kMaxPool ||
         kind == LayerKind::kAveragePool;
}

Extent OutputExtent(const GraphLayer& layer, Extent in) {
  if (HasWindow(layer.kind)) {
    return {WindowOutputs(in.rows, layer.kernel.rows, layer.stride, layer.padding.rows),
            WindowOutputs(in.columns, layer.kernel.columns, layer.stride, layer.padding.columns)};
  }
  if (layer.kind == LayerKind::kGlobalAverage) return {1, 1};
  if (layer.kind == LayerKind::kUpsample) {
    return {in.rows * layer.stride, in.columns * layer.stride};
  }
  return in;
}

bool IsUnder(std::string_view module, std::string_view scope) {
  return module.starts_with(scope) &&
         (module.size() == scope.size() || module[scope.size()] == '.');
}

int64_t InputChannels(const std::vector<GraphLayer>& layers, const GraphLayer& layer) {
  return layer.inputs.empty() ? 0 : layers[layer.inputs[0]].channels;
}

}  // namespace

std::vector<NamedShape> TensorsOf(const GraphLayer& layer, int64_t input_channels) {
  std::vector<NamedShape> tensors;
  if (layer.kind == LayerKind::kConvolution) {
    tensors.push_back(
        {layer.module + ".weight",
         {layer.channels, input_channels / layer.groups, layer.kernel.rows, layer.kernel.columns}});
    if (layer.bias) tensors.push_back({layer.module + ".bias", {layer.channels}});
  } else if (layer.kind == LayerKind::kBatchNorm) {
    for (const char* part : {".weight", ".bias", ".running_mean", ".running_var"}) {
      tensors.push_back({layer.module + part, {layer.channels}});
    }
    tensors.push_back({layer.module + ".num_batches_tracked", {}});
  }
  return tensors;
}

std::vector<Extent> NetworkGraph::OutputExtents(int64_t image_size) const {
  std::vector<Extent> extents;
  extents.reserve(layers.size());
  for (const GraphLayer& layer : layers) {
    const Extent in = layer.inputs.empty() ? Extent{image_size, image_size}
                                           : extents[static_cast<size_t>(layer.inputs[0])];
    extents.push_back(OutputExtent(layer, in));
    if (extents.back().rows < 1 || extents.back().columns < 1) return {};
  }
  return extents;
}

std::optional<int64_t> NetworkGraph::OutputSide(int64_t image_size) const {
  const std::vector<Extent> extents = OutputExtents(image_size);
  if (extents.empty()) return std::nullopt;
  return extents.back().rows;
}

int64_t NetworkGraph::MultiplyAdds(int64_t image_size, int first) const {
  const std::vector<Extent> extents = OutputExtents(image_size);
  int64_t sum = 0;
  for (size_t i = static_cast<size_t>(first); i < extents.size(); ++i) {
    const GraphLayer& layer = layers[i];
    if (layer.kind != LayerKind::kConvolution) continue;
    sum += extents[i].rows * extents[i].columns * layer.channels *
           (InputChannels(layers, layer) / layer.groups) * layer.kernel.rows * layer.kernel.columns;
  }
  return sum;
}

std::optional<int> NetworkGraph::FindLayer(std::string_view name) const {
  for (size_t i = 0; i < layers.size(); ++i) {
    if (layers[i].name == name) return static_cast<int>(i);
  }
  for (size_t i = 0; i < layers.size(); ++i) {
    if (!layers[i].module.empty() && IsUnder(layers[i].module, name)) return static_cast<int>(i);
  }
  return std::nullopt;
}

std::vector<int> NetworkGraph::LayersCrossing(int cut) const {
  const int count = static_cast<int>(layers.size());
  std::vector<bool> crosses(layers.size(), false);
  if (cut == count) crosses.back() = true;
  for (int i = cut; i < count; ++i) {
    for (const int input : layers[i].inputs) crosses[input] = crosses[input] || input < cut;
  }
  std::vector<int> crossing;
  for (int i = 0; i < cut; ++i) {
    if (crosses[i]) crossing.push_back(i);
  }
  return crossing;
}

std::vector<NamedShape> NetworkGraph::Tensors() const {
  std::vector<NamedShape> tensors;
  for (const GraphLayer& layer : layers) {
    for (NamedShape& tensor : TensorsOf(layer, InputChannels(layers, layer))) {
      tensors.push_back(std::move(tensor));
    }
  }
  return tensors;
}

int64_t NetworkGraph::TensorElements(int first) const {
  int64_t elements = 0;
  for (size_t i = static_cast<size_t>(first); i < layers.size(); ++i) {
    for (const NamedShape& tensor : TensorsOf(layers[i], InputChannels(layers, layers[i]))) {
      if (tensor.shape.empty()) continue;  // a counter
      elements += std::accumulate(tensor.shape.begin(), tensor.shape.end(), int64_t{1},
                                  std::multiplies<>());
    }
  }
  return elements;
}

GraphBuilder::GraphBuilder(int64_t input_channels) {
  GraphLayer input;
  input.name = "input";
  input.channels = input_channels;
  layers_.push_back(std::move(input));
}

int GraphBuilder::Add(GraphLayer layer) {
  for (const int input : layer.inputs) VIZSLA_CHECK(input >= 0 && input < std::ssize(layers_));
  if (layer.channels == 0) layer.channels = layers_[layer.inputs.at(0)].channels;
  layers_.push_back(std::move(layer));
  return static_cast<int>(layers_.size()) - 1;
}

int GraphBuilder::Convolution(int input, std::string name, std::string module,
                              const ConvolutionOptions& options) {
  GraphLayer layer;
  layer.kind = LayerKind::kConvolution;
  layer.name = std::move(name);
  layer.module = std::move(module);
  layer.inputs = {input};
  layer.channels = options.out;
  layer.kernel = options.kernel;
  layer.stride = options.stride;
  layer.padding = options.padding.value_or(
      Extent{(options.kernel.rows - 1) / 2, (options.kernel.columns - 1) / 2});
  layer.groups = options.groups;
  layer.bias = options.bias;
  return Add(std::move(layer));
}

int GraphBuilder::BatchNorm(int input, std::string name, std::string module, double epsilon,
                            double momentum) {
  GraphLayer layer;
  layer.kind = LayerKind::kBatchNorm;
  layer.name = std::move(name);
  layer.module = std::move(module);
  layer.inputs = {input};
  layer.epsilon = epsilon;
  layer.momentum = momentum;
  return Add(std::move(layer));
}

int GraphBuilder::Activate(int input, std::string name, Activation activation) {
  GraphLayer layer;
  layer.kind = LayerKind::kActivation;
  layer.name = std::move(name);
  layer.inputs = {input};
  layer.activation = activation;
  return Add(std::move(layer));
}

namespace {

GraphLayer Pool(LayerKind kind, int input, std::string name, int64_t kernel, int64_t stride,
                int64_t padding) {
  GraphLayer layer;
  layer.kind = kind;
  layer.name = std::move(name);
  layer.inputs = {input};
  layer.kernel = {kernel, kernel};
  layer.stride = stride;
  layer.padding = {padding, padding};
  return layer;
}

GraphLayer Plain(LayerKind kind, std::vector<int> inputs, std::string name) {
  GraphLayer layer;
  layer.kind = kind;
  layer.name = std::move(name);
  layer.inputs = std::move(inputs);
  return layer;
}

}  // namespace

int GraphBuilder::MaxPool(int input, std::string name, int64_t kernel, int64_t stride,
                          int64_t padding) {
  return Add(Pool(LayerKind::kMaxPool, input, std::move(name), kernel, stride, padding));
}

int GraphBuilder::AveragePool(int input, std::string name, int64_t kernel, int64_t stride,
                              int64_t padding, bool counts_padding) {
  GraphLayer layer = Pool(LayerKind::kAveragePool, input, std::move(name), kernel, stride, padding);
  layer.counts_padding = counts_padding;
  return Add(std::move(layer));
}

int GraphBuilder::GlobalAverage(int input, std::string name) {
  return Add(Plain(LayerKind::kGlobalAverage, {input}, std::move(name)));
}

int GraphBuilder::Sum(int a, int b, std::string name, double scale) {
  VIZSLA_CHECK(channels(a) == channels(b));
  GraphLayer layer = Plain(LayerKind::kAdd, {a, b}, std::move(name));
  layer.scale = scale;
  return Add(std::move(layer));
}

int GraphBuilder::Multiply(int a, int b, std::string name) {
  VIZSLA_CHECK(channels(a) == channels(b));
  return Add(Plain(LayerKind::kMultiply, {a, b}, std::move(name)));
}

int GraphBuilder::Concatenate(std::vector<int> inputs, std::string name) {
  GraphLayer layer = Plain(LayerKind::kConcatenate, std::move(inputs), std::move(name));
  for (const int input : layer.inputs) layer.channels += channels(input);
  return Add(std::move(layer));
}

int GraphBuilder::Dropout(int input, std::string name, double rate) {
  GraphLayer layer = Plain(LayerKind::kDropout, {input}, name);
  layer.module = std::move(name);
  layer.rate = rate;
  return Add(std::move(layer));
}

int GraphBuilder::DropPath(int input, std::string name, double rate) {
  GraphLayer layer = Plain(LayerKind::kDropPath, {input}, name);
  layer.module = std::move(name);
  layer.rate = rate;
  return Add(std::move(layer));
}

int GraphBuilder::Upsample(int input, std::string name, int64_t factor) {
  GraphLayer layer = Plain(LayerKind::kUpsample, {input}, std::move(name));
  layer.stride = factor;
  return Add(std::move(layer));
}

NetworkGraph GraphBuilder::Finish(int output) const {
  const size_t count = layers_.size();
  // The walk from the output: first met, first counted. An explicit stack of (layer, next input).
  std::vector<int> met(count, -1);
  std::vector<std::pair<int, size_t>> walk = {{output, 0}};
  int order = 0;
  met[output] = order++;
  while (!walk.empty()) {
    auto& [layer, next] = walk.back();
    if (next == layers_[layer].inputs.size()) {
      walk.pop_back();
      continue;
    }
    const int input = layers_[layer].inputs[next++];
    if (met[input] < 0) {
      met[input] = order++;
      walk.emplace_back(input, 0);
    }
  }
  // Layers were added after their inputs, so one pass from the end finds the longest ways.
  std::vector<int> depth(count, 0);
  std::vector<int> kept;
  for (int i = static_cast<int>(count) - 1; i >= 0; --i) {
    if (met[i] < 0) continue;
    kept.push_back(i);
    for (const int input : layers_[i].inputs) depth[input] = std::max(depth[input], depth[i] + 1);
  }
  std::sort(kept.begin(), kept.end(), [&](int a, int b) {
    return depth[a] != depth[b] ? depth[a] > depth[b] : met[a] < met[b];
  });
  std::vector<int> place(count, -1);
  for (size_t i = 0; i < kept.size(); ++i) place[kept[i]] = static_cast<int>(i);
  NetworkGraph graph;
  for (const int index : kept) {
    GraphLayer layer = layers_[index];
    for (int& input : layer.inputs) input = place[input];
    graph.layers.push_back(std::move(layer));
  }
  return graph;
}

}  // namespace vizsla
