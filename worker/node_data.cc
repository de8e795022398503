#include "worker/node_data.h"

#include <algorithm>
#include <utility>

#include "src/base/file.h"
#include "src/base/sha256.h"
#include "src/catalog/weights_traits.h"

namespace vizsla {
namespace {

// Mapped pixels cost address space, not memory; a search rarely varies the image size.
constexpr size_t kSourcesKept = 4;

}  // namespace

NodeData::NodeData(DatasetIndex index, std::unique_ptr<PhotoReader> reader, WeightsStore weights,
                   NodeDataOptions options)
    : index_(std::move(index)),
      reader_(std::move(reader)),
      weights_(std::move(weights)),
      options_(std::move(options)) {}

absl::Status NodeData::SetSplit(const std::string& hash, std::string_view json) {
  if (Sha256Hex(json) != hash) {
    return absl::DataLossError(StrCat("the study's split ", hash, " arrived damaged"));
  }
  VIZSLA_ASSIGN_OR_RETURN(Split split, SplitFromJsonText(json));
  if (split.classes != index_.classes) {
    return absl::InvalidArgumentError(
        StrCat("the study's split has other classes than ", index_.root));
  }
  split_ = std::move(split);
  split_hash_ = hash;
  sources_.clear();
  return absl::OkStatus();
}

absl::StatusOr<WeightsTraits> NodeData::Traits(const Study& study) {
  if (study.inputs.weights_hash.empty()) return WeightsTraits();
  const absl::StatusOr<std::shared_ptr<const TensorFile>> file =
      weights_.Load(study.inputs.weights_hash);
  if (!file.ok()) {
    // Another node's file of this hash may be whole.
    return absl::FailedPreconditionError(
        StrCat("this node's weights: ", std::string(file.status().message())));
  }
  return TraitsFromMetadata((*file)->metadata(), study.spec.weights);
}

absl::StatusOr<TrainingPlan> NodeData::Resolve(const Study& study, const Trial& trial) {
  if (trial.stage < 1 || trial.stage > StageCount(study.spec)) {
    return absl::InvalidArgumentError(StrCat("the study has no stage ", trial.stage));
  }
  VIZSLA_ASSIGN_OR_RETURN(const WeightsTraits traits, Traits(study));
  return ResolvePlan(trial.configuration, StageOf(study.spec, trial.stage).budget, traits);
}

absl::StatusOr<std::vector<uint32_t>> NodeData::UsableUnlabelled() {
  if (!unusable_unlabelled_) {
    // One rank of the node reads them, the others find the hashes.
    VIZSLA_RETURN_IF_ERROR(CreateDirectories(options_.cache_folder));
    VIZSLA_ASSIGN_OR_RETURN(
        const FileLock lock,
        FileLock::Acquire(StrCat(options_.cache_folder, "/unlabelled-hashes.lock")));
    VIZSLA_ASSIGN_OR_RETURN(unusable_unlabelled_, HashUnlabelled(index_, options_.cancelled));
  }
  std::vector<uint32_t> usable;
  for (uint32_t i = 0; i < index_.unlabelled.size(); ++i) {
    if (!index_.unlabelled[i].sha256.empty()) usable.push_back(i);
  }
  return usable;
}

absl::StatusOr<NodeData::Sources> NodeData::OpenSources(
    const TrainingPlan& plan, const std::function<void(size_t, size_t)>& progress) {
  const bool wants_unlabelled =
      plan.initial_weights == InitialWeights::kAutoencoder && !index_.unlabelled.empty();
  const std::string key =
      StrCat(plan.image_size, "/", plan.preprocessing.name, "/",
             plan.preprocessing.bgr ? "bgr" : "rgb", wants_unlabelled ? "/unlabelled" : "");
  const auto known = std::find_if(sources_.begin(), sources_.end(),
                                  [&](const Sources& sources) { return sources.key == key; });
  if (known != sources_.end()) {
    sources_.splice(sources_.begin(), sources_, known);
    return sources_.front();
  }
  Sources sources;
  sources.key = key;
  VIZSLA_ASSIGN_OR_RETURN(std::vector<uint32_t> train, Positions(index_, split_.train));
  VIZSLA_ASSIGN_OR_RETURN(std::vector<uint32_t> validation, Positions(index_, split_.validation));
  std::vector<uint32_t> unlabelled;
  if (wants_unlabelled) {
    VIZSLA_ASSIGN_OR_RETURN(unlabelled, UsableUnlabelled());
    sources.left_out = *unusable_unlabelled_;
  }
  const size_t train_count = train.size();
  const size_t labelled_count = train_count + validation.size();
  const size_t total = labelled_count + unlabelled.size();
  const auto open = [&](std::vector<uint32_t> positions, bool labelled,
                        size_t before) -> absl::StatusOr<std::shared_ptr<const PixelSource>> {
    PixelSourceOptions options;
    options.index = &index_;
    options.reader = reader_.get();
    options.positions = std::move(positions);
    options.unlabelled = !labelled;
    options.preprocessing = plan.preprocessing;
    options.decode.cache_folder = options_.cache_folder;
    options.decode.image_size = plan.image_size;
    options.decode.threads = options_.threads;
    options.decode.cancelled = options_.cancelled;
    if (progress) {
      options.decode.progress = [&, before](size_t done, size_t) {
        progress(before + done, total);
      };
    }
    VIZSLA_ASSIGN_OR_RETURN(std::unique_ptr<PixelSource> source, OpenPixelSource(options));
    const std::vector<Problem>& broken = source->broken();
    sources.left_out.insert(sources.left_out.end(), broken.begin(), broken.end());
    return std::shared_ptr<const PixelSource>(std::move(source));
  };
  VIZSLA_ASSIGN_OR_RETURN(sources.train, open(std::move(train), true, 0));
  VIZSLA_ASSIGN_OR_RETURN(sources.validation, open(std::move(validation), true, train_count));
  if (!unlabelled.empty()) {
    VIZSLA_ASSIGN_OR_RETURN(sources.unlabelled, open(std::move(unlabelled), false, labelled_count));
  }
  sources_.push_front(sources);
  if (sources_.size() > kSourcesKept) sources_.pop_back();
  return sources;
}

absl::StatusOr<TrialData> NodeData::Open(const Study& study, const TrainingPlan& plan,
                                         const std::function<void(size_t, size_t)>& progress) {
  if (study.inputs.dataset_fingerprint != index_.fingerprint) {
    return absl::FailedPreconditionError(
        StrCat(index_.root, " is not the data that study '", study.spec.name,
               "' is pinned to (fingerprint ", index_.fingerprint.substr(0, 12), "... instead of ",
               study.inputs.dataset_fingerprint.substr(0, 12), "...)"));
  }
  VIZSLA_ASSIGN_OR_RETURN(Sources sources, OpenSources(plan, progress));
  TrialData data;
  data.plan = plan;
  data.train = sources.train;
  data.validation = sources.validation;
  data.training.train = data.train.get();
  data.training.validation = data.validation.get();
  data.unlabelled = sources.unlabelled;
  data.training.unlabelled = data.unlabelled.get();
  data.left_out = std::move(sources.left_out);
  data.training.class_count = static_cast<int>(index_.classes.size());
  if (!study.inputs.weights_hash.empty()) {
    VIZSLA_ASSIGN_OR_RETURN(const WeightsTraits traits, Traits(study));
    VIZSLA_ASSIGN_OR_RETURN(data.training.padding, PaddingFromText(traits.padding));
    VIZSLA_ASSIGN_OR_RETURN(data.training.weights, weights_.Load(study.inputs.weights_hash));
    data.training.weights_hash = study.inputs.weights_hash;
  }
  if (!plan.pretrained()) {
    data.training.weights = nullptr;
    data.training.weights_hash.clear();
  }
  return data;
}

}  // namespace vizsla
