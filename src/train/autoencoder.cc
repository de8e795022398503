#include "src/train/autoencoder.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>

#include "src/base/sha256.h"
#include "src/catalog/scratch_networks.h"
#include "src/nn/graph_network.h"
#include "src/train/batch_tensors.h"
#include "src/train/epoch_batches.h"
#include "src/train/gradient_reducer.h"
#include "src/train/joined_source.h"
#include "src/train/optimizer.h"
#include "src/train/prefetcher.h"

namespace vizsla {
namespace {

// What of the plan this training uses: its own optimizer, and the photos as they are.
TrainingPlan PretrainingPlan(const TrainingPlan& plan) {
  TrainingPlan own;
  own.image_size = plan.image_size;
  own.batch_size = plan.batch_size;
  own.optimizer.learning_rate = plan.optimizer.learning_rate;
  own.optimizer.backbone_learning_rate = plan.optimizer.learning_rate;
  return own;
}

NamedTensors ParametersOf(GraphNetwork& encoder, GraphNetwork& decoder) {
  NamedTensors parameters;
  for (const auto& [scope, network] : {std::pair("encoder.", &encoder), {"decoder.", &decoder}}) {
    for (const auto& item : network->named_parameters()) {
      parameters.emplace_back(scope + item.key(), item.value());
    }
  }
  return parameters;
}

// Ok when all ranks have the same photos in this source (null: none), else on all of them an error.
absl::Status AgreeOnPhotos(const char* name, const BatchSource* source, VotingGroup& group) {
  const int64_t count = source == nullptr ? 0 : static_cast<int64_t>(source->photo_count());
  // 60 bits, so that it and its negative are numbers.
  const int64_t content =
      count == 0 ? 0 : std::stoll(Sha256Hex(source->content_digest()).substr(0, 15), nullptr, 16);
  // The largest of the negatives is the smallest number.
  std::array<int64_t, 4> largest = {count, -count, content, -content};
  VIZSLA_RETURN_IF_ERROR(group.Max(largest));
  const int64_t most = largest[0];
  const int64_t fewest = -largest[1];
  if (most == fewest && largest[2] == -largest[3]) return absl::OkStatus();
  return absl::FailedPreconditionError(
      StrCat("the ranks of the trial have different ", name, " photos (",
             most == fewest ? StrCat(most, " each, but not the same")
                            : StrCat("from ", fewest, " to ", most),
             "): the data set must be the same on all hosts"));
}

class Pretraining {
 public:
  Pretraining(const TrainingPlan& plan, const TrainingData& data, const TrialStreams& streams,
              torch::Device device, Model& model, VotingGroup& group, TrialHooks& hooks)
      : plan_(PretrainingPlan(plan)),
        epochs_(plan.pretrain_epochs),
        data_(data),
        photos_(*data.train, data.unlabelled),
        streams_(streams.Pretraining()),
        device_(device),
        model_(model),
        decoder_(std::make_shared<GraphNetwork>(ScratchDecoderGraph(plan.network, plan.scratch),
                                                Padding::kSymmetric, "decoder")),
        group_(group),
        hooks_(hooks) {
    decoder_->InitializeGlorot(streams_.Initialization());
    decoder_->to(device);
  }

  absl::StatusOr<std::optional<double>> Run(GradientType gradient_type) {
    // How many steps an epoch has follows from the photos: with others a rank would wait for ever.
    VIZSLA_RETURN_IF_ERROR(AgreeOnPhotos("train", data_.train, group_));
    VIZSLA_RETURN_IF_ERROR(AgreeOnPhotos("unlabelled", data_.unlabelled, group_));
    const NamedTensors parameters = ParametersOf(model_.body(), *decoder_);
    const auto optimizer = MakeOptimizer(parameters, plan_.optimizer);
    GradientReducer reducer(parameters, group_, {.type = gradient_type});
    VIZSLA_RETURN_IF_ERROR(group_.Agree(absl::OkStatus()));
    model_.train();
    double loss = 0;
    for (int epoch = 1; epoch <= epochs_; ++epoch) {
      VIZSLA_ASSIGN_OR_RETURN(loss, RunEpoch(epoch, *optimizer, reducer));
      if (group_.agreed() != Directive::kContinue) return std::optional<double>();
    }
    optimizer->ClearGradients();
    return std::optional(loss);
  }

 private:
  // The mean loss over its photos.
  absl::StatusOr<double> RunEpoch(int epoch, Optimizer& optimizer, GradientReducer& reducer) {
    const EpochBatches batches(plan_, streams_, epoch, photos_);
    const auto rows_of = [&](int64_t step) {
      return batches.RowsOf(step, group_.rank(), group_.size());
    };
    Prefetcher prefetcher(
        photos_, 0, batches.steps(), [&](int64_t step) { return rows_of(step).views; },
        RenderThreads(device_));
    std::array<double, 1> error = {0};
    for (int64_t step = 0; step < batches.steps(); ++step) {
      const StepRows rows = rows_of(step);
      VIZSLA_ASSIGN_OR_RETURN(Prefetcher::Batch * batch, prefetcher.Next());
      const int64_t done = (epoch - 1) * batches.steps() + step;
      optimizer.ClearGradients();
      model_.BeginStep(streams_.Dropout(done), rows.mine.begin);
      const torch::Tensor images = ToImages(*batch, plan_.image_size, device_);
      const torch::Tensor map = model_.body().Run(model_.FrozenPart(images));
      const torch::Tensor output =
          decoder_->Run({map});  // its forward() would cut the gradient off
      const torch::Tensor target = images.narrow(2, 0, output.size(2)).narrow(3, 0, output.size(3));
      const int64_t values = output.size(1) * output.size(2) * output.size(3);
      // Of a photo its mean, of the rank's photos the sum.
      const torch::Tensor loss = (output - target).square().sum() / static_cast<double>(values);
      reducer.BeginBackward();
      (loss / static_cast<double>(rows.global_count)).backward();
      VIZSLA_RETURN_IF_ERROR(reducer.Finish());
      optimizer.Step();
      error[0] += loss.item<double>();
      if (group_.is_leader()) {
        group_.Propose(hooks_.Progress(0, done + 1, epochs_ * batches.steps()));
      }
      // In a group, the step's own votes bring the directive; alone, this does, without delay.
      if (group_.size() == 1) VIZSLA_RETURN_IF_ERROR(group_.Agree(absl::OkStatus()));
      if (group_.agreed() != Directive::kContinue) return 0;
    }
    VIZSLA_RETURN_IF_ERROR(group_.Sum(std::span<double>(error)));
    return error[0] / static_cast<double>(photos_.photo_count());
  }

  const TrainingPlan plan_;
  const int epochs_;
  const TrainingData& data_;
  const JoinedSource photos_;
  const TrialStreams streams_;
  const torch::Device device_;
  Model& model_;
  const std::shared_ptr<GraphNetwork> decoder_;
  VotingGroup& group_;
  TrialHooks& hooks_;
};

}  // namespace

absl::StatusOr<std::optional<double>> PretrainEncoder(const TrainingPlan& plan,
                                                      const TrainingData& data,
                                                      const TrialStreams& streams,
                                                      torch::Device device, Model& model,
                                                      VotingGroup& group, TrialHooks& hooks,
                                                      GradientType gradient_type) {
  return Pretraining(plan, data, streams, device, model, group, hooks).Run(gradient_type);
}

}  // namespace vizsla
