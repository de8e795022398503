#include "src/train/loss.h"

#include "src/nn/tensors.h"

namespace vizsla {
namespace {

namespace functional = torch::nn::functional;

}  // namespace

std::vector<int64_t> LabelsOf(const BatchSource& source, std::span<const PhotoView> rows) {
  std::vector<int64_t> labels;
  labels.reserve(rows.size());
  for (const PhotoView& row : rows) labels.push_back(source.label(row.photo));
  return labels;
}

TrainingLoss::TrainingLoss(const BatchSource& source, double smoothing,
                           const std::vector<float>& class_weights, torch::Device device)
    : source_(source), smoothing_(smoothing), device_(device) {
  if (!class_weights.empty()) {
    class_weights_ = torch::tensor(torch::ArrayRef<float>(class_weights)).to(device);
  }
}

torch::Tensor TrainingLoss::RowLosses(const torch::Tensor& logits,
                                      const std::vector<int64_t>& labels) const {
  const torch::Tensor targets =
      ToDevice(torch::tensor(torch::ArrayRef<int64_t>(labels), torch::kInt64), device_);
  const torch::Tensor losses = functional::cross_entropy(
      logits.to(torch::kFloat32), targets,
      functional::CrossEntropyFuncOptions().reduction(torch::kNone).label_smoothing(smoothing_));
  return class_weights_.defined() ? losses * class_weights_.index_select(0, targets) : losses;
}

torch::Tensor TrainingLoss::Sum(const torch::Tensor& logits,
                                std::span<const PhotoView> rows) const {
  const torch::Tensor own = RowLosses(logits, LabelsOf(source_, rows));
  // All rows of a batch are mixed alike, or none.
  if (rows.empty() || !rows.front().mixed_in) return own.sum();
  std::vector<int64_t> labels;
  for (const PhotoView& row : rows) labels.push_back(source_.label(row.mixed_in->photo));
  const double weight = rows.front().mixed_in->mix.weight;
  return (weight * own + (1 - weight) * RowLosses(logits, labels)).sum();
}

}  // namespace vizsla
