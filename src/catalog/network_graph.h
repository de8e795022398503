// A convolutional network as data: its layers in order, without LibTorch. One description serves
// all that needs to know a network: src/nn builds and runs it, weights files are checked against
// its tensors, unfreeze points are places in it, and image sizes, memory and work are computed from
// it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vizsla {

enum class LayerKind {
  kInput,
  kConvolution,
  kBatchNorm,
  kActivation,
  kMaxPool,
  kAveragePool,
  kGlobalAverage,  // N x C x h x w -> N x C x 1 x 1
  kAdd,            // inputs[0] + scale * inputs[1]
  kMultiply,       // inputs[0] * inputs[1], the second broadcast over the map
  kConcatenate,    // of channels
  kDropout,        // of elements
  kDropPath,       // stochastic depth (Huang et al. 2016) of whole rows; torchvision's "row" mode
  kUpsample,       // nearest, by `stride`; of decoders
};

enum class Activation { kRelu, kRelu6, kSilu, kSigmoid };

struct Extent {
  int64_t rows = 1;
  int64_t columns = 1;
  bool operator==(const Extent&) const = default;
};

// One layer. The fields that its kind does not use keep their defaults.
struct GraphLayer {
  LayerKind kind = LayerKind::kInput;
  std::string name;    // Keras' name of the layer, unique; what `unfreeze` may name
  std::string module;  // path of its tensors in the state dict ("features.0.0"), or of the mask
                       // of a dropout; empty for layers without either
  std::vector<int> inputs;  // indices of earlier layers
  int64_t channels = 0;     // of its output
  // Convolutions and pools. Padding is on each side; with `tf_same`, a padded layer of stride above
  // 1 pads as TensorFlow's "SAME" does instead, which gives maps of the same size.
  Extent kernel;
  int64_t stride = 1;
  Extent padding = {0, 0};
  int64_t groups = 1;
  bool bias = false;
  // Whether an average pool's padding counts as elements of value 0; in `tf_same` networks it never
  // does.
  bool counts_padding = true;
  // Batch norm: PyTorch's momentum, the weight of the new batch.
  double epsilon = 1e-5;
  double momentum = 0.1;
  Activation activation = Activation::kRelu;
  double rate = 0;   // dropout, drop path
  double scale = 1;  // add
};

struct NamedShape {
  std::string name;
  std::vector<int64_t> shape;
  bool operator==(const NamedShape&) const = default;
};

// Layers in Keras' order (see GraphBuilder::Finish): every layer after its inputs. The last one is
// the output.
struct NetworkGraph {
  std::vector<GraphLayer> layers;

  int64_t channels() const { return layers.back().channels; }
  // Side of the output map for square images; nullopt when some layer would have no output.
  std::optional<int64_t> OutputSide(int64_t image_size) const;
  // Height and width of each layer's output; empty when some layer would have none.
  std::vector<Extent> OutputExtents(int64_t image_size) const;

  // Multiply-adds of the convolutions of layers [first, end) for one image of this size.
  int64_t MultiplyAdds(int64_t image_size, int first = 0) const;

  // The index of the first layer that trains when unfrozen "from" a name: a layer's name, or a
  // module path: then the first layer, in order, whose module is it or lies below it. Nullopt:
  // unknown.
  std::optional<int> FindLayer(std::string_view name) const;

  // The layers before `cut` whose output later layers read, or that are the output, in order.
  std::vector<int> LayersCrossing(int cut) const;

  // Its state dict. num_batches_tracked are integers, all else floats.
  std::vector<NamedShape> Tensors() const;
  // Floats of the tensors of layers [first, end).
  int64_t TensorElements(int first = 0) const;
};

// Tensors of one layer, with their full names.
std::vector<NamedShape> TensorsOf(const GraphLayer& layer, int64_t input_channels);

// Builds a graph in the order that is natural to write. Every function returns the index of the
// layer it adds, to be used as a later one's input.
class GraphBuilder {
 public:
  // The input: images, or a map of so many channels.
  explicit GraphBuilder(int64_t input_channels = 3);

  int Input() const { return 0; }
  int Add(GraphLayer layer);
  int64_t channels(int layer) const { return layers_[layer].channels; }
  size_t size() const { return layers_.size(); }

  struct ConvolutionOptions {
    int64_t out = 0;
    Extent kernel = {3, 3};
    int64_t stride = 1;
    // Unless given: half the kernel, Keras' "same" at stride 1.
    std::optional<Extent> padding = std::nullopt;
    int64_t groups = 1;
    bool bias = false;
  };
  int Convolution(int input, std::string name, std::string module,
                  const ConvolutionOptions& options);
  int BatchNorm(int input, std::string name, std::string module, double epsilon = 1e-5,
                double momentum = 0.1);
  int Activate(int input, std::string name, Activation activation);
  int MaxPool(int input, std::string name, int64_t kernel, int64_t stride, int64_t padding = 0);
  int AveragePool(int input, std::string name, int64_t kernel, int64_t stride, int64_t padding = 0,
                  bool counts_padding = true);
  int GlobalAverage(int input, std::string name);
  // a + scale * b
  int Sum(int a, int b, std::string name, double scale = 1);
  int Multiply(int a, int b, std::string name);
  int Concatenate(std::vector<int> inputs, std::string name);
  int Dropout(int input, std::string name, double rate);
  int DropPath(int input, std::string name, double rate);
  int Upsample(int input, std::string name, int64_t factor);

  // The graph that ends in `output`. Layers are sorted as Keras' functional models sort theirs
  // (keras/engine/functional.py, _map_graph_network): by decreasing depth, the longest way to the
  // output, and among equals in the order in which a walk from the output first meets them. "All
  // layers from X on" means this order. Layers that do not lead to the output are dropped.
  NetworkGraph Finish(int output) const;

 private:
  std::vector<GraphLayer> layers_;
};

}  // namespace vizsla
