// A convolution with the padding of TensorFlow or of torchvision, named as torch.nn.Conv2d's.
#pragma once

#include <torch/torch.h>

#include <cstdint>

#include "src/catalog/training_plan.h"

namespace vizsla {

struct ConvolutionOptions {
  int64_t in = 0;
  int64_t out = 0;
  int64_t kernel = 3;
  int64_t stride = 1;
  int64_t groups = 1;
  bool bias = false;
  // kSymmetric: (kernel - 1) / 2 on each side. kTfSame: ceil(n / stride) outputs, the odd pixel of
  // padding on the right and at the bottom (TensorFlow's "SAME"). Equal at stride 1.
  Padding padding = Padding::kSymmetric;
};

class ConvolutionImpl : public torch::nn::Module {
 public:
  explicit ConvolutionImpl(ConvolutionOptions options);  // zeros, channels-last

  torch::Tensor forward(const torch::Tensor& x) { return Run(x, weight, bias); }
  // The same convolution with other numbers (a folded batch norm). `bias` may be undefined.
  torch::Tensor Run(const torch::Tensor& x, const torch::Tensor& weight,
                    const torch::Tensor& bias) const;
  const ConvolutionOptions& options() const { return options_; }

  torch::Tensor weight;  // out x in / groups x kernel x kernel
  torch::Tensor bias;    // undefined without

 private:
  ConvolutionOptions options_;
};
TORCH_MODULE(Convolution);

}  // namespace vizsla
