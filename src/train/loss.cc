#include "src/train/loss.h"

#include "src/nn/tensors.h"

namespace vizsla {
namespace {

namespace functional = torch::nn::functional;

torch::Tensor LabelsOn(const torch::Device& device, const std::vector<int64_t>& labels) {
  return ToDevice(torch::tensor(torch::ArrayRef<int64_t>(labels), torch::kInt64), device);
}

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
  targets.labels = LabelsOn(device_, LabelsOf(source_, rows));
  // All rows of a batch are mixed alike, or none.
  if (rows.empty() || !rows.front().mixed_in) return targets;
  std::vector<int64_t> partners;
  for (const PhotoView& row : rows) partners.push_back(source_.label(row.mixed_in->photo));
  targets.partners = LabelsOn(device_, partners);
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
