// The elementwise arithmetic of a head's passes over plain arrays (src/train/head_layers.h calls
// it); a unit of its own, so that it is compiled for the processor it runs on. Rows are row-major,
// `rows` x `width`; arrays of one call do not overlap. Pure but for what is said to be written. No
// LibTorch.
#pragma once

#include <cstdint>
#include <span>

namespace vizsla {

// In place; NaN stays NaN, as torch.relu has it.
void ApplyRelu(float* values, int64_t count);
// gradient *= (value > 0), in place; `values` are ReLU's results.
void ApplyReluGradient(const float* values, float* gradients, int64_t count);

void Multiply(const float* a, const float* b, float* product, int64_t count);

// sums[c] = the sum of column c.
void SumColumns(const float* values, int64_t rows, int64_t width, float* sums);

// gradient += l1 * sign(weight) + 2 * l2 * weight: of l1 * sum |w| + l2 * sum w^2.
void AddPenaltyGradient(const float* weights, float l1, float l2, float* gradients, int64_t count);

// Batch norm of a batch, as src/nn/batch_norm.h has it. Writes each column's mean and 1 /
// sqrt(variance + eps), and moves the running statistics.
struct NormStatistics {
  float* mean;
  float* inverse_deviation;
  float* running_mean;
  float* running_variance;
};
void NormForward(const float* x, int64_t rows, int64_t width, const float* weight,
                 const float* bias, float eps, float momentum, const NormStatistics& statistics,
                 float* y);
// The gradients of weight and bias, and of x unless x_gradient is null.
void NormBackward(const float* x, const float* y_gradient, int64_t rows, int64_t width,
                  const float* weight, const float* mean, const float* inverse_deviation,
                  float* weight_gradient, float* bias_gradient, float* x_gradient);

// Cross-entropy with label smoothing and class weights, summed over the rows; TrainingLoss defines
// it (src/train/loss.h). `probabilities` are overwritten with the gradient of the sum / rows with
// respect to the logits. class_weights: one a class, or empty.
double SmoothedLoss(const float* log_probabilities, float* probabilities,
                    std::span<const int64_t> labels, int64_t classes, float smoothing,
                    std::span<const float> class_weights);

}  // namespace vizsla
