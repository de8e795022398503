// The activations of a network graph on tensors.
#pragma once

#include <torch/torch.h>

#include "src/catalog/network_graph.h"

namespace vizsla {

// In x's own memory if it may (`in_place`: nobody else reads x) and neither the activation nor what
// made x needs it backwards. In the type of x. LibTorch's exceptions travel through.
torch::Tensor Activate(Activation activation, torch::Tensor x, bool in_place);

}  // namespace vizsla
