#include "src/catalog/training_plan.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/strings/str_join.h"
#include "src/base/check.h"
#include "src/catalog/backbones.h"
#include "src/study/closest_word.h"

namespace vizsla {
namespace {

constexpr size_t kMostDenseLayers = 8;
constexpr int kScratchStride = 4;  // two 2x2 max pools

absl::Status ParameterError(std::string_view name, const std::string& reason) {
  return absl::InvalidArgumentError(StrCat("parameter ", std::string(name), ": ", reason));
}

const ParameterInfo* FindInfo(std::string_view name) {
  for (const ParameterInfo& info : KnownParameters()) {
    if (info.name == name) return &info;
  }
  return nullptr;
}

absl::Status UnknownParameter(std::string_view name) {
  std::vector<std::string> names;
  for (const ParameterInfo& info : KnownParameters()) names.push_back(info.name);
  return ParameterError(name, StrCat("unknown", Suggestion(name, names)));
}

std::string Wanted(const ParameterInfo& info) {
  if (info.kind == "word") return StrCat("must be one of ", info.allowed);
  if (info.kind == "boolean") return "must be true or false";
  if (info.kind == "list of integers") {
    return StrCat("must be a list of integers (", info.allowed, ")");
  }
  return StrCat("must be ", info.kind == "integer" ? "an integer" : "a number", " from ",
                info.allowed);
}

// Empty when the value is allowed by itself.
std::string Objection(const ParameterInfo& info, const ParameterValue& value) {
  const auto refuse = [&](std::string_view note) {
    return StrCat(Wanted(info), ", not ", ToText(value), std::string(note));
  };
  if (info.kind == "word") {
    const auto* word = std::get_if<std::string>(&value);
    if (word == nullptr) return refuse("");
    if (std::find(info.words.begin(), info.words.end(), *word) != info.words.end()) return "";
    const auto closest = ClosestWord(*word, info.words);
    return refuse(closest ? StrCat("; did you mean '", *closest, "'?") : "");
  }
  if (info.kind == "boolean") return std::holds_alternative<bool>(value) ? "" : refuse("");
  if (info.kind == "integer") {
    const auto* number = std::get_if<int64_t>(&value);
    if (number == nullptr) return refuse("");
    const double as_double = static_cast<double>(*number);
    return as_double >= info.low && as_double <= info.high ? "" : refuse("");
  }
  if (info.kind == "number") {
    const auto* number = std::get_if<double>(&value);
    return number != nullptr && *number >= info.low && *number <= info.high ? "" : refuse("");
  }
  VIZSLA_CHECK(info.kind == "list of integers");
  const auto* list = std::get_if<IntList>(&value);
  if (list == nullptr || list->size() > kMostDenseLayers) return refuse("");
  const bool all_allowed = std::all_of(list->begin(), list->end(), [&](int64_t entry) {
    return static_cast<double>(entry) >= info.low && static_cast<double>(entry) <= info.high;
  });
  return all_allowed ? "" : refuse("");
}

// The configuration with defaults: every value has been checked.
class Values {
 public:
  explicit Values(const Configuration& configuration) : configuration_(configuration) {}
  bool Given(const std::string& name) const { return configuration_.contains(name); }
  template <typename T>
  T Get(const std::string& name) const {
    const auto found = configuration_.find(name);
    const ParameterValue& value =
        found == configuration_.end() ? FindInfo(name)->default_value : found->second;
    return std::get<T>(value);
  }

