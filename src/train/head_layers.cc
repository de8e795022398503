#include "src/train/head_layers.h"

#include <utility>

#include "src/train/head_loops.h"

namespace vizsla {
namespace {

using torch::Tensor;

// Room for the largest batch; smaller ones use its first rows.
class Rows {
 public:
  Rows(int64_t largest_batch, int64_t width) : memory_(torch::empty({largest_batch, width})) {}
  Tensor First(int64_t rows) const {
    return rows == memory_.size(0) ? memory_ : memory_.narrow(0, 0, rows);
  }

 private:
  Tensor memory_;
};

float* Data(const Tensor& tensor) { return tensor.data_ptr<float>(); }

// The parameter's gradient in memory of the layer's own.
class Gradient {
 public:
  explicit Gradient(Tensor& parameter)
      : parameter_(parameter), values_(torch::empty_like(parameter.detach())) {}
  // To be filled; the parameter has it from now on.
  Tensor& Renew() {
    parameter_.mutable_grad() = values_;
    return values_;
  }

 private:
  Tensor& parameter_;
  Tensor values_;
};

class DenseLayer final : public HeadLayer {
 public:
  DenseLayer(torch::nn::Linear linear, bool relu, int64_t largest_batch,
             const HeadPenalties& penalties)
      : linear_(std::move(linear)),
        relu_(relu),
        penalties_(penalties),
        y_(largest_batch, linear_->weight.size(0)),
        x_gradient_(largest_batch, linear_->weight.size(1)),
        weight_gradient_(linear_->weight),
        bias_gradient_(linear_->bias) {}

  Tensor Forward(const Tensor& x, const StreamKey&) override {
    x_ = x;
    result_ = y_.First(x.size(0));
    at::addmm_out(result_, linear_->bias, x, linear_->weight.t());
    if (relu_) ApplyRelu(Data(result_), result_.numel());
    return result_;
  }

  Tensor Backward(const Tensor& gradient, bool wants_input) override {
    if (relu_) ApplyReluGradient(Data(result_), Data(gradient), gradient.numel());
    Tensor& bias = bias_gradient_.Renew();
    SumColumns(Data(gradient), gradient.size(0), gradient.size(1), Data(bias));
    Tensor& weight = weight_gradient_.Renew();
    at::mm_out(weight, gradient.t(), x_);
    AddPenalties(weight, bias);
    if (!wants_input) return {};
    Tensor x_gradient = x_gradient_.First(x_.size(0));
    at::mm_out(x_gradient, gradient, linear_->weight);
    return x_gradient;
  }

 private:
  void AddPenalties(const Tensor& weight, const Tensor& bias) const {
    if (penalties_.l1 > 0 || penalties_.l2 > 0) {
      AddPenaltyGradient(Data(linear_->weight), static_cast<float>(penalties_.l1),
                         static_cast<float>(penalties_.l2), Data(weight), weight.numel());
    }
    if (penalties_.l2_bias > 0) {
      AddPenaltyGradient(Data(linear_->bias), 0, static_cast<float>(penalties_.l2_bias), Data(bias),
                         bias.numel());
    }
  }

  torch::nn::Linear linear_;
  const bool relu_;
  const HeadPenalties penalties_;
  const Rows y_;
  const Rows x_gradient_;
  Gradient weight_gradient_;
  Gradient bias_gradient_;
  Tensor x_;
  Tensor result_;
};

class NormLayer final : public HeadLayer {
 public:
  NormLayer(BatchNorm norm, int64_t largest_batch)
      : norm_(std::move(norm)),
        y_(largest_batch, norm_->weight.size(0)),
        x_gradient_(largest_batch, norm_->weight.size(0)),
        mean_(torch::empty({norm_->weight.size(0)})),
        inverse_deviation_(torch::empty({norm_->weight.size(0)})),
        weight_gradient_(norm_->weight),
        bias_gradient_(norm_->bias) {}

