#include <set>
#include <utility>

#include "src/base/sha256.h"
#include "src/catalog/backbones.h"
#include "src/catalog/weights_traits.h"
#include "src/submission/submit.h"
#include "src/submission/weights_check.h"
#include "src/weights/tensor_file.h"

namespace vizsla {
namespace {

// The backbones that the space or an enqueued trial may name; the default when nobody names one.
std::set<std::string> BackbonesOf(const StudySpec& spec) {
  std::set<std::string> networks;
  const auto add = [&](const ParameterValue& value) {
    if (const auto* word = std::get_if<std::string>(&value)) networks.insert(*word);
  };
  const Parameter* parameter = spec.space.Find("network");
  if (parameter == nullptr) {
    networks.insert(std::string(ToText(TrainingPlan().network)));
  } else if (const auto* choices = std::get_if<CategoricalDomain>(&parameter->domain)) {
    for (const ParameterValue& choice : choices->choices) add(choice);
  }
  for (const EnqueuedTrial& trial : spec.enqueue) {
    if (const auto found = trial.configuration.find("network");
        found != trial.configuration.end()) {
      add(found->second);
    }
  }
  std::erase_if(networks, [](const std::string& name) { return !FindBackbone(name).ok(); });
  return networks;
}

absl::Status PrepareWeights(const SubmissionInputs& inputs, PreparedStudy* prepared) {
  if (!NeedsWeights(inputs.spec)) {
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
  for (const std::string& backbone : BackbonesOf(inputs.spec)) {
    VIZSLA_RETURN_IF_ERROR(Annotate(CheckBackboneWeights(backbone, *file), inputs.weights));
  }
  absl::StatusOr<WeightsTraits> traits = TraitsFromMetadata(file->metadata(), inputs.spec.weights);
  if (!traits.ok()) return Annotate(traits.status(), inputs.weights);
  prepared->traits = *std::move(traits);
  VIZSLA_ASSIGN_OR_RETURN(prepared->inputs.weights_hash, Sha256HexOfFile(inputs.weights));
  return absl::OkStatus();
}

absl::Status CheckConfigurations(const StudySpec& spec, const WeightsTraits& traits) {
  VIZSLA_RETURN_IF_ERROR(Validate(spec.space));
  for (const Parameter& parameter : spec.space.parameters) {
    VIZSLA_RETURN_IF_ERROR(ValidateParameter(parameter));
  }
  for (size_t i = 0; i < spec.enqueue.size(); ++i) {
    const EnqueuedTrial& trial = spec.enqueue[i];
    const absl::Status status = ResolvePlan(trial.configuration, spec.budget, traits).status();
    VIZSLA_RETURN_IF_ERROR(Annotate(status, trial.name.empty()
                                                ? StrCat("enqueue, entry ", i + 1)
                                                : StrCat("enqueue, '", trial.name, "'")));
  }
  return absl::OkStatus();
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
