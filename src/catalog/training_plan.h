// The parameters that a search may vary, and one resolved configuration of them. Validation needs
// no LibTorch: what is refused here is refused when the study is submitted, by name.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/base/status.h"
#include "src/catalog/augmentation.h"
#include "src/catalog/network_graph.h"
#include "src/catalog/preprocessing.h"
#include "src/catalog/scratch_networks.h"
#include "src/catalog/view_set.h"
#include "src/study/configuration.h"
#include "src/study/early_stopping.h"
#include "src/study/study.h"

namespace vizsla {

enum class Pooling { kAverage, kMax, kFlatten };
enum class Padding {
  kSymmetric,
  kTfSame
};  // torchvision's, and TensorFlow's "SAME" (0,1,0,1 at stride 2)
enum class InitialWeights { kPretrained, kRandom, kAutoencoder };
// Of the head's batch norm: after the last dense layer, after each, or before the first.
enum class NormPlace { kLast, kEvery, kInput };
enum class ClassWeights { kNone, kBalanced };
// What convolutions and matrix products compute in; weights, gradients' sums, the optimizer and the
// loss are float32 always. src/nn/autocast.h says which operations and how.
enum class Precision { kFloat32, kTf32, kBfloat16, kFloat16 };

// PyTorch's semantics (torch.optim). Keras' Adam is the same but for the place of epsilon. Keras'
// RMSprop is another: rho 0.9, epsilon 1e-7, and the learning rate goes into the momentum.
struct OptimizerPlan {
  enum class Kind {
    kAdam,     // betas 0.9 and 0.999, epsilon 1e-8
    kAdamW,    // Adam with decoupled weight decay (Loshchilov, Hutter 2019)
    kSgd,      // with momentum; weight decay is added to the gradient
    kRmsprop,  // alpha 0.99, epsilon 1e-8
  };
  Kind kind = Kind::kAdam;
  double learning_rate = 1e-3;
  double backbone_learning_rate = 1e-3;  // of what is unfrozen below the head
  double momentum = 0;                   // SGD and RMSprop
  double weight_decay = 0;               // AdamW and SGD; of kernels, not of biases and batch norms
  bool operator==(const OptimizerPlan&) const = default;
};

// A factor on both learning rates. Warm-up raises it linearly over the first epochs' steps, from
// 1 / steps to 1; the schedule begins after it.
struct SchedulePlan {
  enum class Kind {
    kConstant,
    kCosine,   // to 0 at the last epoch, by steps (Loshchilov, Hutter 2017, without restarts)
    kStep,     // times `factor` after every `every` epochs
    kPlateau,  // Keras' ReduceLROnPlateau on val_loss: times `factor` after `patience` epochs
               // without an improvement of more than 1e-4
  };
  Kind kind = Kind::kConstant;
  int warmup_epochs = 0;
  double factor = 0.1;
  int every = 10;
  int patience = 5;
  bool operator==(const SchedulePlan&) const = default;
};

// Everything the trainer needs to know of one trial; the result of ResolvePlan. Value type.
struct TrainingPlan {
  std::string network = "mobilenet_v2";  // a backbone's name (backbones.h), or a scratch network's
  InitialWeights initial_weights = InitialWeights::kPretrained;
  int pretrain_epochs = 5;          // of the autoencoder, when it gives the initial weights
  int image_size = 160;             // pixels, square
  Preprocessing preprocessing;      // resolved: never "weights"
  AugmentationPolicy augmentation;  // of train photos; validation and test are never augmented
  // Views of each train photo that are drawn once for all trials (view_set.h); 0: each epoch draws
  // anew. Always 0 where the augmentation's views are exact.
  int views = 0;
  double mixup = 0;  // alpha of mixing.h; 0 is off
  double cutmix = 0;
  ScratchOptions scratch;  // of scratch networks
  // The head: pooling, then for each dense size: dense + ReLU, with `dropout_hidden` between dense
  // layers; batch norm at norm_place if `batch_norm`; `dropout`; the output layer.
  Pooling pooling = Pooling::kAverage;
  std::vector<int64_t> dense;
  double dropout_hidden = 0;
  bool batch_norm = true;
  NormPlace norm_place = NormPlace::kLast;
  double dropout = 0.5;
  // Keras' regularizers of the dense layers, without the output layer: l1 * sum |w| + l2 * sum w^2
  // of kernels, l2_bias * sum b^2 of biases, added to the loss that is trained, not to the one that
  // is reported.
  double l1 = 0;
  double l2 = 0;
  double l2_bias = 0;
  // none | all | a name that BackboneInfo::FindCut knows; scratch networks: all.
  std::string unfreeze = "none";
  // Batch norms of what is unfrozen normalize by the batch and learn its statistics; false: they
  // keep those of the weights, as Keras' base_model(x, training=False). Scale and shift train
  // either way.
  bool learns_backbone_statistics = true;
  OptimizerPlan optimizer;
  SchedulePlan schedule;
  double clip_norm = 0;  // of all gradients together (torch.nn.utils.clip_grad_norm_); 0 is off
  double ema_decay = 0;  // of the averaged weights that are validated and kept; 0 is off
  double label_smoothing = 0;  // PyTorch's cross_entropy, and Keras'
  ClassWeights class_weights = ClassWeights::kNone;
  int batch_size = 32;                        // global: of the whole trial group
  bool sync_batch_norm = true;                // over the trial group
  Precision precision = Precision::kFloat32;  // of training, validation and evaluation
  int epochs = 30;
  // The trial's own rule in place of the study's; what is not given is the study's.
  std::optional<int> early_stopping_patience;
  std::optional<double> early_stopping_min_delta;
  std::string early_stopping_metric;  // empty: the study's
  // Validation and evaluation average the probabilities of a photo and its mirror image.
  bool test_time_flip = false;

