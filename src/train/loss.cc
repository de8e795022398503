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
                                      const torch::Tensor& labels) const {
  const torch::Tensor losses = functional::cross_entropy(
      logits.to(torch::kFloat32), labels,
      functional::CrossEntropyFuncOptions().reduction(torch::kNone).label_smoothing(smoothing_));
  return class_weights_.defined() ? losses * class_weights_.index_select(0, labels) : losses;
}

LossTargets TrainingLoss::TargetsOf(std::span<const PhotoView> rows) const {
  LossTargets targets;
  targets.labels = ToDevice(LabelsOf(source_, rows), device_);
  // All rows of a batch are mixed alike, or none.
  if (rows.empty() || !rows.front().mixed_in) return targets;
  std::vector<int64_t> partners;
  for (const PhotoView& row : rows) partners.push_back(source_.label(row.mixed_in->photo));
  targets.partners = ToDevice(partners, device_);
  targets.own_weight = rows.front().mixed_in->mix.weight;
  return targets;
}

torch::Tensor TrainingLoss::Sum(const torch::Tensor& logits, const LossTargets& targets) const {
  const torch::Tensor own = RowLosses(logits, targets.labels);
  if (!targets.partners.defined()) return own.sum();
  const double weight = targets.own_weight;
  return (weight * own + (1 - weight) * RowLosses(logits, targets.partners)).sum();
}

}  // namespace vizsla
