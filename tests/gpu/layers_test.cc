// Layers on a GPU against float64 on the CPU, one at a time.
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "src/nn/autocast.h"
#include "src/nn/batch_norm.h"
#include "src/nn/dropout.h"
#include "tests/gpu/testing.h"

namespace vizsla {
namespace {

// One layer each, without a ReLU or maximum that could tip over: float32's own digits. TF32 in a
// backward pass would be off by 3e-4.
void ExpectFloat32Digits(const std::function<torch::nn::AnyModule()>& make,
                         const torch::Tensor& x) {
  const Tf32Scope exact(false);
  at::globalContext().setDeterministicCuDNN(true);
  const auto run = [&](const torch::Device& device, torch::ScalarType type) {
    torch::nn::AnyModule layer = make();
    layer.ptr()->to(device, type);
    const torch::Tensor input = x.to(device, type).detach().requires_grad_(true);
    const torch::Tensor y = layer.forward(input);
    (y * RandomTensor(y.sizes().vec(), 4).to(device, type)).sum().backward();
    std::vector<std::pair<std::string, torch::Tensor>> results = {{"y", y}, {"x", input.grad()}};
    for (const auto& parameter : layer.ptr()->named_parameters()) {
      results.emplace_back(parameter.key(), parameter.value().grad());
    }
    return results;
  };
  const auto truth = run(torch::kCPU, torch::kFloat64), gpu = run(kGpu, torch::kFloat32);
  for (size_t i = 0; i < truth.size(); ++i) {
    EXPECT_LT(RelativeError(gpu[i].second, truth[i].second), 2e-5) << truth[i].first;
  }
}

TEST(GpuLayerTest, ConvolutionsHaveFloat32sDigits) {
  struct Shape {
    int64_t in, out, kernel, stride, groups;
  };
  for (const auto& [in, out, kernel, stride, groups] : {Shape{3, 32, 5, 1, 1},
                                                        {32, 64, 3, 1, 1},
                                                        {64, 128, 3, 2, 1},
                                                        {64, 96, 1, 1, 1},
                                                        {96, 96, 3, 1, 96}}) {
    SCOPED_TRACE(StrCat(in, " to ", out, ", kernel ", kernel, ", stride ", stride));
    ExpectFloat32Digits(
        [&, in = in, out = out, kernel = kernel, stride = stride, groups = groups] {
          torch::manual_seed(1);
          torch::nn::Conv2d layer(torch::nn::Conv2dOptions(in, out, kernel)
                                      .stride(stride)
                                      .padding(kernel / 2)
                                      .groups(groups));
          layer->weight.set_data(layer->weight.contiguous(torch::MemoryFormat::ChannelsLast));
          return torch::nn::AnyModule(layer);
        },
        RandomTensor({4, in, 32, 32}, 1).contiguous(torch::MemoryFormat::ChannelsLast));
  }
}

// As behind a ReLU: a mean that is large beside what varies.
TEST(GpuLayerTest, BatchNormsHaveFloat32sDigits) {
  for (const std::vector<int64_t>& shape :
       {std::vector<int64_t>{4, 32, 32, 32}, {4, 64, 16, 16}, {4, 128, 3, 3}, {32, 24}}) {
    SCOPED_TRACE(StrCat(shape[1], " channels"));
    torch::Tensor x = RandomTensor(shape, 1) + 2;
    if (x.dim() == 4) x = x.contiguous(torch::MemoryFormat::ChannelsLast);
    ExpectFloat32Digits(
        [&] { return torch::nn::AnyModule(BatchNorm(shape[1], kTorchvisionBatchNorm)); }, x);
  }
}

TEST(GpuLayerTest, DenseLayersHaveFloat32sDigits) {
  ExpectFloat32Digits(
      [] {
        torch::manual_seed(1);
        return torch::nn::AnyModule(torch::nn::Linear(1280, 256));
      },
      RandomTensor({32, 1280}, 1));
}

TEST(GpuDropoutTest, MasksAreTheCpus) {
  Dropout dropout(0.4, "layer");
  dropout->train();
  dropout->SetStep({StreamKey(5), 3});
  const torch::Tensor x = RandomTensor({6, 4, 5, 7}, 1);
  EXPECT_TRUE(torch::equal(dropout(x.to(kGpu)).cpu(), dropout(x)));
  EXPECT_EQ(dropout(x.to(kGpu, torch::kBFloat16)).scalar_type(), torch::kBFloat16);
}

TEST(GpuBatchNormTest, SynchronisedStatisticsAreTheCpus) {
  for (const auto type : {torch::kFloat32, torch::kBFloat16}) {
    const torch::Tensor x = RandomTensor({6, 4, 5, 7}, 1).to(type);
    const auto run = [&](const torch::Device& device) {
      BatchNorm norm(4, kTorchvisionBatchNorm);
      norm->to(device);
      norm->SetReduction([](std::span<double> values) {
        for (double& value : values) value *= 2;  // another rank with the same rows
        return absl::OkStatus();
      });
      const torch::Tensor input = x.to(device).detach().requires_grad_(true);
      const torch::Tensor y = norm(input);
      EXPECT_EQ(y.scalar_type(), type);
      (y.to(torch::kFloat32) * RandomTensor({6, 4, 5, 7}, 2).to(device)).sum().backward();
      return std::vector<torch::Tensor>{y, input.grad(), norm->weight.grad(), norm->running_var};
    };
    const auto cpu = run(torch::kCPU), gpu = run(kGpu);
    for (size_t i = 0; i < cpu.size(); ++i) {
      EXPECT_LT(RelativeError(gpu[i], cpu[i]), type == torch::kFloat32 ? 1e-5 : 1e-2) << i;
    }
  }
}

}  // namespace
}  // namespace vizsla
