#include "worker/node_data.h"

#include <algorithm>
#include <numeric>
#include <utility>

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
  VIZSLA_ASSIGN_OR_RETURN(const std::shared_ptr<const TensorFile> file,
                          weights_.Load(study.inputs.weights_hash));
  return TraitsFromMetadata(file->metadata(), study.spec.weights);
}

absl::StatusOr<TrainingPlan> NodeData::Resolve(const Study& study, const Trial& trial) {
  if (trial.stage < 1 || trial.stage > StageCount(study.spec)) {
    return absl::InvalidArgumentError(StrCat("the study has no stage ", trial.stage));
  }
  VIZSLA_ASSIGN_OR_RETURN(const WeightsTraits traits, Traits(study));
  return ResolvePlan(trial.configuration, StageOf(study.spec, trial.stage).budget, traits);
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
  const size_t unlabelled = wants_unlabelled ? index_.unlabelled.size() : 0;
  const size_t total = split_.train.size() + split_.validation.size() + unlabelled;
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
    return std::shared_ptr<const PixelSource>(std::move(source));
  };
  Sources sources;
  sources.key = key;
  VIZSLA_ASSIGN_OR_RETURN(std::vector<uint32_t> train, Positions(index_, split_.train));
  VIZSLA_ASSIGN_OR_RETURN(std::vector<uint32_t> validation, Positions(index_, split_.validation));
  const size_t labelled = train.size() + validation.size();
  const size_t train_count = train.size();
  VIZSLA_ASSIGN_OR_RETURN(sources.train, open(std::move(train), true, 0));
  VIZSLA_ASSIGN_OR_RETURN(sources.validation, open(std::move(validation), true, train_count));
  if (wants_unlabelled) {
    std::vector<uint32_t> all(unlabelled);
    std::iota(all.begin(), all.end(), 0U);
    VIZSLA_ASSIGN_OR_RETURN(sources.unlabelled, open(std::move(all), false, labelled));
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
