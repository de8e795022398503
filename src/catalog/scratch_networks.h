// The campaign's networks that are trained from scratch, as graphs: their convolutions, before the
// pooling and the head.
//
//   scratch_v1, scratch_v2   blocks of C(f,5) C(f,3) MP2 [BN] [Drop], f = 32, 64, 128, ...
//   scratch_v3               residual blocks: C(f,3) C(f,3) conv(f,3) beside a shortcut conv(f,3),
//                            add, ReLU, MP4 [BN] [Drop]
// C: "same" convolution with bias and ReLU, conv: without ReLU; MP: max pool, which drops an odd
// last row as Keras' default does; BN with Keras' epsilon 1e-3 and momentum 0.99.
// Tensors: conv1, conv2, norm1, conv3, ... and block1.conv1 ... block1.shortcut, norm1, ...
#pragma once

#include <string_view>

#include "src/catalog/network_graph.h"

namespace vizsla {

struct ScratchOptions {
  int blocks = 2;
  double dropout = 0.25;   // after each block
  bool batch_norm = true;  // after each block
  bool operator==(const ScratchOptions&) const = default;
};

bool IsScratchNetwork(std::string_view name);
// The campaign's own. `name` must be a scratch network.
ScratchOptions DefaultScratchOptions(std::string_view name);

NetworkGraph ScratchGraph(std::string_view name, const ScratchOptions& options);

// The way back of a convolutional autoencoder whose encoder is ScratchGraph: for each block, from
// the last, upsampling by its pool and a 3x3 convolution with ReLU; at the end a linear 3x3
// convolution to three channels. Where pools dropped rows the result is as much smaller than the
// images.
NetworkGraph ScratchDecoderGraph(std::string_view name, const ScratchOptions& options);

}  // namespace vizsla
