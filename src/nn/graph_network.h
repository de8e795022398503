// A NetworkGraph (src/catalog/network_graph.h) as a LibTorch module: its tensors have the graph's
// names, its layers run in the graph's order.
//
// Layers before the cut are frozen: in inference mode, with batch norms folded into the
// convolutions before them, under no_grad, whatever train() says. The network is the composition
//     forward(images) = Run(RunFrozen(images))
// where what passes between the two is every value that crosses the cut.
//
// Float32 (or float64 after to()); inside an Autocast (autocast.h) as that says, what crosses the
// cut being float32 all the same: cached and computed anew, it is the same. Not thread-safe. Works
// on no rows (N = 0).
#pragma once

#include <torch/torch.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "src/base/random.h"
#include "src/catalog/network_graph.h"
#include "src/nn/batch_norm.h"
#include "src/nn/convolution.h"
#include "src/nn/dropout.h"

namespace vizsla {

class GraphNetwork : public torch::nn::Module {
 public:
  // All convolutions are zero, all batch norms identities. `scope` comes before the names of
  // dropout masks ("body.dropout1"). Nothing is frozen.
  GraphNetwork(NetworkGraph graph, Padding padding, std::string scope);

  // Convolutions' kernels from streams named by their tensors; biases stay zero.
  void InitializeGlorot(const StreamKey& key);   // Keras'
  void InitializeKaiming(const StreamKey& key);  // torchvision's

  // N x 3 x S x S to the last map, N x C x h x w.
  torch::Tensor forward(const torch::Tensor& images) { return Run(RunFrozen(images)); }
  // The values that cross the cut, detached, in order of layers. One for a network that is frozen
  // whole: its map; the images when all of it trains.
  std::vector<torch::Tensor> RunFrozen(const torch::Tensor& images);
  torch::Tensor Run(const std::vector<torch::Tensor>& crossing);

  // Layers before `cut` (an index of the graph's) are frozen, the others train.
  void Freeze(int cut);
  // To be called after changing frozen tensors: drops what was folded from them.
  void DropFolded();

  void SetStep(const DropoutStep& step);
  // Those that drop something.
  std::vector<Dropout> Dropouts() const;
  void SetReduction(const SumReduction& reduction);
  // Of all batch norms: see batch_norm.h.
  void SetLearnsStatistics(bool learns);

  const NetworkGraph& graph() const { return graph_; }

 private:
  // What runs a layer; which member is set depends on its kind.
  struct Node {
    Convolution convolution{nullptr};
    BatchNorm norm{nullptr};
    Dropout dropout{nullptr};
    int consumers = 0;
    int last_consumer = -1;
    // Of frozen convolutions: the batch norm and the activation that are done with it; -1: none.
    int fused_norm = -1;
    int fused_activation = -1;
    bool is_fused = false;  // done by the convolution before
    torch::Tensor folded_weight;
    torch::Tensor folded_bias;
  };

  void RegisterTensors(size_t index, Padding padding, const std::string& scope,
                       std::map<std::string, std::shared_ptr<torch::nn::Module>>& scopes);
  void PlanFusion();
  // Layers [from, to): `values` holds what they read and gets what they give; values that no later
  // layer reads are dropped.
  void RunLayers(std::vector<torch::Tensor>& values, int from, int to, bool frozen);
  torch::Tensor RunLayer(int index, const std::vector<torch::Tensor>& values, int from,
                         bool frozen);
  torch::Tensor RunFused(Node& node, const torch::Tensor& x);
  // Whether a layer may write over its input's memory.
  bool MayOverwrite(int input, int from, bool frozen) const;

  NetworkGraph graph_;
  Padding padding_;
  std::vector<Node> nodes_;
  int cut_ = 1;                // the input is layer 0
  std::vector<int> crossing_;  // layers before the cut that others read
};

}  // namespace vizsla