 private:
  const Configuration& configuration_;
};

absl::StatusOr<Network> NetworkFromText(std::string_view text) {
  for (const Network network : {Network::kMobileNetV2, Network::kScratchV1, Network::kScratchV2}) {
    if (ToText(network) == text) return network;
  }
  return ParameterError("network", StrCat("unknown: ", std::string(text)));
}

Pooling PoolingFromText(std::string_view text) {
  for (const Pooling pooling : {Pooling::kAverage, Pooling::kMax, Pooling::kFlatten}) {
    if (ToText(pooling) == text) return pooling;
  }
  VIZSLA_CHECK(false);
}

// The bodies of seed-experiments.md, expressed as the head that follows their convolutions.
void FillScratchHead(TrainingPlan& plan) {
  plan.pretrained = false;
  plan.pooling = Pooling::kFlatten;
  plan.unfreeze = "all";
  plan.batch_norm = true;
  plan.dropout = 0.5;
  if (plan.network == Network::kScratchV1) {
    plan.dense = {512, 256};
    plan.dropout_hidden = 0;
  } else {
    plan.dense = {128, 128};
    plan.dropout_hidden = 0.5;
  }
}

absl::Status ResolveScratch(const Values& values, TrainingPlan& plan) {
  for (const char* name :
       {"pooling", "dense", "dropout_hidden", "batch_norm", "dropout", "unfreeze"}) {
    if (values.Given(name)) {
      return ParameterError(name, StrCat(std::string(ToText(plan.network)),
                                         " has a fixed body and no such parameter; give it "
                                         "only `when: {network: mobilenet_v2}`"));
    }
  }
  if (values.Given("initial_weights") && values.Get<std::string>("initial_weights") != "random") {
    return ParameterError("initial_weights", StrCat(std::string(ToText(plan.network)),
                                                    " has no pretrained weights; it starts "
                                                    "at random"));
  }
  FillScratchHead(plan);
  return absl::OkStatus();
}

absl::Status ResolveBackbone(const Values& values, TrainingPlan& plan,
                             const WeightsTraits& traits) {
  VIZSLA_ASSIGN_OR_RETURN(const BackboneInfo* backbone, FindBackbone(ToText(plan.network)));
  plan.pretrained = values.Get<std::string>("initial_weights") == "pretrained";
  plan.pooling = PoolingFromText(values.Get<std::string>("pooling"));
  plan.dense = values.Get<IntList>("dense");
  plan.dropout_hidden = values.Get<double>("dropout_hidden");
  plan.batch_norm = values.Get<bool>("batch_norm");
  plan.dropout = values.Get<double>("dropout");
  plan.unfreeze = values.Get<std::string>("unfreeze");
  // A head on random frozen features learns nothing; who wants that must say so.
  if (!plan.pretrained && !values.Given("unfreeze")) plan.unfreeze = "all";

  const auto& points = backbone->unfreeze_points;
  if (plan.unfreeze != "none" && plan.unfreeze != "all" &&
      std::find(points.begin(), points.end(), plan.unfreeze) == points.end()) {
    return ParameterError("unfreeze", StrCat(backbone->name, " has no layer ", plan.unfreeze));
  }
  if (plan.image_size < backbone->min_image_size) {
    return ParameterError("image_size",
                          StrCat(plan.image_size, " is too small for ", backbone->name,
                                 ", which needs at least ", backbone->min_image_size));
  }
  if (plan.pretrained && !traits.architecture.empty() && traits.architecture != backbone->name) {
    return ParameterError(
        "network", StrCat("the weights are of ", traits.architecture, ", not of ", backbone->name));
  }
  return absl::OkStatus();
}

absl::Status ResolvePreprocessing(const Values& values, TrainingPlan& plan,
                                  const WeightsTraits& traits) {
  std::string name = values.Get<std::string>("preprocessing");
  if (name == "weights") {
    name = plan.pretrained ? traits.preprocessing : "unit";
    if (name.empty()) {
      return ParameterError("preprocessing",
                            "the weights do not say what they expect; say it in the study's YAML: "
                            "weights: {preprocessing: tf|torch|caffe|unit|identity|notebook}");
    }
  }
  auto found = FindPreprocessing(name);
  if (!found.ok()) return ParameterError("preprocessing", std::string(found.status().message()));
  plan.preprocessing = *std::move(found);
  return absl::OkStatus();
}

}  // namespace

std::string_view ToText(Network network) {
  switch (network) {
    case Network::kMobileNetV2:
      return "mobilenet_v2";
    case Network::kScratchV1:
      return "scratch_v1";
    case Network::kScratchV2:
      return "scratch_v2";
  }
  VIZSLA_CHECK(false);
}

std::string_view ToText(Pooling pooling) {
  switch (pooling) {
    case Pooling::kAverage:
      return "avg";
    case Pooling::kMax:
      return "max";
    case Pooling::kFlatten:
      return "flatten";
  }
  VIZSLA_CHECK(false);
}

std::string_view ToText(Padding padding) {
  switch (padding) {
    case Padding::kSymmetric:
      return "symmetric";
    case Padding::kTfSame:
      return "tf_same";
  }
  VIZSLA_CHECK(false);
}

absl::StatusOr<Padding> PaddingFromText(std::string_view text) {
  for (const Padding padding : {Padding::kSymmetric, Padding::kTfSame}) {
    if (ToText(padding) == text) return padding;
  }
  return absl::InvalidArgumentError(
      StrCat("unknown padding '", std::string(text), "'; known are: tf_same, symmetric"));
}

absl::StatusOr<TrainingPlan> ResolvePlan(const Configuration& configuration, const Budget& budget,
                                         const WeightsTraits& traits) {
  for (const auto& [name, value] : configuration) {
    const ParameterInfo* info = FindInfo(name);
    if (info == nullptr) return UnknownParameter(name);
    if (const std::string objection = Objection(*info, value); !objection.empty()) {
      return ParameterError(name, objection);
    }
  }
  const Values values(configuration);
  TrainingPlan plan;
  VIZSLA_ASSIGN_OR_RETURN(plan.network, NetworkFromText(values.Get<std::string>("network")));
  plan.image_size = static_cast<int>(values.Get<int64_t>("image_size"));
  if (plan.network == Network::kMobileNetV2) {
    VIZSLA_RETURN_IF_ERROR(ResolveBackbone(values, plan, traits));
  } else {
    VIZSLA_RETURN_IF_ERROR(ResolveScratch(values, plan));
  }
  VIZSLA_RETURN_IF_ERROR(ResolvePreprocessing(values, plan, traits));
  VIZSLA_ASSIGN_OR_RETURN(plan.augmentation,
                          FindAugmentationPolicy(values.Get<std::string>("augmentation")));
  plan.learning_rate = values.Get<double>("learning_rate");
  plan.batch_size = static_cast<int>(values.Get<int64_t>("batch_size"));
  plan.sync_batch_norm = values.Get<bool>("sync_batch_norm");
  plan.epochs = budget.epochs;
  if (plan.epochs < 1) return absl::InvalidArgumentError("budget: epochs must be at least 1");
  if (plan.batch_size == 1 && (plan.batch_norm || plan.unfreeze != "none")) {
    return ParameterError("batch_size", "1 gives batch norm nothing to average; take at least 2");
  }
  return plan;
}

absl::Status ValidateParameter(const Parameter& parameter) {
  const ParameterInfo* info = FindInfo(parameter.name);
  if (info == nullptr) return UnknownParameter(parameter.name);
  const auto check = [&](const ParameterValue& value) -> absl::Status {
    const std::string objection = Objection(*info, value);
    return objection.empty() ? absl::OkStatus() : ParameterError(parameter.name, objection);
  };
  if (const auto* domain = std::get_if<FloatDomain>(&parameter.domain)) {
    if (info->kind != "number") {
      return ParameterError(parameter.name, StrCat(Wanted(*info), ", not a float range"));
    }
    VIZSLA_RETURN_IF_ERROR(check(domain->low));
    return check(domain->high);
  }
  if (const auto* domain = std::get_if<IntDomain>(&parameter.domain)) {
    if (info->kind != "integer") {
      return ParameterError(parameter.name, StrCat(Wanted(*info), ", not an int range"));
    }
    VIZSLA_RETURN_IF_ERROR(check(domain->low));
    return check(domain->high);
  }
  for (const ParameterValue& choice : std::get<CategoricalDomain>(parameter.domain).choices) {
    VIZSLA_RETURN_IF_ERROR(check(choice));
  }
  return absl::OkStatus();
}

namespace {

bool StartsAtWeights(const Configuration& configuration) {
  const Values values(configuration);
  return FindBackbone(values.Get<std::string>("network")).ok() &&
         values.Get<std::string>("initial_weights") == "pretrained";
}

// The part of the space that decides about network and initial_weights: these and all that their
// conditions lead back to.
SearchSpace DecidingPart(const SearchSpace& space) {
  std::vector<std::string> wanted = {"network", "initial_weights"};
  SearchSpace part;
  for (auto it = space.parameters.rbegin(); it != space.parameters.rend(); ++it) {
    if (std::find(wanted.begin(), wanted.end(), it->name) == wanted.end()) continue;
    for (const Condition& condition : it->conditions) wanted.push_back(condition.parent);
    part.parameters.insert(part.parameters.begin(), *it);
  }
  return part;
}

}  // namespace

bool NeedsWeights(const StudySpec& spec) {
  for (const EnqueuedTrial& trial : spec.enqueue) {
    if (StartsAtWeights(trial.configuration)) return true;
  }
  const SearchSpace part = DecidingPart(spec.space);
  for (std::optional<Configuration> configuration = FirstConfiguration(part); configuration;
       configuration = NextConfiguration(part, *configuration)) {
    if (StartsAtWeights(*configuration)) return true;
  }
  return false;
}

int FeatureMapSize(const TrainingPlan& plan) {
  const auto backbone = FindBackbone(ToText(plan.network));
  // Max pools drop what does not fill a window; strided convolutions do not.
  if (!backbone.ok()) return plan.image_size / kScratchStride;
  return (plan.image_size + (*backbone)->stride - 1) / (*backbone)->stride;
}

bool BackboneIsFrozen(const TrainingPlan& plan) {
  return FindBackbone(ToText(plan.network)).ok() && plan.unfreeze == "none" && plan.pretrained;
}

bool FeaturesAreShareable(const TrainingPlan& plan) {
  return BackboneIsFrozen(plan) && CountExactViews(plan.augmentation) > 0;
}

}  // namespace vizsla