  bool pretrained() const { return initial_weights == InitialWeights::kPretrained; }
};

// What a parameter is called, what it may be and what it is when nobody says. For documentation,
// validation and the JSON schema.
struct ParameterInfo {
  std::string name;
  // "word", "layer name", "integer", "number", "boolean", "list of integers"
  std::string kind;
  std::string allowed;  // for people: "avg, max, flatten" or "1e-7 to 10"
  // The allowed words of a "word"; the usual ones of a "layer name", which may be others too.
  std::vector<std::string> words;
  double low = 0;  // of "integer", "number" and of the list's entries
  double high = 0;
  ParameterValue default_value;
  // When it is not empty the default depends on other things, this says on what, and default_value
  // is the usual one.
  std::string default_depends;
  std::string help;  // one sentence
  // Whether a trial may go on from another one's checkpoint with another value of it: it changes
  // neither the network's shape nor the state of its training, nor which photos make a step.
  bool changes_in_training = false;
};
std::span<const ParameterInfo> KnownParameters();

// What the study's weights expect, as their file's metadata or the user said. Empty strings:
// unknown.
struct WeightsTraits {
  std::string architecture;   // "mobilenet_v2"; may be empty
  std::string padding;        // "tf_same" | "symmetric"
  std::string preprocessing;  // a name of preprocessing.h
};

// One configuration, defaults filled in. `preprocessing: weights` (the default) means what the
// weights expect, and `unit` for networks without weights. InvalidArgument names the parameter, its
// value and what is allowed: unknown names, wrong kinds, values outside the range, a parameter that
// the network, the optimizer, the schedule or the augmentation does not have, an unfreeze point of
// another backbone, an image too small for the network.
absl::StatusOr<TrainingPlan> ResolvePlan(const Configuration& configuration, const Budget& budget,
                                         const WeightsTraits& traits);

// Every value of every domain is allowed by itself: run on each parameter when a study is
// submitted.
absl::Status ValidateParameter(const Parameter& parameter);

// Whether some configuration of the space needs pretrained weights (a backbone that is not
// `random`).
bool NeedsWeights(const StudySpec& spec);

std::string_view ToText(InitialWeights weights);
std::string_view ToText(Pooling pooling);
std::string_view ToText(Padding padding);
std::string_view ToText(NormPlace place);
std::string_view ToText(ClassWeights weights);
std::string_view ToText(Precision precision);
std::string_view ToText(OptimizerPlan::Kind kind);
std::string_view ToText(SchedulePlan::Kind kind);
absl::StatusOr<Padding> PaddingFromText(std::string_view text);

// The plan's network below its head. Never null.
std::shared_ptr<const NetworkGraph> GraphOf(const TrainingPlan& plan);
// Side of its last feature map. At least 1 for what ResolvePlan has made.
int FeatureMapSize(const TrainingPlan& plan);
// Channels of the map, and what pooling makes of it: channels, or all of the map for `flatten`.
int64_t FeatureChannels(const TrainingPlan& plan);
int64_t PooledFeatureCount(const TrainingPlan& plan);

// The rule by which a trial of this plan stops early.
EarlyStopping EarlyStoppingOf(const TrainingPlan& plan, const EarlyStopping& of_study);

// True when a pretrained backbone is frozen whole: the features of a photo as it is, so those of
// every validation photo, are the same in every epoch and trial.
bool BackboneIsFrozen(const TrainingPlan& plan);
// What training sees of each photo. Nullopt: a fresh view in every epoch.
std::optional<ViewSet> TrainViews(const TrainingPlan& plan);
// What validation and evaluation see.
ViewSet ValidationViews(const TrainingPlan& plan);
// True when layers of a pretrained backbone are frozen below an unfreeze point and training sees
// only numbered views, unmixed: what crosses that point is the same in every epoch and trial.
bool FrozenPrefixIsShareable(const TrainingPlan& plan);
// True when besides training sees only numbered views, unmixed: the train photos' features are
// computed once and shared too (the feature cache).
bool FeaturesAreShareable(const TrainingPlan& plan);

}  // namespace vizsla
