// A convolution with the padding of TensorFlow or of torchvision, named as torch.nn.Conv2d's.
#pragma once

#include <torch/torch.h>

#include "src/catalog/network_graph.h"
#include "src/catalog/training_plan.h"

namespace vizsla {

struct ConvolutionOptions {
  int64_t in = 0;
  int64_t out = 0;
  Extent kernel = {3, 3};
  int64_t stride = 1;
  Extent padding = {0, 0};  // zeros on each side
  int64_t groups = 1;
  bool bias = false;
  // kTfSame: where it is padded and its stride is above 1, TensorFlow's "SAME" (ceil(n / stride)
  // outputs, the odd pixel of padding on the right and at the bottom) in place of `padding`.
  Padding style = Padding::kSymmetric;
};

class ConvolutionImpl : public torch::nn::Module {
 public:
  explicit ConvolutionImpl(ConvolutionOptions options);  // zeros, channels-last

  torch::Tensor forward(const torch::Tensor& x) { return Run(x, weight, bias); }
  // The same convolution with other numbers (a folded batch norm). `bias` may be undefined.
  torch::Tensor Run(const torch::Tensor& x, const torch::Tensor& weight,
                    const torch::Tensor& bias) const;
  const ConvolutionOptions& options() const { return options_; }

  torch::Tensor weight;  // out x in / groups x kernel rows x kernel columns
  torch::Tensor bias;    // undefined without

 private:
  ConvolutionOptions options_;
};
TORCH_MODULE(Convolution);

}  // namespace vizsla
