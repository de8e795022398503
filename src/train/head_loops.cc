#include "src/train/head_loops.h"

#include <algorithm>
#include <cmath>

#include "src/base/for_each_cpu.h"

namespace vizsla {

VIZSLA_FOR_EACH_CPU void ApplyRelu(float* values, int64_t count) {
  for (int64_t i = 0; i < count; ++i) values[i] = values[i] <= 0 ? 0 : values[i];
}

VIZSLA_FOR_EACH_CPU void ApplyReluGradient(const float* __restrict values,
                                           float* __restrict gradients, int64_t count) {
  for (int64_t i = 0; i < count; ++i) gradients[i] = values[i] <= 0 ? 0 : gradients[i];
}

VIZSLA_FOR_EACH_CPU void Multiply(const float* __restrict a, const float* __restrict b,
                                  float* __restrict product, int64_t count) {
  for (int64_t i = 0; i < count; ++i) product[i] = a[i] * b[i];
}

VIZSLA_FOR_EACH_CPU void SumColumns(const float* __restrict values, int64_t rows, int64_t width,
                                    float* __restrict sums) {
  std::fill_n(sums, width, 0.0f);
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < width; ++c) sums[c] += values[row * width + c];
  }
}

VIZSLA_FOR_EACH_CPU void AddPenaltyGradient(const float* __restrict weights, float l1, float l2,
                                            float* __restrict gradients, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const float w = weights[i];
    const float sign = w > 0 ? 1.0f : (w < 0 ? -1.0f : 0.0f);
    gradients[i] += l1 * sign + 2 * l2 * w;
  }
}

VIZSLA_FOR_EACH_CPU void NormForward(const float* __restrict x, int64_t rows, int64_t width,
                                     const float* __restrict weight, const float* __restrict bias,
                                     float eps, float momentum, const NormStatistics& statistics,
                                     float* __restrict y) {
  float* __restrict mean = statistics.mean;
  float* __restrict inverse = statistics.inverse_deviation;
  float* __restrict running_mean = statistics.running_mean;
  float* __restrict running_variance = statistics.running_variance;
  const float count = static_cast<float>(rows);
  SumColumns(x, rows, width, mean);
  for (int64_t c = 0; c < width; ++c) mean[c] /= count;
  std::fill_n(inverse, width, 0.0f);  // holds the variance for now
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < width; ++c) {
      const float d = x[row * width + c] - mean[c];
      inverse[c] += d * d;
    }
  }
  const float unbiased = 1 / std::max(count - 1, 1.0f);
  for (int64_t c = 0; c < width; ++c) {
    running_mean[c] = (1 - momentum) * running_mean[c] + momentum * mean[c];
    running_variance[c] = (1 - momentum) * running_variance[c] + momentum * (inverse[c] * unbiased);
    inverse[c] = 1 / std::sqrt(inverse[c] / count + eps);
  }
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < width; ++c) {
      y[row * width + c] = (x[row * width + c] - mean[c]) * (inverse[c] * weight[c]) + bias[c];
    }
  }
}

VIZSLA_FOR_EACH_CPU void NormBackward(const float* __restrict x, const float* __restrict y_gradient,
                                      int64_t rows, int64_t width, const float* __restrict weight,
                                      const float* __restrict mean,
                                      const float* __restrict inverse_deviation,
                                      float* __restrict weight_gradient,
                                      float* __restrict bias_gradient,
                                      float* __restrict x_gradient) {
  SumColumns(y_gradient, rows, width, bias_gradient);
  std::fill_n(weight_gradient, width, 0.0f);
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < width; ++c) {
      const float normalised = (x[row * width + c] - mean[c]) * inverse_deviation[c];
      weight_gradient[c] += y_gradient[row * width + c] * normalised;
    }
  }
  if (x_gradient == nullptr) return;
  const float share = 1 / static_cast<float>(rows);
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < width; ++c) {
      const float normalised = (x[row * width + c] - mean[c]) * inverse_deviation[c];
      x_gradient[row * width + c] = (y_gradient[row * width + c] - share * bias_gradient[c] -
                                     share * normalised * weight_gradient[c]) *
                                    (inverse_deviation[c] * weight[c]);
    }
  }
}

VIZSLA_FOR_EACH_CPU double SmoothedLoss(const float* __restrict log_probabilities,
                                        float* __restrict probabilities,
                                        std::span<const int64_t> labels, int64_t classes,
                                        float smoothing, std::span<const float> class_weights) {
  const float everywhere = smoothing / static_cast<float>(classes);
  const float rows = static_cast<float>(labels.size());
  double sum = 0;
  for (size_t row = 0; row < labels.size(); ++row) {
    const int64_t label = labels[row];
    const float weight = class_weights.empty() ? 1.0f : class_weights[static_cast<size_t>(label)];
    const float* __restrict logs = log_probabilities + static_cast<int64_t>(row) * classes;
    float* __restrict gradient = probabilities + static_cast<int64_t>(row) * classes;
    float loss = -(1 - smoothing) * logs[label];
    if (smoothing > 0) {
      float all = 0;
      for (int64_t c = 0; c < classes; ++c) all += logs[c];
      loss -= everywhere * all;
    }
    sum += static_cast<double>(weight * loss);
    const float scale = weight / rows;
    for (int64_t c = 0; c < classes; ++c) gradient[c] = scale * (gradient[c] - everywhere);
    gradient[label] -= scale * (1 - smoothing);
  }
  return sum;
}

}  // namespace vizsla