  Tensor Forward(const Tensor& x, const StreamKey&) override {
    x_ = x;
    Tensor y = y_.First(x.size(0));
    const BatchNormOptions& options = norm_->options();
    ++*norm_->num_batches_tracked.data_ptr<int64_t>();
    NormForward(Data(x), x.size(0), x.size(1), Data(norm_->weight), Data(norm_->bias),
                static_cast<float>(options.eps), static_cast<float>(options.momentum),
                {.mean = Data(mean_),
                 .inverse_deviation = Data(inverse_deviation_),
                 .running_mean = Data(norm_->running_mean),
                 .running_variance = Data(norm_->running_var)},
                Data(y));
    return y;
  }

  Tensor Backward(const Tensor& gradient, bool wants_input) override {
    Tensor x_gradient;
    if (wants_input) x_gradient = x_gradient_.First(x_.size(0));
    NormBackward(Data(x_), Data(gradient), x_.size(0), x_.size(1), Data(norm_->weight), Data(mean_),
                 Data(inverse_deviation_), Data(weight_gradient_.Renew()),
                 Data(bias_gradient_.Renew()), wants_input ? Data(x_gradient) : nullptr);
    return x_gradient;
  }

 private:
  BatchNorm norm_;
  const Rows y_;
  const Rows x_gradient_;
  const Tensor mean_;
  const Tensor inverse_deviation_;
  Gradient weight_gradient_;
  Gradient bias_gradient_;
  Tensor x_;
};

class DropoutLayer final : public HeadLayer {
 public:
  DropoutLayer(Dropout dropout, int64_t width, int64_t largest_batch)
      : dropout_(std::move(dropout)),
        mask_(largest_batch, width),
        y_(largest_batch, width),
        x_gradient_(largest_batch, width) {}

  Tensor Forward(const Tensor& x, const StreamKey& step) override {
    Tensor y = y_.First(x.size(0));
    const Tensor mask = mask_.First(x.size(0));
    dropout_->DrawMask({.key = step}, x.size(1), {Data(mask), static_cast<size_t>(mask.numel())});
    Multiply(Data(x), Data(mask), Data(y), y.numel());
    return y;
  }

  Tensor Backward(const Tensor& gradient, bool wants_input) override {
    if (!wants_input) return {};
    Tensor x_gradient = x_gradient_.First(gradient.size(0));
    Multiply(Data(gradient), Data(mask_.First(gradient.size(0))), Data(x_gradient),
             x_gradient.numel());
    return x_gradient;
  }

 private:
  const Dropout dropout_;
  const Rows mask_;
  const Rows y_;
  const Rows x_gradient_;
};

}  // namespace

std::vector<std::unique_ptr<HeadLayer>> LayersOf(Head& head, int64_t largest_batch,
                                                 const HeadPenalties& penalties) {
  std::vector<std::unique_ptr<HeadLayer>> layers;
  int64_t width = head.features();
  const auto add_norm = [&](const BatchNorm& norm) {
    layers.push_back(std::make_unique<NormLayer>(norm, largest_batch));
  };
  const auto add_dropout = [&](const Dropout& dropout) {
    if (dropout->rate() == 0) return;
    layers.push_back(std::make_unique<DropoutLayer>(dropout, width, largest_batch));
  };
  const HeadParts& parts = head.parts();
  if (parts.input_norm) add_norm(parts.input_norm);
  for (size_t i = 0; i < parts.dense.size(); ++i) {
    width = parts.dense[i]->weight.size(0);
    layers.push_back(
        std::make_unique<DenseLayer>(parts.dense[i], /*relu=*/true, largest_batch, penalties));
    if (!parts.dense_norm.empty()) add_norm(parts.dense_norm[i]);
    if (i < parts.hidden_dropout.size()) add_dropout(parts.hidden_dropout[i]);
  }
  if (parts.last_norm) add_norm(parts.last_norm);
  add_dropout(parts.dropout);
  // The output layer has no penalty.
  layers.push_back(
      std::make_unique<DenseLayer>(parts.output, /*relu=*/false, largest_batch, HeadPenalties()));
  return layers;
}

}  // namespace vizsla
