#include <set>
#include <string>
#include <utility>

#include "src/base/sha256.h"
#include "src/catalog/backbones.h"
#include "src/catalog/needed_weights.h"
#include "src/catalog/weights_traits.h"
#include "src/spec/combinations.h"
#include "src/study/init_from.h"
#include "src/submission/submit.h"
#include "src/submission/weights_check.h"
#include "src/weights/tensor_file.h"

namespace vizsla {
namespace {

absl::Status PrepareWeights(const SubmissionInputs& inputs, PreparedStudy* prepared) {
  const std::set<std::string> networks = PretrainedNetworks(inputs.spec);
  if (networks.empty()) {
    if (!inputs.weights.empty()) {
      prepared->problems.push_back(
          {inputs.weights, "not used: no configuration of the search space starts from weights"});
    }
    return absl::OkStatus();
  }
  if (inputs.weights.empty()) {
    return absl::InvalidArgumentError(
        "the search space uses pretrained weights: name their file with --weights");
  }
  VIZSLA_ASSIGN_OR_RETURN(const auto file, TensorFile::Open(inputs.weights));
  for (const std::string& network : networks) {
    if (!FindBackbone(network).ok()) continue;  // CheckConfigurations says where it stands
    VIZSLA_RETURN_IF_ERROR(Annotate(CheckBackboneWeights(network, *file), inputs.weights));
  }
  absl::StatusOr<WeightsTraits> traits = TraitsFromMetadata(file->metadata(), inputs.spec.weights);
  if (!traits.ok()) return Annotate(traits.status(), inputs.weights);
  prepared->traits = *std::move(traits);
  VIZSLA_ASSIGN_OR_RETURN(prepared->inputs.weights_hash, Sha256HexOfFile(inputs.weights));
  return absl::OkStatus();
}

// "enqueue, 'transfer'", "stage 2 (fine-tune), enqueue, entry 3".
std::string DescribeEntry(const StudySpec& spec, const EnqueuedPlace& place) {
  const std::string& name = StageOf(spec, place.stage).enqueue[place.entry].name;
  return StrCat(place.stage == 1 ? "" : StrCat(DescribeStage(spec, place.stage), ", "), "enqueue, ",
                name.empty() ? StrCat("entry ", place.entry + 1) : StrCat("'", name, "'"));
}

absl::Status CheckConfigurations(const StudySpec& spec, const WeightsTraits& traits) {
  VIZSLA_RETURN_IF_ERROR(Validate(spec.space));
  for (int stage = 1; stage <= StageCount(spec); ++stage) {
    for (const Parameter& parameter : StageOf(spec, stage).space.parameters) {
      VIZSLA_RETURN_IF_ERROR(ValidateParameter(parameter));
    }
  }
  for (size_t i = 0; i < spec.enqueue.size(); ++i) {
    if (!IsComplete(spec, {1, i})) continue;
    const absl::Status status =
        ResolvePlan(spec.enqueue[i].configuration, spec.budget, traits).status();
    VIZSLA_RETURN_IF_ERROR(Annotate(status, DescribeEntry(spec, {1, i})));
  }
  // What depends on the trial that it starts from, now that the weights are known.
  const auto impossible = FindImpossible(spec, traits);
  if (!impossible) return absl::OkStatus();
  return absl::InvalidArgumentError(
      StrCat(impossible->entry ? DescribeEntry(spec, {impossible->stage, *impossible->entry})
                               : DescribeStage(spec, impossible->stage),
             ": ", impossible->parameter.empty() ? "" : StrCat(impossible->parameter, ": "),
             impossible->reason));
}

}  // namespace

absl::StatusOr<PreparedStudy> PrepareStudy(const SubmissionInputs& inputs,
                                           const PrepareProgress& progress) {
  PreparedStudy prepared;
  prepared.spec = inputs.spec;
  VIZSLA_RETURN_IF_ERROR(PrepareWeights(inputs, &prepared));
  VIZSLA_RETURN_IF_ERROR(CheckConfigurations(inputs.spec, prepared.traits));
  IndexOptions options;
  options.group_column = inputs.spec.split.group_column;
  options.progress = progress;
  VIZSLA_ASSIGN_OR_RETURN(prepared.index, IndexDataset(inputs.data, options));
  prepared.problems.insert(prepared.problems.end(), prepared.index.problems.begin(),
                           prepared.index.problems.end());
  VIZSLA_ASSIGN_OR_RETURN(prepared.split,
                          MakeSplit(prepared.index, inputs.spec.split, &prepared.problems));
  prepared.split_json = ToJsonText(prepared.split);
  prepared.inputs.dataset_fingerprint = prepared.index.fingerprint;
  prepared.inputs.split_hash = Sha256Hex(prepared.split_json);
  return prepared;
}

}  // namespace vizsla
