#include "src/train/warm_start.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_join.h"

namespace vizsla {
namespace {

constexpr char kPlace[] = "init checkpoint";
constexpr std::string_view kHead = "head.";

template <typename... T>
absl::Status DoesNotFit(const T&... reason) {
  return absl::OutOfRangeError(StrCat(kPlace, ": ", reason...));
}

template <typename Shape>
std::string ShapeText(const Shape& shape) {
  return StrCat("[", absl::StrJoin(shape, ", "), "]");
}

std::string MetadataOr(const SafetensorsContents& contents, const std::string& name,
                       const std::string& otherwise) {
  const auto found = contents.metadata.find(name);
  return found == contents.metadata.end() ? otherwise : found->second;
}

absl::Status CheckMetadata(const SafetensorsContents& contents,
                           const CheckpointIdentity& identity) {
  // Checkpoints of earlier versions do not name their network.
  const std::string network = MetadataOr(contents, "network", identity.network);
  if (network != identity.network) {
    return DoesNotFit("it is of ", network, ", this trial's network is ", identity.network);
  }
  const std::string padding = MetadataOr(contents, "padding", identity.padding);
  if (padding != identity.padding) {
    return DoesNotFit("its padding is ", padding, ", this trial's is ", identity.padding);
  }
  return absl::OkStatus();
}

absl::Status CheckTensors(const SafetensorsContents& contents, const CheckpointIdentity& identity,
                          const NamedTensors& state) {
  std::map<std::string, torch::Tensor> of_model(state.begin(), state.end());
  for (const auto& [name, view] : contents.tensors) {
    const auto own = of_model.find(name);
    if (own == of_model.end()) {
      return DoesNotFit("this trial's network has no ", name);
    }
    if (!std::equal(view.shape.begin(), view.shape.end(), own->second.sizes().begin(),
                    own->second.sizes().end())) {
      return DoesNotFit("its ", name, " has the shape ", ShapeText(view.shape),
                        ", this trial's has ", ShapeText(own->second.sizes()));
    }
  }
  const bool same_weights = !identity.weights_hash.empty() &&
                            MetadataOr(contents, "weights_hash", "") == identity.weights_hash;
  for (const auto& [name, tensor] : state) {
    if (contents.tensors.contains(name)) continue;
    if (name.starts_with(kHead)) return DoesNotFit("it has no ", name);
    if (!same_weights) {
      return DoesNotFit("it has no ", name, ", and was not trained on this trial's weights");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<bool> StartFrom(std::string_view checkpoint, const CheckpointIdentity& identity,
                               Model& model) {
  VIZSLA_ASSIGN_OR_RETURN(const SafetensorsContents contents,
                          ParseCheckpoint(checkpoint, "best", kPlace));
  const NamedTensors state = model.StateDict();
  VIZSLA_RETURN_IF_ERROR(CheckMetadata(contents, identity));
  VIZSLA_RETURN_IF_ERROR(CheckTensors(contents, identity, state));
  NamedTensors replaced;
  bool below_head = false;
  for (const auto& named : state) {
    if (!contents.tensors.contains(named.first)) continue;
    replaced.push_back(named);
    below_head |= !named.first.starts_with(kHead);
  }
  torch::NoGradGuard no_grad;
  VIZSLA_RETURN_IF_ERROR(CopyInto(replaced, contents.tensors, kPlace));
  model.FrozenStateChanged();
  return below_head;
}

}  // namespace vizsla
